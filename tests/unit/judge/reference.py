"""The counts test once more, written from its definition and not from the code.

One request type at a time, plain floats, the reference point by root finding, alternatives as
probabilities, every start and every pod a game of its own. Slow and obvious; the real code has to
agree with it to 1e-9.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from controller.judge import Arm, CountsLook, CountsQuestion

WORSE_ODDS = [1.0 + 0.08 * (15.0 / 0.08) ** (i / 8) for i in range(9)]
SAFE_STEPS = [0.3, 0.45, 0.6, 0.8, 1.0, 1.3, 1.8, 2.5]
Strata = Sequence[CountsLook]


@dataclass(frozen=True)
class LogCapital:
    worse: float
    safe: float
    without_one_pod: float


def log_capital(question: CountsQuestion, looks: Sequence[Strata]) -> LogCapital:
    """Play all looks and return the log capital of all games."""
    everything = worse_capital(question, looks, without="")
    own: dict[str, float] = {}
    for look in looks:
        for stratum in look:
            for name, pod in stratum.pods.items():
                own[name] = own.get(name, 0.0) + pod.total
    seen = {name for name, requests in own.items() if requests > 0}
    most = 0.8 * sum(stratum.canary.total for look in looks for stratum in look)
    rest = [worse_capital(question, looks, without=n) for n in seen if own[n] <= most]
    if question.alike or len(seen) < 2 or not rest:
        rest = [everything]
    return LogCapital(everything, log_mean(safe_bets(question, looks)), min(rest))


def worse_capital(question: CountsQuestion, looks: Sequence[Strata], *, without: str) -> float:
    """Return the log capital of the game on "worse", over all starts, without one pod."""
    growth = [worse_growth(question, looks[: i + 1], without) for i in range(len(looks))]
    stakes, aside = {0: 0.75}, 0.25
    for start in range(20, len(looks), 20):
        stakes[start] = aside / 9.0
        aside -= stakes[start]
    capitals = [
        math.log(stake / 9.0) + math.fsum(g[k] for g in growth[start:])
        for start, stake in stakes.items()
        for k in range(9)
    ]
    capitals.append(math.log(aside))
    return log_mean(capitals) + math.log(len(capitals))


def worse_growth(question: CountsQuestion, looks: Sequence[Strata], without: str) -> list[float]:
    """Return what the last look adds to each bet."""
    noise, grown = question.noise, [0.0] * 9
    for look in looks[-1]:
        pods = [pod for pod in look.pods.values() if pod.total > 0]
        ratio, shift = 1.0 + question.fail_relative, question.fail_absolute
        if not question.alike and noise.reach:
            beside = look.stable_pods or noise.pods
            ratio += noise.reach * math.sqrt(1 / max(1, len(pods)) + 1 / max(1, beside))
        left_out = look.pods.get(without, Arm(0, 0))
        canary = Arm(look.canary.bad - left_out.bad, look.canary.total - left_out.total)
        if canary.total < 1:
            continue
        b = nearest(ratio, shift, *before(question, looks, look.stratum))
        for i, odds in enumerate(WORSE_ODDS):
            played = CountsLook(canary, look.stable)
            grown[i] += log_payoff(played, ratio, ratio * b + shift, b, odds) / phi(question, look)
    bad = sum(look.canary.bad for look in looks[-1])
    total = sum(look.canary.total for look in looks[-1])
    return grown if bad > total / 2 else [min(noise.cap, value) for value in grown]


def safe_bets(question: CountsQuestion, looks: Sequence[Strata]) -> list[float]:
    safe = [0.0] * 8
    for number, strata in enumerate(looks):
        for look in strata:
            past = before(question, looks[: number + 1], look.stratum)
            if past[3] == 0:
                continue
            ratio, shift = 1.0 + question.safe_relative, question.safe_absolute
            b = nearest(ratio, shift, *past)
            a = ratio * b + shift
            distance = logit(a) - logit(b) if b > 0 else math.inf if a > 0 else 0.0
            gap = max(0.01, distance)
            for i, step in enumerate(SAFE_STEPS):
                odds = math.exp(-min(3.0, step * gap))
                safe[i] += log_payoff(look, ratio, a, b, odds) / phi(question, look)
    return safe


def before(
    question: CountsQuestion, looks: Sequence[Strata], stratum: str
) -> tuple[float, float, float, float]:
    """Canary's bad and all, stable's bad and all requests before the last of `looks`."""
    scale = min(1.0, 2000.0 / question.prior_total) if question.prior_total else 0.0
    canary_bad = canary = 0.0
    stable_bad, stable = question.prior_bad * scale, question.prior_total * scale
    for look in (x for earlier in looks[:-1] for x in earlier if x.stratum == stratum):
        canary_bad, canary = canary_bad + look.canary.bad, canary + look.canary.total
        stable_bad, stable = stable_bad + look.stable.bad, stable + look.stable.total
    return canary_bad, canary, stable_bad, stable


def phi(question: CountsQuestion, look: CountsLook) -> float:
    pods = [pod for pod in look.pods.values() if pod.total > 0]
    busy = 1.0
    if look.pods and look.stable_pods:
        busy = (look.canary.total / max(1, len(pods))) / (look.stable.total / look.stable_pods)
    return 1.0 + (question.noise.phi - 1.0) * max(1.0, busy)


def nearest(
    ratio: float, shift: float, canary_bad: float, canary: float, stable_bad: float, stable: float
) -> float:
    """Stable's rate b at which two Poisson arms, with rates ratio b + shift and b, fit best."""

    def slope(b: float) -> float:
        fit_canary = canary_bad * b * ratio
        fit_stable = stable_bad * (ratio * b + shift)
        return (ratio * canary + stable) * b * (ratio * b + shift) - fit_canary - fit_stable

    most = (1.0 - 1e-4 - shift) / ratio
    if canary + stable == 0 or most <= 0:
        return 0.0
    if shift == 0:
        return min(most, (canary_bad + stable_bad) / (ratio * canary + stable))
    # A parabola through at most one root above 0; its derivative at 0 tells whether there is one.
    rising = (ratio * canary + stable) * shift - ratio * (canary_bad + stable_bad)
    if stable_bad == 0:
        return min(most, max(0.0, -rising / ((ratio * canary + stable) * ratio)))
    if slope(most) <= 0:
        return most
    low, high = 0.0, most
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return low


def log_payoff(look: CountsLook, ratio: float, a: float, b: float, odds: float) -> float:
    """Log of what all requests of a look pay to one bet around the point (a, b)."""
    requests = look.canary.total + look.stable.total
    w = look.canary.total / requests
    aimed = odds * a / (1.0 - a + odds * a) / a if a > 0 else odds
    # The stake at which a bad canary request pays `aimed` times what a bad stable one does.
    stake = (aimed - 1.0) / ((1.0 - a) / w + aimed * ratio * (1.0 - b) / (1.0 - w))
    if stake > 0 and a > 0:
        stake = min(stake, 0.95 * w / a)
    if stake < 0 and b > 0:
        stake = max(stake, -0.95 * (1.0 - w) / (ratio * b))
    types = [
        (look.canary.bad, 1.0 + stake / w * (1.0 - a)),
        (look.canary.total - look.canary.bad, 1.0 + stake / w * (0.0 - a)),
        (look.stable.bad, 1.0 - stake * ratio / (1.0 - w) * (1.0 - b)),
        (look.stable.total - look.stable.bad, 1.0 - stake * ratio / (1.0 - w) * (0.0 - b)),
    ]
    return math.fsum(count * math.log(pays) for count, pays in types)


def logit(p: float) -> float:
    return math.log(p / (1.0 - p))


def log_mean(values: Sequence[float]) -> float:
    top = max(values)
    return top + math.log(math.fsum(math.exp(v - top) for v in values) / len(values))
