"""Histograms as they come: classic and native buckets of one arm, and what makes them no evidence.

A classic histogram counts requests up to each boundary `le`, one series per boundary. A native one
(exponential) counts them in buckets whose bounds are powers of 2 ** (2 ** -schema).

Promises: `read` finds every number that must not become evidence, whatever Prometheus sent, and
never raises. Leaves out: counter resets and which pods are read (metrics); what boundaries two arms
have in common (layouts.py).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from controller.judge.betting import Floats
from controller.judge.counts import Refused

Ints = NDArray[np.int64]

# The largest count a bucket may have in a look; no service comes near it.
MOST_REQUESTS = 1e11
# The schemas of Prometheus but -53, custom boundaries, which are a classic histogram to the judge.
LOWEST_SCHEMA, HIGHEST_SCHEMA = -4, 8
# Bucket numbers beyond this are no latency in any unit: schema 8 reaches 2 ** 256 there.
FARTHEST = 2**16
LONGEST = 1e300  # no boundary in any unit is longer


@dataclass(frozen=True, slots=True)
class Classic:
    """One arm's increase in each `le` series over a look: `counts` up to `bounds`, cumulative."""

    bounds: tuple[float, ...]
    counts: tuple[float, ...]

    @classmethod
    def of(cls, increases: Mapping[str, float]) -> Self:
        """Return the histogram for a map from the label `le` to that series' increase.

        Labels are read as numbers, so "1" and "1.0" are the same boundary and add up. A label that
        is no number gives a histogram that is refused.
        """
        merged: dict[float, float] = {}
        for label, increase in increases.items():
            bound = _number(label)
            merged[bound] = merged.get(bound, 0.0) + increase
        bounds = sorted(merged)
        return cls(tuple(bounds), tuple(merged[bound] for bound in bounds))


class Span(NamedTuple):
    """Consecutive native buckets: how far after the last span (the first: after 0), and how many.

    The first bucket of the first span has the number `offset`.
    """

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Native:
    """One arm's increase in each bucket of a native histogram over a look.

    Bucket i of `positive` holds values in (base ** (i-1), base ** i] with base = 2 ** 2 ** -schema,
    the zero bucket those up to `zero_threshold` away from 0. `positive_counts` has one number per
    bucket in the spans, not cumulative and not delta-encoded; the same for `negative`, which for a
    latency count as the fastest of all.
    """

    schema: int
    zero_threshold: float
    zero_count: float
    positive: tuple[Span, ...]
    positive_counts: tuple[float, ...]
    negative: tuple[Span, ...] = ()
    negative_counts: tuple[float, ...] = ()


Histogram = Classic | Native


class Cumulative(NamedTuple):
    """A classic histogram that was checked: `bounds` rise and end with infinity."""

    bounds: tuple[float, ...]
    counts: Floats


class Exponential(NamedTuple):
    """A native histogram that was checked: requests per bucket number, and those at 0 or below."""

    schema: int
    zero_threshold: float
    low: float
    indices: Ints
    counts: Floats

    def downscaled(self, schema: int) -> Ints:
        """Return the number that each bucket has in a schema that is not finer."""
        return -((-self.indices) >> (self.schema - schema))


def read_classic(name: str, histogram: Classic) -> Cumulative | Refused:
    """Return the checked histogram of the arm called `name`, or why it is no evidence."""
    problem = _bad_bounds(histogram.bounds)
    if problem:
        reason, message = problem
        return Refused(reason, f"evidence refused: the histogram of {name} {message}")
    if len(histogram.bounds) != len(histogram.counts):
        return _uneven(name, len(histogram.counts), len(histogram.bounds))
    counts = _counts(name, histogram.counts)
    return counts if isinstance(counts, Refused) else Cumulative(histogram.bounds, counts)


def read_native(name: str, histogram: Native) -> Exponential | Refused:
    """Return the checked histogram of the arm called `name`, or why it is no evidence."""
    schema, threshold = histogram.schema, histogram.zero_threshold
    if schema not in range(LOWEST_SCHEMA, HIGHEST_SCHEMA + 1):
        return Refused(
            "UnknownSchema",
            f"evidence refused: the native histogram of {name} has schema {schema}; exponential "
            f"ones have {LOWEST_SCHEMA} to {HIGHEST_SCHEMA}, custom boundaries are read as classic",
        )
    if not 0.0 <= threshold <= LONGEST:
        return Refused(
            "BadBoundary",
            f"evidence refused: the zero bucket of {name} ends at {threshold}; "
            "its threshold has to be a number from 0 up",
        )
    for spans, listed in (
        (histogram.positive, histogram.positive_counts),
        (histogram.negative, histogram.negative_counts),
    ):
        if sum(span.length for span in spans) != len(listed):
            return _uneven(name, len(listed), sum(span.length for span in spans))
    indices = _indices(histogram.positive)
    if indices is None:
        return Refused(
            "BadBoundary",
            f"evidence refused: the spans of {name} overlap or lie out of reach; "
            "check how the native histogram was decoded",
        )
    numbers = (histogram.zero_count, *histogram.positive_counts, *histogram.negative_counts)
    counts = _counts(name, numbers)
    if isinstance(counts, Refused):
        return counts
    last = 1 + len(histogram.positive_counts)
    low = float(counts[0] + counts[last:].sum())
    return Exponential(schema, threshold, low, indices, counts[1:last])


def _counts(name: str, numbers: Sequence[float]) -> Floats | Refused:
    """Return the numbers as whole requests, or why they are none."""
    said = f"evidence refused: a bucket of {name} has"
    try:
        counts = np.array(numbers, dtype=np.float64)
    except OverflowError:
        return Refused("CountTooLarge", f"{said} more than {MOST_REQUESTS:g} requests")
    good = (counts >= 0.0) & (counts <= MOST_REQUESTS) & (counts == np.rint(counts))
    if good.all():
        return counts
    value = float(counts[np.argmin(good)])
    if math.isnan(value) or abs(value) == math.inf:
        hint = "the metric's selector has to pick a plain histogram"
        return Refused("NotANumber", f"{said} {value} requests; {hint}")
    if value < 0.0:
        hint = "a counter's increase is never negative, so a reset was read wrongly"
        return Refused("NegativeCount", f"{said} {value:g} requests; {hint}")
    if value > MOST_REQUESTS:
        hint = "check that the metric's selector picks a histogram of requests"
        return Refused("CountTooLarge", f"{said} more than {MOST_REQUESTS:g} requests; {hint}")
    hint = "the metric's selector has to pick a plain histogram, without rate() or increase()"
    return Refused("NotWhole", f"{said} {value:g} requests; {hint}")


@lru_cache(maxsize=1024)
def _bad_bounds(bounds: tuple[float, ...]) -> tuple[str, str] | None:
    if not all(abs(bound) <= LONGEST or bound == math.inf for bound in bounds):
        return "BadBoundary", "has a boundary le that is no number; expose it with numbers only"
    if any(low >= high for low, high in pairwise(bounds)):
        return "BadBoundary", "has boundaries that do not rise; check how it was read"
    if not bounds or bounds[-1] != math.inf:
        return "NoInfBucket", 'lacks the bucket le="+Inf"; the selector must not filter by le'
    if len(bounds) == 1:
        return "OneBucket", "has the bucket +Inf only; it needs a boundary to compare at"
    return None


@lru_cache(maxsize=1024)
def _indices(spans: tuple[Span, ...]) -> Ints | None:
    """Return the bucket numbers of spans; None if they overlap or make no sense."""
    pieces: list[Ints] = []
    at, first = 0, True
    for offset, length in spans:
        if length < 0 or (offset < 0 and not first):
            return None
        at, first = at + offset, False
        if not -FARTHEST <= at <= at + length <= FARTHEST:
            return None
        pieces.append(np.arange(at, at + length, dtype=np.int64))
        at += length
    return np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.int64)


def _uneven(name: str, counts: int, bounds: int) -> Refused:
    return Refused(
        "BucketsDiffer",
        f"evidence refused: the histogram of {name} has {counts} counts for {bounds} buckets; "
        "check how it was read",
    )


def _number(label: str) -> float:
    try:
        return float(label)
    except ValueError:
        return math.nan
