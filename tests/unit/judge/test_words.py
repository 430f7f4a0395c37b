"""What a person reads."""

import math
from dataclasses import replace

import pytest

from controller.judge import (
    Arm,
    CountsEvidence,
    CountsLook,
    CountsQuestion,
    MetricEvidence,
    explain,
)
from controller.judge.words import margin, once_in, percent
from tests.unit.judge.streams import after

START = CountsEvidence.start(CountsQuestion(prior_bad=22, prior_total=2000))


def line(evidence: CountsEvidence, metrics: int = 1) -> str:
    metric = MetricEvidence("errors", required=True, evidence=evidence, current=None)
    return explain(metric, metrics=metrics)


def test_a_regression() -> None:
    evidence = after(START, CountsLook(Arm(148, 3012), Arm(630, 57_228)))
    evidence = replace(evidence, worse=(math.log(12_345),) * len(evidence.worse))

    assert line(evidence) == (
        "errors 4.9 % against 1.1 % (x4.5, between x3.2 and x6.1), 3,012 requests, "
        "would be chance once in 12,000 releases"
    )


def test_several_metrics_share_the_chance() -> None:
    evidence = after(START, CountsLook(Arm(148, 3012), Arm(630, 57_228)))
    evidence = replace(evidence, worse=(math.log(12_345),) * len(evidence.worse))

    assert line(evidence, metrics=5).endswith("would be chance once in 2,400 releases")


def test_a_safe_version() -> None:
    evidence = after(START, CountsLook(Arm(33, 3000), Arm(627, 57_000)))
    evidence = replace(evidence, safe=(math.log(25.9),) * len(evidence.safe))

    assert line(evidence).endswith(
        "3,000 requests, a version over the margin of x1.5 + 0.5 points would look as good "
        "once in 25 releases"
    )


def test_too_little_to_tell() -> None:
    evidence = after(START, CountsLook(Arm(1, 20), Arm(4, 380)))

    assert line(evidence).endswith(", 20 requests, too few to tell")


def test_stable_without_a_bad_request() -> None:
    evidence = after(START, CountsLook(Arm(10, 200), Arm(0, 3800)))

    assert line(evidence).startswith("errors 5 % against 0 % (+5 points, between +")


def test_a_ratio_without_an_upper_bound() -> None:
    evidence = after(CountsEvidence.start(CountsQuestion()), CountsLook(Arm(12, 30), Arm(1, 3000)))

    assert "(x1200, at least x" in line(evidence)


def test_before_the_first_look() -> None:
    assert line(START) == "errors: no requests compared yet"


@pytest.mark.parametrize(
    ("e_value", "said"),
    [
        (2.0, "once in 2 releases"),
        (19.99, "once in 19 releases"),
        (12_999, "once in 12,000 releases"),
        (999_999, "once in 990,000 releases"),
        (1e6, "less than once in a million releases"),
        (1e300, "less than once in a million releases"),
    ],
)
def test_odds_are_rounded_down(e_value: float, said: str) -> None:
    assert once_in(math.log(e_value)) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.0, "0 %"),
        (0.000001, "under 0.001 %"),
        (0.00012, "0.012 %"),
        (0.049, "4.9 %"),
        (0.123, "12.3 %"),
        (0.997, "99.7 %"),
        (1.0, "100 %"),
    ],
)
def test_percentages(share: float, said: str) -> None:
    assert percent(share) == said


def test_margins() -> None:
    assert margin(0.5, 0.005) == "x1.5 + 0.5 points"
    assert margin(0.0, 0.0) == "x1 + 0 points"
