"""What is asked of a metric that counts bad requests, and what is answered at each look.

Promises: `usable` finds every number that must not become evidence, whatever Prometheus sent.
Leaves out: where counts come from, counter resets, warm-up and scrape times (metrics).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from controller.judge.betting import MOST_REQUESTS, Null, Tally
from controller.judge.history import INDEPENDENT, Noise

# Stable's history counts as at most this many requests. It places the stakes, it is no evidence.
MOST_PRIOR = 2000.0


@dataclass(frozen=True, slots=True)
class Arm:
    """Requests of one arm: how many, and how many of them were bad."""

    bad: float
    total: float

    def plus(self, more: "Arm") -> "Arm":
        """Return both together."""
        return Arm(float(self.bad + more.bad), float(self.total + more.total))


@dataclass(frozen=True, slots=True)
class CountsLook:
    """Both arms over the same window of time, within which the traffic weight did not change.

    `pods` is what of `canary` is known by the pod's name, empty where the metric cannot tell pods
    apart; `stable_pods` is how many pods are behind `stable`, 0 if unknown. `stratum` names a part
    of the traffic, such as a route, that is compared on its own; a look has one such value for
    each.
    """

    canary: Arm
    stable: Arm
    pods: Mapping[str, Arm] = field(default_factory=dict)
    stable_pods: int = 0
    stratum: str = ""

    @property
    def expected_bad(self) -> float:
        """How many of the canary's requests would have been bad at stable's rate."""
        return self.canary.total * (self.stable.bad / self.stable.total)

    @property
    def busy(self) -> float:
        """Requests of a canary pod over requests of a stable pod; 1 if pods are unknown."""
        if not self.pods or self.stable_pods < 1:
            return 1.0
        mine = sum(1 for pod in self.pods.values() if pod.total > 0)
        share = self.canary.total / self.stable.total
        return float(share * self.stable_pods / max(1, mine))

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
    `prior_total` are stable's own requests of the ten minutes before the release, `noise` is what
    `learn` makes of its pods. `alike` says that pods are exchangeable: then neither pods that
    differ for good nor one bad pod are reckoned with. Where either version has a share of bad
    requests over `slo` at the present weight, nothing is Safe; at 1 there is no such limit.

    Raises ValueError for a margin under 0, an absolute one from 1 or a relative one from 1000 up.
    A prior that is no count is read as none: that costs time, never validity.
    """

    safe_relative: float = 0.5
    safe_absolute: float = 0.005
    fail_relative: float = 0.0
    fail_absolute: float = 0.0
    prior_bad: float = 0.0
    prior_total: float = 0.0
    noise: Noise = INDEPENDENT
    alike: bool = False
    slo: float = 1.0

    def __post_init__(self) -> None:
        bounds = {
            "safe_relative": 1000.0,
            "safe_absolute": 1.0,
            "fail_relative": 1000.0,
            "fail_absolute": 1.0,
        }
        for name, most in bounds.items():
            value = getattr(self, name)
            if not 0.0 <= value < most:
                raise ValueError(f"{name} is {value}; a margin is at least 0 and under {most:g}")
        if not 0.0 < self.slo <= 1.0:
            raise ValueError(f"slo is {self.slo}; write a share of bad requests such as 0.01")

    @property
    def safe_null(self) -> Null:
        """The line p_c = ratio * p_b + shift that a safe canary stays under."""
        return Null(1.0 + self.safe_relative, self.safe_absolute)

    @property
    def fail_null(self) -> Null:
        """The line that a worse canary is above."""
        return Null(1.0 + self.fail_relative, self.fail_absolute)

    def fail_null_at(self, look: CountsLook) -> Null:
        """Return the line that a worse canary is above, whatever pods it has in this look."""
        pods = sum(1 for pod in look.pods.values() if pod.total > 0)
        wider = self.widening(pods, look.stable_pods)
        return Null(1.0 + self.fail_relative + wider, self.fail_absolute)

    def widening(self, canary_pods: int, stable_pods: int) -> float:
        """Return what pods that differ for good add to the fail ratio; 0 where they are alike."""
        return 0.0 if self.alike else self.noise.widening(canary_pods, stable_pods)

    @property
    def prior(self) -> Arm:
        """Stable's history, scaled down to MOST_PRIOR requests; empty if it is no count."""
        arm = Arm(self.prior_bad, self.prior_total)
        if refusal("history", arm) or arm.total < 1:
            return Arm(0.0, 0.0)
        scale = min(1.0, MOST_PRIOR / arm.total)
        return Arm(arm.bad * scale, arm.total * scale)

    @property
    def prior_rate(self) -> float:
        """Stable's rate before the release; 0 without history."""
        prior = self.prior
        return prior.bad / prior.total if prior.total > 0 else 0.0


def usable(looks: Sequence[CountsLook]) -> tuple[CountsLook, ...] | Refused:
    """Return the strata of a look that are evidence, in an order of their own, or why none is.

    A stratum in which an arm had no request says nothing and is left out.
    """
    empty: Refused | None = None
    kept = []
    for look in sorted(looks, key=lambda look: look.stratum):
        refused = _no_counts(look)
        if refused:
            return refused
        missing = _no_requests("the canary", look.canary) or _no_requests("stable", look.stable)
        if missing is None:
            kept.append(look)
        empty = empty or missing
    names = {look.stratum for look in looks}
    if len(names) < len(looks):
        said = "evidence refused: a stratum comes twice in one look"
        return Refused("StratumTwice", f"{said}; add its counts up first")
    if not kept:
        said = "evidence refused: the look has no counts"
        return empty or Refused("NoRequests", f"{said}; the next look covers it")
    return tuple(kept)


def refusal(name: str, arm: Arm) -> Refused | None:
    """Return why the counts of the arm called `name` are no counts; None if they are."""
    if 0.0 <= arm.bad <= arm.total <= MOST_REQUESTS:
        return None
    for number, value in (("bad", arm.bad), ("total", arm.total)):
        said = f"evidence refused: {number} requests of {name} are"
        if math.isnan(value) or abs(value) == math.inf:
            hint = "the metric's selector has to pick a plain counter"
            return Refused("NotANumber", f"{said} {value}; {hint}")
        if value < 0:
            hint = "a counter's increase is never negative, so a reset was read wrongly"
            return Refused("NegativeCount", f"{said} {value:g}; {hint}")
        if value > MOST_REQUESTS:
            hint = "check that the metric's selector picks a counter of requests"
            return Refused("CountTooLarge", f"{said} more than {MOST_REQUESTS:g}; {hint}")
    said = f"evidence refused: {name} counts {arm.bad:g} bad of {arm.total:g} requests"
    return Refused("BadAboveTotal", f"{said}; bad has to be a part of total")


def _no_counts(look: CountsLook) -> Refused | None:
    refused = refusal("the canary", look.canary) or refusal("stable", look.stable)
    if refused or not look.pods:
        return refused
    for name, pod in look.pods.items():
        refused = refusal(f"the canary's pod {name}", pod)
        if refused:
            return refused
    bad = math.fsum(pod.bad for pod in look.pods.values())
    total = math.fsum(pod.total for pod in look.pods.values())
    whole = look.canary
    # Sums of floats may differ in the last digits.
    spare = 1e-6 * (1.0 + whole.total)
    if bad > whole.bad + spare or total - bad > whole.total - whole.bad + spare:
        said = (
            f"evidence refused: the canary's pods count {bad:g} bad of {total:g} requests, "
            f"the canary {whole.bad:g} of {whole.total:g}"
        )
        return Refused("PodsAboveCanary", f"{said}; a pod is counted twice")
    return None


def _no_requests(name: str, arm: Arm) -> Refused | None:
    if arm.total < 1:
        said = f"evidence refused: {name} had {arm.total:g} requests in this look"
        return Refused("NoRequests", f"{said}; the next look covers it")
    return None
