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
from controller.metrics.evidence import (
    Answer,
    ArmLook,
    GaugePast,
    GaugeReading,
    Look,
    NoEvidence,
    Past,
    PodValue,
    Samples,
    Series,
)
from controller.metrics.gauges import gauge_past, take_gauge
from controller.metrics.look import Bounds, count_past, take_look, warming_up
from controller.metrics.metric import (
    BAD,
    Metric,
    Readings,
    assign,
    build_query,
    check_metric,
    compile_metric,
)
from controller.metrics.prometheus import Prometheus
from controller.metrics.selector import SelectorError

__all__ = [
    "BAD",
    "MAX_WINDOW",
    "Answer",
    "ArmLook",
    "Arms",
    "GaugePast",
    "GaugeReading",
    "Look",
    "NoEvidence",
    "Past",
    "PodRef",
    "PodValue",
    "Prometheus",
    "Samples",
    "Series",
    "check_metric",
    "measured_scrape_interval",
    "read_gauge",
    "read_gauge_past",
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
    """Return both arms' requests since the end of the last look; `spec` counts requests.

    `since` is the end of the last look in Prometheus time; before the first look, the moment when
    the canary was given its first weight. `changed` is when the present weight was confirmed: what
    came before it counts as met, but is not judged. `matchers` are the plan's; `warm_up` is in
    seconds. Without a look, ask again with the same `since`, and nothing is lost for an hour.
    """
    bounds = Bounds(since=max(since, now - MAX_WINDOW), changed=changed, warm_up=warm_up, now=now)
    found = _read_both(prometheus, spec, arms, matchers, bounds)
    return found if isinstance(found, NoEvidence) else take_look(*found, arms, bounds)


def read_gauge(
    prometheus: Prometheus,
    spec: ReleaseMetricSpec,
    arms: Arms,
    matchers: Mapping[str, str],
    since: float,
    warm_up: float,
    now: float,
    *,
    changed: float = 0.0,
) -> GaugeReading | NoEvidence:
    """Return the gauge of both arms' pods since the end of the last look; `spec` is a gauge's.

    Arguments are those of `read_look`; nothing from before `changed` is read.
    """
    bounds = Bounds(since=max(since, now - MAX_WINDOW), changed=changed, warm_up=warm_up, now=now)
    found = _read_both(prometheus, spec, arms, matchers, bounds)
    return found if isinstance(found, NoEvidence) else take_gauge(*found, arms, bounds)


def read_past(
    prometheus: Prometheus,
    spec: ReleaseMetricSpec,
    arms: Arms,
    matchers: Mapping[str, str],
    *,
    now: float,
    seconds: float = 900.0,
) -> Past | NoEvidence:
    """Return what stable counted in the `seconds` before `now`; `spec` counts requests.

    The judge begins with it. `now` may be past: the moment when the canary got its first weight.
    """
    arms = replace(arms, canary=())
    found = _read_stable(prometheus, spec, arms, matchers, now=now, seconds=seconds)
    if isinstance(found, NoEvidence):
        return found
    return count_past(*found, arms, seconds=seconds, now=now)


def read_gauge_past(
    prometheus: Prometheus,
    spec: ReleaseMetricSpec,
    arms: Arms,
    matchers: Mapping[str, str],
    *,
    now: float,
    warm_up: float,
    seconds: float = 900.0,
) -> GaugePast | NoEvidence:
    """Return the gauge of stable's pods in the `seconds` before `now`; `spec` is a gauge's.

    What is from a pod's first `warm_up` seconds is left out. `now` may be past.
    """
    arms = replace(arms, canary=())
    found = _read_stable(prometheus, spec, arms, matchers, now=now, seconds=seconds)
    if isinstance(found, NoEvidence):
        return found
    return gauge_past(*found, arms, seconds=seconds, warm_up=warm_up, now=now)


def _read_both(
    prometheus: Prometheus,
    spec: ReleaseMetricSpec,
    arms: Arms,
    matchers: Mapping[str, str],
    bounds: Bounds,
) -> tuple[Samples, Readings] | NoEvidence:
    """Ask for both arms' series, once any pod may be judged."""
    metric = _compiled(spec)
    if isinstance(metric, NoEvidence):
        return metric
    problem = warming_up(arms, spec.per, bounds.warm_up, bounds.now)
    window = max(bounds.now - bounds.since, 0.0) + _LOOKBACK
    return problem or _ask(prometheus, metric, arms, matchers, window)


def _read_stable(
    prometheus: Prometheus,
    spec: ReleaseMetricSpec,
    arms: Arms,
    matchers: Mapping[str, str],
    *,
    now: float,
    seconds: float,
) -> tuple[Samples, Readings] | NoEvidence:
    """Ask for the series of stable as they were at a moment; `arms` has no canary."""
    metric = _compiled(spec)
    if isinstance(metric, NoEvidence):
        return metric
    if not arms.stable:
        return NoEvidence("NoPods", "there is no stable pod whose metrics could be read")
    return _ask(prometheus, metric, arms, matchers, seconds + _LOOKBACK, at=now)


def _compiled(spec: ReleaseMetricSpec) -> Metric | NoEvidence:
    try:
        return compile_metric(spec)
    except SelectorError as error:
        return NoEvidence("MetricInvalid", str(error))


def _ask(
    prometheus: Prometheus,
    metric: Metric,
    arms: Arms,
    matchers: Mapping[str, str],
    window: float,
    *,
    at: float | None = None,
) -> tuple[Samples, Readings] | NoEvidence:
    """Send the one query of a metric, and give each series to its arm."""
    query = build_query(metric, arms, matchers)
    samples = prometheus.range_samples(query.text, window=window, at=at)
    if isinstance(samples, NoEvidence):
        return samples
    readings = assign(samples.series, metric, query, arms)
    return readings if isinstance(readings, NoEvidence) else (samples, readings)
