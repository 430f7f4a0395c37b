"""What a plan finds at a traffic, by simulated releases that the real judge judges.

A release is lived through as the controller does it: the weight is eased in by the exposure, looks
wait for scrapes and for the warm-up, each look goes through `Trial.after`, and a step passes on
Safe once its hold is over. A version that fails every request, one that is slower, one that is as
good as stable: each gives a `Forecast`.

Promises: the same generator state gives the same forecasts; a release takes no more looks than fit
into its steps' `max_step_duration`.
Leaves out: what draws.py leaves out, looks that are dropped beside a jump of stable's errors, pods
that crash (they are found at once), approvals, and a gateway that is slow to follow.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from controller.judge.course import Course, Traffic
from controller.judge.draws import (
    HISTORY_LOOKS,
    HISTORY_SECONDS,
    Rates,
    Regression,
    Version,
    draw,
    look_at,
    rates,
    with_history,
)
from controller.judge.evidence import CountsEvidence
from controller.judge.exposure import (
    WORTH,
    is_safe,
    largest_weight,
    likely_extra,
    seconds_to_verdict,
)
from controller.judge.forecast import Forecast
from controller.judge.plan import CountsMetric, HistogramMetric, Metric, Plan
from controller.judge.trial import Trial
from controller.judge.verdict import Verdict

RUNS = 100
# Seconds until routes confirm a weight, Prometheus answers, and traffic is off a bad canary.
CONFIRM, QUERY, ROLLBACK = 0.5, 0.3, 1.0
WHOLE, SMALLEST = 100.0, 0.01  # of a weight, as in controller.release.easing
# What is tried where nothing else is asked for: times the rate at the margin, and times as slow.
TIMES_THE_MARGIN = (10.0, 3.0, 1.5, 1.0)
TIMES_AS_SLOW = (2.0, 1.5, 1.2)


@dataclass(frozen=True, slots=True)
class _Setting:
    """What all releases of a forecast have in common; `harm` is the share of requests hurt."""

    plan: Plan
    metrics: tuple[Metric, ...]
    course: Course
    traffic: Traffic
    canary: Rates
    stable: Rates
    harm: float


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a release ended, after how many seconds, and how many requests were hurt by then."""

    verdict: Verdict
    seconds: float
    hurt: float


def simulate(
    plan: Plan,
    metrics: Sequence[Metric],
    course: Course,
    traffic: Traffic,
    rng: "np.random.Generator",
    *,
    regressions: Sequence[Regression] | None = None,
    runs: int = RUNS,
) -> Iterator[Forecast]:
    """Yield a forecast for each regression, and last for a version that is like stable.

    Each is made of `runs` releases; a step of 100 % is not judged and left out. Without
    `regressions` it is `usual_regressions`. A histogram's requests are drawn from its `history`. A
    metric of counts that has a `history` keeps it; else one is drawn for each release. The
    controller judges with `Plan(one_look_late=False)`.

    Raises ValueError where a metric or a regression makes no sense, before the first forecast.
    """
    if runs < 1:
        raise ValueError(f"runs is {runs}; at least 1 release is simulated")
    if regressions is None:
        regressions = usual_regressions(metrics, traffic)
    settings = [
        (regression, _setting(plan, metrics, course, traffic, regression))
        for regression in (*regressions, Regression())
    ]
    Trial.start(plan, metrics)
    return _forecasts(settings, rng, runs)


def usual_regressions(metrics: Sequence[Metric], traffic: Traffic) -> tuple[Regression, ...]:
    """Return the regressions that tell a plan's reach: worst first, for each required metric.

    For counts every request is bad, then multiples of the rate that the margin still allows, down
    to that rate itself. For histograms every request is slower.
    """
    found: list[Regression] = []
    for metric in metrics:
        if isinstance(metric, HistogramMetric) and metric.required:
            found += [Regression(metric.name, slower=by) for by in TIMES_AS_SLOW]
        if isinstance(metric, CountsMetric) and metric.required:
            edge = (1.0 + metric.safe_relative) * traffic.bad + metric.safe_absolute
            rising = (round(edge * times, 6) for times in TIMES_THE_MARGIN)
            found += [Regression(metric.name, bad=p) for p in (1.0, *(p for p in rising if p < 1))]
    return tuple(found)


def eased(wanted: float, justified: float, ceiling: float) -> float:
    """Return the next weight, as the controller eases it in; see controller.release.easing."""
    target = min(ceiling, max(SMALLEST, math.floor(100 * justified) / 100))
    if wanted == 0.0:
        return target
    if target > wanted and WORTH * target >= ceiling:
        return ceiling
    stays = target < WORTH * wanted and wanted <= WORTH * target
    return wanted if stays else target


def _setting(
    plan: Plan, metrics: Sequence[Metric], course: Course, traffic: Traffic, asked: Regression
) -> _Setting:
    kinds = {metric.name: metric for metric in metrics}
    metric = kinds.get(asked.metric)
    if asked.metric and metric is None:
        raise ValueError(f"regression of {asked.metric}: there is no such metric")
    wrong = CountsMetric if asked.slower != 1.0 else HistogramMetric if asked.bad else None
    if wrong is not None and isinstance(metric, wrong):
        raise ValueError(f"regression of {asked.metric}: counts get bad, histograms get slower")
    if not 0.0 <= (asked.bad or 0.0) <= 1.0 or not 0.0 < asked.slower < math.inf:
        raise ValueError(f"regression of {asked.metric}: bad is a share, slower a factor above 0")
    harm = 0.0 if asked.slower == 1.0 else 1.0
    if asked.bad is not None:
        harm = asked.bad - traffic.bad
    canary, stable = (rates(metrics, traffic, each) for each in (asked, Regression()))
    return _Setting(plan, tuple(metrics), course, traffic, canary, stable, max(0.0, harm))


def _forecasts(
    settings: Sequence[tuple[Regression, _Setting]], rng: "np.random.Generator", runs: int
) -> Iterator[Forecast]:
    for regression, setting in settings:
        ended = [_Release(setting, rng).live() for _ in range(runs)]
        seconds = {
            verdict: tuple(sorted(one.seconds for one in ended if one.verdict is verdict))
            for verdict in Verdict
        }
        yield Forecast(
            regression=regression,
            stable=setting.traffic.bad,
            within=setting.course.max_step_duration,
            runs=runs,
            found=seconds[Verdict.REGRESSED],
            passed=seconds[Verdict.SAFE],
            hurt=tuple(one.hurt for one in ended),
        )


class _Release:
    """One release on its way: the clock, the weight, and what has been counted and judged."""

    def __init__(self, setting: _Setting, rng: "np.random.Generator") -> None:
        traffic = setting.traffic
        requests = traffic.rate * HISTORY_SECONDS
        past = draw(rng, setting.stable, requests, traffic.stable_pods, HISTORY_LOOKS)
        metrics = [with_history(metric, past) for metric in setting.metrics]
        self._setting, self._rng = setting, rng
        self._trial = Trial.start(setting.plan, metrics)
        self._phase = rng.uniform(0.0, traffic.scrape)
        self._now, self._met, self._weight = 0.0, 0.0, 0.0
        self._confirmed = 0.0  # when the present weight was
        self._window = 0.0  # where the next look begins
        self._due = 0.0
        self._counted: tuple[Version, Version] | None = None

    def live(self) -> _Ended:
        """Live from the first weight to the verdict, or to the end of a step without one."""
        for step in self._setting.course.steps:
            if step.weight >= WHOLE:
                break
            verdict = self._earn(step.weight, step.hold)
            if verdict is not Verdict.SAFE:
                return self._end(verdict)
        return self._end(Verdict.SAFE)

    def _earn(self, ceiling: float, hold: float) -> Verdict:
        """Live through one step; Inconclusive where it takes too long."""
        until = self._now + self._setting.course.max_step_duration
        self._move(self._next_weight(ceiling))
        while True:
            end = self._window_end()
            taken = max(self._due, end) + QUERY
            if taken > until:
                self._advance(until)
                return Verdict.INCONCLUSIVE
            self._advance(taken)
            self._due = taken + self._setting.course.look
            self._look(end)
            found = self._trial.judged().verdict
            if found is Verdict.REGRESSED:
                return found
            weight = self._next_weight(ceiling)
            if weight != self._weight:
                self._move(weight)
                continue
            passes = max(self._now, self._confirmed + hold)
            if found is Verdict.SAFE and weight == ceiling and passes < self._due:
                self._advance(passes)
                return found

    def _move(self, weight: float) -> None:
        """Bring the weight about; no look spans the change."""
        if weight == self._weight:
            return
        course = self._setting.course
        self._advance(self._now + CONFIRM)
        self._weight, self._confirmed = weight, self._now
        self._counted = None
        warming = max(0.0, course.warm_up - self._now)
        self._due = self._now + course.look * (1 + math.floor(warming / course.look))
        self._window = self._scrape_after(self._now + warming)

    def _window_end(self) -> float:
        """Return where the next look's window ends: at the newest scrape, if it brings anything."""
        scrape = self._setting.traffic.scrape
        if scrape == 0.0:
            return self._due
        last = self._phase + scrape * math.floor((self._due - self._phase) / scrape)
        return max(last, self._window + scrape)

    def _look(self, end: float) -> None:
        """Count what came since the last look and judge it."""
        seconds, share = end - self._window, self._weight / WHOLE
        traffic, setting = self._setting.traffic, self._setting
        requests = traffic.rate * seconds
        canary = draw(self._rng, setting.canary, requests * share, traffic.canary_pods)
        stable = draw(self._rng, setting.stable, requests * (1.0 - share), traffic.stable_pods)
        if self._counted is not None:
            canary, stable = self._counted[0].plus(canary), self._counted[1].plus(stable)
        self._window = end
        if not canary.total.sum() or not stable.total.sum():
            self._counted = canary, stable  # the next look covers it
            return
        self._counted = None
        looks = {metric.name: look_at(metric, canary, stable) for metric in setting.metrics}
        self._trial, _ = self._trial.after(share, looks)

    def _next_weight(self, ceiling: float) -> float:
        """Return the weight that the exposure allows now."""
        course, traffic = self._setting.course, self._setting.traffic
        seconds = seconds_to_verdict(course.look, traffic.scrape)
        seconds += max(0.0, course.warm_up - self._now)
        justified = WHOLE
        for metric in self._trial.metrics:
            evidence = metric.evidence
            if not metric.required or not isinstance(evidence, CountsEvidence):
                continue
            if is_safe(evidence, false_promotion=self._setting.plan.false_promotion):
                continue
            if math.isfinite(course.exposure):
                extra = likely_extra(evidence)
                at_most = largest_weight(
                    course.exposure, rate=traffic.rate, seconds=seconds, extra=extra
                )
                justified = min(justified, at_most)
        return eased(self._weight, justified, ceiling)

    def _advance(self, to: float) -> None:
        """Let time pass; the canary answers its share meanwhile."""
        self._met += self._setting.traffic.rate * self._weight / WHOLE * max(0.0, to - self._now)
        self._now = max(self._now, to)

    def _scrape_after(self, at: float) -> float:
        scrape = self._setting.traffic.scrape
        if scrape == 0.0:
            return at
        return self._phase + scrape * math.ceil((at - self._phase) / scrape)

    def _end(self, verdict: Verdict) -> _Ended:
        seconds = self._now
        if verdict is Verdict.REGRESSED:
            self._advance(self._now + ROLLBACK)
        return _Ended(verdict, seconds, self._met * self._setting.harm)
