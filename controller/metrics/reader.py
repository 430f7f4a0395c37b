"""Reads one ReleaseMetric of one release from Prometheus. What the rest of the controller calls.

Each call is one query, or none where it is plain without one that there can be no evidence. Clocks:
`since` and the ends of looks are Prometheus time, everything else is the controller's and the
cluster's; they are taken for equal within seconds, and ClocksDiffer says when they are not.
"""

from collections.abc import Mapping
from dataclasses import replace

from controller.api.metric import ReleaseMetricSpec
from controller.metrics.arms import Arms, PodRef
from controller.metrics.counters import measured_scrape_interval
from controller.metrics.evidence import ArmLook, Look, NoEvidence, Past, Samples, Series
from controller.metrics.look import Bounds, count_past, take_look, warming_up
from controller.metrics.metric import BAD, assign, build_query, check_metric, compile_metric
from controller.metrics.prometheus import Prometheus
from controller.metrics.selector import SelectorError

__all__ = [
    "BAD",
    "MAX_WINDOW",
    "ArmLook",
    "Arms",
    "Look",
    "NoEvidence",
    "Past",
    "PodRef",
    "Prometheus",
    "Samples",
    "Series",
    "check_metric",
    "measured_scrape_interval",
    "read_look",
    "read_past",
]

# After an outage a look covers what was missed, but not without bound.
MAX_WINDOW = 3600.0
# Read before the window: two scrapes of up to a minute, to tell dips and new series, and 30 s for
# clocks that differ.
_LOOKBACK = 150.0


def read_look(
    prometheus: Prometheus,
    spec: ReleaseMetricSpec,
    arms: Arms,
    matchers: Mapping[str, str],
    since: float,
    warm_up: float,
    now: float,
    *,
    changed: float = 0.0,
) -> Look | NoEvidence:
    """Return both arms' requests since the end of the last look.

    `since` is the end of the last look in Prometheus time; before the first look, the moment when
    the canary was given its first weight. `changed` is when the present weight was confirmed: what
    came before it counts as met, but is not judged. `matchers` are the plan's; `warm_up` is in
    seconds. Without a look, ask again with the same `since`, and nothing is lost for an hour.
    """
    try:
        metric = compile_metric(spec)
    except SelectorError as error:
        return NoEvidence("MetricInvalid", str(error))
    problem = warming_up(arms, spec.per, warm_up, now)
    if problem is not None:
        return problem
    since = max(since, now - MAX_WINDOW)
    query = build_query(metric, arms, matchers)
    samples = prometheus.range_samples(query.text, window=max(now - since, 0.0) + _LOOKBACK)
    if isinstance(samples, NoEvidence):
        return samples
    readings = assign(samples.series, metric, query, arms)
    if isinstance(readings, NoEvidence):
        return readings
    bounds = Bounds(since=since, changed=changed, warm_up=warm_up, now=now)
    return take_look(samples, readings, arms, bounds)


def read_past(
    prometheus: Prometheus,
    spec: ReleaseMetricSpec,
    arms: Arms,
    matchers: Mapping[str, str],
    *,
    now: float,
    seconds: float = 900.0,
) -> Past | NoEvidence:
    """Return what stable counted in the `seconds` before `now`.

    The judge begins with it. `now` may be past: the moment when the canary got its first weight.
    """
    try:
        metric = compile_metric(spec)
    except SelectorError as error:
        return NoEvidence("MetricInvalid", str(error))
    arms = replace(arms, canary=())
    if not arms.stable:
        return NoEvidence("NoPods", "there is no stable pod whose requests could be read")
    query = build_query(metric, arms, matchers)
    samples = prometheus.range_samples(query.text, window=seconds + _LOOKBACK, at=now)
    if isinstance(samples, NoEvidence):
        return samples
    readings = assign(samples.series, metric, query, arms)
    if isinstance(readings, NoEvidence):
        return readings
    return count_past(samples, readings, arms, seconds=seconds, now=now)
