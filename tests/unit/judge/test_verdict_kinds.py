"""What weighs how much in a verdict, what may only advise, and what holds."""

import math
from dataclasses import dataclass, replace

import pytest

from controller.judge import (
    Arm,
    CountsAtWeight,
    CountsEvidence,
    CountsLook,
    CountsQuestion,
    Judgement,
    MetricEvidence,
    Noise,
    Verdict,
    judge,
    learn,
)
from tests.unit.judge.streams import after

STABLE = Arm(190, 19_000)
WORSE = after(CountsEvidence.start(CountsQuestion()), CountsLook(Arm(50, 1000), STABLE))
EQUAL = after(CountsEvidence.start(CountsQuestion()), CountsLook(Arm(10, 1000), STABLE))


@dataclass(frozen=True)
class Rule:
    """A kind of metric of the test's own: it says worse from one level up, safe from another."""

    worse_at: float = 1.0
    safe_at: float = 0.0
    advisory: str = ""
    looks: int = 1
    within_margin: bool = True
    breach: str = ""

    def beyond(self, alpha: float) -> bool:
        return alpha >= self.worse_at

    def safe(self, beta: float) -> bool:
        return beta >= self.safe_at

    def explain(self, name: str, metrics: int) -> str:
        return f"{name} of {metrics}"


def shown(evidence: CountsEvidence, *, regressed: float = 1.0, safe: float = 1.0) -> CountsEvidence:
    worse = (math.log(regressed),) * len(evidence.worse)
    safes = (math.log(safe),) * len(evidence.safe)
    return replace(evidence, worse=worse, safe=safes, aside=0.0)


def advises_only(evidence: CountsEvidence) -> CountsEvidence:
    return replace(evidence, question=CountsQuestion(noise=learn(None)))


def metric(
    name: str,
    evidence: CountsEvidence | Rule,
    *,
    required: bool = True,
    current: CountsEvidence | CountsAtWeight | Rule = EQUAL,
    weight: float = 1.0,
) -> MetricEvidence:
    return MetricEvidence(name, required, evidence, current, weight)


def judged(*metrics: MetricEvidence) -> Judgement:
    return judge(metrics, false_rollback=0.01, false_promotion=0.05)


@pytest.mark.parametrize(
    ("weight", "verdict"), [(1.0, Verdict.INCONCLUSIVE), (4.0, Verdict.REGRESSED)]
)
def test_a_heavier_metric_needs_less(weight: float, verdict: Verdict) -> None:
    found = judged(
        metric("errors", shown(WORSE, regressed=150), weight=weight),
        metric("logins", shown(WORSE, regressed=0.001)),
    )

    assert found.verdict is verdict
    assert math.exp(found.log_e) == pytest.approx((150 * weight + 0.001) / (1 + weight))


@pytest.mark.parametrize("weight", [0.0, -1.0, math.nan, math.inf])
def test_a_weight_that_makes_no_sense_is_named(weight: float) -> None:
    with pytest.raises(ValueError, match=f"metric errors: weight is {weight}"):
        judged(metric("errors", EQUAL, weight=weight))


@pytest.mark.parametrize(
    ("regressed", "verdict"), [(120.0, Verdict.INCONCLUSIVE), (130.0, Verdict.REGRESSED)]
)
def test_beside_threshold_rules_bets_have_four_fifths_of_the_false_rollback_rate(
    regressed: float, verdict: Verdict
) -> None:
    found = judged(metric("errors", shown(WORSE, regressed=regressed)), metric("memory", Rule()))

    assert found.verdict is verdict


@pytest.mark.parametrize(
    ("worse_at", "culprits"), [(0.0011, ()), (0.0009, ("memory",))], ids=["short", "beyond"]
)
def test_threshold_rules_share_the_rest(worse_at: float, culprits: tuple[str, ...]) -> None:
    found = judged(metric("errors", EQUAL), metric("memory", Rule(worse_at)), metric("cpu", Rule()))

    assert found.culprits == culprits
    assert (found.verdict is Verdict.REGRESSED) == bool(culprits)


@pytest.mark.parametrize(("worse_at", "found"), [(0.0099, True), (0.0101, False)])
def test_threshold_rules_alone_have_all_of_it(worse_at: float, *, found: bool) -> None:
    assert (judged(metric("memory", Rule(worse_at))).verdict is Verdict.REGRESSED) == found


@pytest.mark.parametrize(
    ("safe_at", "verdict"), [(0.049, Verdict.SAFE), (0.051, Verdict.INCONCLUSIVE)]
)
def test_a_threshold_rule_is_safe_at_the_false_promotion_rate(
    safe_at: float, verdict: Verdict
) -> None:
    rule = Rule(safe_at=safe_at)

    assert judged(metric("memory", rule, current=rule)).verdict is verdict


def test_what_may_only_advise_neither_rolls_back_nor_is_safe() -> None:
    evidence = advises_only(shown(WORSE, regressed=1e9, safe=1e9))

    for found in (
        judged(metric("errors", evidence)),
        judged(metric("memory", Rule(0.0, 0.0, "x"))),
    ):
        assert found.verdict is Verdict.INCONCLUSIVE
        assert found.culprits == ()
        assert len(found.waiting_for) == 1


def test_what_may_only_advise_says_so() -> None:
    said = advises_only(WORSE).explain("errors", 1)

    assert said.endswith(
        "advises only: fewer than 3 stable pods before the release: nobody can tell how far pods "
        "of one version differ"
    )


def pods(*bad: float) -> CountsEvidence:
    own = {f"canary-{i}": Arm(b, 100) for i, b in enumerate(bad)}
    look = CountsLook(Arm(sum(bad), 100.0 * len(bad)), Arm(60, 6000), own, stable_pods=10)
    question = CountsQuestion(noise=Noise(pods=10))
    return after(CountsEvidence.start(question), *[look] * 10)


def test_one_bad_pod_of_three_holds_and_is_named() -> None:
    found = judged(metric("errors", shown_safe(pods(12, 1, 1))))

    assert found.verdict is Verdict.INCONCLUSIVE
    (hold,) = found.holds
    assert hold.startswith("errors: one of the canary's pods is worse than stable")


def shown_safe(evidence: CountsEvidence) -> CountsEvidence:
    return replace(evidence, safe=(10.0,) * len(evidence.safe))


def test_a_regression_on_all_pods_rolls_back() -> None:
    assert judged(metric("errors", pods(5, 4, 5))).verdict is Verdict.REGRESSED


def test_pods_that_add_little_do_not_vouch_for_one_that_adds_a_lot() -> None:
    evidence = pods(60, 2, 2)
    rest = evidence.log_e_without_one_pod
    assert rest > 0.35 * math.log(100)

    assert judged(metric("errors", evidence)).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("left", "verdict"), [(0.34, Verdict.INCONCLUSIVE), (0.36, Verdict.REGRESSED)]
)
def test_a_third_of_the_threshold_has_to_be_left_without_any_pod(
    left: float, verdict: Verdict
) -> None:
    limit = math.log(100)
    evidence = pods(5, 4, 5)
    slots = tuple(replace(slot, worse=(left * limit,) * 9) for slot in evidence.slots)

    found = judged(metric("errors", replace(shown(evidence, regressed=101), slots=slots)))

    assert found.verdict is verdict


@pytest.mark.parametrize(
    ("left", "verdict"), [(0.74, Verdict.INCONCLUSIVE), (0.76, Verdict.REGRESSED)]
)
def test_of_evidence_beyond_the_threshold_a_fifth_more_has_to_be_left(
    left: float, verdict: Verdict
) -> None:
    limit = math.log(100)
    evidence = shown(pods(5, 4, 5), regressed=math.exp(3.0 * limit))
    slots = tuple(replace(slot, worse=(left * limit,) * 9) for slot in evidence.slots)

    assert judged(metric("errors", replace(evidence, slots=slots))).verdict is verdict


@pytest.mark.parametrize("slo", [1.0, 0.005])
def test_a_version_over_its_slo_holds(slo: float) -> None:
    question = CountsQuestion(slo=slo)
    current = CountsAtWeight.start(question).after(CountsLook(Arm(10, 1000), STABLE))
    assert isinstance(current, CountsAtWeight)

    found = judged(metric("errors", shown(EQUAL, safe=100), current=current))

    over = "errors: the canary has 1 % and stable has 1 %, over the slo of 0.5 %"
    assert found.holds == (() if slo == 1.0 else (over,))
    assert found.verdict is (Verdict.SAFE if slo == 1.0 else Verdict.INCONCLUSIVE)


def test_a_regression_is_taken_back_whatever_holds() -> None:
    current = CountsAtWeight.start(CountsQuestion(slo=0.005)).after(
        CountsLook(Arm(50, 1000), STABLE)
    )
    assert isinstance(current, CountsAtWeight)

    found = judged(metric("errors", shown(WORSE, regressed=1000), current=current))

    assert found.verdict is Verdict.REGRESSED
    assert len(found.holds) == 1
