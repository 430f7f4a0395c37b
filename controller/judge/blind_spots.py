"""What a plan can never see, and what it can never show, each with the way out.

Promises: every remark names the field that it is about, as a plan or a metric writes it. Without a
remark a plan is not without blind spots: what holds for every comparison of two versions stands in
docs/judge.md.
Leaves out: how soon something is found (simulation.py), and what the API server refuses anyway.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from controller.judge import kinds, words
from controller.judge.counts import CountsQuestion
from controller.judge.course import Course, Traffic
from controller.judge.foresight import need_until_safe
from controller.judge.gauge_chance import arrangements
from controller.judge.gauge_history import LEAST_PODS
from controller.judge.gauge_look import GaugeQuestion
from controller.judge.kinds import Question
from controller.judge.numbers import NumberQuestion
from controller.judge.plan import (
    CountsMetric,
    HistogramMetric,
    Metric,
    Plan,
    questions,
)

LEAST_LAST_WEIGHT = 50.0  # percent: beyond it a fault that comes with load had its chance to show
OFTEN = 600.0  # seconds: faults that come once in so long are to be met by some step
WIDE = 2.0  # times stable's rate that a margin lets pass


@dataclass(frozen=True, slots=True)
class Remark:
    """One blind spot: the field that it comes from, and a sentence with the way out."""

    field: str
    message: str

    def __str__(self) -> str:
        """Return both in a line."""
        return f"{self.field}: {self.message}"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is examined. `pairs` are the metrics with their questions."""

    plan: Plan
    course: Course
    traffic: Traffic
    pairs: Sequence[tuple[Metric, Question]]


def lint(
    plan: Plan, metrics: Sequence[Metric], course: Course, traffic: Traffic
) -> tuple[Remark, ...]:
    """Return what the plan cannot see at this traffic; raises ValueError as `questions` does."""
    asked = _Asked(plan, course, traffic, list(zip(metrics, questions(plan, metrics), strict=True)))
    return tuple(remark for rule in RULES for remark in rule(asked))


def _levels(asked: _Asked) -> Iterator[Remark]:
    for field, level, verdict in (
        ("analysis.falseRollback", asked.plan.false_rollback, "Regressed"),
        ("analysis.falsePromotion", asked.plan.false_promotion, "Safe"),
    ):
        if level == 0.0:
            yield Remark(
                field,
                f"at 0 no evidence is ever enough for {verdict}; write a probability such as 0.01",
            )


def _kinds(asked: _Asked) -> Iterator[Remark]:
    metrics = [metric for metric, _ in asked.pairs]
    if not any(isinstance(metric, HistogramMetric) for metric in metrics):
        yield Remark(
            "analysis.metrics",
            "none is a histogram of latency, so a version that answers slowly and without errors "
            "is never found; add one",
        )
    counts = [metric for metric in metrics if isinstance(metric, CountsMetric)]
    if not counts:
        yield Remark(
            "analysis.metrics",
            "none counts bad requests, so a version that fails fast is never found; add one",
        )
    if not any(metric.required for metric in counts):
        yield Remark(
            "exposure",
            "no required metric counts bad requests, so nothing bounds how many are hurt and every "
            "step begins at its whole weight; require one that does",
        )
    if not any(metric.slo < 1.0 for metric in counts):
        yield Remark(
            "slo",
            "no metric has one, so a canary that harms both versions alike, as by a "
            "database that they share, shows in no comparison; set it on a metric that counts",
        )


def _pods(asked: _Asked) -> Iterator[Remark]:
    if asked.traffic.canary_pods == 1:
        yield Remark(
            "steps[0].weight",
            "the canary has one pod there, so a noisy node under it cannot be told from a "
            "regression; raise the weight or the Deployment's replicas, so that it has 2 or more",
        )


def _gauges(asked: _Asked) -> Iterator[Remark]:
    canary, stable = asked.traffic.canary_pods, asked.traffic.stable_pods
    for metric, question in asked.pairs:
        if not isinstance(question, GaugeQuestion):
            continue
        ways, needed = arrangements(canary, stable), math.ceil(1.0 / question.share)
        if stable < LEAST_PODS:
            why = f"{stable} stable pods, {LEAST_PODS} are needed to tell how far pods differ"
        elif ways < needed:
            why = (
                f"{canary} canary pods and {stable} of stable can rank in {ways} ways, {needed} "
                "are needed"
            )
        else:
            continue
        yield _only_advises(metric, why, "run more replicas, or raise the first step's weight")


def _advisory(asked: _Asked) -> Iterator[Remark]:
    for metric, question in asked.pairs:
        why = kinds.start(question).advisory
        if isinstance(question, CountsQuestion) and why:
            way_out = "run 3 or more, or let a gateway draw each request's version by the weight"
            yield _only_advises(metric, why, way_out)
        if isinstance(question, NumberQuestion) and why:
            yield _only_advises(metric, why, "count requests, measure per pod, or insist on it")


def _only_advises(metric: Metric, why: str, way_out: str) -> Remark:
    cost = "no step is ever earned" if metric.required else "it takes no release back"
    return Remark(
        f"analysis.metrics[{metric.name}]",
        f"the metric only advises, so {cost}: {why}; {way_out}",
    )


def _margins(asked: _Asked) -> Iterator[Remark]:
    bad = asked.traffic.bad
    for metric, question in asked.pairs:
        if not isinstance(question, CountsQuestion):
            continue
        edge = float(question.safe_null.at(bad))
        if edge > WIDE * bad:
            yield Remark(
                f"margin of {metric.name}",
                f"up to {words.percent(edge)} bad requests pass as Safe beside "
                f"{words.percent(bad)} on stable, and a regression within that need not be found; "
                "lower margin.absolute, which takes more requests",
            )


def _reach(asked: _Asked) -> Iterator[Remark]:
    """Name required counts that the first step gives too few requests for."""
    course, traffic = asked.course, asked.traffic
    share = course.steps[0].weight / 100.0
    for metric, question in asked.pairs:
        if not isinstance(question, CountsQuestion) or not metric.required:
            continue
        if asked.plan.false_promotion == 0.0 or share >= 1.0:
            continue
        need = need_until_safe(
            question,
            stable_rate=traffic.bad,
            share=share,
            rate=traffic.rate,
            false_promotion=asked.plan.false_promotion,
        )
        if need.seconds <= course.max_step_duration:
            continue
        given = traffic.rate * share * course.max_step_duration
        yield Remark(
            "analysis.maxStepDuration",
            f"{metric.name} {need}, and in {words.duration(course.max_step_duration)} the step "
            f"gives {given:,.0f}; raise the first step's weight, widen the metric's margin, raise "
            "falsePromotion or maxStepDuration",
        )


def _time(asked: _Asked) -> Iterator[Remark]:
    course = asked.course
    longest = max(step.hold for step in course.steps)
    if longest < OFTEN:
        yield Remark(
            "steps[].hold",
            f"no step holds longer than {words.duration(longest)}, so a fault that comes and goes, "
            "and stays away for longer, can be missed; hold one step at least as long as the "
            "period that you care about",
        )
    if course.warm_up > 0.0:
        yield Remark(
            "analysis.warmUp",
            f"requests of a pod's first {words.duration(course.warm_up)} are not judged, so a "
            "version that fails only while it is young is never found, other than by crashes; "
            "shorten it to what your pods need",
        )


def _weights(asked: _Asked) -> Iterator[Remark]:
    last = max((step.weight for step in asked.course.steps if step.weight < 100.0), default=0.0)
    if asked.course.steps[-1].weight >= 100.0:
        yield Remark(
            "steps[-1].weight",
            "at 100 % no stable pod gets requests, so nothing is compared: hold, pod health and "
            "slo decide alone; put what has to be compared into a step of 90 % at most",
        )
    if last < LEAST_LAST_WEIGHT:
        yield Remark(
            "steps[-1].weight",
            f"nothing is compared beyond {last:g} %, so a fault that begins with more load meets "
            "all users; add a step of 50 to 90 %",
        )


Rule = Callable[[_Asked], Iterator[Remark]]
RULES: tuple[Rule, ...] = (
    _levels,
    _kinds,
    _pods,
    _gauges,
    _advisory,
    _margins,
    _reach,
    _time,
    _weights,
)
