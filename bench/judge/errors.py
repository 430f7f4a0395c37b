"""Scenarios of metrics that count: goals G1, G2, G4 to G7, G9 and G10 of the judge.

Looks of 15 s, 200 of them; 5 requests a second on three canary pods beside 95 on ten of stable, or
beside a fresh baseline of 5 on three pods, whose history is that of stable. Errors are shares of
requests. falseRollback is 1 %, falsePromotion 5 %, the margin the default (x1.5 + 0.5 points).
"""

from functools import partial

import numpy as np

from bench.judge import bounds, plays
from bench.judge.fleets import LOOK, Traffic, from_look, in_clumps
from bench.judge.plays import ALIKE, KAYENTA, LINDON_MALEK, ONE_START, PLAIN
from bench.judge.scenario import (
    END,
    US,
    Check,
    Scenario,
    at_least,
    at_most,
    faster,
    ratio_to,
    slower,
    told,
    within,
)
from controller.judge.betting import Floats

LARGE, FRESH = (5.0, 95.0), (5.0, 5.0)
FALSE, FOUND = "Nothing is wrong", "Errors"
MANY = 20_000


def traffic(rate: float, worse: float = 1.0, rps: tuple[float, float] = LARGE) -> Traffic:
    """Return steady traffic whose canary is `worse` times as bad."""
    if rps == LARGE:
        return Traffic(rate=rate, worse=worse)
    return Traffic(rate=rate, worse=worse, stable=rps[1] * LOOK, stable_pods=3, before=(1425.0, 10))


def nothing_wrong() -> list[Scenario]:
    """Return the scenarios of G1."""
    found = []
    for rps, words in ((LARGE, "95"), (FRESH, "5")):
        for rate in (0.0001, 0.001, 0.01, 0.1, 0.5):
            share = 0.05 if rate in (0.001, 0.01) and rps == LARGE else 0.0
            found.append(
                Scenario(
                    f"G1 {100 * rate:g} % in both, beside {words} rps",
                    partial(plays.counts, traffic(rate, rps=rps), beside=share),
                    (at_most(US, 0.01),),
                    releases=MANY,
                    batch=500,
                    group=FALSE if share else "",
                )
            )
    ramp = Traffic(weights=(0.01, 0.05, 0.25, 0.5), shared=drifting)
    found += [
        Scenario(
            "G1 weights 1, 5, 25, 50 %, drifting rates, a shared incident x20",
            partial(plays.counts, ramp),
            (at_most(US, 0.01),),
            releases=MANY,
            batch=500,
        ),
        Scenario(
            "G1 five metrics at 1 %",
            partial(plays.together, traffic(0.01)),
            (at_most(US, 0.01),),
        ),
        Scenario(
            "G1 five metrics at 0.1 %",
            partial(plays.together, traffic(0.001)),
            (at_most(US, 0.01),),
        ),
    ]
    return found


def drifting(rng: np.random.Generator, looks: int, releases: int) -> tuple[Floats, Floats]:
    """Return rates that rise and fall by half, and four looks that are x20 in both arms."""
    del rng
    look = np.arange(looks)[:, None]
    factor = 1.0 + 0.5 * np.sin(look / 15.0)
    factor = np.where((look >= 70) & (look < 74), 20.0 * factor, factor)
    both: Floats = np.broadcast_to(factor, (looks, releases))
    return both, both


def steady(
    stable: float,
    canary: float,
    goal: tuple[float, float | None] | None,
    rps: tuple[float, float] = LARGE,
    *checks: Check,
    chosen_on: bool = False,
) -> Scenario:
    """Return a regression from the first look on; the goal is mean and p90 in seconds."""
    bound = bounds.seconds_for_rates(canary, stable, rps=rps)
    words = f"{100 * stable:g} -> {100 * canary:g} %, beside {rps[1]:g} rps"
    found: tuple[Check, ...] = ()
    if goal is not None:
        found += (within(US, *goal), told(ALIKE, "found with pods: Alike"))
    if rps == LARGE and bound >= 75.0:
        found += (
            ratio_to(US, bound, 1.45, words="G4 over Wald's bound"),
            ratio_to(ALIKE, bound, 1.45, words="G4 over Wald's bound with pods: Alike"),
        )
    if rps == LARGE:
        found += (faster(US, KAYENTA, 0.0),)
    return Scenario(
        f"G2 {words}" if goal is not None or checks else f"Held out: {words}",
        partial(
            plays.counts,
            traffic(stable, canary / stable, rps),
            who=(US, ALIKE, ONE_START, PLAIN),
            beside=0.2,
        ),
        (*found, *checks),
        releases=2500,
        chosen_on=chosen_on,
        bound=bound,
        group=FOUND,
    )


def regressions() -> list[Scenario]:
    """Return the scenarios of G2, G4, G10 and those held out beside them."""
    lead = faster(US, LINDON_MALEK, 0.35)
    alike_lead = faster(ALIKE, LINDON_MALEK, 0.35)
    costs = (
        slower(US, ONE_START, 0.12, "G5 loss at the start by several starts"),
        slower(ALIKE, PLAIN, 0.08, "G7 loss by phi where nothing clusters"),
    )
    return [
        steady(0.001, 0.005, (400, 700), LARGE, lead, alike_lead, *costs, chosen_on=True),
        steady(0.005, 0.01, (820, 1400), LARGE, chosen_on=True),
        steady(0.01, 0.05, (53, 95), LARGE, lead, alike_lead, chosen_on=True),
        steady(0.001, 0.5, None, LARGE, at_least(US, 0.9, within=LOOK, words="found")),
        steady(0.001, 0.005, (760, 1400), FRESH),
        steady(0.005, 0.01, (1450, None), FRESH, at_least(US, 0.93)),
        steady(0.01, 0.05, (90, 165), FRESH),
        *(steady(rate, worse, None) for rate, worse in ((0.003, 0.009), (0.03, 0.045))),
        *(
            Scenario(
                f"G2 five metrics, one of them {words}",
                partial(plays.together, traffic(rate, worse)),
                (within(US, mean),),
                releases=1000,
                batch=125,
            )
            for rate, worse, words, mean in (
                (0.001, 5.0, "0.1 -> 0.5 %", 440.0),
                (0.005, 2.0, "0.5 -> 1 %", 930.0),
                (0.01, 5.0, "1 -> 5 %", 55.0),
            )
        ),
        *high_rates(),
    ]


def high_rates() -> list[Scenario]:
    """Return section 5, 18: rates at which ratios mean little."""
    found = []
    for stable, canary in ((0.6, 0.66), (0.02, 0.023)):
        bound = bounds.seconds_for_rates(canary, stable, rps=LARGE)
        checks: tuple[Check, ...] = (
            told(US, "found"),
            told(ALIKE, "found with pods: Alike"),
        )
        if bound < END:
            checks = (
                ratio_to(US, bound, 1.7),
                ratio_to(ALIKE, bound, 1.7, words="over Wald's bound with pods: Alike"),
                at_least(US, 1.0),
            )
        found.append(
            Scenario(
                f"5.18 {100 * stable:g} -> {100 * canary:g} %",
                partial(plays.counts, traffic(stable, canary / stable), who=(US, ALIKE)),
                checks,
                releases=1500,
                chosen_on=stable > 0.1,
                bound=bound,
            )
        )
    return found


def moments() -> list[Scenario]:
    """Return G5 to G7 and G9: late faults, Safe, clumps, warm-up."""
    late = Traffic(rate=0.001, shared=from_look(100, 5.0))
    edge = (1.5 * 0.001 + 0.005) / 0.001
    cold = Traffic(rate=0.01, shared=warming)
    clumps = [
        Scenario(
            f"G7 clumps of {mean:g}, {100 * rate:g} %",
            partial(plays.counts, Traffic(rate=rate, fails=in_clumps(mean)), who=(US, PLAIN)),
            (at_most(US, 0.01), at_most(PLAIN, 0.01, "false rollbacks without phi", goal=False)),
            chosen_on=rate == 0.01,
        )
        for rate, mean in ((0.01, 3.0), (0.01, 10.0), (0.003, 5.0))
    ]
    return [
        Scenario(
            "G5 0.1 -> 0.5 % after 25 min",
            partial(plays.counts, late, who=(US, ALIKE, ONE_START), looks=300, onset=100),
            (
                within(US, 480.0),
                told(ALIKE, "found with pods: Alike"),
                told(ONE_START, "found with one start"),
            ),
            releases=1500,
            chosen_on=True,
        ),
        Scenario(
            "G6 0.1 % in both",
            partial(plays.counts, traffic(0.001)),
            (within(f"{US}: Safe", 300.0, 540.0, words="Safe"),),
            releases=2500,
            chosen_on=True,
        ),
        *(
            Scenario(
                f"G6 at the margin's edge, stable {100 * rate:g} %",
                partial(plays.counts, traffic(rate, times)),
                (at_most(f"{US}: Safe", 0.05, "false Safe"),),
            )
            for rate, times in ((0.001, edge), (0.01, 2.0))
        ),
        *clumps,
        Scenario(
            "G9 90 s of warm-up with x5 errors, left out",
            partial(plays.counts, cold, warm_up=6),
            (at_most(US, 0.01),),
        ),
        Scenario(
            "G9 the same, judged from the start",
            partial(plays.counts, cold),
            (at_most(US, 0.01, goal=False),),
            releases=500,
        ),
    ]


def warming(rng: np.random.Generator, looks: int, releases: int) -> tuple[Floats, Floats]:
    """Return a canary that is five times as bad for its first 90 s."""
    del rng
    stable = np.ones((looks, releases))
    return np.where(np.arange(looks) < 6, 5.0, 1.0)[:, None] * stable, stable


def scenarios() -> list[Scenario]:
    """Return all of them."""
    return [*nothing_wrong(), *regressions(), *moments()]
