"""Figures from what was seen of a release. Pure. Times are Unix time in seconds.

A rollback is timed by four clocks that are one where everything runs on one machine: the status
says which samples carried the verdict (`until`, Prometheus' time), Prometheus says when it had
them, the API server's watch when the verdict could be read, and the load generator when the last
request was answered by the canary.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from controller.api.release import Phase, ReleaseStatus
from dev.load_figures import Answers, percentile

Writes = Counter[tuple[str, str]]  # requests that change something, by verb and kind


@dataclass(frozen=True)
class Seen:
    """A status of a release, and when the watch brought it."""

    at: float
    status: ReleaseStatus


@dataclass(frozen=True)
class Scrape:
    """One scrape of one pod: under which time its samples are stored, and how long it took."""

    at: float
    seconds: float


@dataclass(frozen=True)
class Takeback:
    """The moments of one rollback, in the order in which they come.

    `scraped` is the end of the judged window; `known` when Prometheus had that window's samples of
    every pod; `due` when the look was due; `verdict` when it could be read; `out` when no request
    could meet the canary any more.
    """

    met: float
    scraped: float
    known: float
    due: float
    verdict: float
    out: float


def takeback(
    history: Sequence[Seen],
    canary: Answers,
    scrapes: Mapping[str, Sequence[Scrape]],
    rate: float,
) -> Takeback:
    """Return the moments of a rollback on the judge's word, under `rate` requests a second.

    `scrapes` are by pod, oldest first. The gateway takes backends in turn, so the canary was out of
    the route at the latest when its next request did not come: one spacing at its weight after the
    last. ValueError: the history has no such rollback.
    """
    found = [(a, b) for a, b in pairwise(history) if b.status.phase is Phase.ROLLING_BACK]
    if not found or found[0][1].status.reason != "Regressed":
        raise ValueError("the release was not taken back on the judge's word")
    before, rolling = found[0]
    scraped = min(m.until for m in rolling.status.metrics if m.state == "Regressed")
    due = before.status.looks.next
    if due is None or not before.status.weight.confirmed:
        raise ValueError("no look was due before the verdict")
    return Takeback(
        met=canary.first,
        scraped=scraped,
        known=_known(scrapes, scraped, rolling.at),
        due=due.timestamp(),
        verdict=rolling.at,
        out=canary.last + 100 / (rate * before.status.weight.confirmed),
    )


def _known(scrapes: Mapping[str, Sequence[Scrape]], end: float, verdict: float) -> float:
    """Return when the first scrape at or after `end` was stored of every pod, before `verdict`."""
    stored = [
        next((s.at + s.seconds for s in of_pod if s.at >= end), verdict + 1)
        for of_pod in scrapes.values()
    ]
    return max((at for at in stored if at <= verdict), default=end)


def writes_per_look(history: Sequence[Seen]) -> list[int]:
    """Return for each look how many status writes it took, where the release did not move on.

    A look's own write moves the time of the next. What moves step, weight, phase or reason is a
    write of its own kind, and the looks around it are left out.
    """
    counted, writes = [], 0
    for before, after in pairwise(history):
        if _place(before.status) != _place(after.status):
            writes = 0
            continue
        writes += 1
        if before.status.looks.next != after.status.looks.next:
            counted.append(writes)
            writes = 0
    return counted


def _place(status: ReleaseStatus) -> tuple[object, ...]:
    weight = status.weight.wanted, status.weight.confirmed
    return status.phase, status.reason, status.step, weight, status.step_since


def changes(samples: Iterable[tuple[str, str, float]]) -> Writes:
    """Return the writes among requests counted by verb and kind."""
    writes: Writes = Counter()
    for verb, kind, count in samples:
        if verb not in ("get", "list", "watch"):
            writes[verb, kind] += int(count)
    return writes


def without_lease(writes: Writes) -> Writes:
    """Leave out what the leader writes to stay the leader."""
    return Counter({key: n for key, n in writes.items() if key[1] != "Lease" and n})


def rank(seconds: Iterable[float], percent: float) -> float:
    """Return the nearest-rank percentile of seconds, to 0.1 ms."""
    return percentile((1000 * each for each in seconds), percent) / 1000


def mean(values: Sequence[float]) -> float:
    """Return the mean; 0 of none."""
    return sum(values) / len(values) if values else 0.0
