"""The weight that evidence justifies: nobody is hurt beyond the exposure, but for a known risk."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.judge import Arm, CountsEvidence, CountsLook, CountsQuestion, Noise
from controller.judge.exposure import (
    ALL_GOOD_PART,
    LEVEL,
    SMALLEST_EXTRA,
    busiest_rate,
    extra_bad,
    is_safe,
    largest_weight,
)
from tests.unit.judge.streams import after, looks, questions


def good(requests: float, stable: float = 740.0, **asked: float | Noise) -> CountsEvidence:
    """Return the evidence of one look without a bad request."""
    question = CountsQuestion(**asked)  # type: ignore[arg-type]  # fields of several types
    return after(CountsEvidence.start(question), CountsLook(Arm(0.0, requests), Arm(0.0, stable)))


def test_before_any_evidence_every_request_may_be_bad() -> None:
    assert extra_bad(CountsEvidence.start(CountsQuestion())) == 1.0


@pytest.mark.parametrize("requests", [1, 3, 10, 100, 600])
def test_good_requests_alone_leave_what_clopper_and_pearson_say(requests: float) -> None:
    """Without history of stable; with it, the difference to stable's own rate is known better."""
    expected = 1.0 - (LEVEL * ALL_GOOD_PART) ** (1.0 / requests)
    assert extra_bad(good(requests)) == pytest.approx(expected)


def test_what_stable_does_too_is_not_held_against_the_canary() -> None:
    question = CountsQuestion(prior_bad=20, prior_total=2000)
    look = CountsLook(Arm(1, 100), Arm(19, 1900))
    evidence = after(CountsEvidence.start(question), *[look] * 60)
    assert extra_bad(evidence) < 0.01  # of 6,000 requests 1 % were bad, as stable's were


def test_clumps_make_more_of_it_possible() -> None:
    assert extra_bad(good(100)) < extra_bad(good(100, noise=Noise(phi=3.0)))


@settings(max_examples=60, deadline=None)
@given(questions(), st.lists(looks(), max_size=5))
def test_it_is_a_share_and_at_least_what_the_plain_rates_say(
    question: CountsQuestion, stream: list[CountsLook]
) -> None:
    evidence = after(CountsEvidence.start(question), *stream)
    assert SMALLEST_EXTRA <= extra_bad(evidence) <= 1.0


@pytest.mark.parametrize(("canary", "stable"), [(0.5, 0.0), (0.05, 0.01), (0.012, 0.01)])
def test_it_is_seldom_under_the_truth_at_any_look(canary: float, stable: float) -> None:
    """250 releases of 20 looks at growing weights; misses beyond 5 % of them, and luck, fail."""
    rng = np.random.default_rng(20260301)
    releases, missed = 250, 0
    for _ in range(releases):
        evidence = CountsEvidence.start(CountsQuestion(prior_bad=stable * 2000, prior_total=2000))
        for requests in [10] * 5 + [40] * 15:
            look = CountsLook(
                Arm(rng.binomial(requests, canary), requests),
                Arm(rng.binomial(750 - requests, stable), 750 - requests),
            )
            evidence = after(evidence, look)
            if extra_bad(evidence) < canary - stable:
                missed += 1
                break
    assert missed <= LEVEL * releases + 3 * math.sqrt(LEVEL * releases)


def test_a_metric_within_its_margin_is_harmless_by_the_plan() -> None:
    assert not is_safe(good(300), false_promotion=0.05)
    several = after(good(300), *[CountsLook(Arm(0, 300), Arm(0, 740))] * 3)
    assert several.log_e_safe > math.log(20)
    assert is_safe(several, false_promotion=0.05)
    assert not is_safe(several, false_promotion=math.exp(-several.log_e_safe - 0.01))


@given(
    st.integers(1, 10**9),
    st.floats(0, 1e6),
    st.floats(1, 600),
    st.floats(SMALLEST_EXTRA, 1),
)
def test_no_weight_hurts_more_than_the_exposure(
    exposure: int, rate: float, seconds: float, extra: float
) -> None:
    weight = largest_weight(exposure, rate=rate, seconds=seconds, extra=extra)

    assert 0 < weight <= 100
    hurt = rate * seconds * extra * weight / 100
    assert hurt <= exposure * (1 + 1e-9)
    assert weight == 100 or hurt == pytest.approx(exposure)


@pytest.mark.parametrize(
    ("rate", "extra", "weight"),
    [
        pytest.param(50.0, 1.0, 1.333, id="nothing known"),
        pytest.param(50.0, 0.308, 4.329, id="after ten good requests"),
        pytest.param(0.5, 1.0, 100.0, id="fewer requests in a look than may be hurt"),
        pytest.param(0.0, 1.0, 100.0, id="no traffic"),
        pytest.param(50_000.0, 1.0, 0.001333, id="a thousand times the traffic"),
    ],
)
def test_the_weight_for_a_look_of_15_s_and_10_requests(
    rate: float, extra: float, weight: float
) -> None:
    found = largest_weight(10, rate=rate, seconds=15, extra=extra)
    assert found == pytest.approx(weight, rel=1e-3)


@pytest.mark.parametrize(
    ("requests", "rate"),
    [
        pytest.param([75.0] * 20, 15.0, id="steady"),
        pytest.param([0.0] * 17 + [250.0] * 3, 50.0, id="load that began a look ago"),
        pytest.param([250.0] * 3 + [50.0] * 17, 50.0, id="a peak some minutes ago"),
        pytest.param([0.0] * 20, 0.0, id="none"),
        pytest.param([10.0], 2.0, id="a past shorter than a look"),
    ],
)
def test_the_busiest_stretch_of_stables_past_counts(requests: list[float], rate: float) -> None:
    assert busiest_rate(requests, width=5.0, seconds=15.0) == pytest.approx(rate)
