"""One pod among several: games without it, slots that do not grow, and stable pods left out."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.judge import Arm, CountsEvidence, CountsLook, CountsQuestion, PodHistory, noisy_pods
from controller.judge.pods import MOST_SLOTS
from tests.unit.judge.streams import after

START = CountsEvidence.start(CountsQuestion(prior_bad=20, prior_total=2000))
STABLE = Arm(14, 1425)


def look(*bad: float, total: float = 25.0) -> CountsLook:
    pods = {f"canary-{i}": Arm(b, total) for i, b in enumerate(bad)}
    return CountsLook(Arm(sum(bad), total * len(bad)), STABLE, pods, stable_pods=10)


def test_one_bad_pod_of_three_carries_the_evidence() -> None:
    evidence = after(START, *[look(8, 0, 0)] * 5)

    assert evidence.log_e_regressed > math.log(100)
    assert evidence.log_e_without_one_pod < 0


def test_a_regression_shows_without_any_pod() -> None:
    evidence = after(START, *[look(3, 2, 3)] * 5)

    assert evidence.log_e_regressed > math.log(100)
    assert evidence.log_e_without_one_pod > math.log(100) / 2


def test_one_pod_alone_is_the_canary() -> None:
    evidence = after(START, *[look(8)] * 5)

    assert evidence.log_e_without_one_pod == evidence.log_e_regressed


def test_pods_that_are_alike_have_no_games_of_their_own() -> None:
    evidence = after(CountsEvidence.start(CountsQuestion(alike=True)), *[look(8, 0, 0)] * 5)

    assert evidence.slots == ()
    assert evidence.log_e_without_one_pod == evidence.log_e_regressed


def test_a_pod_with_nearly_all_requests_is_not_left_out() -> None:
    pods = {"canary-0": Arm(20, 72), "canary-1": Arm(0, 3)}
    evidence = after(START, *[CountsLook(Arm(20, 75), STABLE, pods, 10)] * 5)

    assert evidence.log_e_without_one_pod > math.log(100)


def test_a_pod_that_comes_late_has_added_nothing_before() -> None:
    early = after(START, look(3, 3))
    late = after(early, look(1, 1, 9))

    first, second = late.slots[:2], late.slots[2:]
    new = [slot for slot in late.slots if slot.key not in {s.key for s in early.slots}]
    assert len(new) == 1
    assert len(first) + len(second) == 3
    left = CountsLook(Arm(2, 50), STABLE, {}, stable_pods=10)
    assert new[0].worse == pytest.approx(after(early, left).worse)


def test_what_a_pod_that_is_gone_has_shown_stays_its_own() -> None:
    evidence = after(START, *[look(8, 0, 0)] * 5)
    gone = {"canary-1": Arm(0, 25), "canary-2": Arm(0, 25)}

    evidence = after(evidence, CountsLook(Arm(0, 50), STABLE, gone, 10))

    assert evidence.log_e_without_one_pod < 0


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 60))
def test_memory_does_not_grow_with_the_number_of_pods(pods: int) -> None:
    evidence = after(START, *[look(*[1.0] * pods)] * 2)

    assert len(evidence.slots) == min(pods, MOST_SLOTS)
    assert sum(slot.requests for slot in evidence.slots) == pytest.approx(2 * 25 * pods)


def test_many_pods_share_the_slots_about_evenly() -> None:
    evidence = after(START, look(*[1.0] * 40))

    assert max(slot.requests for slot in evidence.slots) <= 0.25 * evidence.canary.total


def test_one_bad_pod_of_many_still_carries_the_evidence() -> None:
    for bad in range(0, 20, 4):
        counts = [9.0 if i == bad else 0.0 for i in range(20)]
        evidence = after(START, *[look(*counts, total=5.0 + 9 * (max(counts) > 0))] * 8)

        assert evidence.log_e_without_one_pod < evidence.log_e_regressed - 3


def history(*rates: float, requests: float = 5000.0) -> PodHistory:
    names = tuple(f"stable-{i}" for i in range(len(rates)))
    total = np.full((60, len(rates)), requests / 60)
    return PodHistory(names, total * np.array(rates), total)


@pytest.mark.parametrize(
    ("rates", "noisy"),
    [
        pytest.param((0.01, 0.01, 0.01, 0.01), (), id="all equal"),
        pytest.param((0.2, 0.01, 0.01, 0.01), ("stable-0",), id="one of four"),
        pytest.param((0.01, 0.025, 0.01, 0.01), (), id="under three times the median"),
        pytest.param((0.2, 0.2, 0.01, 0.01), (), id="more than a third"),
        pytest.param((0.0, 0.0, 0.01, 0.0), ("stable-2",), id="the others have none"),
        pytest.param((0.2, 0.01), (), id="too few to tell"),
        pytest.param((), (), id="none"),
    ],
)
def test_a_stable_pod_far_from_its_fellows_is_no_baseline(
    rates: tuple[float, ...], noisy: tuple[str, ...]
) -> None:
    assert noisy_pods(history(*rates)) == noisy


def test_a_few_errors_in_one_clump_do_not_make_a_pod_noisy() -> None:
    counted = history(0.004, 0.0, 0.0, 0.0)

    assert noisy_pods(counted) == ("stable-0",)
    assert noisy_pods(counted, phi=20.0) == ()


def test_the_others_remain() -> None:
    rest = history(0.2, 0.01, 0.01).without(("stable-0",))

    assert rest.names == ("stable-1", "stable-2")
    assert rest.total.shape == (60, 2)
