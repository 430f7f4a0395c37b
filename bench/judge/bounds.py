"""What nobody can beat: Wald's bound on the mean time to a verdict (Ann. Math. Stat. 16, 1945).

A test that is ever wrong with probability alpha, whenever it may stop, needs ln(1/alpha) over the
relative entropy between the truth and the nearest claim to refute, in requests, on average.
"""

import math

import numpy as np

from controller.judge.betting import Floats
from controller.judge.templates import nondecreasing


def seconds_for_rates(
    canary: float, stable: float, *, rps: tuple[float, float], alpha: float = 0.01
) -> float:
    """Return the bound for "the canary fails no more often"; `rps` are both arms' requests."""
    share = rps[0] / sum(rps)
    both = share * canary + (1.0 - share) * stable
    gain = share * _entropy(canary, both) + (1.0 - share) * _entropy(stable, both)
    return -math.log(alpha) / gain / sum(rps)


def seconds_for_shapes(
    canary: Floats, stable: Floats, *, rps: tuple[float, float], alpha: float = 0.01
) -> float:
    """Return the bound for "the canary is no slower", from shares by bucket.

    Where the likelihood ratio does not rise with latency the bound is over ratios that do, for
    others are no evidence of being slower.
    """
    share, seen = rps[0] / sum(rps), stable > 1e-12
    mine, theirs = canary[seen], stable[seen]
    ratio = nondecreasing(mine / theirs, theirs)
    mean = share * ratio + (1.0 - share)
    gain = share * mine @ np.log(ratio / mean) - (1.0 - share) * theirs @ np.log(mean)
    return -math.log(alpha) / float(gain) / sum(rps)


def _entropy(truth: float, claim: float) -> float:
    parts = ((truth, claim), (1.0 - truth, 1.0 - claim))
    return math.fsum(p * math.log(p / q) for p, q in parts if p > 0.0)
