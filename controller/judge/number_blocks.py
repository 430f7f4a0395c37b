"""Blocks of looks: how long they have to be, what is kept of them, and e-values of their means.

Promises: e-values are finite and may be read after any block.
The test by t is fair for normal means, that by signs for any, if blocks are independent.
Leaves out: which numbers and margins (numbers.py).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from controller.judge.betting import Floats
from controller.judge.quantities import MOST_VALUE

SHORTEST, LONGEST = 20, 240  # looks in a block
# Three would do if a history of 60 looks told them exactly; it does not.
CORRELATION_TIMES = 6.0
# How many blocks the prior on the effect is worth; small means that large effects are expected.
PRIOR_BLOCKS = 2.0
# Blocks that vary by less than this share of their size do not vary: that is rounding.
ROUNDING = 1e-9
# Nor does a difference of arms that move together to this share of their own variance.
CANCELLED = 1e-12
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
# The chance of a bad block, uniform between 1/2 and 1: exactly so for up to 31 blocks.
BAD: Floats = 0.75 + 0.25 * _NODES
BAD_WEIGHTS: Floats = 0.5 * _WEIGHTS


class Blocks(NamedTuple):
    """Means of the full blocks of both arms, and sums of squares and products around them."""

    canary: float = 0.0
    stable: float = 0.0
    canary_squares: float = 0.0
    products: float = 0.0
    stable_squares: float = 0.0

    def after(self, canary: float, stable: float, blocks: int) -> "Blocks":
        """Return the moments with one more block, the `blocks`-th."""
        above, beside = canary - self.canary, stable - self.stable
        mine, theirs = self.canary + above / blocks, self.stable + beside / blocks
        return Blocks(
            mine,
            theirs,
            self.canary_squares + above * (canary - mine),
            self.products + above * (stable - theirs),
            self.stable_squares + beside * (stable - theirs),
        )

    def along(self, x: float, y: float, z: float) -> tuple[float, float]:
        """Return mean and sum of squares of x canary + y stable + z over blocks."""
        apart = x * x * self.canary_squares + y * y * self.stable_squares
        squares = apart + 2.0 * x * y * self.products
        # What is left when large numbers cancel is no variance.
        size = max(abs(self.canary), abs(y * self.stable), abs(z))
        rounding = max((ROUNDING * size) ** 2, CANCELLED * apart)
        return x * self.canary + y * self.stable + z, squares if squares > rounding else 0.0


def block_looks(history: Sequence[float | None]) -> int:
    """Return how many looks a block needs, from stable's number at the looks before the release.

    CORRELATION_TIMES of a first-order autoregression, between SHORTEST and LONGEST. A history that
    is too short or does not vary gives SHORTEST.
    """
    values = np.array([math.nan if v is None or abs(v) > MOST_VALUE else v for v in history])
    values = values[np.isfinite(values)]
    looks = len(values)
    rest = values - values.mean() if looks else values
    variance = float(rest @ rest)
    if looks < SHORTEST or variance <= looks * (ROUNDING * float(np.abs(values).max())) ** 2:
        return SHORTEST
    # The estimate from few looks is too small by about (1 + 3 phi)/looks (Marriott and Pope, 1954).
    phi = (looks * float(rest[1:] @ rest[:-1]) / variance + 1.0) / (looks - 3)
    if phi >= 1.0:
        return LONGEST
    needed = -CORRELATION_TIMES / math.log(phi) if phi > 0.0 else 0.0
    return int(min(LONGEST, max(SHORTEST, math.ceil(needed))))


def log_student(mean: float, squares: float, blocks: int) -> float:
    """Return the log of the mixture's e-value against "the mean is 0 or less".

    With x = blocks mean^2 / squares and k = prior/(prior + blocks) it is
    sqrt(k) ((1 + x)/(1 + k x))^(blocks/2); a mean below 0 counts as 0. Blocks that do not vary, and
    one block, say nothing.
    """
    if squares <= 0.0:
        return 0.0
    shrink = PRIOR_BLOCKS / (PRIOR_BLOCKS + blocks)
    x = blocks * max(0.0, mean) ** 2 / squares
    return 0.5 * (math.log(shrink) + blocks * (math.log1p(x) - math.log1p(shrink * x)))


def most_squared(blocks: int, error: float) -> float:
    """Return the x of `log_student` at which its e-value is 1/`error`; inf if it never is."""
    if blocks < 2:
        return math.inf
    shrink = PRIOR_BLOCKS / (PRIOR_BLOCKS + blocks)
    ratio = math.exp((2.0 * math.log(1.0 / error) - math.log(shrink)) / blocks)
    return (ratio - 1.0) / (1.0 - ratio * shrink) if ratio * shrink < 1.0 else math.inf


def log_signs(bad: int, blocks: int) -> float:
    """Return the log e-value against "a block is bad with probability 1/2 at most"."""
    if blocks == 0:
        return 0.0
    logs = bad * np.log(2.0 * BAD) + (blocks - bad) * np.log(2.0 * (1.0 - BAD))
    top = float(logs.max())
    return top + math.log(float(BAD_WEIGHTS @ np.exp(logs - top)))
