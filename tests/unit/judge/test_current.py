"""The counts at one weight: whether the canary looks well there, and nothing more."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.judge import (
    Arm,
    CountsAtWeight,
    CountsEvidence,
    CountsLook,
    CountsQuestion,
    Refused,
)
from tests.unit.judge.streams import after, questions, strata

LOOK = CountsLook(Arm(3, 100), Arm(10, 1000))


def current(question: CountsQuestion, *looks: tuple[CountsLook, ...]) -> CountsAtWeight:
    found = CountsAtWeight.start(question)
    for look in looks:
        grown = found.after(*look)
        assert not isinstance(grown, Refused), grown
        found = grown
    return found


@settings(max_examples=60, deadline=None)
@given(questions(), st.lists(strata(), max_size=4))
def test_it_says_what_the_evidence_says(
    question: CountsQuestion, looks: list[tuple[CountsLook, ...]]
) -> None:
    evidence = after(CountsEvidence.start(question), *looks)

    found = current(question, *looks)

    assert (found.looks, found.canary) == (evidence.looks, evidence.canary)
    assert found.within_margin == evidence.within_margin
    assert found.breach == evidence.breach
    assert CountsAtWeight.unpack(found.pack()) == found
    assert len(found.pack()) == 88


def test_a_bad_look_is_refused() -> None:
    refused = CountsAtWeight.start(CountsQuestion()).after(CountsLook(Arm(5, 4), Arm(1, 10)))

    assert isinstance(refused, Refused)
    assert refused.reason == "BadAboveTotal"


@pytest.mark.parametrize(
    ("slo", "said"),
    [
        (1.0, ""),
        (0.02, "the canary has 3 %, over the slo of 2 %"),
        (0.005, "the canary has 3 % and stable has 1 %, over the slo of 0.5 %"),
    ],
)
def test_a_version_over_the_slo_is_named(slo: float, said: str) -> None:
    assert current(CountsQuestion(slo=slo), (LOOK,)).breach == said


def test_before_the_first_look_nothing_is_within_the_margin() -> None:
    assert not CountsAtWeight.start(CountsQuestion()).within_margin


@pytest.mark.parametrize("slo", [0.0, -1.0, 1.5, float("nan")])
def test_an_slo_that_makes_no_sense_is_named(slo: float) -> None:
    with pytest.raises(ValueError, match="slo is"):
        CountsQuestion(slo=slo)
