"""The rows of `make bench-release`: from what was seen to figures with their goals. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bench.controller import Start
from bench.figures import (
    Takeback,
    Writes,
    mean,
    rank,
    takeback,
    without_lease,
    writes_per_look,
)
from bench.report import Row, at_most
from bench.shops import Run, Series

OUT_GOAL: Final = 3.0
START_GOAL: Final = 5.0
MEMORY_GOAL: Final = 120.0
MEBIBYTE: Final = 2**20


@dataclass(frozen=True)
class Measured:
    """All that one run of the benchmark has seen. Memory in bytes, `look` in seconds."""

    look: float
    starts: Sequence[Start]
    idle: float
    rest_seconds: float
    rest_writes: Writes
    promotions: Series
    rollbacks_loaded: Series
    rollbacks: Series
    subtle: Series
    after_rollbacks: float

    @property
    def series(self) -> tuple[Series, ...]:
        """All kinds of releases."""
        return self.promotions, self.rollbacks_loaded, self.rollbacks, self.subtle


def rows(measured: Measured) -> list[Row]:
    """Return the table."""
    return [
        *_takebacks(measured),
        *_hurt(measured.rollbacks, "0 -> 100 % errors"),
        *_hurt(measured.subtle, "1 -> 5 % errors"),
        *_lost(measured),
        *_starts(measured.starts),
        *_memory(measured),
        *_writes(measured),
    ]


def _takebacks(measured: Measured) -> list[Row]:
    series = measured.rollbacks
    moments = [
        takeback(run.history, run.load.versions[run.version], run.scrapes, series.trial.rate)
        for run in series.runs
    ]
    return [
        _spread("Evidence in Prometheus -> backend out of the route", moments, _known, OUT_GOAL),
        _spread("of it, once the look was due as well", moments, _due, OUT_GOAL),
        _spread(
            "Scrape that ends the judged window -> backend out of the route",
            moments,
            lambda m: m.out - m.scraped,
            OUT_GOAL + measured.look,
        ),
        _spread("First canary request -> verdict Regressed", moments, lambda m: m.verdict - m.met),
    ]


def _known(moments: Takeback) -> float:
    return moments.out - moments.known


def _due(moments: Takeback) -> float:
    return moments.out - max(moments.known, moments.due)


def _spread(
    figure: str,
    moments: Sequence[Takeback],
    span: Callable[[Takeback], float],
    goal: float | None = None,
) -> Row:
    """Return the row of a time between two moments: p50 and p99."""
    seconds = [span(each) for each in moments]
    p99, halfway = rank(seconds, 99), f"p50 {rank(seconds, 50):.2f} s, p99 "
    if goal is not None:
        return at_most(figure, p99, goal, "s", len(seconds), more=halfway)
    return Row(figure, "", f"{halfway}{p99:.2f} s", len(seconds))


def _hurt(series: Series, words: str) -> list[Row]:
    hurt = [float(run.load.versions[run.version].hurt) for run in series.runs]
    met = [float(run.load.versions[run.version].requests) for run in series.runs]
    took = [_seconds(run) for run in series.runs]
    figures = (
        f"mean {mean(hurt):.1f}, p90 {rank(hurt, 90):.0f} of {mean(met):.0f} that met it, "
        f"in {mean(took):.0f} s from the first to the last"
    )
    return [Row(f"Requests hurt by a bad release, {words}", "", figures, len(hurt))]


def _seconds(run: Run) -> float:
    answers = run.load.versions[run.version]
    return answers.last - answers.first


def _lost(measured: Measured) -> list[Row]:
    found = []
    for series, words in (
        (measured.promotions, "promotions"),
        (measured.rollbacks_loaded, "rollbacks"),
    ):
        rate = f"{series.trial.rate:.0f} requests/s"
        lost, sent = sum(r.lost for r in series.runs), sum(r.load.sent for r in series.runs)
        figure = f"Requests lost in {words} at {rate}"
        found.append(at_most(figure, lost, 0, "", len(series.runs), more=f"of {sent:,}: "))
    others = [*measured.rollbacks.runs, *measured.subtle.runs]
    lost, sent = sum(r.lost for r in others), sum(r.load.sent for r in others)
    figure = "Requests lost in the other rollbacks"
    return [*found, at_most(figure, lost, 0, "", len(others), more=f"of {sent:,}: ")]


def _starts(starts: Sequence[Start]) -> list[Row]:
    found = []
    for figure, seconds in (
        ("Controller: process start -> /readyz answers 200", [s.process for s in starts]),
        ("Controller: pod created -> pod Ready", [s.pod for s in starts]),
    ):
        worst = max(seconds, default=0.0)
        halfway = f"p50 {rank(seconds, 50):.2f} s, worst "
        found.append(at_most(figure, worst, START_GOAL, "s", len(seconds), more=halfway))
    return found


def _memory(measured: Measured) -> list[Row]:
    idle, after = measured.idle / MEBIBYTE, measured.after_rollbacks / MEBIBYTE
    releases = sum(series.made for series in measured.series)
    return [
        at_most("Resident memory, idle", idle, MEMORY_GOAL, "MiB", 1),
        at_most(f"Resident memory after {releases} releases", after, MEMORY_GOAL, "MiB", 1),
    ]


def _writes(measured: Measured) -> list[Row]:
    found = [
        _per_release("API writes per promotion", measured.promotions),
        _per_release("API writes per rollback", measured.rollbacks),
    ]
    looks = [
        count
        for series in measured.series
        for run in series.runs
        for count in writes_per_look(run.history)
    ]
    words = "Status writes for a look that moves nothing else"
    average = f"mean {mean(looks):.2f}, most "
    found.append(at_most(words, max(looks, default=0), 1, "", len(looks), more=average))
    writes = without_lease(measured.rest_writes)
    words = f"API writes in {measured.rest_seconds:.0f} s at rest, the leader's lease aside"
    more = f"{_kinds(writes, 1)}, in all " if writes else ""
    found.append(at_most(words, writes.total(), 0, "", 1, more=more))
    return found


def _per_release(figure: str, series: Series) -> Row:
    writes, made = without_lease(series.writes), max(series.made, 1)
    each = f"{writes.total() / made:.1f}: {_kinds(writes, made)}" if series.made else "not measured"
    return Row(figure, "", each, series.made)


def _kinds(writes: Writes, made: int) -> str:
    """Say how many writes there were of each kind, for each of `made`."""
    kinds = [f"{verb} {kind} {count / made:.3g}" for (verb, kind), count in writes.most_common()]
    return ", ".join(kinds)
