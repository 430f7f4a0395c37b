"""The interval holds what the counts leave possible, and the point estimates."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.judge import Arm, CountsEvidence, CountsLook, CountsQuestion
from controller.judge.interval import STAKES
from tests.unit.judge.streams import after, looks, questions


def seen(*stream: CountsLook, question: CountsQuestion | None = None) -> CountsEvidence:
    return after(CountsEvidence.start(question or CountsQuestion()), *stream)


def test_nothing_is_known_before_the_first_look() -> None:
    interval = seen().interval()

    assert (interval.low, interval.point, interval.high) == (0.0, None, None)
    assert (interval.difference_low, interval.difference_high) == (-1.0, 1.0)


@settings(max_examples=150, deadline=None)
@given(questions(), st.lists(looks(), min_size=1, max_size=5))
def test_it_holds_the_point_estimates(question: CountsQuestion, stream: list[CountsLook]) -> None:
    evidence = seen(*stream, question=question)

    interval = evidence.interval()

    assert interval.difference_low <= interval.difference_point <= interval.difference_high
    if interval.point is not None:
        assert interval.low <= interval.point <= (interval.high or math.inf)
        assert interval.point == pytest.approx(evidence.canary_rate / evidence.stable_rate)


@settings(max_examples=80, deadline=None)
@given(st.lists(looks(), min_size=1, max_size=4))
def test_more_confidence_is_a_wider_interval(stream: list[CountsLook]) -> None:
    narrow, wide = (seen(*stream).interval(confidence) for confidence in (0.8, 0.99))

    assert wide.low <= narrow.low
    assert (narrow.high or math.inf) <= (wide.high or math.inf)
    assert wide.difference_low <= narrow.difference_low
    assert narrow.difference_high <= wide.difference_high


def test_many_requests_pin_the_ratio_and_the_difference_down() -> None:
    look = CountsLook(Arm(50, 1000), Arm(190, 19_000))

    interval = seen(*[look] * 40).interval()

    assert interval.point == pytest.approx(5.0)
    assert interval.low > 4.4
    assert (interval.high or math.inf) < 5.7
    assert interval.difference_low > 0.036
    assert interval.difference_high < 0.045


def test_it_is_at_most_twice_as_wide_as_one_for_a_single_look() -> None:
    """A fixed-sample interval is narrower because it may be read once only."""
    canary, stable = Arm(150, 3000), Arm(570, 57_000)

    interval = seen(CountsLook(canary, stable)).interval()

    once = 2 * 1.96 * math.sqrt(1 / canary.bad + 1 / stable.bad)
    assert interval.high is not None
    assert once < math.log(interval.high / interval.low) < 2 * once


def test_without_bad_requests_of_stable_the_difference_still_speaks() -> None:
    interval = seen(CountsLook(Arm(10, 200), Arm(0, 3800))).interval()

    assert interval.point is None
    assert interval.high is None
    assert interval.low > 1
    assert interval.difference_low > 0


def test_each_good_request_lowers_what_the_canary_may_hide() -> None:
    highs = [
        seen(CountsLook(Arm(0, canary), Arm(0, 20 * canary))).interval(0.9).difference_high
        for canary in (10, 100, 1000, 10_000)
    ]

    assert highs == sorted(highs, reverse=True)
    assert highs[-1] < 10 / 10_000


def test_bounds_are_where_a_plain_calculation_puts_them() -> None:
    looks_seen = [CountsLook(Arm(6, 80), Arm(9, 900)), CountsLook(Arm(9, 300), Arm(6, 700))]
    question = CountsQuestion(prior_bad=10, prior_total=1000)

    interval = seen(*looks_seen, question=question).interval(0.9)

    worse = [z for z in STAKES.tolist() if z > 0]
    better = [z for z in STAKES.tolist() if z < 0]
    assert interval.high is not None
    assert capital(looks_seen, worse, 0.01, interval.low * 0.999) >= 20
    assert capital(looks_seen, worse, 0.01, interval.low * 1.001) < 20
    assert capital(looks_seen, better, 0.01, interval.high * 1.001) >= 20
    assert capital(looks_seen, better, 0.01, interval.high * 0.999) < 20


def capital(stream: list[CountsLook], stakes: list[float], anchor: float, ratio: float) -> float:
    """Return the mean capital of some stakes against one ratio, a request type at a time."""
    total = 0.0
    for z in stakes:
        product, allowed = 1.0, ratio * anchor
        for look in stream:
            odds = look.canary.total / look.stable.total
            pays = [
                (look.canary.bad, 1 + z / ratio * (1 - allowed)),
                (look.canary.total - look.canary.bad, 1 - z / ratio * allowed),
                (look.stable.bad, 1 - z * odds * (1 - anchor)),
                (look.stable.total - look.stable.bad, 1 + z * odds * anchor),
            ]
            if min(pays[2][1], pays[3][1]) <= 0.02:
                continue
            for count, factor in pays:
                product *= max(factor, 0.0) ** count
        total += product
    return total / len(stakes)


@pytest.mark.parametrize("confidence", [0.0, 1.0, math.nan, -1.0])
def test_a_confidence_that_makes_no_sense_is_named(confidence: float) -> None:
    with pytest.raises(ValueError, match=f"confidence is {confidence}"):
        seen().interval(confidence)
