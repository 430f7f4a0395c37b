"""All metrics of a release together: one verdict.

Regressed: the weighted mean of the metrics' e-values has reached 1/falseRollback. The mean of
e-processes is one, whatever the metrics share, so the bound holds for the whole release.
Safe: every required metric has shown that it is no worse than its margin.
Otherwise Inconclusive, which is never "passed".

Leaves out: what a verdict leads to (release), and every property of a single kind of metric:
`Evidence` is all that this file knows of one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Verdict(StrEnum):
    """What the evidence so far says."""

    REGRESSED = "Regressed"
    SAFE = "Safe"
    INCONCLUSIVE = "Inconclusive"


class Evidence(Protocol):
    """What one metric has shown so far, whatever its kind. An immutable value."""

    @property
    def looks(self) -> int:
        """Looks that had data."""

    @property
    def log_e_regressed(self) -> float:
        """Log e-value against "the canary is no worse"; 0 before any look."""

    @property
    def log_e_safe(self) -> float:
        """Log e-value against "the canary is worse than its margin"; 0 before any look."""

    @property
    def matters(self) -> bool:
        """Whether the canary looks worse by enough that a person would care."""

    @property
    def within_margin(self) -> bool:
        """Whether the numbers, chance aside, lie within the margin; False before any look."""

    def explain(self, name: str, metrics: int) -> str:
        """Return one line for a person; `metrics` is how many the release is judged by."""


@dataclass(frozen=True, slots=True)
class MetricEvidence:
    """One metric of a release.

    `evidence` is gathered over the whole release, `current` at the present traffic weight only
    (started again at each confirmed change of weight; None before the first look at it).
    """

    name: str
    required: bool
    evidence: Evidence
    current: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and what led to it.

    `culprits` are the metrics that carry the evidence of a regression, strongest first; empty
    unless Regressed. `log_e` is the log of the mean e-value that is compared with
    1/falseRollback. `waiting_for` are the required metrics that are not Safe at this weight.
    """

    verdict: Verdict
    culprits: tuple[str, ...]
    log_e: float
    waiting_for: tuple[str, ...]


def judge(
    metrics: Sequence[MetricEvidence], *, false_rollback: float, false_promotion: float
) -> Judgement:
    """Return the verdict on the evidence as it stands now.

    `false_rollback` and `false_promotion` are probabilities; at 0 that verdict never comes.
    Raises ValueError for a probability outside 0 to 1. Regressed wins over Safe.
    """
    limit = _threshold("falseRollback", false_rollback)
    safe_limit = _threshold("falsePromotion", false_promotion)
    shares = {metric.name: _share(metric.evidence, len(metrics)) for metric in metrics}
    log_e = _log_sum(list(shares.values())) if shares else 0.0
    waiting = tuple(m.name for m in metrics if m.required and not _is_safe(m, safe_limit))
    if log_e >= limit:
        return Judgement(Verdict.REGRESSED, _culprits(shares, limit), log_e, waiting)
    # Without a required metric nothing would be shown, so such a plan never gets to Safe.
    safe = not waiting and any(metric.required for metric in metrics)
    return Judgement(Verdict.SAFE if safe else Verdict.INCONCLUSIVE, (), log_e, waiting)


def explain(metric: MetricEvidence, *, metrics: int = 1) -> str:
    """Return one line on a metric: both values, how far apart, and how likely that is chance.

    `metrics` is the number of metrics the release is judged by: they share one false-alarm rate.
    """
    return metric.evidence.explain(metric.name, metrics)


def _threshold(field: str, probability: float) -> float:
    if not 0.0 <= probability < 1.0:
        raise ValueError(f"{field} is {probability}; write a probability such as 0.01")
    return -math.log(probability) if probability > 0 else math.inf


def _share(evidence: Evidence, metrics: int) -> float:
    """Return the log of what a metric adds to the mean.

    A difference too small to matter adds at most its stake; making an e-value smaller keeps it one.
    """
    log_e = evidence.log_e_regressed
    return (log_e if evidence.matters else min(log_e, 0.0)) - math.log(metrics)


def _is_safe(metric: MetricEvidence, limit: float) -> bool:
    """Whether a required metric lets a step pass.

    The evidence of the whole release has to be strong enough now, not at some time before, and
    the present weight has to agree: a fault that comes with load shows only there.
    """
    current = metric.current
    here = current is not None and current.within_margin
    return here and metric.evidence.log_e_safe >= limit


def _culprits(shares: dict[str, float], limit: float) -> tuple[str, ...]:
    """Return the metrics that carry at least half of the threshold, or else the strongest."""
    ranked = sorted(shares, key=lambda name: -shares[name])
    half = limit - math.log(2.0)
    return tuple(name for name in ranked if shares[name] >= half) or tuple(ranked[:1])


def _log_sum(logs: list[float]) -> float:
    top = max(logs)
    return top + math.log(math.fsum(math.exp(value - top) for value in logs))
