"""What a plan does with traffic and what traffic it meets: the premises of `simulate` and `lint`.

The fields are named as a plan names them. Times are in seconds, weights in percent of the requests.
Leaves out: how metrics are judged (plan.py).
"""

import itertools
import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """A traffic weight that has to be earned, and the shortest stay at it."""

    weight: float
    hold: float = 60.0


@dataclass(frozen=True, slots=True)
class Course:
    """How a release goes out.

    `exposure` is how many requests may be hurt in one look, if the canary were as bad as the
    evidence still allows; infinite means that every step begins at its whole weight. A step that is
    not earned after `max_step_duration` has no verdict.

    Raises ValueError for weights that do not rise or lie outside 0 to 100, and for times and an
    exposure that are not above 0.
    """

    steps: tuple[Step, ...]
    look: float = 15.0
    warm_up: float = 90.0
    exposure: float = 10.0
    max_step_duration: float = 1800.0

    def __post_init__(self) -> None:
        weights = [step.weight for step in self.steps]
        rising = all(one < other for one, other in itertools.pairwise(weights))
        if not weights or not rising or weights[0] <= 0.0 or weights[-1] > 100.0:
            raise ValueError(f"steps have the weights {weights}; let them rise, over 0 up to 100")
        for name in ("look", "exposure", "max_step_duration"):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} is {getattr(self, name)}; it is above 0")
        if not 0.0 <= self.warm_up < math.inf:
            raise ValueError(f"warm_up is {self.warm_up}; it is at least 0 seconds")


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a release meets: `rate` requests a second of both versions together.

    `bad` is stable's share of bad requests, in every metric that counts them. Pods are scraped
    every `scrape` seconds; at 0 counters are read at any moment.

    Raises ValueError for a rate or a scrape under 0, a share outside 0 to 1, and no pods.
    """

    rate: float
    canary_pods: int
    stable_pods: int
    bad: float = 0.0
    scrape: float = 15.0

    def __post_init__(self) -> None:
        for name in ("rate", "scrape"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}; it is at least 0")
        if not 0.0 <= self.bad <= 1.0:
            raise ValueError(f"bad is {self.bad}; write a share of requests such as 0.01")
        for name in ("canary_pods", "stable_pods"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; each version has at least one")
