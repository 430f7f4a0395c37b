"""Latency histograms for tests: looks at shapes of services, and hypothesis strategies."""

import math
from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.judge.shapes import DEFAULT
from controller.judge.betting import Floats
from controller.judge.buckets import Classic, Native, Span
from controller.judge.counts import Refused
from controller.judge.histogram import HistogramEvidence
from controller.judge.latency import HistogramQuestion
from controller.judge.layouts import HistogramLook, History

Numbers = NDArray[np.float64] | NDArray[np.int64]


def classic(buckets: Numbers, bounds: Sequence[float] = DEFAULT) -> Classic:
    """Return a histogram with so many requests per bucket."""
    return Classic((*bounds, math.inf), tuple(np.cumsum(buckets, dtype=np.float64).tolist()))


def native(buckets: Numbers, first: int, schema: int = 3) -> Native:
    """Return a histogram with so many requests per bucket, from bucket number `first` on."""
    counts = tuple(float(requests) for requests in buckets)
    return Native(schema, 2.0**-128, 0.0, (Span(first, len(counts)),), counts)


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
