"""Scenarios of section 5 of the judge's design: what pods and scrapes do to counts.

Nothing is wrong with the version in any of them unless the name says so. Each is played as shipped
and, for comparison, without what was learned of stable's pods.
"""

from functools import partial

import numpy as np

from bench.judge import plays, scrapes
from bench.judge.counts_twin import Rules
from bench.judge.fleets import Traffic, bad_spells, in_clumps, incidents
from bench.judge.plays import NO_EDGES, PLAIN
from bench.judge.scenario import US, Scenario, at_least, at_most, told
from controller.judge.betting import Floats

HARMLESS = (
    ("5.1 pods that differ by 20 %, 1 % errors", Traffic(unequal=0.2), True),
    ("5.1 pods that differ by 20 %, 5 % errors", Traffic(rate=0.05, unequal=0.2), True),
    (
        "5.1 the same with five stable pods",
        Traffic(rate=0.05, unequal=0.2, stable_pods=5),
        True,
    ),
    ("5.1 pods that differ by 50 %", Traffic(unequal=0.5), False),
    ("5.1 pods that differ by 30 %, one canary pod", Traffic(unequal=0.3, canary_pods=1), False),
    ("5.1 spells of x5, 4 min in 30", Traffic(during=bad_spells(5.0, 16, 120)), True),
    ("5.1 spells of x3, 2 min in 20", Traffic(during=bad_spells(3.0, 8, 80)), True),
    ("5.1 spells of x5, 10 min in 100", Traffic(during=bad_spells(5.0, 40, 400)), False),
    ("5.2 one canary pod of three, x10", Traffic(bad_canary=(10.0,)), True),
    ("5.2 one canary pod of three, x3", Traffic(bad_canary=(3.0,)), True),
    (
        "5.2 one canary pod of three, x1.6, 5 % errors",
        Traffic(rate=0.05, bad_canary=(1.6,)),
        True,
    ),
    (
        "5.2 one canary pod of five, x4, 0.3 % errors",
        Traffic(rate=0.003, canary_pods=5, bad_canary=(4.0,)),
        True,
    ),
    (
        "5.4 clumps of 10 at 0.02 %: some two in the history",
        Traffic(rate=0.0002, fails=in_clumps(10.0)),
        True,
    ),
    (
        "5.4 the same, one canary pod",
        Traffic(rate=0.0002, fails=in_clumps(10.0), canary_pods=1),
        True,
    ),
    ("5.4 clumps of 30 at 0.02 %", Traffic(rate=0.0002, fails=in_clumps(30.0)), False),
    (
        "5.5 one canary pod five times as busy as stable's, spells of x3, 2 min in 20",
        Traffic(canary=500.0, stable=1000.0, canary_pods=1, during=bad_spells(3.0, 8, 80)),
        False,
    ),
)


def scenarios() -> list[Scenario]:
    """Return section 5, 1 to 8 and 16 to 20, as far as it is about counts."""
    return [*what_pods_do(), *what_scrapes_do(), *hidden(), *shares()]


def what_pods_do() -> list[Scenario]:
    """Return the harmless things that pods do."""
    return [
        Scenario(
            name,
            partial(plays.counts, traffic, who=(US, PLAIN)),
            (
                at_most(US, 0.01),
                at_most(PLAIN, 0.01, "false rollbacks without the repairs", goal=False),
            ),
            releases=3000,
            chosen_on=chosen,
        )
        for name, traffic, chosen in HARMLESS
    ]


def what_scrapes_do() -> list[Scenario]:
    """Return edges, changes of weight and dips."""
    return [
        Scenario(
            "5.6 four shared incidents x40, scrapes up to a look apart",
            partial(plays.at_edges, Traffic(shared=incidents(40.0, 4, apart=1.0))),
            (
                at_most(US, 0.01, "false rollbacks, no look dropped"),
                at_most(
                    NO_EDGES, 0.01, "false rollbacks, one look late and edges dropped (the library)"
                ),
            ),
            releases=3000,
            chosen_on=True,
        ),
        Scenario(
            "5.7 weights 5, 50, 5, 50 % while the rate follows the weight",
            partial(
                plays.counts,
                Traffic(weights=(0.05, 0.5, 0.05, 0.5), at_weight=50, shared=with_weight),
            ),
            (at_most(US, 0.01),),
            releases=3000,
        ),
        Scenario(
            "5.8 counters with a dip of 1 % in one scrape of fifty",
            scrapes.dips,
            (
                at_most(US, 0.01),
                at_most(scrapes.NAIVE, 0.01, "false rollbacks if falls were resets", goal=False),
            ),
            releases=1000,
            batch=125,
        ),
    ]


def hidden() -> list[Scenario]:
    """Return faults that come and go, that stable hides, and a margin that is hard to prove."""
    return [
        Scenario(
            "5.16 x10 for one minute in six, 1 % errors",
            partial(plays.counts, Traffic(shared=one_minute_in_six)),
            (
                at_most(
                    f"{US}: Safe", 0.05, "Safe before Regressed; only `hold` helps", goal=False
                ),
                told(US, "Regressed"),
            ),
            releases=1500,
        ),
        Scenario(
            "5.17 a stable pod x20 beside a canary x3",
            partial(plays.counts, Traffic(worse=3.0, bad_stable=(20.0,))),
            (at_most(f"{US}: Safe", 0.05, "false Safe"), at_least(US, 0.95)),
            releases=1500,
            chosen_on=True,
        ),
        Scenario(
            "5.18 Safe with a margin of x1.1, 10 % errors in both",
            partial(
                plays.counts,
                Traffic(rate=0.1),
                rules=Rules(safe_relative=0.1, safe_absolute=0.0),
            ),
            (at_least(f"{US}: Safe", 0.9, words="Safe"), told(f"{US}: Safe", "Safe")),
            releases=1500,
        ),
    ]


def shares() -> list[Scenario]:
    """Return the check of the canary's share; the library's, the controller does not ask it yet."""
    return [
        Scenario(
            "5.20 shares that scatter by 40 % from look to look",
            scrapes.scattered,
            (at_most(US, 0.01, "false alarms of the share check"),),
            releases=1000,
            chosen_on=True,
        ),
        Scenario(
            "5.20 sixty clients with connections of ten minutes",
            scrapes.connections,
            (at_most(US, 0.01, "false alarms of the share check"),),
            releases=2000,
        ),
        Scenario(
            "5.20 a canary that ends 4 requests of 10",
            partial(scrapes.connections, ends=0.4),
            (at_least(US, 0.95, words="found by the share check"),),
            releases=500,
        ),
    ]


def with_weight(rng: np.random.Generator, looks: int, releases: int) -> tuple[Floats, Floats]:
    """Return rates of both arms that are three times as high while the weight is."""
    del rng
    high = (np.arange(looks) // 50) % 2 == 1
    both: Floats = np.broadcast_to(np.where(high, 3.0, 1.0)[:, None], (looks, releases))
    return both, both


def one_minute_in_six(rng: np.random.Generator, looks: int, releases: int) -> tuple[Floats, Floats]:
    """Return a canary that is ten times as bad for one minute in six."""
    start, stable = rng.integers(0, 24, releases), np.ones((looks, releases))
    return np.where((np.arange(looks)[:, None] + start) % 24 < 4, 10.0, 1.0), stable
