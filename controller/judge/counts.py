"""What is asked of a metric that counts bad requests, and what is answered at each look.

Promises: `refusal` finds every number that must not become evidence, whatever Prometheus sent.
Leaves out: where counts come from, counter resets, warm-up and scrape times (metrics).
"""

import math
from dataclasses import dataclass

from controller.judge.betting import Null, Tally

# The largest count a look may have: float64 still adds it to others without rounding.
MOST_REQUESTS = 1e15
# Stable's history counts as at most this many requests. It places the stakes, it is no evidence.
MOST_PRIOR = 2000.0


@dataclass(frozen=True, slots=True)
class Arm:
    """Requests of one arm: how many, and how many of them were bad."""

    bad: float
    total: float


@dataclass(frozen=True, slots=True)
class CountsLook:
    """Both arms over the same window of time, within which the traffic weight did not change."""

    canary: Arm
    stable: Arm

    @property
    def tally(self) -> Tally:
        """The counts as floats, in the order that the formulas use."""
        canary, stable = self.canary, self.stable
        return Tally(float(canary.bad), float(canary.total), float(stable.bad), float(stable.total))


@dataclass(frozen=True, slots=True)
class Refused:
    """Numbers that are no evidence, with the reason in one CamelCase word and in a sentence."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class CountsQuestion:
    """What is asked of a metric; fixed for a release.

    A canary is safe while its rate is at most stable's times 1 + `safe_relative` plus
    `safe_absolute`; it is worse when its rate is above stable's times 1 + `fail_relative` plus
    `fail_absolute`. Absolute margins are shares: 0.005 is half a percentage point. `prior_bad` of
    `prior_total` are stable's own requests of the ten minutes before the release.

    Raises ValueError for a margin under 0, an absolute one from 1 or a relative one from 1000 up.
    A prior that is no count is read as none: that costs time, never validity.
    """

    safe_relative: float = 0.5
    safe_absolute: float = 0.005
    fail_relative: float = 0.0
    fail_absolute: float = 0.0
    prior_bad: float = 0.0
    prior_total: float = 0.0

    def __post_init__(self) -> None:
        bounds = {
            "safe_relative": 1000.0,
            "safe_absolute": 1.0,
            "fail_relative": 1000.0,
            "fail_absolute": 1.0,
        }
        for field, most in bounds.items():
            value = getattr(self, field)
            if not 0.0 <= value < most:
                raise ValueError(f"{field} is {value}; a margin is at least 0 and under {most:g}")

    @property
    def safe_null(self) -> Null:
        """The line p_c = ratio * p_b + shift that a safe canary stays under."""
        return Null(1.0 + self.safe_relative, self.safe_absolute)

    @property
    def fail_null(self) -> Null:
        """The line that a worse canary is above."""
        return Null(1.0 + self.fail_relative, self.fail_absolute)

    @property
    def prior(self) -> Arm:
        """Stable's history, scaled down to MOST_PRIOR requests; empty if it is no count."""
        arm = Arm(self.prior_bad, self.prior_total)
        if refusal("history", arm):
            return Arm(0.0, 0.0)
        scale = min(1.0, MOST_PRIOR / arm.total)
        return Arm(arm.bad * scale, arm.total * scale)

    @property
    def prior_rate(self) -> float:
        """Stable's rate before the release; 0 without history."""
        prior = self.prior
        return prior.bad / prior.total if prior.total > 0 else 0.0


def refusal(name: str, arm: Arm) -> Refused | None:
    """Return why the counts of the arm called `name` are no evidence; None if they are."""
    for field, value in (("bad", arm.bad), ("total", arm.total)):
        said = f"evidence refused: {field} requests of {name} are"
        if math.isnan(value) or abs(value) == math.inf:
            hint = "the metric's selector has to pick a plain counter"
            return Refused("NotANumber", f"{said} {value}; {hint}")
        if value < 0:
            hint = "a counter's increase is never negative, so a reset was read wrongly"
            return Refused("NegativeCount", f"{said} {value:g}; {hint}")
        if value > MOST_REQUESTS:
            hint = "check that the metric's selector picks a counter of requests"
            return Refused("CountTooLarge", f"{said} more than {MOST_REQUESTS:g}; {hint}")
    if arm.bad > arm.total:
        said = f"evidence refused: {name} counts {arm.bad:g} bad of {arm.total:g} requests"
        return Refused("BadAboveTotal", f"{said}; bad has to be a part of total")
    if arm.total < 1:
        said = f"evidence refused: {name} had {arm.total:g} requests in this look"
        return Refused("NoRequests", f"{said}; the next look covers it")
    return None
