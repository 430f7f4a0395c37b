"""One verdict from several metrics."""

import math
from dataclasses import replace

import pytest

from controller.judge import (
    Arm,
    CountsEvidence,
    CountsLook,
    CountsQuestion,
    Judgement,
    MetricEvidence,
    Verdict,
    judge,
)
from tests.unit.judge.streams import after

START = CountsEvidence.start(CountsQuestion())
WORSE = after(START, CountsLook(Arm(50, 1000), Arm(190, 19_000)))
EQUAL = after(START, CountsLook(Arm(10, 1000), Arm(190, 19_000)))
SLIGHTLY_WORSE = after(START, CountsLook(Arm(1_080_000, 10**8), Arm(10**6, 10**8)))


def shown(evidence: CountsEvidence, *, regressed: float = 1.0, safe: float = 1.0) -> CountsEvidence:
    """Return the evidence with such e-values."""
    worse = (math.log(regressed),) * len(evidence.worse)
    safes = (math.log(safe),) * len(evidence.safe)
    return replace(evidence, worse=worse, safe=safes, aside=0.0)


def metric(
    name: str,
    evidence: CountsEvidence,
    *,
    current: CountsEvidence | None = EQUAL,
    required: bool = True,
) -> MetricEvidence:
    return MetricEvidence(name, required=required, evidence=evidence, current=current)


def judged(*metrics: MetricEvidence) -> Judgement:
    return judge(metrics, false_rollback=0.01, false_promotion=0.05)


@pytest.mark.parametrize(
    ("regressed", "verdict"),
    [(99.0, Verdict.INCONCLUSIVE), (101.0, Verdict.REGRESSED)],
)
def test_one_metric_regresses_at_one_over_the_false_rollback_rate(
    regressed: float, verdict: Verdict
) -> None:
    assert judged(metric("errors", shown(WORSE, regressed=regressed))).verdict is verdict


@pytest.mark.parametrize(
    ("others", "verdict"), [(0.0001, Verdict.INCONCLUSIVE), (10.0, Verdict.REGRESSED)]
)
def test_several_metrics_share_one_false_rollback_rate(others: float, verdict: Verdict) -> None:
    found = judged(
        metric("errors", shown(WORSE, regressed=391)),
        *(metric(name, shown(WORSE, regressed=others)) for name in ("logins", "searches", "carts")),
    )

    assert found.verdict is verdict
    assert math.exp(found.log_e) == pytest.approx((391 + 3 * others) / 4)


def test_culprits_carry_half_of_the_threshold_strongest_first() -> None:
    found = judged(
        metric("errors", shown(WORSE, regressed=160)),
        metric("logins", shown(WORSE, regressed=1e6)),
        metric("carts", shown(WORSE, regressed=149)),
    )

    assert found.culprits == ("logins", "errors")


def test_the_strongest_is_named_when_none_carries_half() -> None:
    names = ["a", "b", "c", "d", "e"]

    found = judged(*(metric(n, shown(WORSE, regressed=101 + i)) for i, n in enumerate(names)))

    assert found.verdict is Verdict.REGRESSED
    assert found.culprits == ("e",)


def test_a_metric_that_is_not_required_can_regress() -> None:
    found = judged(
        metric("errors", shown(EQUAL, safe=100)),
        metric("logins", shown(WORSE, regressed=1000), required=False),
    )

    assert found.verdict is Verdict.REGRESSED
    assert found.culprits == ("logins",)


def test_a_difference_too_small_to_matter_does_not_regress() -> None:
    assert SLIGHTLY_WORSE.log_e_regressed > math.log(1e6)

    found = judged(metric("errors", SLIGHTLY_WORSE))

    assert found.verdict is not Verdict.REGRESSED
    assert found.culprits == ()


@pytest.mark.parametrize(
    ("safe", "verdict", "waiting"),
    [(19.0, Verdict.INCONCLUSIVE, ("errors",)), (21.0, Verdict.SAFE, ())],
)
def test_safe_at_one_over_the_false_promotion_rate(
    safe: float, verdict: Verdict, waiting: tuple[str, ...]
) -> None:
    found = judged(metric("errors", shown(EQUAL, safe=safe)))

    assert found.verdict is verdict
    assert found.waiting_for == waiting


def test_safe_waits_for_every_required_metric_and_no_other() -> None:
    found = judged(
        metric("errors", shown(EQUAL, safe=1000)),
        metric("logins", shown(EQUAL, safe=2)),
        metric("carts", shown(EQUAL, safe=2), required=False),
    )

    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.waiting_for == ("logins",)


@pytest.mark.parametrize(
    "current",
    [
        pytest.param(None, id="no evidence at this weight"),
        pytest.param(START, id="no look with data at this weight"),
        pytest.param(WORSE, id="over the margin at this weight"),
    ],
)
def test_safe_from_lower_weights_alone_does_not_carry(current: CountsEvidence | None) -> None:
    found = judged(metric("errors", shown(EQUAL, safe=1e9), current=current))

    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.waiting_for == ("errors",)


def test_regressed_wins_over_safe() -> None:
    found = judged(metric("errors", shown(WORSE, regressed=1e6, safe=1e6)))

    assert found.verdict is Verdict.REGRESSED


@pytest.mark.parametrize(
    "metrics", [(), (metric("errors", shown(EQUAL, safe=1e9), required=False),)]
)
def test_nothing_required_is_never_safe(metrics: tuple[MetricEvidence, ...]) -> None:
    assert judged(*metrics).verdict is Verdict.INCONCLUSIVE


def test_no_evidence_is_inconclusive() -> None:
    found = judged(metric("errors", START, current=None))

    assert found == Judgement(Verdict.INCONCLUSIVE, (), 0.0, ("errors",))


def test_a_probability_of_zero_is_never_reached() -> None:
    evidence = shown(WORSE, regressed=1e300, safe=1e300)

    found = judge([metric("errors", evidence)], false_rollback=0.0, false_promotion=0.0)

    assert found.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("probability", [-0.1, 1.0, math.nan])
def test_a_probability_that_makes_no_sense_is_named(probability: float) -> None:
    with pytest.raises(ValueError, match=f"falseRollback is {probability}"):
        judge([], false_rollback=probability, false_promotion=0.05)
    with pytest.raises(ValueError, match=f"falsePromotion is {probability}"):
        judge([], false_rollback=0.01, false_promotion=probability)
