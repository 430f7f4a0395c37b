"""Looks beside a jump of stable's own rate are not judged; all others are, one look late."""

import pytest

from controller.judge import Arm, CountsLook, away_from_edges, may_be_judged

CALM, INCIDENT = Arm(14, 1425), Arm(280, 1425)


def look(stable: Arm, bad: float = 1.0) -> CountsLook:
    return CountsLook(Arm(bad, 75), stable)


@pytest.mark.parametrize(
    ("before", "now", "after", "judged"),
    [
        pytest.param(CALM, CALM, CALM, True, id="calm"),
        pytest.param(INCIDENT, INCIDENT, INCIDENT, True, id="within an incident"),
        pytest.param(None, CALM, CALM, True, id="the first look"),
        pytest.param(CALM, INCIDENT, INCIDENT, False, id="its beginning"),
        pytest.param(CALM, CALM, INCIDENT, False, id="just before"),
        pytest.param(INCIDENT, CALM, CALM, False, id="just after"),
        pytest.param(CALM, Arm(25, 1425), CALM, True, id="chance"),
        pytest.param(Arm(7000, 70_000), Arm(8500, 70_000), CALM, False, id="the next one jumps"),
        pytest.param(Arm(7000, 70_000), Arm(8500, 70_000), Arm(8500, 70_000), True, id="slight"),
        pytest.param(CALM, Arm(0, 0), CALM, True, id="nothing to compare"),
    ],
)
def test_a_look_beside_a_jump_is_dropped(
    before: Arm | None, now: Arm, after: Arm, *, judged: bool
) -> None:
    assert may_be_judged(before, now, after) is judged


def test_clumps_are_no_jumps() -> None:
    assert not may_be_judged(CALM, Arm(50, 1425), CALM)
    assert may_be_judged(CALM, Arm(50, 1425), CALM, phi=19.0)


def test_a_look_is_judged_when_the_next_is_there() -> None:
    stream = [look(CALM), look(CALM, 2), look(INCIDENT, 9), look(INCIDENT, 7), look(INCIDENT, 8)]

    assert list(away_from_edges(stream)) == [stream[0], stream[3]]
