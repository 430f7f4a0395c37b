"""A ReleaseMetric and what was read of it, in the judge's own terms. Pure.

What stable counted in the minutes before a release is no evidence. It says where bets are placed
and how far numbers of one version scatter.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from controller.api.metric import Gauge
from controller.api.plan import Analysis
from controller.api.release import MetricRule
from controller.judge import (
    Arm,
    Classic,
    CountsEvidence,
    CountsLook,
    CountsMetric,
    GaugeLook,
    GaugeMetric,
    HistogramLook,
    HistogramMetric,
    Metric,
    Plan,
    Pod,
    PodBuckets,
    PodCounts,
    PodHistory,
    Pods,
    jumped,
    kinds,
    noisy_pods,
)
from controller.judge.gauge_look import Measure
from controller.judge.quantities import Unit
from controller.metrics.reader import BAD, ArmLook, GaugePast, GaugeReading, Look, Past, PodValue

SECONDS = {"Seconds": 1.0, "Milliseconds": 0.001}


def plan_of(analysis: Analysis) -> Plan:
    """Return how a release is judged."""
    return Plan(
        false_rollback=float(analysis.false_rollback),
        false_promotion=float(analysis.false_promotion),
        pods=Pods(analysis.pods),
        # A look that waits for the next one would double the time until a bad canary is gone.
        one_look_late=False,
    )


def metric_of(
    rule: MetricRule,
    analysis: Analysis,
    past: Past | GaugePast | None = None,
    left_out: tuple[str, ...] = (),
) -> Metric:
    """Return what is asked of a metric; stable's pods `left_out` are no baseline.

    Without a past every look at a histogram is refused, and a gauge only advises.
    """
    if rule.spec.gauge is not None:
        known = past if isinstance(past, GaugePast) else None
        return _gauge(rule, rule.spec.gauge, analysis, known)
    past = past if isinstance(past, Past) else None
    relative, absolute = float(rule.spec.margin.relative), float(rule.spec.margin.absolute)
    if rule.spec.histogram is not None:
        return HistogramMetric(
            name=rule.name,
            required=rule.required,
            safe_relative=relative,
            safe_absolute=absolute,
            seconds=SECONDS[rule.spec.histogram.unit],
            history=_buckets(past) if past is not None else None,
        )
    history = _counts(past) if past is not None else {}
    baseline = [pod for name, pod in history.items() if name not in left_out]
    return CountsMetric(
        name=rule.name,
        required=rule.required,
        safe_relative=relative,
        safe_absolute=absolute,
        slo=float(rule.spec.slo) if rule.spec.slo else 1.0,
        prior_bad=math.fsum(math.fsum(pod.bad) for pod in baseline),
        prior_total=math.fsum(math.fsum(pod.total) for pod in baseline),
        history=history,
        # A gateway draws the version of each request by the weight.
        routed=True,
    )


def noisy(rule: MetricRule, past: Past | GaugePast | None) -> tuple[str, ...]:
    """Return the stable pods that failed too much before the release to be compared with."""
    if rule.spec.counts is None or not isinstance(past, Past):
        return ()
    return noisy_pods(PodHistory(past.pods, _bad(past), past.counts.sum(axis=2)))


def look_of(rule: MetricRule, look: Look | GaugeReading, left_out: tuple[str, ...]) -> kinds.Look:
    """Return a look without what stable's pods `left_out` counted."""
    if isinstance(look, GaugeReading):
        return GaugeLook(look.end, _pods(look.canary), _pods(look.stable))
    canary, stable = look.canary, look.stable
    if rule.spec.histogram is not None:
        return HistogramLook(Classic.of(canary.buckets), Classic.of(stable.buckets))
    counts = CountsLook(
        canary=Arm(canary.bad, canary.total),
        stable=_without(stable, left_out),
        pods={pod: Arm(bad, total) for pod, (bad, total) in canary.pods.items()},
        stable_pods=len(stable.pods.keys() - set(left_out)),
    )
    return (counts,)


def is_at_edge(
    evidence: kinds.Gathered, look: Look | GaugeReading, left_out: tuple[str, ...]
) -> bool:
    """Tell whether stable's own share of bad requests has just jumped.

    Then an incident begins or ends for both versions, and the look may hold its edge for one only.
    One that begins is seen late where stable was scraped just before it: nobody waits for that.
    """
    if not isinstance(evidence, CountsEvidence) or not isinstance(look, Look):
        return False
    before, now = (_without(arm, left_out) for arm in (look.before, look.stable))
    return jumped(before, now, evidence.question.noise.phi)


def _without(stable: ArmLook, left_out: tuple[str, ...]) -> Arm:
    """Return stable's requests without those of some pods."""
    out = [arm for pod, arm in stable.pods.items() if pod in left_out]
    return Arm(
        stable.bad - sum(bad for bad, _ in out), stable.total - sum(total for _, total in out)
    )


def _gauge(
    rule: MetricRule, gauge: Gauge, analysis: Analysis, past: GaugePast | None
) -> GaugeMetric:
    history: Mapping[str, list[float | None]] = {}
    if past is not None:
        history = dict(zip(past.pods, past.values.T.tolist(), strict=True))
    return GaugeMetric(
        name=rule.name,
        required=rule.required,
        measure=Measure(gauge.measure.lower()),
        unit=Unit(gauge.unit.lower()),
        safe_relative=float(rule.spec.margin.relative),
        safe_absolute=float(rule.spec.margin.absolute),
        warm_up=analysis.warm_up.total_seconds(),
        history=history,
        history_seconds=past.seconds if past is not None else 15.0,
    )


def _pods(values: Sequence[PodValue]) -> tuple[Pod, ...]:
    return tuple(Pod(one.name, one.value, one.age, one.resources) for one in values)


def _bad(past: Past) -> NDArray[np.float64]:
    """Return stable's bad requests, by window and pod."""
    if BAD not in past.parts:
        return np.zeros(past.counts.shape[:2])
    return past.counts[:, :, past.parts.index(BAD)]


def _counts(past: Past) -> Mapping[str, PodCounts]:
    bad, total = _bad(past).T.tolist(), past.counts.sum(axis=2).T.tolist()
    found = zip(past.pods, bad, total, strict=True)
    return {pod: PodCounts(mine, all_) for pod, mine, all_ in found}


def _buckets(past: Past) -> PodBuckets | None:
    """Return stable's buckets by rising bound; None where a bound is no number."""
    try:
        bounds = sorted({float(part) for part in past.parts})
    except ValueError:
        return None
    at = np.array([bounds.index(float(part)) for part in past.parts])
    merged = np.zeros((*past.counts.shape[:2], len(bounds)))
    for part, bound in enumerate(at):
        merged[:, :, bound] += past.counts[:, :, part]
    pods = zip(past.pods, merged.transpose(1, 0, 2).tolist(), strict=True)
    return PodBuckets(bounds, dict(pods))
