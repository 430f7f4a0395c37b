"""The bets on a latency histogram: how a slower version might look, and what a look pays for it.

A bet is one nondecreasing number R per bucket: how many times more often the canary is thought to
end up there than stable. The claim "the canary is no slower" (at every boundary at least as many of
its requests are faster) makes every such bet a losing one on average, so the shapes below decide
how soon a slower version is found and nothing else. They are made once, from stable's histogram
before the release.

Four families share the stake: everything slower by a factor; the slow tail slower the further out;
more requests beyond one boundary; a survival function raised to a power, which needs no shape at
all. How much each gets was chosen on a lognormal service only.

Promises: R is finite, positive and nondecreasing for every history. Leaves out: margins and what
is asked (histogram.py), boundaries and counts (buckets.py).
"""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from controller.judge.betting import Floats

SHIFTS = (0.15, 0.5, 1.5)
TAILS = ((0.90, 0.4), (0.90, 1.4), (0.95, 0.4), (0.95, 1.4))
STEPS = (
    *((level, odds) for level in (0.95, 0.99) for odds in (1.4, 2.5, 6.0)),
    *((level, odds) for level in (0.50, 0.75, 0.90) for odds in (1.3, 2.0)),
)
POWERS = (0.07, 0.2, 0.6)
STAKES = ((len(SHIFTS), 0.25), (len(TAILS), 0.4), (len(STEPS), 0.2), (len(POWERS), 0.15))
WEIGHTS: Floats = np.concatenate([np.full(size, stake / size) for size, stake in STAKES])
CLIP = 1e3  # no bet pays more than this for one request, or less than its reciprocal
# Each bucket of the history counts as having seen this many requests more, so none is impossible.
SMOOTHING = 0.5
NORMAL = NormalDist()


class Bets(NamedTuple):
    """R of each bet, shape (22, buckets) in the order of WEIGHTS: its logarithm, and R - 1."""

    logs: Floats
    excess: Floats


def bets(history: Floats, edges: Floats) -> Bets:
    """Return the bets for stable's requests per bucket.

    `edges` are the positive upper bounds of all buckets but the last, which has none.
    """
    shares = history + SMOOTHING
    shares = shares / shares.sum()
    below = np.cumsum(shares)[:-1]
    alternatives = [
        *(_slower(below, edges, 0.0, by) for by in SHIFTS),
        *(_slower(below, edges, level, by) for level, by in TAILS),
        *(_step(below, level, odds) for level, odds in STEPS),
        *((1.0 - below) ** (1.0 / (1.0 + by)) for by in POWERS),
    ]
    ratios = [nondecreasing(_buckets(tail) / shares, shares) for tail in alternatives]
    placed = np.clip(ratios, 1.0 / CLIP, CLIP)
    return Bets(np.log(placed), placed - 1.0)


def growth(canary: Floats, stable: Floats, placed: Bets) -> Floats:
    """Return what one look adds to the log capital of each bet.

    `canary` and `stable` are requests per bucket, both with at least one. With w the canary's share
    of the look, a request pays R/(wR + 1-w) if it is the canary's and 1/(wR + 1-w) if stable's.
    The first rises with the bucket, so a canary that is no slower earns at most what stable's
    distribution would; and under one distribution the weighted mean of both payoffs is 1 in every
    bucket. By weighted arithmetic and geometric means the look's expected payoff is at most 1.
    """
    both, requests = canary + stable, canary.sum()
    share = requests / both.sum()
    grown: Floats = placed.logs @ canary - np.log1p(share * placed.excess) @ both
    return grown


def nondecreasing(values: Floats, weights: Floats) -> Floats:
    """Return the nondecreasing sequence nearest to `values` in weighted squares; weights > 0.

    Pool adjacent violators: Ayer, Brunk, Ewing, Reid and Silverman, Ann. Math. Stat. 26, 1955.
    """
    pools: list[tuple[float, float, int]] = []  # mean, weight, length
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        mean, total, length = value, weight, 1
        while pools and pools[-1][0] >= mean:
            before, heavy, long = pools.pop()
            mean = (before * heavy + mean * total) / (heavy + total)
            total, length = heavy + total, long + length
        pools.append((mean, total, length))
    means, _, lengths = zip(*pools, strict=True)
    return np.repeat(np.array(means), np.array(lengths))


def _slower(below: Floats, edges: Floats, level: float, by: float) -> Floats:
    """Return the tail at each edge if requests were slower from the quantile `level` on.

    At level 0 all take 1 + `by` times as long. Else the distance from the quantile grows that much
    in logarithm, for the requests beyond it.

    The distribution between the edges, and beyond them, is read off a normal quantile plot over
    the logarithm of latency: straight for a lognormal service.
    """
    at, scores = np.log(edges), np.array([NORMAL.inv_cdf(share) for share in below.tolist()])
    wide = len(at) > 1
    slope = (scores[-1] - scores[0]) / (at[-1] - at[0]) if wide else 1.0
    if level > 0.0:
        start = _along(NORMAL.inv_cdf(level), scores, at, 1.0 / slope)
        source = np.where(at > start, start + (at - start) / (1.0 + by), at)
    else:
        source = at - math.log1p(by)
    moved = [_along(point, at, scores, slope) for point in source.tolist()]
    return np.array([NORMAL.cdf(-score) for score in moved])


def _along(point: float, xs: Floats, ys: Floats, slope: float) -> float:
    """Return y at `point` on the line through (xs, ys), which goes on with `slope` at its ends."""
    if point < xs[0]:
        return float(ys[0] + slope * (point - xs[0]))
    if point > xs[-1]:
        return float(ys[-1] + slope * (point - xs[-1]))
    return float(np.interp(point, xs, ys))


def _step(below: Floats, level: float, odds: float) -> Floats:
    """Return the tail if the odds of being beyond the edge nearest to a quantile were `odds` up."""
    at = int(np.argmin(np.abs(below - level)))
    beyond = 1.0 - below[at]
    up, down = odds / (1.0 - beyond + odds * beyond), 1.0 / (1.0 - beyond + odds * beyond)
    tail = 1.0 - below
    under = np.arange(len(below)) < at
    moved: Floats = np.where(under, up * beyond + down * (tail - beyond), up * tail)
    return moved


def _buckets(tail: Floats) -> Floats:
    """Return the share of each bucket from the share beyond each edge."""
    return -np.diff(tail, prepend=1.0, append=0.0)
