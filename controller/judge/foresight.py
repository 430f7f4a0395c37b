"""What can be known before a release: how many requests a verdict takes.

Promises: the mean for the best test there could be, so nobody is promised less than it takes.
Leaves out: simulation of a whole plan (simulation.py), and what a plan never sees (blind_spots.py).
"""

import math
from dataclasses import dataclass

from controller.judge import words
from controller.judge.betting import Tally, reference
from controller.judge.counts import CountsQuestion


def requests_until_safe(
    question: CountsQuestion, *, stable_rate: float, canary_share: float, false_promotion: float
) -> float:
    """Return how many canary requests it takes on average to show that an equal version is safe.

    `stable_rate` is the share of bad requests in both versions, `canary_share` the canary's share
    of the traffic; all three numbers lie between 0 and 1, `canary_share` and `false_promotion` not
    at the ends. The bound is ln(1/false_promotion) over the relative entropy between the truth and
    the nearest point on the margin (Wald, 1945). With no bad request at all it is
    ln(1/false_promotion) / -ln(1 - margin). Infinite where nothing can be shown: a margin of 0.
    """
    rest = 1.0 - canary_share
    truth = Tally(stable_rate * canary_share, canary_share, stable_rate * rest, rest)
    allowed, beside = (float(rate) for rate in reference(question.safe_null, truth))
    gain = canary_share * _entropy(stable_rate, allowed) + rest * _entropy(stable_rate, beside)
    return canary_share * -math.log(false_promotion) / gain if gain > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Need:
    """What a metric needs at least until Safe: the canary's requests, and seconds at a rate.

    `rate` is requests a second of both versions, `share` the canary's of them.
    """

    requests: float
    rate: float
    share: float

    @property
    def seconds(self) -> float:
        """How long those requests take; infinite where they never come."""
        each = self.rate * self.share
        return self.requests / each if each > 0.0 else math.inf

    def __str__(self) -> str:
        """Say it, as in "needs at least 598 canary requests; at 5 % of 3 requests a second ..."."""
        if self.requests == math.inf:
            return "can never be shown safe: its margin leaves no room"
        traffic = f"at {100.0 * self.share:.3g} % of {self.rate:.3g} requests a second"
        count = f"{math.ceil(self.requests):,} canary requests"
        if self.seconds == math.inf:
            return f"needs at least {count} to be shown safe; {traffic} they never come"
        takes = words.duration(self.seconds)
        return f"needs at least {count} to be shown safe; {traffic} that is {takes}"


def need_until_safe(
    question: CountsQuestion,
    *,
    stable_rate: float,
    share: float,
    rate: float,
    false_promotion: float,
) -> Need:
    """Return what `requests_until_safe` says, at `rate` requests a second of both versions."""
    requests = requests_until_safe(
        question, stable_rate=stable_rate, canary_share=share, false_promotion=false_promotion
    )
    return Need(requests, rate, share)


def _entropy(truth: float, claim: float) -> float:
    """Return the relative entropy of two Bernoulli distributions, in nats."""
    return _term(truth, claim) + _term(1.0 - truth, 1.0 - claim)


def _term(truth: float, claim: float) -> float:
    if truth == 0.0:
        return 0.0
    return truth * math.log(truth / claim) if claim > 0.0 else math.inf
