"""Both arms' counts over one window, or the reason why there is no look. Pure.

The window begins at the end of the last look and ends at the older of both arms' newest samples, in
Prometheus time. It ends earlier where a target's next sample is due: a slow scrape is stored when
it is over, under the time at which it began, and would otherwise fall between two looks.

Judged are requests since the last weight change, of pods past their warm-up. Both floors leave out
the scrape with the floor inside, so what is counted lies wholly behind it.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from controller.metrics.arms import Arms, PodRef
from controller.metrics.counters import (
    Counter,
    Target,
    measured_scrape_interval,
    once,
    read_counters,
    scrape_times,
)
from controller.metrics.evidence import ArmLook, Look, NoEvidence, Past, Samples
from controller.metrics.metric import BAD, Kind, Metric, Reading, Readings

# A pod is seen while its newest sample is at most so many scrape intervals older than anyone's:
# one scrape may fail, and one may be under way.
FRESH_INTERVALS = 2.5
# Scrapes jitter: a window or a gap of this share of the interval is a whole one.
WHOLE_INTERVAL = 0.9
_STALE_SECONDS = 60.0
_STALE_INTERVALS = 4.0
_AHEAD_SECONDS = 30.0
_BEHIND_SECONDS = 300.0
_NAMED = 3
# Of stable's history: enough to tell how pods of one version differ and how requests cluster.
MOST_WINDOWS = 60


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a look may cover: from `since`, judged only from `changed` and after the warm-up."""

    since: float
    changed: float
    warm_up: float
    now: float


@dataclass(frozen=True, slots=True)
class _Arm:
    name: str
    pods: tuple[PodRef, ...]
    readings: tuple[Reading, ...]
    counters: tuple[Counter, ...]
    interval: float
    newest: float


def warming_up(
    arms: Arms, per: Literal["Pod", "Service"], warm_up: float, now: float
) -> NoEvidence | None:
    """Return why no pod, or no Service, may be judged yet; None if some may."""
    for name, pods in (("canary", arms.canary), ("stable", arms.stable)):
        if not pods:
            return NoEvidence("NoPods", f"there is no {name} pod whose requests could be read")
        ready = [pod.ready_since for pod in pods if pod.ready_since is not None]
        if not ready:
            return NoEvidence("NoReadyPods", f"no {name} pod is ready, of {len(pods)}")
        # A Service's series cannot tell its pods apart, so there the youngest counts; stable's warm
        # pods carry it whatever the age of the newest.
        which, since = ("oldest", min(ready)) if per == "Pod" else ("youngest", max(ready))
        left = since + warm_up - now
        if left > 0 and (per == "Pod" or name == "canary"):
            return NoEvidence(
                "WarmingUp",
                f"the {which} {name} pod is judged in {left:.0f} s, "
                f"{warm_up:.0f} s after it became ready",
            )
    return None


def take_look(
    samples: Samples, readings: Readings, arms: Arms, bounds: Bounds
) -> Look | NoEvidence:
    """Return the requests of both arms in the window, or why there is no look."""
    canary, stable = _arms(samples, readings, arms, bounds.now)
    interval = max(canary.interval, stable.interval)
    if canary.newest <= bounds.changed and is_young(arms.canary, interval, bounds):
        return NoEvidence("TooEarly", "the canary's first requests have not been scraped yet")
    for arm in (canary, stable):
        if not arm.readings:
            return _no_data(readings.metric, arm)
    newest = max(canary.newest, stable.newest)
    problem = check_clocks(newest, interval, samples.answered_at, bounds.now)
    fresh_since = newest - FRESH_INTERVALS * interval
    for arm in (canary, stable):
        problem = (
            problem
            or _not_a_number(readings.metric, arm, fresh_since)
            or _not_scraped(arm, fresh_since, bounds)
        )
    if problem is not None:
        return problem
    floors = _floors(arms, readings, bounds)
    end = _window_end((canary, stable), interval, fresh_since)
    start = max(bounds.since, bounds.changed)
    if interval == 0 or end - start < WHOLE_INTERVAL * interval:
        return NoEvidence(
            "TooEarly", f"no new sample yet of both arms, scraped every {interval:.3g} s"
        )
    looks, kind = [], readings.metric.kind
    for arm in (canary, stable):
        counters = once(arm.counters, fresh_since=fresh_since)
        look = _count(kind, counters, floors, bounds.since, end)
        if look.total <= 0:
            return _no_traffic(arm, counters, floors, bounds.since, end)
        looks.append(look)
    any_age = {counter.pod: 0.0 for counter in counters}
    before = _count(kind, counters, any_age, start - (end - start), start)
    return Look(start=start, end=end, canary=looks[0], stable=looks[1], before=before)


def count_past(
    samples: Samples, readings: Readings, arms: Arms, *, seconds: float, now: float
) -> Past | NoEvidence:
    """Return what stable counted in the last `seconds`, whatever the age of its pods.

    Windows are a scrape long, and at least `seconds` / MOST_WINDOWS.
    """
    _, stable = _arms(samples, readings, arms, now)
    if not stable.readings:
        return _no_data(readings.metric, stable)
    fresh_since = stable.newest - FRESH_INTERVALS * stable.interval
    problem = check_clocks(
        stable.newest, stable.interval, samples.answered_at, now
    ) or _not_a_number(readings.metric, stable, fresh_since)
    if problem is not None:
        return problem
    if stable.interval == 0:
        return NoEvidence("TooEarly", "stable has been scraped only once so far")
    counters = once(stable.counters, fresh_since=fresh_since)
    width = max(seconds / MOST_WINDOWS, stable.interval)
    windows = max(1, int(seconds / width))
    edges = stable.newest - width * np.arange(windows, -1, -1)
    pods = tuple(sorted({counter.pod for counter in counters}))
    parts = tuple(sorted({counter.part for counter in counters}))
    counts = np.zeros((windows, len(pods), len(parts)))
    for counter in counters:
        last = np.searchsorted(counter.times, edges, side="right") - 1
        totals = np.asarray(counter.totals)[np.maximum(last, 0)]
        counts[:, pods.index(counter.pod), parts.index(counter.part)] += np.diff(totals)
    if counts.sum() <= 0:
        return NoEvidence("NoTraffic", f"no requests on stable in {seconds:.0f} s")
    return Past(pods, parts, counts)


def check_clocks(
    newest: float, interval: float, answered_at: float | None, now: float
) -> NoEvidence | None:
    """Return why the newest sample's age cannot be right, or that nothing is scraped any more."""
    if newest > now + _AHEAD_SECONDS:
        return NoEvidence(
            "ClocksDiffer",
            f"the newest sample is {newest - now:.0f} s ahead of Gander's clock; "
            "set the clocks of Prometheus and of Gander's node by NTP",
        )
    allowed = max(_STALE_SECONDS, _STALE_INTERVALS * interval)
    if now - newest <= allowed:
        return None
    if answered_at is not None and answered_at - newest <= allowed:
        if now - newest <= _BEHIND_SECONDS:
            return None
        return NoEvidence(
            "ClocksDiffer",
            f"the newest sample is {now - newest:.0f} s old by Gander's clock but not by "
            "Prometheus'; set the clocks of Prometheus and of Gander's node by NTP",
        )
    return NoEvidence(
        "PodsNotScraped",
        f"no pod has been scraped for {now - newest:.0f} s; see the targets page of Prometheus",
    )


def _arms(samples: Samples, readings: Readings, arms: Arms, now: float) -> tuple[_Arm, _Arm]:
    """Return the canary and stable with their running totals."""
    scrapes = scrape_times((*readings.canary, *readings.stable))
    range_start = (now if samples.answered_at is None else samples.answered_at) - samples.window

    def arm(name: str, pods: tuple[PodRef, ...], mine: tuple[Reading, ...]) -> _Arm:
        by_name = {pod.name: pod for pod in pods}
        return _Arm(
            name=name,
            pods=pods,
            readings=mine,
            counters=tuple(read_counters(mine, by_name, scrapes=scrapes, range_start=range_start)),
            interval=measured_scrape_interval(reading.series for reading in mine),
            newest=max((reading.series.times[-1] for reading in mine), default=0.0),
        )

    return (
        arm("canary", arms.canary, readings.canary),
        arm("stable", arms.stable, readings.stable),
    )


def _floors(arms: Arms, readings: Readings, bounds: Bounds) -> dict[str, float]:
    """Return per pod the moment from which its requests are judged; a pod left out is not."""
    if any(reading.pod for reading in (*readings.canary, *readings.stable)):
        return {
            pod.name: max(bounds.changed, pod.ready_since + bounds.warm_up)
            for pod in (*arms.canary, *arms.stable)
            if pod.ready_since is not None
        }
    youngest = max(pod.ready_since for pod in arms.canary if pod.ready_since is not None)
    return {"": max(bounds.changed, youngest + bounds.warm_up)}


def _window_end(arms: Sequence[_Arm], interval: float, fresh_since: float) -> float:
    """Return the latest moment up to which every sample of both arms is known to be stored."""
    newest_by_target: dict[Target, float] = {}
    for counter in (counter for arm in arms for counter in arm.counters):
        newest = newest_by_target.get(counter.target, 0.0)
        newest_by_target[counter.target] = max(newest, counter.times[-1])
    latest = max(arm.newest for arm in arms)
    ends = [arm.newest for arm in arms]
    for newest in newest_by_target.values():
        due = newest + WHOLE_INTERVAL * interval
        # Of a target that is late a scrape may be under way, which began an interval ago at most.
        ends.append(due if newest >= fresh_since else max(due, latest - interval))
    return min(ends)


def _count(
    kind: Kind,
    counters: Sequence[Counter],
    floors: Mapping[str, float],
    since: float,
    end: float,
) -> ArmLook:
    met: defaultdict[str, float] = defaultdict(float)
    judged: defaultdict[str, float] = defaultdict(float)
    pods: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for counter in counters:
        met[counter.part] += counter.between(since, end, floor=0.0)
        floor = floors.get(counter.pod)
        if floor is not None:
            requests = counter.between(since, end, floor)
            judged[counter.part] += requests
            pods[counter.pod][counter.part] += requests
    if kind == "Histogram":
        # Buckets are cumulative: the last one holds all requests.
        total, all_met = (max(parts.values(), default=0.0) for parts in (judged, met))
        return ArmLook(bad=0.0, total=total, met=all_met, met_bad=0.0, buckets=judged)
    return ArmLook(
        bad=judged[BAD],
        total=sum(judged.values()),
        met=sum(met.values()),
        met_bad=met[BAD],
        pods={pod: (parts[BAD], sum(parts.values())) for pod, parts in pods.items() if pod},
    )


def _not_a_number(metric: Metric, arm: _Arm, fresh_since: float) -> NoEvidence | None:
    """Return that a counter's newest sample is no count; older ones are passed over."""
    for series in (reading.series for reading in arm.readings):
        newest = series.times[-1]
        if newest >= fresh_since and series.numbers().times[-1:] != (newest,):
            return NoEvidence(
                "NotANumber",
                f"the newest sample of {series.name} is {series.values[-1]}, which no counter of "
                f"requests can be; see {metric.field}",
            )
    return None


def is_young(pods: Sequence[PodRef], interval: float, bounds: Bounds) -> bool:
    """Tell whether the canary may still be without a sample since its weight and its warm-up."""
    ready = min((p.ready_since for p in pods if p.ready_since is not None), default=bounds.now)
    begun = max(bounds.changed, ready + bounds.warm_up)
    return bounds.now < begun + FRESH_INTERVALS * interval


def _not_scraped(arm: _Arm, fresh_since: float, bounds: Bounds) -> NoEvidence | None:
    """Return that more than a third of the arm's pods, or its Service, have no fresh sample."""
    if not arm.readings[0].pod:
        if arm.newest >= fresh_since:
            return None
        return NoEvidence(
            "NoData",
            f"the series of the {arm.name}'s Service have ended, such as "
            f"{arm.readings[0].series.name}; does the route still name that Service?",
        )
    seen = {counter.pod for counter in arm.counters if counter.times[-1] >= fresh_since}
    # No canary pod has counted anything before its weight came.
    begun = bounds.changed if arm.name == "canary" else 0.0
    grown = [
        pod.name
        for pod in arm.pods
        if pod.ready_since is not None
        and max(begun, pod.ready_since + bounds.warm_up) <= fresh_since
    ]
    return unseen(arm.name, grown, seen, "they are not scraped, or no request has reached them")


def unseen(arm: str, pods: Sequence[str], seen: Collection[str], words: str) -> NoEvidence | None:
    """Return that more than a third of an arm's pods are not seen; `words` say why that may be."""
    missing = [pod for pod in pods if pod not in seen]
    if 3 * len(missing) <= len(pods):
        return None
    named = ", ".join(missing[:_NAMED]) + (" ..." if len(missing) > _NAMED else "")
    return NoEvidence(
        "PodsNotScraped",
        f"{len(missing)} of {len(pods)} {arm} pods have no fresh sample: {named}; {words}",
    )


def _no_data(metric: Metric, arm: _Arm) -> NoEvidence:
    return NoEvidence(
        "NoData",
        f"no series of {metric.field} for the {arm.name} ({len(arm.pods)} pods): "
        "it is not scraped, or no request has reached it",
    )


def _no_traffic(
    arm: _Arm, counters: Sequence[Counter], floors: Mapping[str, float], since: float, end: float
) -> NoEvidence:
    if any(c.spans(since, end, floors[c.pod]) for c in counters if c.pod in floors):
        return NoEvidence("NoTraffic", f"no requests on the {arm.name} since the last look")
    return NoEvidence(
        "TooEarly",
        f"no {arm.name} pod has two samples since the last weight change and its warm-up",
    )
