"""Quantiles of a histogram for people, with a band that may be read at every look.

For display only: the verdict does not use them. The band is that of Howard and Ramdas (Bernoulli
28, 2022): the empirical distribution of n requests stays within `radius(n)` of the true one at all
n from 1 on, with the confidence asked for.

Promises: a band is rounded outward to boundaries, since between them nothing is known.
Leaves out: requests of unequal distributions over time; the band then is about their mean.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from controller.judge.betting import Floats
from controller.judge.words import percent

LEVELS = (0.5, 0.95, 0.99)
LEAST_SHARE = 1e-6
HALF = 0.5 + LEAST_SHARE
NEAR = 2.0  # in log odds; p95 and p99 are 1.7 apart
BEYOND = 5.0  # a quantile is named in words only if so many requests lie beyond it


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile of one arm's latency, in the unit of its boundaries.

    `value` is None when it lies beyond `last`, the last boundary; `high` when nothing bounds it.
    """

    level: float
    low: float
    value: float | None
    high: float | None
    last: float


def radius(requests: float, confidence: float) -> float:
    """Return how far the empirical distribution may be from the true one at any time, up to 1."""
    n = max(requests, 1.0)
    spread = math.log(1.0 + math.log(n)) + 0.8 * math.log(1612.0 / (1.0 - confidence))
    return min(1.0, 0.85 * math.sqrt(spread / n))


def quantiles(
    buckets: Sequence[float], edges: Floats, *, requests: float, confidence: float
) -> tuple[Quantile, ...]:
    """Return the quantiles of LEVELS for requests per bucket, in total more than 0.

    `edges` are the positive upper bounds of all buckets but the last. `requests` is how many
    independent ones the buckets are worth.
    """
    shares = np.cumsum(buckets)
    shares = shares / shares[-1]
    apart = radius(requests, confidence)
    return tuple(
        Quantile(
            level=level,
            low=_edge_under(shares, edges, level - apart),
            value=_interpolated(shares, edges, level),
            high=_edge_over(shares, edges, level + apart),
            last=float(edges[-1]),
        )
        for level in LEVELS
    )


def _bucket(shares: Floats, level: float) -> int:
    """Return the first bucket up to which the share is `level`."""
    return int(np.searchsorted(shares, level - 1e-12))


def _edge_under(shares: Floats, edges: Floats, level: float) -> float:
    at = _bucket(shares, level)
    return float(edges[at - 1]) if level > 0.0 and at > 0 else 0.0


def _edge_over(shares: Floats, edges: Floats, level: float) -> float | None:
    at = _bucket(shares, level) if level < 1.0 else len(edges)
    return float(edges[at]) if at < len(edges) else None


def _interpolated(shares: Floats, edges: Floats, level: float) -> float | None:
    """Return the quantile as if latencies were spread evenly in logarithm within a bucket.

    In the first bucket, which has no lower bound above 0, they are spread evenly.
    """
    at = _bucket(shares, level)
    if at >= len(edges):
        return None
    before = float(shares[at - 1]) if at else 0.0
    part = (level - before) / (float(shares[at]) - before)
    if at == 0:
        return float(edges[0]) * part
    low, high = float(edges[at - 1]), float(edges[at])
    return float(low * (high / low) ** part)


def most_apart(mine: Floats, theirs: Floats, *, requests: float) -> int:
    """Return the bound at which the shares of slower requests are most apart, from the median up.

    Apart in standard deviations of the canary's share, of so many `requests`.
    """
    deviation = np.sqrt(np.maximum(theirs * (1.0 - theirs), 1.0 / requests))
    upper = theirs <= HALF if (theirs <= HALF).any() else np.ones_like(theirs, dtype=bool)
    return int(np.argmax(np.where(upper, np.abs(mine - theirs) / deviation, -1.0)))


def compared(
    canary: Sequence[Quantile],
    stable: Sequence[Quantile],
    *,
    shares: tuple[float, float],
    requests: float,
    unit: float,
) -> str:
    """Return as in "p99 812 ms against 410 ms (at least 250 ms against 250 to 500 ms)".

    Of the quantiles that at least BEYOND of the canary's `requests` are expected beyond and that
    lie within stable's bounds, the one nearest to where these shares of canary and stable are
    slower; empty if none is near. `unit` is in seconds.
    """
    low, high = sorted(map(_odds, shares))
    pairs = [
        (_outside(_odds(1.0 - mine.level), low, high), mine, theirs)
        for mine, theirs in zip(canary, stable, strict=True)
        if requests * (1.0 - mine.level) >= BEYOND and theirs.value is not None
    ]
    near = [pair for pair in pairs if pair[0] < NEAR]
    if not near:
        return ""
    _, mine, theirs = min(near, key=lambda pair: pair[0])
    said = [_spoken(arm, unit) for arm in (mine, theirs)]
    bands = " against ".join(_band(arm, unit) for arm in (mine, theirs))
    return f"p{100 * mine.level:.0f} {said[0]} against {said[1]} ({bands})"


def beyond(mine: float, theirs: float, edge: float, *, unit: float) -> str:
    """Return as in "4.2 % against 1 % over 250 ms": the shares of requests slower than `edge`."""
    return f"{percent(mine)} against {percent(theirs)} over {duration(edge * unit)}"


def duration(seconds: float) -> str:
    """Return as in "812 ms", with three digits."""
    for least, unit in ((1.0, "s"), (1e-3, "ms")):
        if seconds >= 0.9995 * least:
            return f"{_digits(seconds / least)} {unit}"
    return f"{_digits(seconds * 1e6)} µs" if seconds > 0.0 else "0 ms"


def _digits(value: float) -> str:
    return f"{value:.3g}" if value < 999.5 else f"{value:,.0f}"


def _odds(share: float) -> float:
    """Return the log odds of a share; those of a tiny one where it is 0."""
    bounded = min(max(share, LEAST_SHARE), 1.0 - LEAST_SHARE)
    return math.log(bounded / (1.0 - bounded))


def _outside(value: float, low: float, high: float) -> float:
    return max(low - value, value - high, 0.0)


def _spoken(arm: Quantile, unit: float) -> str:
    return f"over {duration(arm.last * unit)}" if arm.value is None else duration(arm.value * unit)


def _band(arm: Quantile, unit: float) -> str:
    low = duration(arm.low * unit)
    return f"at least {low}" if arm.high is None else f"{low} to {duration(arm.high * unit)}"
