"""What else could have judged the same requests.

- Lindon and Malek, *Anytime-valid inference for multinomial count data* (NeurIPS 2022): bad
  requests of both arms against their share of the traffic, a Dirichlet mixture of weight 100.
- Kayenta's judge: at each minute a Mann-Whitney test of the minutes so far, both arms' values, with
  the normal approximation, ties and a continuity correction; the canary is High if the 98 %
  interval for the shift lies above a quarter of the estimated shift (Hodges and Lehmann).
- Argo Rollouts and Flagger: one number a minute against a limit. Both documentations use a success
  rate of at least 99 % or the like; Argo's example tolerates 3 failures and fails at the fourth,
  Flagger's gives up at the fifth of the first ten checks.

Streams are by look or minute and release. Times are numbers of the look or minute at which the
canary is given up, from 1; infinite if it is not. Leaves out: what these do without data.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

from bench.judge.counts_twin import first
from controller.judge.betting import Floats

WEIGHT = 100.0
SURE = 2.3263478740408408  # the normal quantile of 99 %: one side of a 98 % interval
EFFECT = 0.25
# Kayenta can alarm from the fifth value on; its users are told to wait for many more.
LEAST_MINUTES = 10
ARGO_FAILURES, FLAGGER_FAILURES, FLAGGER_CHECKS = 3, 5, 10
LEAST_SUCCESS = 0.99
MOST_P99 = 0.5  # seconds
Flags = NDArray[np.bool_]


def multinomial_log_e(canary_bad: Floats, stable_bad: Floats, share: float) -> Floats:
    """Return Lindon and Malek's log e-value for two cumulative counts at a canary's `share`."""
    first_weight, rest_weight = WEIGHT * share, WEIGHT * (1.0 - share)
    log_e: Floats = (
        special.betaln(first_weight + canary_bad, rest_weight + stable_bad)
        - special.betaln(first_weight, rest_weight)
        - canary_bad * math.log(share)
        - stable_bad * math.log(1.0 - share)
    )
    return log_e


def lindon_malek(canary_bad: Floats, stable_bad: Floats, share: float) -> Floats:
    """Return the look at which the test rejects at 1 %; the counts are those of each look."""
    log_e = multinomial_log_e(canary_bad.cumsum(axis=0), stable_bad.cumsum(axis=0), share)
    return first(log_e >= math.log(100.0))


def kayenta(canary: Floats, stable: Floats) -> Floats:
    """Return the minute at which the canary is High, by both arms' values of each minute."""
    minutes, releases = canary.shape
    found = np.full(releases, np.inf)
    for now in range(LEAST_MINUTES, minutes + 1):
        left = np.flatnonzero(np.isinf(found))
        high = is_high(canary[:now, left].T, stable[:now, left].T)
        found[left[high]] = now
    return found


def is_high(canary: Floats, stable: Floats) -> Flags:
    """Return for each row whether Kayenta's judge would call the canary's values High.

    The interval's lower end lies above a shift exactly if the test rejects that shift.
    """
    if not len(canary):
        return np.zeros(0, dtype=bool)
    pairs = canary[:, :, None] - stable[:, None, :]
    shift = np.median(pairs.reshape(len(canary), -1), axis=1)
    high: Flags = rank_score(canary - EFFECT * np.abs(shift)[:, None], stable) > SURE
    return high


def rank_score(canary: Floats, stable: Floats) -> Floats:
    """Return the Mann-Whitney statistic of each row in standard deviations; 0 if all are equal."""
    mine, theirs = canary.shape[1], stable.shape[1]
    both = np.concatenate([canary, stable], axis=1)
    order = np.sort(both, axis=1)
    # The mean rank of equal values is the middle of the first and the last of their places.
    below, upto = (
        np.stack(
            [np.searchsorted(row, values, side) for row, values in zip(order, both, strict=True)]
        )
        for side in ("left", "right")
    )
    ranks = (below + upto + 1) / 2.0
    off = ranks[:, :mine].sum(axis=1) - mine * (mine + 1) / 2.0 - mine * theirs / 2.0
    size = mine + theirs
    ties = ((upto - below).astype(np.float64) ** 2 - 1.0).sum(axis=1)
    variance = mine * theirs / 12.0 * (size + 1.0 - ties / (size * (size - 1.0)))
    score: Floats = np.where(
        variance > 0.0, (off - 0.5 * np.sign(off)) / np.sqrt(np.maximum(variance, 1e-300)), 0.0
    )
    return score


def argo(failed: Flags) -> Floats:
    """Return the minute of the fourth failed measurement."""
    return first(failed.cumsum(axis=0) > ARGO_FAILURES)


def flagger(failed: Flags) -> Floats:
    """Return the minute of the fifth failed check of the first ten."""
    return first(failed[:FLAGGER_CHECKS].cumsum(axis=0) >= FLAGGER_FAILURES)


def by_minute(looks: Floats, each: int = 4) -> Floats:
    """Return sums over every four looks of 15 s; what is left at the end is no minute."""
    minutes = len(looks) // each
    summed: Floats = looks[: minutes * each].reshape(minutes, each, *looks.shape[1:]).sum(axis=1)
    return summed


def quantile(buckets: Floats, edges: Floats, level: float) -> Floats:
    """Return a quantile of each histogram, by Prometheus' linear interpolation in a bucket.

    `buckets` has requests per bucket along its last axis, the last beyond all `edges`.
    """
    upto = buckets.cumsum(axis=-1)
    rank = level * upto[..., -1:]
    at = np.minimum((upto < rank).sum(axis=-1), len(edges) - 1)
    lows = np.concatenate([[0.0], edges[:-1]])
    within = np.take_along_axis(buckets, at[..., None], -1)[..., 0]
    under = np.take_along_axis(upto, at[..., None], -1)[..., 0] - within
    part = np.clip((rank[..., 0] - under) / np.maximum(within, 1e-300), 0.0, 1.0)
    value: Floats = lows[at] + (edges[at] - lows[at]) * part
    return value
