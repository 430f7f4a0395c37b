"""Simulated latencies: shapes of services, and their requests per bucket.

Lognormal was used to choose the judge's bets. The others only check them.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy import special

from controller.judge.betting import Floats

Cdf = Callable[[Floats], Floats]

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


def weibull(at: Floats) -> Floats:
    """Shape 0.7, scale 60 ms: many fast requests and a stretched tail."""
    return np.asarray(-np.expm1(-((at / 0.06) ** 0.7)))


def three_routes(at: Floats) -> Floats:
    """Three routes behind one histogram, around 8, 60 and 700 ms."""
    fast, slow = 0.5 * lognorm(at, 0.008, 0.3), 0.1 * lognorm(at, 0.7, 0.3)
    return fast + 0.4 * lognorm(at, 0.06, 0.3) + slow


def slower(shape: Cdf, by: float) -> Cdf:
    """Return the shape with every request slower by a factor."""
    return lambda at: shape(at / by)


def slow_tail(shape: Cdf, by: float) -> Cdf:
    """Return the shape stretched beyond its p95 so that its p99 is `by` times as long."""
    grid = np.geomspace(1e-4, 1e3, 20_001)
    p95, p99 = np.interp([0.95, 0.99], shape(grid), grid)
    stretch = (by * p99 - p95) / (p99 - p95)
    return lambda at: shape(np.where(at > p95, p95 + (at - p95) / stretch, at))


def hanging(shape: Cdf, share: float) -> Cdf:
    """Return the shape with a share of requests that take longer than any boundary."""
    return lambda at: (1.0 - share) * shape(at)


def shares(shape: Cdf, bounds: Sequence[float]) -> Floats:
    """Return the share of requests per bucket."""
    upto = shape(np.array(bounds, dtype=np.float64))
    parts: Floats = np.diff(upto, prepend=0.0, append=1.0)
    return parts


def native_edges(first: int, last: int, schema: int = 3) -> Floats:
    """Return the upper bounds of buckets from number `first` to `last`."""
    edges: Floats = np.exp2(np.arange(first, last + 1) * 2.0**-schema)
    return edges
