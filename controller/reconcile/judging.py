"""What was read of every metric, judged on top of the evidence that a release's status holds. Pure.

Leaves out: reading (looks.py), what is asked of a kind of metric (questions.py), and how evidence
is shown (metricstatus.py).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

import structlog

from controller.api.release import Exposure, MetricRule, MetricStatus, Release
from controller.judge import (
    Judgement,
    Metric,
    MetricTrial,
    Refused,
    Verdict,
    explain,
    judge,
    kinds,
    questions,
)
from controller.metrics.reader import Answer, GaugePast, Look, NoEvidence, Past
from controller.reconcile.metricstatus import Grown, describe
from controller.reconcile.questions import is_at_edge, look_of, metric_of, noisy, plan_of
from controller.release.facts import Judged, Problem

log = structlog.get_logger()

# Nothing is wrong, there is just nothing new yet: these do not hold a release.
PATIENT = frozenset({"TooEarly", "WarmingUp"})
ReadPast = Callable[[MetricRule], Past | GaugePast | None]


def judge_look(
    release: Release, answers: Mapping[str, Answer], past: ReadPast, now: datetime
) -> Judged | None:
    """Judge what was read of every metric, by its name, on top of the evidence that is stored.

    `past` is asked for what stable counted before, where a metric's evidence begins. None: no
    metric has a new sample yet.
    """
    status, rules = release.status, release.spec.rules
    plan = plan_of(rules.analysis)
    before = {metric.name: metric for metric in status.metrics}
    if all(isinstance(a, NoEvidence) and a.reason == "TooEarly" for a in answers.values()):
        return None
    grown = {
        rule.name: _grow(release, rule, before.get(rule.name), answers[rule.name], past)
        for rule in rules.metrics
    }
    judgement = judge(
        [found.trial.metric for found in grown.values()],
        false_rollback=plan.false_rollback,
        false_promotion=plan.false_promotion,
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
        problem=_problem(release, answers, refused) or _held(judgement, grown),
        cause="; ".join(
            explain(grown[name].trial.metric, metrics=len(grown)) for name in judgement.culprits
        )
        if judgement.verdict is Verdict.REGRESSED
        else "",
    )


def _grow(
    release: Release,
    rule: MetricRule,
    before: MetricStatus | None,
    answer: Answer,
    past: ReadPast,
) -> Grown:
    """Add a look to what one metric has shown, over the release and at this weight."""
    left_out = before.left_out if before else ()
    trial = _stored(release, rule, before) if before and before.evidence else None
    if trial is None:
        # A look without data fixes nothing: Prometheus may not have answered about the past either.
        known = past(rule) if not isinstance(answer, NoEvidence) else None
        left_out = noisy(rule, known)
        analysis = release.spec.rules.analysis
        trial = _begun(release, before, metric_of(rule, analysis, known, left_out))
    refused, at_edge = None, False
    if not isinstance(answer, NoEvidence):
        at_edge = is_at_edge(trial.evidence, answer, left_out)
        trial, refused = trial.after(look_of(rule, answer, left_out), at_edge=at_edge)
    return Grown(trial, left_out, refused, at_edge)


def _begun(release: Release, before: MetricStatus | None, metric: Metric) -> MetricTrial:
    """Return a metric before its first look; with less capital where its evidence is lost."""
    rules = release.spec.rules
    plan = plan_of(rules.analysis)
    # Gauges share a part of falseRollback, so what is asked of one depends on which others are.
    others = [metric_of(rule, rules.analysis) for rule in rules.metrics if rule.name != metric.name]
    question, *_ = questions(plan, [metric, *others])
    trial = MetricTrial.start(plan, metric, question)
    if before is None or not before.evidence:
        return trial
    evidence = kinds.again(question, before.log_e_regressed, before.log_e_safe)
    return replace(trial, evidence=evidence)


def _stored(release: Release, rule: MetricRule, before: MetricStatus) -> MetricTrial | None:
    """Return the metric as its status has it; None where that cannot be read any more."""
    try:
        evidence = kinds.unpack(before.evidence)
    except ValueError as error:
        log.warning(
            "evidence is lost, the metric starts again at a smaller stake", error=str(error)
        )
        return None
    question = evidence.question
    current = kinds.start_here(question)
    if before.looks_at_weight:
        try:
            current = kinds.unpack_here(before.current, question)
        except ValueError as error:
            log.warning("what was seen at this weight is lost and seen again", error=str(error))
    analysis = release.spec.rules.analysis
    trial = MetricTrial.start(plan_of(analysis), metric_of(rule, analysis), question)
    return replace(trial, evidence=evidence, current=current)


def _problem(
    release: Release, answers: Mapping[str, Answer], refused: Mapping[str, Refused]
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


def _held(judgement: Judgement, grown: Mapping[str, Grown]) -> Problem | None:
    """Return what forbids Safe although there is evidence; None where nothing does."""
    if judgement.verdict is Verdict.REGRESSED or not judgement.holds:
        return None
    over = any(found.trial.current.breach for found in grown.values())
    return Problem("OverSlo" if over else "OnePodWorse", "; ".join(judgement.holds))


def _exposed(
    before: Exposure, rules: tuple[MetricRule, ...], answers: Mapping[str, Answer]
) -> Exposure:
    """Add the requests that met the canary, as the first metric that counts them does.

    A required one comes first, and then one that knows bad requests from good ones.
    """
    counting = [rule for rule in rules if rule.spec.gauge is None]
    counting.sort(key=lambda rule: (not rule.required, rule.spec.counts is None))
    answer = answers[counting[0].name] if counting else None
    if not isinstance(answer, Look):
        return before
    return Exposure(
        requests=before.requests + answer.canary.met, bad=before.bad + answer.canary.met_bad
    )
