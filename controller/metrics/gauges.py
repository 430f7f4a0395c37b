"""A gauge of both arms' pods over one window, or the reason why there is no look. Pure.

The window begins at the end of the last look and ends at the older of both arms' newest samples, in
Prometheus time. A pod's value is the mean of its samples in the window, past its warm-up and since
the last weight change. A pod without such a sample has no value; one look without is no harm.

One series a pod: two targets that report the same series of a pod are one gauge scraped twice, and
series that follow each other in time, as those of a container that was started anew, are one gauge
too. Two at a time are refused, since nobody knows which is meant.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from controller.metrics.arms import Arms, PodRef
from controller.metrics.counters import copy_labels_of, measured_scrape_interval
from controller.metrics.evidence import (
    GaugePast,
    GaugeReading,
    NoEvidence,
    PodValue,
    Samples,
    Series,
)
from controller.metrics.look import (
    FRESH_INTERVALS,
    MOST_WINDOWS,
    WHOLE_INTERVAL,
    Bounds,
    check_clocks,
    is_young,
    unseen,
)
from controller.metrics.metric import Metric, Reading, Readings


@dataclass(frozen=True, slots=True)
class _Arm:
    """One arm's pods, and by pod the samples that are numbers, oldest first."""

    name: str
    pods: tuple[PodRef, ...]
    traces: Mapping[str, Series]
    interval: float

    @property
    def newest(self) -> float:
        """When the newest sample was taken; 0 without any."""
        return max((trace.times[-1] for trace in self.traces.values()), default=0.0)


def take_gauge(
    samples: Samples, readings: Readings, arms: Arms, bounds: Bounds
) -> GaugeReading | NoEvidence:
    """Return the gauge of both arms' pods in the window, or why there is no look."""
    canary = _arm("canary", arms.canary, readings.canary)
    if isinstance(canary, NoEvidence):
        return canary
    stable = _arm("stable", arms.stable, readings.stable)
    if isinstance(stable, NoEvidence):
        return stable
    interval = max(canary.interval, stable.interval)
    if not canary.traces and is_young(arms.canary, interval, bounds):
        return NoEvidence("TooEarly", "the canary's pods have not been scraped yet")
    newest = max(canary.newest, stable.newest)
    fresh_since = newest - FRESH_INTERVALS * interval
    for arm, mine in ((canary, readings.canary), (stable, readings.stable)):
        problem = (
            _not_a_number(readings.metric, mine, fresh_since)
            or _no_data(readings.metric, arm)
            or check_clocks(newest, interval, samples.answered_at, bounds.now)
            or _not_scraped(arm, fresh_since, bounds.warm_up)
        )
        if problem is not None:
            return problem
    start, end = max(bounds.since, bounds.changed), min(canary.newest, stable.newest)
    if interval == 0 or end - start < WHOLE_INTERVAL * interval:
        return NoEvidence(
            "TooEarly", f"no new sample yet of both arms, scraped every {interval:.3g} s"
        )
    values = [
        tuple(_value(pod, arm.traces.get(pod.name), start, end, bounds.warm_up) for pod in arm.pods)
        for arm in (canary, stable)
    ]
    return GaugeReading(start=start, end=end, canary=values[0], stable=values[1])


def gauge_past(
    samples: Samples,
    readings: Readings,
    arms: Arms,
    *,
    seconds: float,
    warm_up: float,
    now: float,
) -> GaugePast | NoEvidence:
    """Return the gauge of stable's pods in the last `seconds`, without what is from a warm-up.

    Windows are a scrape long, and at least `seconds` / MOST_WINDOWS. Those before stable's first
    sample are left out.
    """
    stable = _arm("stable", arms.stable, readings.stable)
    if isinstance(stable, NoEvidence):
        return stable
    fresh_since = stable.newest - FRESH_INTERVALS * stable.interval
    problem = (
        _not_a_number(readings.metric, readings.stable, fresh_since)
        or _no_data(readings.metric, stable)
        or check_clocks(stable.newest, stable.interval, samples.answered_at, now)
    )
    if problem is not None:
        return problem
    if stable.interval == 0:
        return NoEvidence("TooEarly", "stable has been scraped only once so far")
    width = max(seconds / MOST_WINDOWS, stable.interval)
    windows = max(1, int(seconds / width))
    edges = (stable.newest - width * np.arange(windows, -1, -1)).tolist()
    warm = {p.name: p.ready_since + warm_up for p in arms.stable if p.ready_since is not None}
    pods = tuple(sorted(pod for pod in stable.traces if pod in warm))
    values = np.full((windows, len(pods)), np.nan)
    for column, pod in enumerate(pods):
        for row, (since, end) in enumerate(pairwise(edges)):
            mean = _mean(stable.traces[pod], since, end, floor=warm[pod])
            values[row, column] = np.nan if mean is None else mean
    seen = np.flatnonzero(np.isfinite(values).any(axis=1))
    if not seen.size:
        return NoEvidence("WarmingUp", f"no pod of stable was past its warm-up of {warm_up:.0f} s")
    return GaugePast(pods, values[seen[0] :], width)


def _arm(name: str, pods: tuple[PodRef, ...], readings: Sequence[Reading]) -> _Arm | NoEvidence:
    """Return the arm with one series for each pod, or why that is not clear."""
    ignored = copy_labels_of(readings)
    by_pod: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        by_pod[reading.pod].append(reading)
    traces: dict[str, Series] = {}
    for pod, mine in by_pod.items():
        trace = _one_series(pod, [reading.series for reading in mine], ignored[pod])
        if isinstance(trace, NoEvidence):
            return trace
        if trace.times:
            traces[pod] = trace
    interval = measured_scrape_interval(reading.series for reading in readings)
    return _Arm(name, pods, traces, interval)


def _one_series(pod: str, series: Sequence[Series], ignored: Sequence[str]) -> Series | NoEvidence:
    """Return a pod's samples: of copies the one that was scraped last, of successors all."""
    copies: dict[frozenset[tuple[str, str]], list[Series]] = defaultdict(list)
    for one in series:
        copies[frozenset((k, v) for k, v in one.labels.items() if k not in ignored)].append(one)
    # By name where both are as new, so that the same copy is read at every look.
    chosen = [max(same, key=lambda one: (one.times[-1], one.name)) for same in copies.values()]
    chosen.sort(key=lambda one: (one.times[0], one.name))
    newest = max(one.times[-1] for one in chosen)
    fresh_since = newest - FRESH_INTERVALS * measured_scrape_interval(chosen)
    times: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    for before, one in zip((None, *chosen), chosen, strict=False):
        # What went before is often stored for a scrape or two beside what came after.
        kept = bisect_left(times, one.times[0])
        if before is not None and kept < len(times) and before.times[-1] >= fresh_since:
            return NoEvidence(
                "SeveralSeries",
                f"pod {pod} has more than one series, {before.name} and {one.name}; "
                "spec.gauge.series must select one a pod, for instance by the container's name",
            )
        times, values = (*times[:kept], *one.times), (*values[:kept], *one.values)
    return Series(chosen[-1].labels, times, values).numbers()


def _value(pod: PodRef, trace: Series | None, start: float, end: float, warm_up: float) -> PodValue:
    if pod.ready_since is None:
        return PodValue(pod.name, None, 0.0, pod.resources)
    floor = pod.ready_since + warm_up
    value = _mean(trace, start, end, floor) if trace is not None else None
    return PodValue(pod.name, value, max(0.0, end - pod.ready_since), pod.resources)


def _mean(trace: Series, since: float, end: float, floor: float) -> float | None:
    """Return the mean of the samples after `since` up to `end`, none of them before `floor`."""
    first = max(bisect_right(trace.times, since), bisect_left(trace.times, floor))
    values = trace.values[first : bisect_right(trace.times, end)]
    return sum(values) / len(values) if values else None


def _not_a_number(
    metric: Metric, readings: Sequence[Reading], fresh_since: float
) -> NoEvidence | None:
    """Return that a gauge's newest sample is no value; older ones are passed over."""
    for series in (reading.series for reading in readings):
        newest = series.times[-1]
        if newest >= fresh_since and series.numbers().times[-1:] != (newest,):
            return NoEvidence(
                "NotANumber",
                f"the newest sample of {series.name} is {series.values[-1]}; a gauge is finite and "
                f"at least 0, see {metric.field}",
            )
    return None


def _no_data(metric: Metric, arm: _Arm) -> NoEvidence | None:
    if arm.traces:
        return None
    return NoEvidence(
        "NoData",
        f"no series of {metric.field} for the {arm.name} ({len(arm.pods)} pods): are its pods "
        "scraped, and does the name exist?",
    )


def _not_scraped(arm: _Arm, fresh_since: float, warm_up: float) -> NoEvidence | None:
    """Return that more than a third of the arm's pods have no fresh sample."""
    grown = [
        pod.name
        for pod in arm.pods
        if pod.ready_since is not None and pod.ready_since + warm_up <= fresh_since
    ]
    seen = {pod for pod, trace in arm.traces.items() if trace.times[-1] >= fresh_since}
    return unseen(arm.name, grown, seen, "see the targets page of Prometheus")
