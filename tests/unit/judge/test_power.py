"""How soon a verdict comes, at the traffic of the demo: 50 requests a second, 5 % to the canary.

Simulated with fixed seeds. The limits leave room for another seed, not for a weaker test.
"""

import math

import numpy as np
import pytest

from controller.judge import (
    Arm,
    CountsEvidence,
    CountsLook,
    CountsQuestion,
    MetricEvidence,
    Verdict,
    judge,
    requests_until_safe,
)
from tests.unit.judge.streams import after, traffic

RPS = (2.5, 47.5)
QUESTION = CountsQuestion(prior_bad=285, prior_total=28_500)


def seconds_until(
    verdict: Verdict,
    *,
    canary_rate: float,
    stable_rate: float,
    look_seconds: float,
    question: CountsQuestion = QUESTION,
    runs: int = 100,
) -> list[float]:
    """Return the time to the first such verdict in each of some releases."""
    rng, seconds = np.random.default_rng(7), []
    for _ in range(runs):
        evidence = CountsEvidence.start(question)
        stream = traffic(
            rng,
            canary_rate=canary_rate,
            stable_rate=stable_rate,
            rps=RPS,
            look_seconds=look_seconds,
        )
        for number, look in enumerate(stream, start=1):
            evidence = after(evidence, look)
            metric = MetricEvidence("errors", required=True, evidence=evidence, current=evidence)
            found = judge([metric], false_rollback=0.01, false_promotion=0.05).verdict
            if found is verdict:
                seconds.append(number * look_seconds)
                break
            assert number * look_seconds < 3600, f"no {verdict} within an hour"
    return seconds


@pytest.mark.parametrize(("look_seconds", "mean", "p90"), [(15, 90, 165), (5, 85, 160)])
def test_errors_of_five_percent_beside_one_are_found(
    look_seconds: float, mean: float, p90: float
) -> None:
    seconds = seconds_until(
        Verdict.REGRESSED, canary_rate=0.05, stable_rate=0.01, look_seconds=look_seconds
    )

    assert np.mean(seconds) <= mean
    assert np.quantile(seconds, 0.9) <= p90


@pytest.mark.parametrize("look_seconds", [15, 5])
@pytest.mark.parametrize("stable_rate", [0.0, 0.01])
def test_a_canary_that_fails_every_request_is_found_in_one_look(
    look_seconds: float, stable_rate: float
) -> None:
    seconds = seconds_until(
        Verdict.REGRESSED, canary_rate=1.0, stable_rate=stable_rate, look_seconds=look_seconds
    )

    assert seconds == [look_seconds] * len(seconds)


def test_four_failed_requests_of_four_are_enough() -> None:
    evidence = after(CountsEvidence.start(QUESTION), CountsLook(Arm(4, 4), Arm(1, 96)))

    metric = MetricEvidence("errors", required=True, evidence=evidence, current=evidence)
    judgement = judge([metric], false_rollback=0.01, false_promotion=0.05)

    assert judgement.verdict is Verdict.REGRESSED


@pytest.mark.parametrize(("rate", "mean"), [(0.0, 280), (0.001, 420), (0.01, 540)])
def test_a_good_version_is_shown_safe(rate: float, mean: float) -> None:
    question = CountsQuestion(prior_bad=rate * 28_500, prior_total=28_500)

    seconds = seconds_until(
        Verdict.SAFE,
        canary_rate=rate,
        stable_rate=rate,
        look_seconds=15,
        question=question,
        runs=60,
    )

    least = requests_until_safe(question, stable_rate=rate, canary_share=0.05, false_promotion=0.05)
    assert least / RPS[0] <= np.mean(seconds) <= mean


def test_sixty_six_percent_beside_sixty_is_found() -> None:
    question = CountsQuestion(prior_bad=1200, prior_total=2000)

    seconds = seconds_until(
        Verdict.REGRESSED,
        canary_rate=0.66,
        stable_rate=0.6,
        look_seconds=15,
        question=question,
        runs=40,
    )

    bound = math.log(100) / entropy_from_equal(0.66, 0.6, share=0.05) / sum(RPS)
    assert np.mean(seconds) <= 2.5 * bound


def entropy_from_equal(canary_rate: float, stable_rate: float, share: float) -> float:
    """Return the nats a request adds at best against "both have the same rate" (Wald, 1945)."""
    both = share * canary_rate + (1 - share) * stable_rate

    def entropy(p: float) -> float:
        return p * math.log(p / both) + (1 - p) * math.log((1 - p) / (1 - both))

    return share * entropy(canary_rate) + (1 - share) * entropy(stable_rate)
