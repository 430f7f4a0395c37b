"""The gauge rule once more, written from its definition, over many releases at a time.

Arrays are by release, look and pod, with every sample present and looks as far apart as in the
history. The real code has to agree with it to 1e-9, so what holds for one in simulations holds for
the other.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]
STARTS = [0, 20, 40, 80, 120, 200, 360, 640, 1200, 2400]
LOOKS_IN_TEN_MINUTES = 40


class Learned(NamedTuple):
    """By release, what the history says."""

    pods: int
    level: Floats
    spread: Floats
    within: Floats
    phi: Floats
    slope_spread: Floats


def learn(history: Floats) -> Learned:
    looks, pods = history.shape[1:]
    means = history.mean(axis=1)
    alone = history - history.mean(axis=2, keepdims=True)
    alone = alone - alone.mean(axis=1, keepdims=True)
    freedom = pods - 1
    variance = (alone**2).sum(axis=(1, 2)) / looks / freedom
    lagged = (alone[:, 1:] * alone[:, :-1]).sum(axis=(1, 2)) / (looks - 1) / freedom
    phi = np.clip((looks * lagged / variance + 1) / (looks - 3), 0, 0.97)
    # The variance of a mean by adding up all correlations.
    lag = np.abs(np.subtract.outer(np.arange(looks), np.arange(looks)))
    distance = np.bincount(lag.ravel())
    of_mean = (distance * phi[:, None] ** np.arange(looks)).sum(axis=1) / looks**2
    numbers = np.arange(looks) - (looks - 1) / 2
    slopes = np.einsum("t,rtp->rp", numbers, history) / (numbers**2).sum()
    return Learned(
        pods,
        means.mean(axis=1),
        means.std(axis=1, ddof=1),
        np.sqrt(variance / (1 - of_mean)),
        phi,
        slopes.std(axis=1, ddof=1),
    )


def alarms(
    learned: Learned,
    canary: Floats,
    stable: Floats,
    *,
    alpha: float,
    growth: bool = False,
    starts: list[int] = STARTS,
    ranks: bool = True,
) -> Truths:
    """Return by release and look whether the canary is beyond stable, without a margin."""
    releases, looks = canary.shape[:2]
    found = np.zeros((releases, looks), dtype=bool)
    for number, start in enumerate(starts):
        if start + 1 >= looks:
            break
        share = alpha / 4 if number == 0 else alpha / 4 / 9
        passes = clearance(learned, canary, stable, start, alpha / 2, share, growth=growth) > 0
        if growth:
            passes &= still_growing(learned, canary, stable, start, alpha)
        passes[:, 0] = False
        found[:, start:] |= passes
    if not ranks:
        return found
    return found & rank_passes(learned, canary, stable, alpha, growth=growth)


def clearance(
    learned: Learned,
    canary: Floats,
    stable: Floats,
    start: int,
    offset: float,
    noise: float,
    *,
    growth: bool = False,
) -> Floats:
    """Return by how much the canary is further above stable than chance takes it."""
    mine, theirs = canary[:, start:].mean(axis=2), stable[:, start:].mean(axis=2)
    h = np.sqrt(1 / canary.shape[2] + 1 / stable.shape[2])
    n = np.arange(1.0, mine.shape[1] + 1)
    quantile = stdtrit(learned.pods - 1, 1 - offset)
    if growth:
        found, spread, weight = slope(mine - theirs), learned.slope_spread, n * (n**2 - 1) / 12
        radius = boundary(np.maximum(weight, 1e-9), 7e-5, noise)
    else:
        found, spread, radius = average(mine - theirs), learned.spread, boundary(n, 0.05, noise)
    wide = np.sqrt((spread[:, None] * quantile) ** 2 + (wander(learned)[:, None] * radius) ** 2)
    scale = h * np.maximum(1, average(theirs) / learned.level[:, None])
    return np.asarray(found - scale * wide)


def wander(learned: Learned) -> Floats:
    """Return the standard deviation of white noise with the same long-run variance."""
    return np.asarray(learned.within * np.sqrt((1 + learned.phi) / (1 - learned.phi)))


def average(values: Floats) -> Floats:
    """Return the mean of the first 1, 2, ... values of the second axis."""
    return np.asarray(np.cumsum(values, axis=1) / np.arange(1.0, values.shape[1] + 1))


def boundary(weight: Floats, tuning: float, alpha: float) -> Floats:
    inside = weight * tuning + 1
    root: Floats = np.sqrt(
        2 * inside / (weight**2 * tuning) * np.log(1 + np.sqrt(inside) / (2 * alpha))
    )
    return root


def slope(values: Floats) -> Floats:
    """Return the least-squares slope over the first 1, 2, ... values of the second axis."""
    shape = (1, -1) + (1,) * (values.ndim - 2)
    n = np.arange(1.0, values.shape[1] + 1).reshape(shape)
    total, moment = np.cumsum(values, axis=1), np.cumsum(values * n, axis=1)
    bottom = n * (n**2 - 1) / 12
    return np.where(n > 1, (moment - total * (n + 1) / 2) / np.maximum(bottom, 1e-9), 0.0)


def still_growing(
    learned: Learned, canary: Floats, stable: Floats, start: int, alpha: float
) -> Truths:
    """Return whether growth goes on and led out of the spread, since the last start of use."""
    mine, theirs = canary.mean(axis=2), stable.mean(axis=2)
    looks = mine.shape[1]
    h = np.sqrt(1 / canary.shape[2] + 1 / stable.shape[2])
    reach = h * learned.spread * stdtrit(learned.pods - 1, 1 - alpha / 2)
    since = {first: slope((mine - theirs)[:, first:]) for first in STARTS if first < looks}
    high = {first: average(mine[:, first:]) for first in since}
    low = {first: average(theirs[:, first:]) for first in since}
    result = np.zeros((len(mine), looks - start), dtype=bool)
    for n in range(LOOKS_IN_TEN_MINUTES + 1, looks - start + 1):
        last = max(first for first in since if 3 * (start + n - first) >= n)
        if last == start:
            continue
        at = start + n - last - 1
        scale = np.maximum(1, low[last][:, at] / learned.level)
        lasts = since[last][:, at] > 0.6 * since[start][:, n - 1]
        result[:, n - 1] = lasts & (high[last][:, at] - low[last][:, at] > scale * reach)
    return result


def rank_passes(
    learned: Learned, canary: Floats, stable: Floats, alpha: float, *, growth: bool
) -> Truths:
    """Return whether pods rank as high as chance ranks them with probability alpha at most."""
    mine, theirs = canary.shape[2], stable.shape[2]
    level = stable.mean(axis=2, keepdims=True)
    n = np.arange(1.0, canary.shape[1] + 1)
    if growth:
        arms = [slope(arm - level) for arm in (canary, stable)]
        weight = np.maximum(n * (n**2 - 1) / 12, 0.5)
    else:
        arms = [forgetful_mean(arm - level) for arm in (canary, stable)]
        weight = np.minimum(n, 60)
    lowest = arms[0] - (wander(learned)[:, None] / np.sqrt(weight))[:, :, None]
    wins = (lowest[:, :, :, None] > arms[1][:, :, None, :]).sum(axis=(2, 3))
    every = [
        sum(rank - place for place, rank in enumerate(chosen))
        for chosen in combinations(range(mine + theirs), mine)
    ]
    enough = [w for w in range(mine * theirs + 1) if np.mean([e >= w for e in every]) <= alpha]
    return np.asarray(wins >= (min(enough) if enough else mine * theirs + 1))


def forgetful_mean(values: Floats) -> Floats:
    """Return the mean over the first 1, 2, ... looks, in which each look weighs 1/60 at least."""
    means = np.empty_like(values)
    means[:, 0] = values[:, 0]
    for look in range(1, values.shape[1]):
        weight = max(1 / (look + 1), 1 / 60)
        means[:, look] = (1 - weight) * means[:, look - 1] + weight * values[:, look]
    return means
