"""Raw counter samples as running totals that only ever rise, and what they rose by in a window.

Resets and dips: a counter that falls under half of its highest value, or that falls where its
process was started anew, begins at 0 again. Any other fall is a dip (a replica that lags, a lost
write): nothing is counted until the counter is above where it was, or a fall from 1,000,050 to
1,000,000 would be a million requests.

New series: a series that was absent at its target's last scrape was 0 then. A pod of which nothing
is known, but whose whole life lies in the range that was read, was 0 when it became ready. Else the
first sample is the origin, and what came before is not counted.

Twice: two targets that report the same series of a pod are the same counters scraped twice; one of
them is read, never their sum.

Windows: the count of a window is the total at the last sample at or before its end less the total
at the last sample at or before its start, so windows tile: no request is counted twice or lost.

Leaves out: exporters that hide an idle series and bring it back with its old value (it looks new),
and two Prometheus replicas that take turns behind one address (windows then overlap or gape by a
scrape, for good and bad requests alike).
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from controller.metrics.arms import PodRef
from controller.metrics.evidence import Series
from controller.metrics.metric import Reading

# What tells one target from another, and one copy of the same counters from another. A gateway has
# several processes with counters of their own, so there `instance` is part of what is counted.
_TARGET = ("job", "instance", "endpoint", "replica", "prometheus", "prometheus_replica")
_COPY = tuple(label for label in _TARGET if label != "instance")
# Of the clocks that stamp container starts and scrapes.
_CLOCK_SLACK = 2.0
# Two copies of the same counters differ by a scrape; one that has less than this is no equal copy.
_EQUAL_COPY = 0.8


Target = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counter:
    """One series as a running total. `part` says which of the requests it counts.

    `target` is what was scraped. Counters of the same `identity` but another `source` are copies.
    """

    pod: str
    part: str
    target: Target
    identity: frozenset[tuple[str, str]]
    source: tuple[str, ...]
    times: tuple[float, ...]
    totals: tuple[float, ...]

    def between(self, since: float, end: float, floor: float) -> float:
        """Return the requests from `since` to `end`; none from before `floor` is among them.

        The origin is the last sample at or before `since`. Where that is older than `floor`, the
        origin is the first sample at or after `floor`, which leaves out the scrape with it inside.
        """
        last = bisect_right(self.times, end) - 1
        origin = self._origin(since, floor)
        return self.totals[last] - self.totals[origin] if origin < last else 0.0

    def spans(self, since: float, end: float, floor: float) -> bool:
        """Tell whether the window has two samples, so that 0 means that nothing was counted."""
        return self._origin(since, floor) < bisect_right(self.times, end) - 1

    def _origin(self, since: float, floor: float) -> int:
        before = bisect_right(self.times, since) - 1
        if before >= 0 and self.times[before] >= floor:
            return before
        return bisect_left(self.times, floor)


def measured_scrape_interval(series: Iterable[Series]) -> float:
    """Return the usual time between two samples in seconds, 0 if no series has two."""
    recent = (one.times[-21:] for one in series)
    gaps = [b - a for times in recent for a, b in pairwise(times)]
    return median(gaps) if gaps else 0.0


def scrape_times(readings: Iterable[Reading]) -> dict[Target, list[float]]:
    """Return when each target was scraped, as far as these series show it."""
    scrapes: dict[Target, set[float]] = defaultdict(set)
    for reading in readings:
        scrapes[_target(reading)].update(reading.series.times)
    return {target: sorted(times) for target, times in scrapes.items()}


def read_counters(
    readings: Sequence[Reading],
    pods: Mapping[str, PodRef],
    *,
    scrapes: Mapping[Target, Sequence[float]],
    range_start: float,
) -> list[Counter]:
    """Return the running totals of one arm.

    `scrapes` are those of both arms: one gateway reports both. `range_start` is the oldest moment
    that was read.
    """
    copy_labels = copy_labels_of(readings)
    counters = (
        _counter(
            reading,
            pods.get(reading.pod),
            scrapes=scrapes[_target(reading)],
            copy_labels=copy_labels[reading.pod],
            range_start=range_start,
        )
        for reading in readings
    )
    return [counter for counter in counters if counter is not None]


def once(counters: Sequence[Counter], *, fresh_since: float) -> list[Counter]:
    """Leave out the counters that were read twice.

    Of the copies of one pod's counters, the first in the order of their labels is read, unless it
    has no sample since `fresh_since` or counted clearly less than another one.
    """
    by_pod: dict[str, list[Counter]] = defaultdict(list)
    for counter in counters:
        by_pod[counter.pod].append(counter)
    return [kept for pod in by_pod.values() for kept in _one_copy(pod, fresh_since)]


def rising(
    times: Sequence[float], values: Sequence[float], started_at: float | None
) -> tuple[float, ...]:
    """Return what the counter has risen by since its first sample, at every sample.

    `started_at` is the last start of its process, None if that is not known.
    """
    total, high = 0.0, values[0]
    totals = [total]
    for before, now, value in zip(times, times[1:], values[1:], strict=False):
        if value >= high:
            total += value - high
            high = value
        elif value < high / 2 or _started_between(before, now, started_at):
            total += value
            high = value
        totals.append(total)
    return tuple(totals)


def copy_labels_of(readings: Iterable[Reading]) -> dict[str, tuple[str, ...]]:
    """Return per pod the labels in which two copies of the same counters differ.

    `service` is one of them where each target has one value of it, as a ServiceMonitor makes it.
    An application's own label of that name is taken for one only if it has a single value, and then
    nothing depends on it.
    """
    services: dict[Target, set[str]] = defaultdict(set)
    for reading in readings:
        services[_target(reading)].add(reading.series.labels.get("service", ""))
    labels: dict[str, tuple[str, ...]] = {"": _COPY}
    for (pod, *_), values in services.items():
        if pod:
            one_value = len(values) == 1 and labels.get(pod) != _TARGET
            labels[pod] = (*_TARGET, "service") if one_value else _TARGET
    return labels


def _started_between(before: float, now: float, started_at: float | None) -> bool:
    return started_at is not None and before - _CLOCK_SLACK < started_at <= now + _CLOCK_SLACK


def _counter(
    reading: Reading,
    pod: PodRef | None,
    *,
    scrapes: Sequence[float],
    copy_labels: Sequence[str],
    range_start: float,
) -> Counter | None:
    """Return the running total, None if the series has no number."""
    labels = reading.series.labels
    numbers = reading.series.numbers()
    if not numbers.times:
        return None
    times, values = numbers.times, numbers.values
    born = _zero_before(times[0], scrapes, pod, range_start)
    # A series that began with NaN was there before; what it had counted by then is not known.
    if born is not None and times[0] == reading.series.times[0]:
        times, values = (born, *times), (0.0, *values)
    return Counter(
        pod=reading.pod,
        part=reading.part,
        target=_target(reading),
        identity=frozenset((k, v) for k, v in labels.items() if k not in copy_labels),
        source=tuple(labels.get(label, "") for label in copy_labels),
        times=times,
        totals=rising(times, values, pod.started_at if pod else None),
    )


def _zero_before(
    first: float, scrapes: Sequence[float], pod: PodRef | None, range_start: float
) -> float | None:
    """Return a moment before the first sample when the counter was 0 for certain, else None."""
    earlier = bisect_left(scrapes, first) - 1
    if earlier >= 0:
        return scrapes[earlier]
    if pod is None or pod.started_at < range_start:
        return None
    # No user's request comes before the pod is ready; a pod that was ready once and is not now, or
    # anew, is taken from its start.
    ready = pod.ready_since
    born = ready if ready is not None and ready < first else pod.started_at
    return born if born < first else None


def _target(reading: Reading) -> Target:
    labels = reading.series.labels
    return (reading.pod, labels.get("pod", ""), *(labels.get(label, "") for label in _TARGET))


def _one_copy(counters: Sequence[Counter], fresh_since: float) -> list[Counter]:
    identities: dict[tuple[str, ...], set[frozenset[tuple[str, str]]]] = defaultdict(set)
    for counter in counters:
        identities[counter.source].add(counter.identity)
    kept: set[tuple[str, ...]] = set()
    waiting = sorted(identities)
    while waiting:
        copies = [waiting.pop(0)]
        shared = set(identities[copies[0]])
        while more := [source for source in waiting if identities[source] & shared]:
            copies += more
            shared = shared.union(*(identities[source] for source in more))
            waiting = [source for source in waiting if source not in more]
        kept.add(_best(sorted(copies), counters, fresh_since))
    return [counter for counter in counters if counter.source in kept]


def _best(
    copies: Sequence[tuple[str, ...]], counters: Sequence[Counter], fresh_since: float
) -> tuple[str, ...]:
    counted: dict[tuple[str, ...], float] = dict.fromkeys(copies, 0.0)
    newest: dict[tuple[str, ...], float] = dict.fromkeys(copies, 0.0)
    for counter in counters:
        if counter.source in counted:
            counted[counter.source] += counter.totals[-1]
            newest[counter.source] = max(newest[counter.source], counter.times[-1])
    candidates = [copy for copy in copies if newest[copy] >= fresh_since] or list(copies)
    most = max(counted[copy] for copy in candidates)
    return next(copy for copy in candidates if counted[copy] >= _EQUAL_COPY * most)
