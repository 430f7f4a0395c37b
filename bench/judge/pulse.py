"""Scenarios of gauges per pod: goal G8, and section 5, 11 to 14. The library; see gauges.py."""

from functools import partial

from bench.judge import gauges
from bench.judge.gauges import Gauges, apart, filling, times, two_kinds_of_nodes
from bench.judge.scenario import US, Scenario, at_least, at_most

FIVE = apart(0.05)


def scenarios() -> list[Scenario]:
    """Return all of them."""
    harmless = (
        ("G8 AR(.95), sd 5 %", Gauges(0.95, 0.05), 1000),
        ("G8 AR(.8), sd 5 %, pods differ by 5 %", Gauges(0.8, 0.05, FIVE), 1000),
        (
            "5.11 CPU that follows load, canary pods x1.6 as busy",
            Gauges(0.8, 0.02, FIVE, follows_load=True, busy=1.6),
            600,
        ),
        ("5.12 two kinds of nodes", Gauges(0.8, 0.02, two_kinds_of_nodes), 1500),
        (
            "5.13 growth: caches that fill to stable's level in 5 min",
            Gauges(0.8, 0.05, FIVE, filling(5.0), growth=True),
            600,
        ),
        (
            "5.13 growth: in 20 min, little noise",
            Gauges(0.8, 0.01, FIVE, filling(20.0), growth=True),
            600,
        ),
        ("Held out: AR(.9), sd 3 %, pods differ by 10 %", Gauges(0.9, 0.03, apart(0.1)), 600),
    )
    late = Gauges(0.8, 0.1, FIVE, times(1.6, after=100))
    worse = (
        ("G8 +30 %, AR(.95), sd 5 %", Gauges(0.95, 0.05, effect=times(1.3)), 0, 0.99),
        ("G8 +30 %, AR(.8), pods differ by 5 %", Gauges(0.8, 0.05, FIVE, times(1.3)), 0, 0.99),
        ("5.14 +60 % after 25 min", late, 100, 0.94),
    )
    return [
        *(
            Scenario(
                name,
                partial(gauges.play, kind),
                (at_most(US, 0.01, "false alarms"),),
                releases=releases,
                batch=25,
            )
            for name, kind, releases in harmless
        ),
        *(
            Scenario(
                name,
                partial(gauges.play, kind, onset=onset),
                (at_least(US, goal),),
                releases=1000,
                batch=50,
            )
            for name, kind, onset, goal in worse
        ),
    ]
