"""The betting test on two error rates: what one look adds to the evidence, and why it may.

The test plays a game against the claim "the canary is no worse". Each stake is fixed from the past
before a look is read, and chosen so that the claim, if true, cannot make money on average. Capital
that grows all the same is evidence against the claim: by Ville's inequality (1939) it passes
1/alpha with probability alpha at most, however often one looks.

The claim is p_c <= ratio * p_b + shift in every look, for the canary's rate p_c and stable's rate
p_b; both may drift. The opposite claim (>=) is played with odds below 1. The construction is that
of k-sample e-variables (Turner, Ly and Gruenwald, 2024) with a margin and stakes in the manner of
Waudby-Smith and Ramdas (2024).

The game on "worse" is played from several starts at once, so that a fault that comes late is not
held up by what the game lost before: FIRST of the stake plays from the beginning, and every
JOIN_EVERY looks a part of the rest joins. Bets are linear in the capital, so the starts of one bet
need one number together, whatever their count (Shin, Ramdas and Rinaldo, 2024, on e-detectors).
Each start is shared by bets on odds of all sizes, most of it by those that a release can decide.

Promises: every number returned is finite for counts between 0 and 1e15 with both arms present.
All functions take floats, or arrays whose last axis has length 1, for many releases at once.
Leaves out: validation of counts (counts.py), and requests that fail in clumps: the game is fair
only if requests fail independently of each other, given the arm and the moment. What is done where
they do not is in history.py and pods.py.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Number = float | Floats

# The largest count a look may have: float64 still adds it to others without rounding.
MOST_REQUESTS = 1e15
# No stake may lose more than this share of the capital on a single request.
RUIN = 0.95
# Stakes are placed as if a rate were never nearer to 1 than this, where float64 runs out of digits.
EDGE = 1e-4
TINY = 1e-300  # stands in for 0 where a quotient or logarithm of 0 is then not used

# Alternatives to "no worse": the canary's odds of a bad request over those the claim allows.
WORSE_ODDS: Floats = 1.0 + np.geomspace(0.08, 15.0, 9)
# Bets that take more of the canary's requests than a release has are of no use, and those that a
# look decides need little: both have a smaller part of the stake.
SLOW, SOON = 10_000.0, 75.0
DECIDED = math.log(100.0)  # in nats
# Alternatives to "worse than the margin": steps from the margin (0) past stable's own rate (1).
SAFE_STEPS: Floats = np.array([0.3, 0.45, 0.6, 0.8, 1.0, 1.3, 1.8, 2.5])
SMALLEST_GAP = 0.01  # in log odds: with a margin of 0 the canary has to be proven better
LARGEST_STEP = 3.0  # in log odds: nearly "no bad request at all"

FIRST = 0.75
JOIN_EVERY = 20  # looks
JOINS = 1.0 / 9.0  # of what has not joined yet


class Tally(NamedTuple):
    """Requests of both arms, of one look or of all looks before it."""

    canary_bad: Number
    canary: Number
    stable_bad: Number
    stable: Number


class Null(NamedTuple):
    """The line p_c = ratio * p_b + shift between the two claims; ratio > 0, 0 <= shift < 1."""

    ratio: Number
    shift: float

    def at(self, stable: float) -> float:
        """Return the p_c that the line puts beside a p_b, where ratio is one number."""
        return float(self.ratio * stable + self.shift)


def reference(null: Null, past: Tally) -> tuple[Number, Number]:
    """Return the point (p_c, p_b) on the line of `null` that is nearest to the past counts.

    Nearest in relative entropy, in the limit of small rates, which makes stakes around it grow
    fastest. Any point would be valid. Without past requests it is (shift, 0).
    """
    ratio, shift = null
    weight = ratio * past.canary + past.stable
    bad = past.canary_bad + past.stable_bad
    stable: Number
    if shift == 0.0:
        stable = bad / np.maximum(weight, TINY)
    else:
        gap = ratio * bad - weight * shift
        root = np.sqrt(gap * gap + 4.0 * weight * ratio * past.stable_bad * shift)
        # Both are the positive root of the same parabola; each is exact where the other cancels.
        stable = np.where(
            gap > 0.0,
            (gap + root) / np.maximum(2.0 * weight * ratio, TINY),
            2.0 * past.stable_bad * shift / np.maximum(root - gap, TINY),
        )
    stable = np.minimum(np.maximum(stable, 0.0), np.maximum(0.0, (1.0 - EDGE - shift) / ratio))
    return ratio * stable + shift, stable


def growth(look: Tally, null: Null, at: tuple[Number, Number], odds: Floats) -> Floats:
    """Return what one look adds to the log capital of each alternative in `odds`.

    `at` is the reference point (a, b), fixed before the look. Odds above 1 bet against "p_c is at
    most the line", odds below 1 against "at least". With w the canary's share of the look and
    x = stake, a request multiplies the capital by

        canary   1 + (x/w)(bad - a)          stable   1 - (x ratio/(1-w))(bad - b)

    By weighted arithmetic and geometric means a look multiplies it, in expectation, by at most
    (1 + x (p_c - ratio p_b - shift)) ** n, which is at most 1 under the claim that is bet against.
    """
    a, b = at
    requests = look.canary + look.stable
    share, rest = look.canary / requests, look.stable / requests
    kappa = odds / (1.0 - a + a * odds)
    canary_bad, canary_good = (1.0 - a) / share, a / share
    stable_bad, stable_good = null.ratio * (1.0 - b) / rest, null.ratio * b / rest
    stake = (kappa - 1.0) / (canary_bad + kappa * stable_bad)
    stake = np.minimum(stake, RUIN / np.maximum(canary_good, TINY))
    stake = np.maximum(stake, -RUIN / np.maximum(stable_good, TINY))
    grown: Floats = (
        look.canary_bad * np.log1p(stake * canary_bad)
        + (look.canary - look.canary_bad) * np.log1p(-stake * canary_good)
        + look.stable_bad * np.log1p(-stake * stable_bad)
        + (look.stable - look.stable_bad) * np.log1p(stake * stable_good)
    )
    return grown


def worse_growth(look: Tally, null: Null, past: Tally) -> Floats:
    """Return the log growth of each bet that the canary is worse than `null`; last axis 9."""
    return growth(look, null, reference(null, past), WORSE_ODDS)


def worse_parts(rate: Number) -> Floats:
    """Return how the stake is shared by WORSE_ODDS beside a rate of stable's; mean 1, last axis 9.

    A bet of the right odds wins in each of the canary's requests the relative entropy of both
    rates, so the rate tells which odds a release can decide. Any shares fixed before the first look
    would be valid. Without a bad request before, nobody can tell, and all have the same.
    """
    low = np.minimum(rate, 1.0 - EDGE)
    more = low * (WORSE_ODDS - 1.0)
    gain = low * WORSE_ODDS / (1.0 + more) * np.log(WORSE_ODDS) - np.log1p(more)
    parts = np.maximum(gain, 0.0) / ((gain + DECIDED / SLOW) * (gain + DECIDED / SOON))
    whole = parts.mean(axis=-1, keepdims=True)
    shares: Floats = np.where(whole > TINY, parts / np.maximum(whole, TINY), 1.0)
    return np.maximum(shares, TINY)


def safe_growth(look: Tally, null: Null, past: Tally) -> Floats:
    """Return the log growth of each bet that the canary is better than `null`; last axis 8.

    The alternatives scale with the distance between the margin and stable's own rate, so without
    any past request of stable there is nothing to scale by and nothing is staked.
    """
    a, b = reference(null, past)
    gap = np.log(a + TINY) - np.log1p(-a) - np.log(b + TINY) + np.log1p(-b)
    steps = np.minimum(SAFE_STEPS * np.maximum(gap, SMALLEST_GAP), LARGEST_STEP)
    steps = np.where(past.stable > 0, steps, 0.0)
    return growth(look, null, (a, b), np.exp(-steps))


def joined(log_capital: Floats, stake: Number) -> Floats:
    """Return the log capital of bets that `stake` has joined, one for all or one for each."""
    more: Floats = np.logaddexp(log_capital, np.log(np.maximum(stake, TINY)))
    return more


def log_mean(log_capital: tuple[float, ...], aside: float = 0.0) -> float:
    """Return the log of the mean of capitals given by their logs, plus a capital not at stake."""
    top = max(log_capital)
    total = sum([math.exp(value - top) for value in log_capital])
    mean = top + math.log(total / len(log_capital))
    if aside <= 0.0:
        return mean
    rest = math.log(aside)
    high, low = max(mean, rest), min(mean, rest)
    return high + math.log1p(math.exp(low - high))
