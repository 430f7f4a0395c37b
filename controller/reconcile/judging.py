"""What was read of every metric, judged on top of the evidence that a release's status holds. Pure.

Leaves out: reading (looks.py), what is asked of a kind of metric (questions.py), and how evidence
is shown (metricstatus.py).
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

import structlog

from controller.api.plan import Analysis
from controller.api.release import Exposure, MetricRule, MetricStatus, Release
from controller.judge import (
    Classic,
    CountsAtWeight,
    CountsEvidence,
    HistogramEvidence,
    HistogramLook,
    Judgement,
    MetricEvidence,
    Refused,
    Verdict,
    explain,
    judge,
)
from controller.metrics.reader import Look, NoEvidence, Past
from controller.reconcile.metricstatus import Grown, Here, Kept, describe
from controller.reconcile.questions import counts_look, counts_question, latency_question
from controller.release.facts import Judged, Problem

log = structlog.get_logger()

# Nothing is wrong, there is just nothing new yet: these do not hold a release.
PATIENT = frozenset({"TooEarly", "WarmingUp"})
T = TypeVar("T")
KEPT: dict[str, Callable[[str], Kept]] = {
    "Counts": CountsEvidence.unpack,
    "Histogram": HistogramEvidence.unpack,
}
HERE: dict[str, Callable[[str], Here]] = {
    "Counts": CountsAtWeight.unpack,
    "Histogram": HistogramEvidence.unpack,
}
ReadPast = Callable[[MetricRule], Past | None]


def judge_look(
    release: Release, answers: Mapping[str, Look | NoEvidence], past: ReadPast, now: datetime
) -> Judged | None:
    """Judge what was read of every metric, by its name, on top of the evidence that is stored.

    `past` is asked for what stable counted before, where a metric's evidence begins. None: no
    metric has a new sample yet.
    """
    status, rules = release.status, release.spec.rules
    before = {metric.name: metric for metric in status.metrics}
    if all(isinstance(a, NoEvidence) and a.reason == "TooEarly" for a in answers.values()):
        return None
    grown = {
        rule.name: _grow(rule, rules.analysis, before.get(rule.name), answers[rule.name], past)
        for rule in rules.metrics
    }
    judgement = judge(
        [found.metric for found in grown.values()],
        false_rollback=float(rules.analysis.false_rollback),
        false_promotion=float(rules.analysis.false_promotion),
    )
    metrics = tuple(
        describe(before.get(name), found, answers[name], judgement, len(grown))
        for name, found in grown.items()
    )
    refused = {name: found.refused for name, found in grown.items() if found.refused}
    return Judged(
        verdict=judgement.verdict.value,
        metrics=metrics,
        next=now + rules.analysis.look,
        exposure=_exposed(status.exposure, rules.metrics, answers),
        problem=_problem(release, answers, refused) or _held(judgement),
        cause="; ".join(
            explain(grown[name].metric, metrics=len(grown)) for name in judgement.culprits
        )
        if judgement.verdict is Verdict.REGRESSED
        else "",
    )


def _grow(
    rule: MetricRule,
    analysis: Analysis,
    before: MetricStatus | None,
    answer: Look | NoEvidence,
    past: ReadPast,
) -> Grown:
    """Add a look to the evidence of one metric, over the release and at this weight."""
    evidence = _unpacked(KEPT[_kind(rule)], before.evidence) if before else None
    left_out = before.left_out if before else ()
    if evidence is None:
        # A look without data fixes nothing: Prometheus may not have answered about the past either.
        known = past(rule) if isinstance(answer, Look) else None
        evidence, left_out = _begun(rule, analysis, before, known)
    current: Here | None = None
    if before and before.looks_at_weight:
        current = _unpacked(HERE[_kind(rule)], before.current)
    current = current or _begun_here(evidence)
    refused = None
    if isinstance(answer, Look):
        grown, here = _after(evidence, current, answer, left_out)
        if isinstance(grown, Refused) or isinstance(here, Refused):
            refused = grown if isinstance(grown, Refused) else None
        else:
            evidence, current = grown, here
    metric = MetricEvidence(rule.name, rule.required, evidence, current)
    return Grown(metric, evidence, current, left_out, refused)


def _kind(rule: MetricRule) -> str:
    return "Histogram" if rule.spec.histogram is not None else "Counts"


def _begun(
    rule: MetricRule, analysis: Analysis, before: MetricStatus | None, past: Past | None
) -> tuple[Kept, tuple[str, ...]]:
    """Return the evidence before its first look, and stable's pods that are no baseline.

    Where some was lost it begins with less capital.
    """
    kept = (before.log_e_regressed, before.log_e_safe) if before and before.evidence else None
    if rule.spec.histogram is not None:
        latency = latency_question(rule, analysis, past)
        if kept is None:
            return HistogramEvidence.start(latency), ()
        return HistogramEvidence.again(latency, *kept), ()
    counts, left_out = counts_question(rule, analysis, past)
    if kept is None:
        return CountsEvidence.start(counts), left_out
    return CountsEvidence.again(counts, *kept), left_out


def _begun_here(evidence: Kept) -> Here:
    """Return what is known of a metric at a weight before the first look at it."""
    if isinstance(evidence, HistogramEvidence):
        return HistogramEvidence.start(evidence.question)
    return CountsAtWeight.start(evidence.question)


def _after(
    evidence: Kept, current: Here, answer: Look, left_out: tuple[str, ...]
) -> tuple[Kept | Refused, Here | Refused]:
    """Return both with one more look, or why it is no evidence."""
    if isinstance(evidence, HistogramEvidence) and isinstance(current, HistogramEvidence):
        slower = HistogramLook(
            canary=Classic.of(answer.canary.buckets), stable=Classic.of(answer.stable.buckets)
        )
        return evidence.after(slower), current.after(slower)
    if isinstance(evidence, CountsEvidence) and isinstance(current, CountsAtWeight):
        counts = counts_look(answer, left_out)
        return evidence.after(counts), current.after(counts)
    raise TypeError(f"{type(evidence).__name__} and {type(current).__name__} are of two kinds")


def _unpacked(unpack: Callable[[str], T], text: str) -> T | None:
    """Return packed evidence; None where there is none or it cannot be read any more."""
    try:
        return unpack(text) if text else None
    except ValueError as error:
        log.warning(
            "evidence is lost, the metric starts again at a smaller stake", error=str(error)
        )
        return None


def _problem(
    release: Release, answers: Mapping[str, Look | NoEvidence], refused: Mapping[str, Refused]
) -> Problem | None:
    """Return why the required metrics gave no evidence; patience is no problem."""
    patient = False
    for rule in release.spec.rules.metrics:
        answer, bad = answers[rule.name], refused.get(rule.name)
        if not rule.required:
            continue
        if bad is not None:
            return Problem(bad.reason, f"{rule.name}: {bad.message}")
        if isinstance(answer, NoEvidence) and answer.reason not in PATIENT:
            return Problem(answer.reason, f"{rule.name}: {answer.message}")
        patient = patient or isinstance(answer, NoEvidence)
    looks = release.status.looks
    return Problem(looks.problem, looks.message) if patient and looks.problem else None


def _held(judgement: Judgement) -> Problem | None:
    """Return what forbids Safe although there is evidence; None where nothing does."""
    if judgement.verdict is Verdict.REGRESSED or not judgement.holds:
        return None
    return Problem("OnePodWorse", "; ".join(judgement.holds))


def _exposed(
    before: Exposure, rules: tuple[MetricRule, ...], answers: Mapping[str, Look | NoEvidence]
) -> Exposure:
    """Add the requests that met the canary, as the first required metric counts them.

    A metric that knows bad requests from good ones comes first.
    """
    required = sorted((r for r in rules if r.required), key=lambda r: r.spec.counts is None)
    answer = answers[required[0].name]
    if not isinstance(answer, Look):
        return before
    return Exposure(
        requests=before.requests + answer.canary.met, bad=before.bad + answer.canary.met_bad
    )
