"""A release as a record: lines of JSON that a verdict can be worked out from again.

The first line is the plan, then comes a line for each metric with stable's history, then one for
each look. Fields are those of the values in plan.py, counts.py, buckets.py, layouts.py,
gauge_look.py and numbers.py, under their own names; docs/judge.md lists them.

Promises: what is written reads back to equal values. Any number can be written and read, NaN and
infinities too. What cannot be read raises `RecordError` that names line, field, value and way out.
Leaves out: what the numbers say (replay.py).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from controller.judge import codec
from controller.judge.codec import FieldError, one_of
from controller.judge.counts import CountsLook
from controller.judge.gauge_look import GaugeLook
from controller.judge.kinds import Look
from controller.judge.layouts import HistogramLook
from controller.judge.numbers import NumberLook
from controller.judge.plan import (
    CountsMetric,
    GaugeMetric,
    HistogramMetric,
    Metric,
    NumberMetric,
    Plan,
    questions,
)

VERSION = 1
METRICS: dict[str, type[Metric]] = {
    "counts": CountsMetric,
    "histogram": HistogramMetric,
    "gauge": GaugeMetric,
    "number": NumberMetric,
}
LOOKS: dict[type[Metric], Any] = {
    CountsMetric: tuple[CountsLook, ...],
    HistogramMetric: HistogramLook,
    GaugeMetric: GaugeLook,
    NumberMetric: NumberLook,
}
LINES = ("plan", "metric", "look")


class RecordError(ValueError):
    """A record that cannot be read; the message begins with the number of the line, from 1."""


@dataclass(frozen=True, slots=True)
class RecordedLook:
    """One look of a release at all metrics that had one; `metrics` is by name.

    `at` is the end of its window in seconds, `share` the canary's of the traffic during it, above 0
    and under 1.
    """

    at: float
    share: float
    metrics: Mapping[str, Look] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """A release: what was fixed beforehand, and its looks, read one at a time."""

    plan: Plan
    metrics: tuple[Metric, ...]
    looks: Iterator[RecordedLook]


def write_header(plan: Plan, metrics: Sequence[Metric]) -> str:
    """Return the lines that a record begins with, each with its end."""
    kinds = {kind: name for name, kind in METRICS.items()}
    lines = [_line({"record": "plan", "version": VERSION}, plan)]
    lines += [_line({"record": "metric", "kind": kinds[type(one)]}, one) for one in metrics]
    return "".join(lines)


def write_look(look: RecordedLook) -> str:
    """Return the line of one look, with its end."""
    return _line({"record": "look"}, look)


def read_record(lines: Iterable[bytes]) -> Record:
    """Return a record from its lines; reads as far as the first look.

    Raises RecordError, as its `looks` do when one is read. Empty lines are passed over.
    """
    rest = _numbered(lines)
    plan: Plan | None = None
    metrics: list[Metric] = []
    first: Iterator[RecordedLook] = iter(())
    number = 0
    for number, line in rest:
        with _at_line(number):
            kind = _kind(line)
            if (plan is None) != (kind == "plan"):
                hint = "the first line, and no other, is the plan"
                raise FieldError("record", kind, hint)
            if plan is None:
                plan = _plan(line)
            elif kind == "metric":
                metrics.append(_metric(line))
                questions(plan, metrics)
            else:
                first = iter((_look(line, metrics),))
                break
    if plan is None or not metrics:
        missing = "the plan" if plan is None else "a metric"
        raise RecordError(f"line {number + 1}: the record ends before {missing}; write it first")
    return Record(plan, tuple(metrics), _looks(first, rest, metrics))


@contextmanager
def _at_line(number: int) -> Iterator[None]:
    """Say at which line an error came up."""
    try:
        yield
    except ValueError as error:
        raise RecordError(f"line {number}: {error}") from error


def _line(head: dict[str, Any], value: Plan | Metric | RecordedLook) -> str:
    members = head | codec.plain(value)
    return json.dumps(members, allow_nan=False, separators=(",", ":")) + "\n"


def _numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each line's number and object."""
    for number, raw in enumerate(lines, start=1):
        with _at_line(number):
            try:
                text = raw.decode()
            except UnicodeDecodeError as error:
                hint = f"it is no UTF-8 ({error.reason}); write UTF-8"
                raise FieldError("", repr(raw), hint) from error
            if not text.strip():
                continue
            value = codec.parse(text.strip())
            if not isinstance(value, dict):
                raise FieldError("", value, "write one object in braces a line")
        yield number, value


def _kind(line: dict[str, Any]) -> str:
    kind = line.pop("record", None)
    if kind not in LINES:
        raise FieldError("record", kind, f"write {one_of(repr(name) for name in LINES)}")
    return str(kind)


def _plan(line: dict[str, Any]) -> Plan:
    version = line.pop("version", None)
    if version != VERSION:
        hint = f"this program reads version {VERSION}; replay it with the program that wrote it"
        raise FieldError("version", version, hint)
    return codec.read(Plan, line)


def _metric(line: dict[str, Any]) -> Metric:
    kind = line.pop("kind", None)
    if not isinstance(kind, str) or kind not in METRICS:
        raise FieldError("kind", kind, f"write {one_of(repr(name) for name in METRICS)}")
    return codec.read(METRICS[kind], line)


def _looks(
    first: Iterator[RecordedLook], rest: Iterator[tuple[int, dict[str, Any]]], metrics: list[Metric]
) -> Iterator[RecordedLook]:
    yield from first
    for number, line in rest:
        with _at_line(number):
            kind = _kind(line)
            if kind != "look":
                raise FieldError("record", kind, "plan and metrics come before the first look")
            look = _look(line, metrics)
        yield look


def _look(line: dict[str, Any], metrics: list[Metric]) -> RecordedLook:
    for name in ("at", "share"):
        if name not in line:
            raise FieldError(name, None, "it is missing; write it")
    at, share = (codec.read_as(float, line.pop(name), name) for name in ("at", "share"))
    found = line.pop("metrics", {})
    if line:
        name = next(iter(line))
        hint = "there is no such field here; write record, at, share or metrics"
        raise FieldError(name, line[name], hint)
    if not isinstance(found, dict):
        raise FieldError("metrics", found, "write an object in braces, a look for each metric")
    kinds = {metric.name: LOOKS[type(metric)] for metric in metrics}
    for name in found:
        if name not in kinds:
            hint = f"no metric has this name; the record has {one_of(kinds)}"
            raise FieldError(f"metrics.{name}", found[name], hint)
    looks = {name: codec.read_as(kinds[name], v, f"metrics.{name}") for name, v in found.items()}
    return RecordedLook(at, share, looks)
