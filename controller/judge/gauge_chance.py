"""What chance does to gauges: how far it moves a mean or a slope, and how it ranks pods.

Promises: every threshold falls as its probability rises. Leaves out: what is compared with them
(gauge_rule.py).
"""

import math
from collections.abc import Sequence
from functools import lru_cache

from controller.judge.distributions import student_t

# At which amount of data the radius is tightest: about 200 looks for a mean, 120 for a slope.
MEAN_TUNING = 0.05
SLOPE_TUNING = 7e-5
# 1 minus anything smaller has too few digits left for a quantile.
LEAST_PROBABILITY = 1e-12


def mean_radius(looks: int, probability: float) -> float:
    """Return how far the mean of independent standard normal looks ever rises above its truth.

    At any number of looks, with this probability at most: the one-sided mixture boundary of
    Robbins (1970), as in Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (Ann. Stat. 2024).
    """
    return _radius(float(looks), MEAN_TUNING, probability)


def slope_radius(looks: int, probability: float) -> float:
    """Return the same for the least-squares slope over looks 1, 2, 3 and so on, per look.

    Helmert's transformation turns least squares with an intercept into a sum of independent
    normal terms of variance x, and x adds up to `slope_weight`. That sum is the martingale of
    `mean_radius` with that weight in place of the number of looks, so the same boundary holds.
    """
    return _radius(slope_weight(looks), SLOPE_TUNING, probability)


def slope_weight(looks: int) -> float:
    """Return the sum of squares of 1, 2, ... looks around their mean."""
    return looks * (float(looks) * looks - 1.0) / 12.0


@lru_cache(maxsize=256)
def offset(pods: int, probability: float) -> float:
    """Return how many spreads, learned from some pods, new pods lie off with this probability."""
    if pods < 2 or probability < LEAST_PROBABILITY:
        return math.inf
    return student_t(1.0 - probability, pods - 1)


def rank_probability(canary: Sequence[float], stable: Sequence[float]) -> float:
    """Return how likely chance ranks the canary's pods at least this high (Wilcoxon, 1945).

    Exact if pods are exchangeable. Pods of equal value count as if stable's were the higher, which
    is on the safe side. 1 for an empty arm.
    """
    wins = sum(1 for one in canary for other in stable if one > other)
    return _tail(len(canary), len(stable))[wins]


def arrangements(canary: int, stable: int) -> int:
    """Return in how many ways the pods of both arms can be ranked: 1 over the least probability."""
    return math.comb(canary + stable, canary)


@lru_cache(maxsize=256)
def _tail(canary: int, stable: int) -> tuple[float, ...]:
    """Return by number of wins the probability of at least so many (Mann and Whitney, 1947)."""
    ways = [1] + [0] * (canary * stable)
    # Their generating function: a product of (1 - q^(stable + i))/(1 - q^i).
    for i in range(1, canary + 1):
        for wins in range(canary * stable, stable + i - 1, -1):
            ways[wins] -= ways[wins - stable - i]
        for wins in range(i, canary * stable + 1):
            ways[wins] += ways[wins - i]
    total, above, tail = arrangements(canary, stable), 0, []
    for count in reversed(ways):
        above += count
        tail.append(above / total)
    return tuple(reversed(tail))


def _radius(weight: float, tuning: float, probability: float) -> float:
    if weight <= 0.0 or probability <= 0.0:
        return math.inf
    scaled = weight * tuning + 1.0
    logarithm = math.log1p(math.sqrt(scaled) / (2.0 * probability))
    return math.sqrt(2.0 * scaled * logarithm / tuning) / weight
