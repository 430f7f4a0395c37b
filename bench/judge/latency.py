"""Scenarios of latency histograms: goals G1, G3, G4, G6, G9, G10, and section 5, 2, 3, 10, 15, 19.

Looks of 15 s, 5 requests a second on the canary beside 95, classic buckets at the boundaries that
client libraries have by default, or native ones of schema 3. Bets were chosen on the lognormal
service; the other shapes only check them.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from bench.judge import bounds, plays, scrapes
from bench.judge.fleets import LOOK, bad_spells
from bench.judge.histogram_twin import CLASSIC_EDGES, NATIVE_EDGES, Latencies
from bench.judge.plays import KAYENTA
from bench.judge.scenario import (
    US,
    Check,
    Scenario,
    at_least,
    at_most,
    faster,
    ratio_to,
    told,
    within,
)
from bench.judge.shapes import (
    Cdf,
    cached,
    gamma,
    hanging,
    heavy,
    lognormal,
    shares,
    slow_tail,
    slower,
    three_routes,
    weibull,
)

FOUND, FALSE = "Latency", "Nothing is wrong with latency"
RPS = (5.0, 95.0)
# Of the lognormal service, from the first look on: goals for classic and native, G4, how many.
LOGNORMAL: tuple[tuple[str, Cdf, tuple[float, float], float, int], ...] = (
    ("everything +20 %", slower(lognormal, 1.2), (62.0, 58.0), 0.5, 1500),
    ("everything x2", slower(lognormal, 2.0), (LOOK, LOOK), 0.5, 1000),
    ("p99 +20 %", slow_tail(lognormal, 1.2), (660.0, 610.0), 0.99, 1500),
    ("p99 x2", slow_tail(lognormal, 2.0), (70.0, 65.0), 0.99, 1500),
)
HELD_OUT: tuple[tuple[str, Cdf, Cdf], ...] = (
    ("gamma, everything +20 %", gamma, slower(gamma, 1.2)),
    ("gamma, p99 x2", gamma, slow_tail(gamma, 2.0)),
    ("cache, 80 -> 75 % hits", cached(0.8), cached(0.75)),
    ("cache, everything +20 %", cached(0.8), slower(cached(0.8), 1.2)),
    ("heavy tail, everything +20 %", heavy, slower(heavy, 1.2)),
    ("heavy tail, p99 x2", heavy, slow_tail(heavy, 2.0)),
    ("Weibull, everything +20 %", weibull, slower(weibull, 1.2)),
    ("Weibull, p99 x2", weibull, slow_tail(weibull, 2.0)),
    ("three routes, everything +20 %", three_routes, slower(three_routes, 1.2)),
)
G4 = {False: 2.0, True: 2.5}
SPREAD_FROM = 1.3  # held-out shapes may take so many times the ratio of the lognormal service


def nothing_wrong() -> list[Scenario]:
    """Return releases that no one should take back."""
    kinds = (
        ("lognormal, classic", Latencies(lognormal, lognormal), 6000, 0.5),
        ("lognormal, native", Latencies(lognormal, lognormal, native=True), 2000, None),
        ("cache, classic", Latencies(cached(0.8), cached(0.8)), 3000, None),
        ("heavy tail, native", Latencies(heavy, heavy, native=True), 2000, None),
        ("lognormal beside 5 rps", Latencies(lognormal, lognormal, rps=(5.0, 5.0)), 3000, None),
    )
    return [
        Scenario(
            f"G1 latency, {words}",
            partial(plays.latency, latencies, level=level),
            (at_most(US, 0.01),),
            releases=releases,
            batch=50 if latencies.native else 100,
            group=FALSE if level else "",
        )
        for words, latencies, releases, level in kinds
    ]


def slower_versions() -> list[Scenario]:
    """Return G3 and G4 on the service that bets were chosen on."""
    found = []
    for native in (False, True):
        kind = "native" if native else "classic"
        for words, canary, goals, level, releases in LOGNORMAL:
            bound = bound_of(lognormal, canary, native=native)
            checks: tuple[Check, ...] = (within(US, goals[native]),)
            if goals[native] <= LOOK:
                checks = (at_least(US, 0.9, within=LOOK), told(US, "found"))
            if bound >= LOOK:
                checks += (ratio_to(US, bound, G4[native], words="G4 over Wald's bound"),)
            if not native:
                checks += (faster(US, KAYENTA, 0.0),)
            found.append(
                Scenario(
                    f"G3 {words}, {kind}",
                    partial(
                        plays.latency,
                        Latencies(lognormal, canary, native=native),
                        level=None if native else level,
                    ),
                    checks,
                    releases=releases // (2 if native else 1),
                    batch=50,
                    chosen_on=True,
                    bound=bound,
                    group="" if native else FOUND,
                )
            )
    return found


def other_shapes() -> list[Scenario]:
    """Return G3 on shapes that the bets were not chosen on, and section 5, 19."""
    found = []
    for native in (False, True):
        kind = "native" if native else "classic"
        for words, stable, canary in HELD_OUT:
            bound = bound_of(stable, canary, native=native)
            most = SPREAD_FROM * G4[native]
            name = f"{'5.19' if words.startswith('cache, 80') else 'G3 held out:'} {words}, {kind}"
            found.append(
                Scenario(
                    name,
                    partial(plays.latency, Latencies(stable, canary, native=native)),
                    (ratio_to(US, bound, most),),
                    releases=300,
                    batch=50,
                    bound=bound,
                )
            )
    return found


def moments() -> list[Scenario]:
    """Return Safe, a tail of the canary's own, and warm-up."""
    return [
        Scenario(
            "G6 latency, nothing wrong, classic",
            partial(plays.latency, Latencies(lognormal, lognormal), safe=True),
            (told(f"{US}: Safe", "Safe"), at_least(f"{US}: Safe", 0.9, words="Safe")),
            releases=1000,
            batch=100,
        ),
        Scenario(
            "5.15 a tail of 0.5 % that only the canary has",
            partial(plays.latency, Latencies(lognormal, hanging(lognormal, 0.005)), safe=True),
            (at_most(f"{US}: Safe", 0.05, "false Safe"),),
            releases=2000,
            batch=100,
            chosen_on=True,
        ),
        Scenario(
            "G9 90 s of warm-up with latency x1.3, left out",
            partial(plays.latency, Latencies(lognormal, lognormal), warm_up=6),
            (at_most(US, 0.01),),
            releases=1000,
            batch=100,
        ),
    ]


def what_pods_do() -> list[Scenario]:
    """Return pauses of pods, one bad pod and torn scrapes."""
    pauses = Latencies(
        lognormal,
        lognormal,
        during=bad_spells(3.0, 1.5, 15),
        stretched=partial(slower, by=3.0),
    )
    unlucky = Latencies(lognormal, lognormal, bad_canary=(slower(lognormal, 1.25),))
    return [
        Scenario(
            "5.3 pauses: each pod x3 slower, one look in ten",
            partial(plays.latency, pauses),
            (at_most(US, 0.01),),
            releases=1500,
            batch=50,
        ),
        Scenario(
            "5.3 the same with a canary +50 %",
            partial(plays.latency, replace(pauses, canary=slower(lognormal, 1.5))),
            (told(US, "found"),),
            releases=300,
            batch=50,
        ),
        Scenario(
            "5.2 one canary pod of three 25 % slower",
            partial(plays.latency, unlucky),
            (at_most(US, 0.01),),
            releases=1000,
            batch=100,
        ),
        Scenario(
            "5.10 torn scrapes, one in five",
            scrapes.torn,
            (
                at_most(US, 0.01),
                at_most(
                    scrapes.CLIPPED, 0.01, "false rollbacks if negatives were cut to 0", goal=False
                ),
            ),
            releases=500,
            batch=25,
        ),
    ]


def bound_of(stable: Cdf, canary: Cdf, *, native: bool) -> float:
    """Return Wald's bound in seconds for the buckets that are judged."""
    edges = (NATIVE_EDGES if native else CLASSIC_EDGES).tolist()
    mine, theirs = (np.maximum(shares(shape, edges), 0.0) for shape in (canary, stable))
    return bounds.seconds_for_shapes(mine, theirs, rps=RPS)


def scenarios() -> list[Scenario]:
    """Return all of them."""
    return [*nothing_wrong(), *slower_versions(), *other_shapes(), *moments(), *what_pods_do()]
