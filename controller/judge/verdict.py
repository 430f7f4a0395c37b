"""All metrics of a release together: one verdict.

Regressed: the weighted mean of the metrics' e-values has reached 1/falseRollback. The mean of
e-processes is one, whatever the metrics share, so the bound holds for the whole release. Metrics
that are judged by a threshold instead of a bet, such as gauges, get a part of falseRollback for
themselves (union bound).
Safe: every required metric has shown that it is no worse than its margin, and nothing holds.
Otherwise Inconclusive, which is never "passed".

A metric that may only advise is shown, but it neither rolls back nor counts as shown to be safe.

Leaves out: what a verdict leads to (release), and every property of a single kind of metric: the
protocols here are all that this file knows of one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

# What all threshold rules together get of falseRollback, beside metrics with e-values.
THRESHOLD_PART = 0.2
# Whichever of the canary's pods is left out, this part of the threshold has to remain, in nats, and
# this part of what all pods show beyond it: what one bad pod adds grows without end.
LEFT_OF_THRESHOLD = 0.35
LEFT_OF_EVIDENCE = 0.2


class Verdict(StrEnum):
    """What the evidence so far says."""

    REGRESSED = "Regressed"
    SAFE = "Safe"
    INCONCLUSIVE = "Inconclusive"


class Evidence(Protocol):
    """What one metric has shown so far by bets, whatever its kind. An immutable value."""

    @property
    def looks(self) -> int:
        """Looks that had data."""

    @property
    def advisory(self) -> str:
        """Why the metric may only advise; empty if it may decide. Fixed before the first look."""

    @property
    def log_e_regressed(self) -> float:
        """Log e-value against "the canary is no worse"; 0 before any look."""

    @property
    def log_e_without_one_pod(self) -> float:
        """The same, without the pod that carries most; the same number where pods are unknown."""

    @property
    def log_e_safe(self) -> float:
        """Log e-value against "the canary is worse than its margin"; 0 before any look."""

    @property
    def matters(self) -> bool:
        """Whether the canary looks worse by enough that a person would care."""

    def explain(self, name: str, metrics: int) -> str:
        """Return one line for a person; `metrics` is how many the release is judged by."""


@runtime_checkable
class ThresholdEvidence(Protocol):
    """What one metric has shown so far by a rule at a level, whatever its kind."""

    @property
    def looks(self) -> int:
        """Looks that had data."""

    @property
    def advisory(self) -> str:
        """Why the metric may only advise; empty if it may decide."""

    def beyond(self, alpha: float) -> bool:
        """Whether the canary is worse, by a rule that is ever wrong with probability `alpha`."""

    def safe(self, beta: float) -> bool:
        """Whether it is within its margin, by a rule that is wrong with probability `beta`."""

    def explain(self, name: str, metrics: int) -> str:
        """Return one line for a person; `metrics` is how many the release is judged by."""


class AtWeight(Protocol):
    """What one metric looks like at the present traffic weight. It proves nothing."""

    @property
    def within_margin(self) -> bool:
        """Whether the numbers, chance aside, lie within the margin; False before any look."""

    @property
    def breach(self) -> str:
        """Say which version is out of absolute bounds; empty if none is."""


@dataclass(frozen=True, slots=True)
class MetricEvidence:
    """One metric of a release.

    `evidence` is gathered over the whole release, `current` at the present traffic weight only
    (started again at each confirmed change of weight; None before the first look at it). `weight`
    is the metric's part of falseRollback beside those of the others; it never changes.
    """

    name: str
    required: bool
    evidence: Evidence | ThresholdEvidence
    current: AtWeight | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and what led to it.

    `culprits` are the metrics that carry the evidence of a regression, strongest first; empty
    unless Regressed. `log_e` is the log of the weighted mean e-value. `waiting_for` are the
    required metrics that are not Safe at this weight. `holds` says for a person what forbids Safe
    whatever is shown: a version out of absolute bounds, or one bad pod among several.
    """

    verdict: Verdict
    culprits: tuple[str, ...]
    log_e: float
    waiting_for: tuple[str, ...]
    holds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Bet:
    """A metric with an e-value, and the log of its part of the mean."""

    metric: MetricEvidence
    evidence: Evidence
    log_part: float


@dataclass(frozen=True, slots=True)
class _Rule:
    """A metric judged by a threshold, and its level."""

    metric: MetricEvidence
    evidence: ThresholdEvidence
    level: float


def judge(
    metrics: Sequence[MetricEvidence], *, false_rollback: float, false_promotion: float
) -> Judgement:
    """Return the verdict on the evidence as it stands now.

    `false_rollback` and `false_promotion` are probabilities; at 0 that verdict never comes.
    Raises ValueError for a probability outside 0 to 1 and for a weight that is not above 0.
    Regressed wins over Safe.
    """
    limit = _threshold("falseRollback", false_rollback)
    safe_limit = _threshold("falsePromotion", false_promotion)
    bets, rules, left = _parts(metrics, false_rollback)
    limit -= math.log(left)
    shares = {bet.metric.name: bet.log_part + _log_e(bet.evidence, limit) for bet in bets}
    log_e = _log_sum(list(shares.values())) if shares else 0.0
    beyond = tuple(
        rule.metric.name
        for rule in rules
        if not rule.evidence.advisory and rule.evidence.beyond(rule.level)
    )
    shown = {bet.metric.name for bet in bets if bet.evidence.log_e_safe >= safe_limit}
    shown |= {rule.metric.name for rule in rules if rule.evidence.safe(false_promotion)}
    waiting = tuple(m.name for m in metrics if m.required and not _may_pass(m, shown))
    holds = _holds(metrics, bets, limit)
    if log_e >= limit or beyond:
        strongest = _culprits(shares, limit) if log_e >= limit else ()
        return Judgement(Verdict.REGRESSED, strongest + beyond, log_e, waiting, holds)
    # Without a required metric nothing would be shown, so such a plan never gets to Safe.
    safe = not waiting and not holds and any(metric.required for metric in metrics)
    return Judgement(Verdict.SAFE if safe else Verdict.INCONCLUSIVE, (), log_e, waiting, holds)


def part_of_rules(*, bets: bool, rules: bool) -> float:
    """Return what part of falseRollback all threshold rules together have, beside bets or alone."""
    return 0.0 if not rules else THRESHOLD_PART if bets else 1.0


def explain(metric: MetricEvidence, *, metrics: int = 1) -> str:
    """Return one line on a metric: both values, how far apart, and how likely that is chance.

    `metrics` is the number of metrics the release is judged by: they share one false-alarm rate.
    """
    return metric.evidence.explain(metric.name, metrics)


def _parts(
    metrics: Sequence[MetricEvidence], false_rollback: float
) -> tuple[list[_Bet], list[_Rule], float]:
    """Return both kinds of metrics, each with its part, and what part of the rate bets have.

    Which kinds there are is known from the plan, so the parts do not depend on the data.
    """
    by_bets: list[tuple[MetricEvidence, Evidence]] = []
    by_rules: list[tuple[MetricEvidence, ThresholdEvidence]] = []
    for metric in metrics:
        if not 0.0 < metric.weight < math.inf:
            raise ValueError(f"metric {metric.name}: weight is {metric.weight}; it is above 0")
        if isinstance(metric.evidence, ThresholdEvidence):
            by_rules.append((metric, metric.evidence))
        else:
            by_bets.append((metric, metric.evidence))
    part = part_of_rules(bets=bool(by_bets), rules=bool(by_rules))
    whole = math.fsum(metric.weight for metric, _ in by_bets)
    ruled = math.fsum(metric.weight for metric, _ in by_rules)
    bets = [_Bet(m, evidence, math.log(m.weight / whole)) for m, evidence in by_bets]
    rules = [
        _Rule(m, evidence, false_rollback * part * m.weight / ruled) for m, evidence in by_rules
    ]
    return bets, rules, 1.0 - part if bets else 1.0


def _threshold(field: str, probability: float) -> float:
    if not 0.0 <= probability < 1.0:
        raise ValueError(f"{field} is {probability}; write a probability such as 0.01")
    return -math.log(probability) if probability > 0 else math.inf


def _log_e(evidence: Evidence, limit: float) -> float:
    """Return the log e-value that counts.

    What must not roll back brings at most its stake: a metric that may only advise, a difference
    too small to matter, one that a single pod carries. Making an e-value smaller keeps it one.
    """
    log_e = evidence.log_e_regressed
    if log_e <= 0.0:
        return log_e
    counts = not evidence.advisory and evidence.matters and not _one_pod(evidence, limit)
    return log_e if counts else 0.0


def _one_pod(evidence: Evidence, limit: float) -> bool:
    """Whether the evidence is gone once the pod that carries most of it is left out."""
    beyond = max(0.0, evidence.log_e_regressed - limit)
    least = LEFT_OF_THRESHOLD * limit + LEFT_OF_EVIDENCE * beyond
    return evidence.log_e_without_one_pod < least


def _holds(
    metrics: Sequence[MetricEvidence], bets: Sequence[_Bet], limit: float
) -> tuple[str, ...]:
    """Return what forbids Safe: absolute bounds, and evidence that only one pod carries."""
    breaches = ((m.name, m.current.breach) for m in metrics if m.current is not None)
    holds = [f"{name}: {breach}" for name, breach in breaches if breach]
    for bet in bets:
        evidence = bet.evidence
        if evidence.log_e_regressed < limit or evidence.advisory or not evidence.matters:
            continue
        if _one_pod(evidence, limit):
            holds.append(
                f"{bet.metric.name}: one of the canary's pods is worse than stable, the others "
                "are not; look at its node, or delete it"
            )
    return tuple(holds)


def _may_pass(metric: MetricEvidence, shown: set[str]) -> bool:
    """Whether a required metric lets a step pass, where `shown` are those shown to be safe.

    The evidence of the whole release has to be strong enough now, not at some time before, and
    the present weight has to agree: a fault that comes with load shows only there.
    """
    current = metric.current
    here = current is not None and current.within_margin
    return here and metric.name in shown and not metric.evidence.advisory


def _culprits(shares: dict[str, float], limit: float) -> tuple[str, ...]:
    """Return the metrics that carry at least half of the threshold, or else the strongest."""
    ranked = sorted(shares, key=lambda name: -shares[name])
    half = limit - math.log(2.0)
    return tuple(name for name in ranked if shares[name] >= half) or tuple(ranked[:1])


def _log_sum(logs: list[float]) -> float:
    top = max(logs)
    return top + math.log(math.fsum(math.exp(value - top) for value in logs))
