"""Time-uniform intervals for the ratio and the difference of two error rates.

An interval holds every claim "p_c = ratio * p_b" (or "p_c = p_b + difference") that a betting game
has not refuted so far. It may be read at any look: the probability that the truth is ever outside
is 1 - confidence at most, whichever look one stops at.

The game is that of betting.py with stakes z that are the same for every claim and every look, and
one reference rate b for stable (the anchor), fixed before the release. A request multiplies the
capital by

    canary   1 + (z/ratio)(bad - a)        stable   1 - z (w/(1-w)) (bad - b)

with w the canary's share of the look and a the canary's rate that the claim puts beside b. The
stable part does not contain the claim and the canary part does not contain the look, so a few sums
are enough to try any claim later: memory does not grow and no grid of claims is carried along.

Promises: capital is monotone in the claim, so that the claims left over are an interval; bounds
are rounded outward. Leaves out: rates whose ratio changes during the release; the interval then
speaks about no single look, and the point estimate about their mean.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from controller.judge.betting import Floats, Tally

# z < 0 bets that the canary is better than the claim, z > 0 that it is worse.
STAKES: Floats = np.concatenate([-np.geomspace(0.02, 40.0, 14), np.geomspace(0.02, 40.0, 14)])
BETTER, WORSE = slice(0, 14), slice(14, 28)
# A stake sits out a look in which one request could cost it more than this share.
RUIN = 0.98
RATIOS = (1e-3, 1e3)  # ratios are told apart in this range
POINTS, ROUNDS = 65, 3  # resolves 0.006 % of a ratio and 0.0008 percentage points


@dataclass(frozen=True, slots=True)
class Interval:
    """What the counts so far say about the canary's rate beside stable's, at a confidence.

    `low` to `high` is the ratio of the rates: `high` is None while nothing bounds it, `point` while
    stable had no bad request. Differences are shares: 0.01 is one percentage point.
    """

    confidence: float
    low: float
    point: float | None
    high: float | None
    difference_low: float
    difference_point: float
    difference_high: float


class Sums(NamedTuple):
    """What the game keeps: per stake the canary's requests it took part in, stable's log growth."""

    canary_bad: tuple[float, ...]
    canary: tuple[float, ...]
    stable_growth: tuple[float, ...]

    @classmethod
    def zero(cls) -> Self:
        """Return the sums before the first look."""
        nothing = (0.0,) * len(STAKES)
        return cls(nothing, nothing, nothing)

    def after(self, look: Tally, anchor: float) -> Self:
        """Return the sums with one look of plain floats added; `anchor` must never change."""
        odds = STAKES * (look.canary / look.stable)
        bad_pays, good_pays = -odds * (1.0 - anchor), odds * anchor
        plays = np.minimum(bad_pays, good_pays) > -RUIN
        grown = look.stable_bad * np.log1p(np.where(plays, bad_pays, 0.0))
        grown += (look.stable - look.stable_bad) * np.log1p(np.where(plays, good_pays, 0.0))
        table = np.array(self)
        table += np.array((plays * look.canary_bad, plays * look.canary, grown))
        return type(self)(*(tuple(row) for row in table.tolist()))


def interval(
    sums: Sums, anchor: float, *, canary_rate: float, stable_rate: float, confidence: float
) -> Interval:
    """Return the claims that the game has not refuted, around the two rates as point estimates.

    Raises ValueError for a confidence outside 0 to 1.
    """
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence is {confidence}; it must lie between 0 and 1, such as 0.95")
    threshold = math.log(2.0 / (1.0 - confidence))

    def ratios(side: slice, logs: Floats) -> NDArray[np.bool_]:
        ratio = np.exp(logs)
        return log_capital(sums, side, ratio, ratio * anchor) >= threshold

    def differences(shift: Floats) -> NDArray[np.bool_]:
        return log_capital(sums, WORSE, np.ones_like(shift), anchor + shift) >= threshold

    least, most = math.log(RATIOS[0]), math.log(RATIOS[1])
    low = _last_refuted(lambda logs: ratios(WORSE, logs), least, most)
    high = _last_refuted(lambda logs: ratios(BETTER, -logs), -most, -least)
    difference_low = _last_refuted(differences, -1.0, 1.0)
    difference_high = highest_difference(sums, anchor, math.exp(-threshold))
    point = canary_rate / stable_rate if stable_rate > 0 else None
    difference = canary_rate - stable_rate
    # Stakes that sat out looks may leave the point outside; widening an interval is always valid.
    return Interval(
        confidence=confidence,
        low=min(0.0 if low is None else math.exp(low), math.inf if point is None else point),
        point=point,
        high=None if high is None else max(math.exp(-high), point or 0.0),
        difference_low=min(-1.0 if difference_low is None else difference_low, difference),
        difference_point=difference,
        difference_high=max(difference_high, difference),
    )


def highest_difference(sums: Sums, anchor: float, level: float) -> float:
    """Return the largest p_c - p_b that the game has not refuted; 1 while it has refuted none.

    The truth is ever above it, at whatever look, with probability `level` at most.
    """

    def refuted(shift: Floats) -> NDArray[np.bool_]:
        capital = log_capital(sums, BETTER, np.ones_like(shift), anchor - shift)
        return capital >= -math.log(level)

    found = _last_refuted(refuted, -1.0, 1.0)
    return 1.0 if found is None else -found


def log_capital(sums: Sums, side: slice, ratio: Floats, allowed: Floats) -> Floats:
    """Return the log of the mean capital of one side's stakes against each of some claims.

    A claim says p_c = ratio * p_b + shift; `allowed` is the p_c that it puts beside the anchor.
    """
    stakes = STAKES[side] / ratio[:, None]
    bad_pays, good_pays = stakes * (1.0 - allowed[:, None]), -stakes * allowed[:, None]
    # Capital that one request could turn negative is counted as lost, which is always valid.
    fair = np.minimum(bad_pays, good_pays) > -1.0
    bad, requests, stable = np.array(sums)[:, side]
    grown = bad * np.log1p(np.where(fair, bad_pays, 0.0)) + stable
    grown += (requests - bad) * np.log1p(np.where(fair, good_pays, 0.0))
    grown = np.where(fair, grown, -np.inf)
    top = np.maximum(grown.max(axis=1), 0.0)
    mean = np.exp(grown - top[:, None]).mean(axis=1)
    result: Floats = top + np.log(np.maximum(mean, 1e-300))
    return result


def _last_refuted(
    refuted: Callable[[Floats], NDArray[np.bool_]], first: float, last: float
) -> float | None:
    """Return the last refuted claim between two; None if the first is not.

    Claims are refuted up to some point and not beyond.
    """
    for _ in range(ROUNDS):
        claims = np.linspace(first, last, POINTS)
        count = int(np.count_nonzero(refuted(claims)))
        if count == 0:
            return None
        first, last = float(claims[count - 1]), float(claims[min(count, POINTS - 1)])
    return first
