"""The latency test once more, written from its definition and not from the code.

One bucket at a time, plain floats; bets are handed in, for their shapes decide no validity.
Classic histograms with equal boundaries in all arms.
"""

import math
from collections.abc import Sequence

from controller.judge import Arm, CountsLook
from controller.judge.betting import Floats
from tests.unit.judge import reference

Buckets = Sequence[float] | Floats
Looks = Sequence[tuple[Buckets, Buckets]]


def log_slower(
    stakes: Sequence[float],
    ratios: Floats,
    looks: Looks,
    phi: float,
    most: float,
) -> float:
    """Return the log mean capital of bets with likelihood ratios per bucket."""
    logs = []
    for stake, bet in zip(stakes, ratios, strict=True):
        capital = math.log(stake)
        for canary, stable in looks:
            share = sum(canary) / (sum(canary) + sum(stable))
            grown = 0.0
            for k, pays in enumerate(bet):
                mean = share * pays + (1.0 - share)
                grown += canary[k] * math.log(pays / mean) - stable[k] * math.log(mean)
            capital += min(grown / phi, most)
        logs.append(capital)
    top = max(logs)
    return top + math.log(math.fsum(math.exp(value - top) for value in logs))


def log_shares(
    margin: tuple[float, float], history: Buckets, looks: Looks, *, at: int, safe: bool, phi: float
) -> float:
    """Return the log capital of the counts test on requests beyond boundary `at`, unbounded.

    All looks have to have one share, so that stable's past needs no weighting. The bets are those
    on Safe, or else those on worse.
    """
    ratio, shift = 1.0 + margin[0], margin[1]
    scale = min(1.0, 2000.0 / sum(history))
    past = [0.0, 0.0, scale * sum(history[at + 1 :]), scale * sum(history)]
    capital = [0.0] * len(reference.SAFE_STEPS if safe else reference.WORSE_ODDS)
    for arms in looks:
        arm = [Arm(sum(buckets[at + 1 :]), sum(buckets)) for buckets in arms]
        look = CountsLook(arm[0], arm[1])
        b = reference.nearest(ratio, shift, *past)
        a = ratio * b + shift
        distance = math.inf if b == 0 < a else reference.logit(a) - reference.logit(b) if b else 0.0
        steps = [-min(3.0, s * max(0.01, distance)) for s in reference.SAFE_STEPS]
        for i, odds in enumerate([math.exp(s) for s in steps] if safe else reference.WORSE_ODDS):
            capital[i] += reference.log_payoff(look, ratio, a, b, odds) / phi
        added = (arm[0].bad, arm[0].total, arm[1].bad, arm[1].total)
        past = [before + more for before, more in zip(past, added, strict=True)]
    return reference.log_mean(capital)
