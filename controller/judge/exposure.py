"""The largest traffic weight that the evidence so far can justify.

A canary of which nothing is known may fail every request that it gets. So its first weight is one
at which it gets only as many requests in a look as the plan is ready to lose, and that weight
grows as good requests rule the worse cases out:

    weight = exposure / (requests of both versions in a look * U)

U is an upper bound of p_c - p_b, the extra share of bad requests: 1 before any evidence, and above
the truth with probability 95 % at least, whenever one looks. A canary that is as bad as U allows
then hurts `exposure` requests in a look; one that fails all of them is found at the first look.

Promises: the weight of a look depends on earlier looks only, so every bet in betting.py stays fair.
Clumps of bad requests (phi) make U larger, as they do every interval.
Leaves out: what a release does with the weight, and steps (release).
"""

import math
from collections.abc import Sequence

import numpy as np

from controller.judge.evidence import CountsEvidence
from controller.judge.interval import Sums, highest_difference

LEVEL = 0.05  # probability that U is ever under the truth
ALL_GOOD_PART = 0.8  # of LEVEL; the rest is for the game that goes on after a bad request
SMALLEST_EXTRA = 1e-4  # where differences are lost among a service's own ups and downs
SMALLEST_STAKE = 0  # in interval.STAKES; it takes part in any look worth the name
# A weight comes somewhere between two scrapes, and the look takes the next two.
SCRAPES = 1.5
# A weight may be so many times what is justified before it is changed (controller.release.easing).
WORTH = 2.0


def extra_bad(evidence: CountsEvidence) -> float:
    """Return U, the largest extra share of bad requests that is not ruled out: 1e-4 to 1.

    The smaller of two bounds, which share LEVEL. One is the game of interval.py, which goes on
    whatever comes. The other bets all on "no bad request at all" and is out with the first one: it
    is the bound of Clopper and Pearson (1934), and in the beginning it needs half the requests.
    """
    sums, anchor = evidence.sums, evidence.question.prior_rate
    game = highest_difference(sums, anchor, LEVEL * (1.0 - ALL_GOOD_PART))
    all_good = _highest_without_bad(sums, LEVEL * ALL_GOOD_PART)
    return min(1.0, max(SMALLEST_EXTRA, min(game, all_good)))


def likely_extra(evidence: CountsEvidence) -> float:
    """Return the extra share of bad requests that the next weight has to bear.

    It is the largest that is not ruled out. A weight may be WORTH times what that justifies, since
    it is seldom so much; where it has been seen, it counts WORTH times.
    """
    seen = evidence.canary_rate - evidence.stable_rate
    return max(extra_bad(evidence), WORTH * seen)


def is_safe(evidence: CountsEvidence, *, false_promotion: float) -> bool:
    """Tell whether the metric is shown to be within its margin, which the plan calls harmless."""
    return evidence.log_e_safe >= -math.log(false_promotion)


def largest_weight(exposure: float, *, rate: float, seconds: float, extra: float) -> float:
    """Return the weight in percent, 100 at most, at which `exposure` requests are hurt at worst.

    `rate` is requests a second of both versions, `seconds` the time from a weight to the verdict on
    it, `extra` what `extra_bad` says. Without traffic nobody can be hurt, so it is 100 then.
    """
    at_worst = rate * seconds * extra
    return 100.0 if at_worst <= exposure else 100.0 * exposure / at_worst


def seconds_to_verdict(look: float, scrape: float) -> float:
    """Return how long it takes from a weight to the verdict on it, all in seconds."""
    return max(look, SCRAPES * scrape)


def busiest_rate(requests: Sequence[float], *, width: float, seconds: float) -> float:
    """Return the requests a second of the busiest stretch that is `seconds` long.

    `requests` are those of consecutive windows of `width` seconds. The busiest stretch and not the
    mean: traffic that began or rose a moment ago is what the canary is going to meet.
    """
    counted = np.asarray(requests, float)
    length = min(len(counted), max(1, math.ceil(seconds / width)))
    stretches = np.convolve(counted, np.ones(length), mode="valid")
    return float(stretches.max()) / (length * width)


def _highest_without_bad(sums: Sums, level: float) -> float:
    """Return the largest p_c that so many requests without a bad one leave possible."""
    if sums.canary_bad[SMALLEST_STAKE] > 0:
        return 1.0
    requests = sums.canary[SMALLEST_STAKE]
    return 1.0 if requests <= 0 else -math.expm1(math.log(level) / requests)
