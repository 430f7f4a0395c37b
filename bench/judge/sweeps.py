"""Scenarios for the plots: regressions of every size, and a release that is judged for hours."""

from functools import partial

from bench.judge import bounds, plays
from bench.judge.errors import LARGE, traffic
from bench.judge.plays import ALIKE
from bench.judge.scenario import US, Scenario, at_most

STABLE = 0.005
TIMES = (1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0)
SIZES, LONG = "Sizes", "Long"
LONG_LOOKS = 800


def scenarios() -> list[Scenario]:
    """Return all of them."""
    return [
        *(
            Scenario(
                f"Size of a regression: {100 * STABLE:g} % x{times:g}",
                partial(plays.counts, traffic(STABLE, times), who=(US, ALIKE), beside=0.4),
                (),
                releases=500,
                batch=125,
                bound=bounds.seconds_for_rates(STABLE * times, STABLE, rps=LARGE),
                group=SIZES,
            )
            for times in TIMES
        ),
        Scenario(
            f"{LONG_LOOKS} looks at 1 % in both",
            partial(plays.counts, traffic(0.01), looks=LONG_LOOKS, beside=0.15),
            (at_most(US, 0.01),),
            releases=2000,
            batch=125,
            group=LONG,
        ),
    ]
