"""One metric's evidence as its status shows it: numbers, words, and the packed judge's state."""

from typing import Literal

from controller.api.release import Interval, MetricStatus
from controller.judge import CountsEvidence, Judgement, MetricEvidence, Refused, explain
from controller.metrics.reader import Look, NoEvidence

State = Literal["Waiting", "Inconclusive", "Safe", "Regressed"]
DIGITS = 6


def describe(
    before: MetricStatus | None,
    found: MetricEvidence,
    answer: Look | NoEvidence,
    refused: Refused | None,
    judgement: Judgement,
    metrics: int,
) -> MetricStatus:
    """Return the status of one metric after a look, or after an attempt at one."""
    evidence, current = found.evidence, found.current
    if not isinstance(evidence, CountsEvidence) or not isinstance(current, CountsEvidence):
        raise TypeError(f"metric {found.name}: no status is defined for {type(evidence).__name__}")
    until = answer.end if isinstance(answer, Look) and refused is None else None
    if until is None:
        until = before.until if before else 0.0
    if evidence.looks == 0:
        why = answer.message if isinstance(answer, NoEvidence) else ""
        why = refused.message if refused else why
        return MetricStatus(
            name=found.name,
            required=found.required,
            message=f"{found.name}: {why}"[:1024],
            until=until,
            # Nothing is fixed yet; what cannot be read stays, so that it is known to be lost.
            evidence=before.evidence if before else "",
            log_e_regressed=before.log_e_regressed if before else 0.0,
            log_e_safe=before.log_e_safe if before else 0.0,
        )
    interval = evidence.interval()
    return MetricStatus(
        name=found.name,
        required=found.required,
        state=_state(found, judgement),
        message=explain(found, metrics=metrics),
        canary=_short(evidence.canary_rate),
        stable=_short(evidence.stable_rate),
        ratio=None if interval.point is None else _short(interval.point),
        ratio_interval=Interval(
            low=_short(interval.low),
            high=None if interval.high is None else _short(interval.high),
        ),
        canary_requests=evidence.canary.total,
        canary_bad=evidence.canary.bad,
        stable_requests=evidence.stable.total,
        stable_bad=evidence.stable.bad,
        log_e_regressed=_short(evidence.log_e_regressed),
        log_e_safe=_short(evidence.log_e_safe),
        looks=evidence.looks,
        looks_at_weight=current.looks,
        until=until,
        evidence=evidence.pack(),
        current=current.pack(),
    )


def _state(found: MetricEvidence, judgement: Judgement) -> State:
    if found.name in judgement.culprits:
        return "Regressed"
    if found.required and found.name not in judgement.waiting_for:
        return "Safe"
    return "Inconclusive"


def _short(value: float) -> float:
    """Round for people; the packed evidence keeps every digit."""
    return round(value, DIGITS)
