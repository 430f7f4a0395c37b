"""Latency histograms for tests: shapes of services, looks at them, hypothesis strategies."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special

from controller.judge.betting import Floats
from controller.judge.buckets import Classic, Native, Span
from controller.judge.counts import Refused
from controller.judge.histogram import HistogramEvidence
from controller.judge.latency import HistogramQuestion
from controller.judge.layouts import HistogramLook, History

Cdf = Callable[[Floats], Floats]
Numbers = NDArray[np.float64] | NDArray[np.int64]

# The boundaries that client libraries have by default, in seconds.
DEFAULT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SPREAD = math.log(5.0) / 2.3263478740408408  # of a lognormal with p99 five times its median


def lognorm(at: Floats, median: float, spread: float) -> Floats:
    """Return the share of requests up to each latency if its logarithm is normal."""
    return np.asarray(special.ndtr(np.log(at / median) / spread))


def lognormal(at: Floats) -> Floats:
    """Median 50 ms, p99 250 ms: the shape that the templates' families come from."""
    return lognorm(at, 0.05, SPREAD)


def gamma(at: Floats) -> Floats:
    """Shape 2, mean 80 ms."""
    return np.asarray(special.gammainc(2.0, at / 0.04))


def cached(hits: float) -> Cdf:
    """Return a cache: hits around 4 ms, misses around 80 ms."""

    def bimodal(at: Floats) -> Floats:
        return hits * lognorm(at, 0.004, 0.4) + (1.0 - hits) * lognorm(at, 0.08, 0.5)

    return bimodal


def heavy(at: Floats) -> Floats:
    """Lognormal, but for one request in ten a Pareto tail of index 2."""
    return 0.9 * lognorm(at, 0.04, 0.5) + 0.1 * (1.0 - (1.0 + at / 0.2) ** -2.0)


def slower(shape: Cdf, by: float) -> Cdf:
    """Return the shape with every request slower by a factor."""
    return lambda at: shape(at / by)


def slow_tail(shape: Cdf, by: float) -> Cdf:
    """Return the shape stretched beyond its p95 so that its p99 is `by` times as long."""
    grid = np.geomspace(1e-4, 1e3, 20_001)
    p95, p99 = np.interp([0.95, 0.99], shape(grid), grid)
    stretch = (by * p99 - p95) / (p99 - p95)
    return lambda at: shape(np.where(at > p95, p95 + (at - p95) / stretch, at))


def shares(shape: Cdf, bounds: Sequence[float]) -> Floats:
    """Return the share of requests per bucket."""
    upto = shape(np.array(bounds, dtype=np.float64))
    parts: Floats = np.diff(upto, prepend=0.0, append=1.0)
    return parts


def classic(buckets: Numbers, bounds: Sequence[float] = DEFAULT) -> Classic:
    """Return a histogram with so many requests per bucket."""
    return Classic((*bounds, math.inf), tuple(np.cumsum(buckets, dtype=np.float64).tolist()))


def native(buckets: Numbers, first: int, schema: int = 3) -> Native:
    """Return a histogram with so many requests per bucket, from bucket number `first` on."""
    counts = tuple(float(requests) for requests in buckets)
    return Native(schema, 2.0**-128, 0.0, (Span(first, len(counts)),), counts)


def native_edges(first: int, last: int, schema: int = 3) -> Floats:
    """Return the upper bounds of buckets from number `first` to `last`."""
    edges: Floats = np.exp2(np.arange(first, last + 1) * 2.0**-schema)
    return edges


def after(evidence: HistogramEvidence, *more: HistogramLook) -> HistogramEvidence:
    """Return the evidence after looks that must all be accepted."""
    for look in more:
        grown = evidence.after(look)
        assert not isinstance(grown, Refused), grown
        evidence = grown
    return evidence


@st.composite
def filled(draw: st.DrawFn, buckets: int, most: int = 300) -> Floats:
    """Draw requests per bucket, at least one in all."""
    counts = draw(st.lists(st.integers(0, most), min_size=buckets, max_size=buckets))
    counts[draw(st.integers(0, buckets - 1))] += 1
    return np.array(counts, dtype=np.float64)


@st.composite
def questions(draw: st.DrawFn, bounds: Sequence[float] = DEFAULT) -> HistogramQuestion:
    """Draw a question about a classic histogram, with or without margins and clusters."""
    return HistogramQuestion(
        History.of(classic(draw(filled(len(bounds) + 1, 3000)), bounds)),
        safe_relative=draw(st.sampled_from([0.0, 0.5, 4.0])),
        safe_absolute=draw(st.sampled_from([0.0, 0.005, 0.1])),
        fail_relative=draw(st.sampled_from([0.0, 0.0, 0.25])),
        fail_absolute=draw(st.sampled_from([0.0, 0.0, 0.01])),
        phi=draw(st.sampled_from([1.0, 1.2, 4.0])),
    )


def looks(bounds: Sequence[float] = DEFAULT, most: int = 300) -> st.SearchStrategy[HistogramLook]:
    """Return looks at two classic histograms with the same boundaries."""
    arm = filled(len(bounds) + 1, most).map(lambda counts: classic(counts, bounds))
    return st.builds(HistogramLook, arm, arm)
