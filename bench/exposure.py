"""What easing in saves and costs, simulated: `python -m bench.exposure` prints a table.

A release's first step against one that begins at the step's weight, on the parts that decide in
production: controller.judge, its exposure, and controller.release.easing. Requests are Poisson,
pods are scraped at a phase drawn for each release, a look judges what lies between two scrapes
since the last weight change, and a weight takes half a second to come into effect.

Promises: seeds are fixed, under two minutes on one core. Leaves out: pods, warm-up and clumps,
which cost both ways alike.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from controller.api.plan import DEFAULT_EXPOSURE
from controller.api.release import Weights
from controller.judge import (
    Arm,
    CountsAtWeight,
    CountsEvidence,
    CountsLook,
    CountsQuestion,
    MetricEvidence,
    Refused,
    Verdict,
    judge,
)
from controller.judge.exposure import (
    is_safe,
    largest_weight,
    likely_extra,
    seconds_to_verdict,
)
from controller.release.easing import eased

RELEASES = 150
STEP = 5  # percent
CONFIRM, QUERY, ROLLBACK = 0.5, 0.3, 1.0  # seconds
LONGEST = 3600.0
FALSE_ROLLBACK, FALSE_PROMOTION = 0.01, 0.05


@dataclass(frozen=True)
class Service:
    """A service: requests a second, how it is looked at and scraped, and both versions' errors."""

    rate: float
    look: float
    scrape: float
    stable: float
    canary: float


@dataclass(frozen=True)
class Outcome:
    """How a release's first step ended: seconds, requests hurt, and its verdict."""

    seconds: float
    hurt: float
    verdict: Verdict


def live(service: Service, exposure: float, rng: np.random.Generator) -> Outcome:
    """Live through the first step until it has a verdict at its whole weight."""
    known = service.rate * 600
    question = CountsQuestion(prior_bad=known * service.stable, prior_total=known)
    evidence, here = CountsEvidence.start(question), CountsAtWeight.start(question)
    phase, now, met = rng.uniform(0, service.scrape), QUERY, 0.0
    weight = _weight(service, exposure, 0.0, evidence)
    while now < LONGEST:
        changed = now + CONFIRM
        here = CountsAtWeight.start(question)
        due, window = changed + service.look, _next_scrape(changed, phase, service.scrape)
        while now < LONGEST:
            now, end = _look_at(due, window, phase, service.scrape)
            look = _requests(service, weight, end - window, rng)
            grown, current = evidence.after(look), here.after(look)
            if not isinstance(grown, Refused) and not isinstance(current, Refused):
                evidence, here, window = grown, current, end
            metric = MetricEvidence("errors", True, evidence, here)
            found = judge(
                [metric], false_rollback=FALSE_ROLLBACK, false_promotion=FALSE_PROMOTION
            ).verdict
            if found is Verdict.REGRESSED:
                hurt = met + weight / 100 * service.rate * (now + ROLLBACK - changed)
                return Outcome(now, hurt * (service.canary - service.stable), found)
            after = _weight(service, exposure, weight, evidence)
            if after != weight:
                break
            if found is Verdict.SAFE and weight == STEP:
                hurt = met + weight / 100 * service.rate * (now - changed)
                return Outcome(now, hurt * (service.canary - service.stable), found)
            due = now + service.look
        met += weight / 100 * service.rate * (now - changed)
        weight = after
    return Outcome(now, met * (service.canary - service.stable), Verdict.INCONCLUSIVE)


def _weight(service: Service, exposure: float, wanted: float, evidence: CountsEvidence) -> float:
    """Return the weight that the release machine wants after this evidence."""
    if math.isinf(exposure):
        return STEP
    justified = 100.0
    if not is_safe(evidence, false_promotion=FALSE_PROMOTION):
        seconds = seconds_to_verdict(service.look, service.scrape)
        extra = likely_extra(evidence)
        justified = largest_weight(exposure, rate=service.rate, seconds=seconds, extra=extra)
    return eased(Weights(wanted=wanted, justified=justified), STEP)


def _next_scrape(at: float, phase: float, scrape: float) -> float:
    return phase + scrape * math.ceil((at - phase) / scrape)


def _look_at(due: float, window: float, phase: float, scrape: float) -> tuple[float, float]:
    """Return when a look is taken and where its window ends: one that is too early waits."""
    last = phase + scrape * math.floor((due - phase) / scrape)
    end = max(last, window + scrape)
    return max(due, math.ceil(end - due) + due) + QUERY, end


def _requests(
    service: Service, weight: float, seconds: float, rng: np.random.Generator
) -> CountsLook:
    total = service.rate * seconds
    canary, stable = rng.poisson((total * weight / 100, total * (1 - weight / 100)))
    return CountsLook(
        Arm(float(rng.binomial(canary, service.canary)), float(canary)),
        Arm(float(rng.binomial(stable, service.stable)), float(stable)),
    )


def compare(service: Service, of: Callable[[Outcome], float]) -> tuple[list[float], list[float]]:
    """Return one figure of all releases: at a fixed weight, and eased in."""

    def figures(exposure: float) -> list[float]:
        seeds = ((20260301, number) for number in range(RELEASES))
        return [of(live(service, exposure, np.random.default_rng(seed))) for seed in seeds]

    return figures(math.inf), figures(DEFAULT_EXPOSURE)


# Requests a second; seconds between looks; seconds between scrapes.
CADENCES = (
    (50.0, 15.0, 5.0),
    (50.0, 15.0, 15.0),
    (50.0, 5.0, 5.0),
    (500.0, 15.0, 15.0),
    (5.0, 15.0, 15.0),
)
BAD = ((0.0, 1.0), (0.01, 0.05))
GOOD = (0.0, 0.001)


def main() -> None:
    """Print the table, in Markdown."""
    print(f"First step {STEP} %, exposure {DEFAULT_EXPOSURE}, {RELEASES} releases a row.\n")
    print("| requests/s | look | scrape | errors | mean (p95) of | at once | eased in | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for rate, look, scrape in CADENCES:
        for stable, canary in BAD:
            service = Service(rate, look, scrape, stable, canary)
            _row(service, "requests hurt", compare(service, lambda outcome: outcome.hurt))
        for errors in GOOD:
            service = Service(rate, look, scrape, errors, errors)
            _row(service, "seconds to Safe", compare(service, lambda outcome: outcome.seconds))


def _row(service: Service, what: str, figures: tuple[list[float], list[float]]) -> None:
    at_once, gently = (f"{np.mean(f):.1f} ({np.quantile(f, 0.95):.1f})" for f in figures)
    ratio = np.mean(figures[1]) / np.mean(figures[0])
    errors = f"{100 * service.stable:g} -> {100 * service.canary:g} %"
    cells = (
        f"{service.rate:g}",
        f"{service.look:g} s",
        f"{service.scrape:g} s",
        errors,
        what,
        at_once,
        gently,
        f"{ratio:.2f}",
    )
    print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
