"""One metric's evidence as its status shows it: numbers, words, and the packed judge's state."""

import math
from dataclasses import dataclass
from typing import Any

from controller.api.release import Interval, MetricStatus
from controller.judge import (
    CountsEvidence,
    GaugeEvidence,
    HistogramEvidence,
    Judgement,
    MetricTrial,
    Refused,
    explain,
    kinds,
)
from controller.judge.gauge_look import Measure
from controller.judge.gauge_rule import clearest
from controller.metrics.reader import Answer, NoEvidence

DIGITS = 6
AT_EDGE = "the last look is left out, for stable's own rate has just jumped"


@dataclass(frozen=True, slots=True)
class Grown:
    """One metric with one more look, or why that look was refused.

    `left_out` are the stable pods that it is not compared with. A look `at_edge` proves nothing.
    """

    trial: MetricTrial
    left_out: tuple[str, ...]
    refused: Refused | None
    at_edge: bool


def describe(
    before: MetricStatus | None,
    found: Grown,
    answer: Answer,
    judgement: Judgement,
    metrics: int,
) -> MetricStatus:
    """Return the status of one metric after a look, or after an attempt at one."""
    trial, evidence, refused = found.trial, found.trial.evidence, found.refused
    until = None if isinstance(answer, NoEvidence) or refused else answer.end
    if until is None:
        until = before.until if before else 0.0
    if evidence.looks == 0:
        why = answer.message if isinstance(answer, NoEvidence) else ""
        why = AT_EDGE if found.at_edge else why
        why = refused.message if refused else why
        return MetricStatus(
            name=trial.name,
            required=trial.required,
            message=f"{trial.name}: {why}"[:1024],
            until=until,
            # Nothing is fixed yet; what cannot be read stays, so that it is known to be lost.
            evidence=before.evidence if before else "",
            log_e_regressed=before.log_e_regressed if before else 0.0,
            log_e_safe=before.log_e_safe if before else 0.0,
        )
    packed = trial.pack()
    return MetricStatus(
        name=trial.name,
        required=trial.required,
        state=trial.state(judgement).value,
        message=_words(found, metrics),
        **_values(evidence),
        looks=evidence.looks,
        looks_at_weight=trial.current.looks,
        left_out=found.left_out,
        until=until,
        evidence=packed.evidence,
        current=packed.current,
    )


def _words(found: Grown, metrics: int) -> str:
    said = explain(found.trial.metric, metrics=metrics)
    return f"{said}; {AT_EDGE}" if found.at_edge else said


def _values(evidence: kinds.Gathered) -> dict[str, Any]:
    """Return the fields that show both versions' values, and what they prove."""
    match evidence:
        case CountsEvidence():
            shown = _counts(evidence)
        case HistogramEvidence():
            shown = _latency(evidence)
        case GaugeEvidence():
            return _gauge(evidence)  # a rule has no e-values
        case _:
            raise TypeError(f"no status is defined for {type(evidence).__name__}")
    return {
        **shown,
        "log_e_regressed": _short(evidence.log_e_regressed),
        "log_e_safe": _short(evidence.log_e_safe),
    }


def _counts(evidence: CountsEvidence) -> dict[str, Any]:
    """Return the fields that show both versions' share of bad requests."""
    interval = evidence.interval()
    return {
        "measure": "BadShare",
        "canary": _short(evidence.canary_rate),
        "stable": _short(evidence.stable_rate),
        "ratio": None if interval.point is None else _short(interval.point),
        "ratio_interval": Interval(
            low=_short(interval.low),
            high=None if interval.high is None else _short(interval.high),
        ),
        "canary_requests": evidence.canary.total,
        "canary_bad": evidence.canary.bad,
        "stable_requests": evidence.stable.total,
        "stable_bad": evidence.stable.bad,
    }


def _latency(evidence: HistogramEvidence) -> dict[str, Any]:
    """Return the fields that show both versions' p99 in seconds."""
    unit = evidence.question.seconds
    canary, stable = (arm[-1] for arm in evidence.quantiles())
    values = [q.value * unit if q.value is not None else None for q in (canary, stable)]
    mine, theirs = values
    return {
        "measure": "P99Seconds",
        "canary": None if mine is None else _short(mine),
        "stable": None if theirs is None else _short(theirs),
        "ratio": _short(mine / theirs) if mine is not None and theirs else None,
        "canary_requests": evidence.requests,
        "stable_requests": evidence.stable,
    }


def _gauge(evidence: GaugeEvidence) -> dict[str, Any]:
    """Return the fields that show both versions' mean pod, since the start that the words are of.

    The interval of growth is in the gauge's unit an hour, so it stands in the words alone.
    """
    question, sums = evidence.question, evidence.sums
    since = sums.since[clearest(question, sums, question.share)]
    level = question.measure is Measure.LEVEL and since.stable > 0
    low, high = evidence.interval() if level else (-math.inf, math.inf)
    return {
        "measure": "PodMean",
        "unit": question.unit.value.capitalize(),
        "canary": _short(since.canary),
        "stable": _short(since.stable),
        "ratio": _finite(since.canary / since.stable) if since.stable > 0 else None,
        "ratio_interval": Interval(low=_finite(low), high=_finite(high)),
        "canary_pods": evidence.canary_pods,
        "stable_pods": evidence.stable_pods,
    }


def _finite(value: float) -> float | None:
    """Round for people; None for what no JSON can carry."""
    return _short(value) if math.isfinite(value) else None


def _short(value: float) -> float:
    """Round for people; the packed evidence keeps every digit."""
    return round(value, DIGITS)
