"""What real pods and scrapes do to the plain game, and what is left of it with each repair.

Simulated with fixed seeds at a false rollback rate of 1 %: 75 requests a look on three canary pods,
1,425 on ten of stable. `before` is what the plain game does, `after` what ships; the limits are
Clopper-Pearson bounds at 99.9 %, so that another seed would do.
"""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.special import betaincinv

from bench.judge.counts_twin import SHIPPED, Course, Rules, apart_from_edges, first, play
from bench.judge.fleets import (
    LOOK,
    Releases,
    Traffic,
    bad_spells,
    from_look,
    in_clumps,
    incidents,
    noises,
    pod_history,
    simulate,
    without_noisy_pods,
)
from controller.judge import noisy_pods

PLAIN = Rules(alike=True, first=1.0, noisy=False)
SEVERAL_STARTS = Rules(alike=True, noisy=False)
RUNS = 200


def played(releases: Releases, rules: Rules = SHIPPED) -> Course:
    return play(releases, noises(releases.history), rules)


def regressed(releases: Releases, rules: Rules = SHIPPED) -> np.ndarray:
    """Return the number of the look at which each release is rolled back; infinite if never."""
    return first(played(releases, rules).counted >= rules.limit)


def share(looks: Sequence[float] | np.ndarray) -> float:
    return float(np.mean(np.isfinite(looks)))


def at_most(hits: float, runs: int = RUNS) -> float:
    """Return the upper Clopper-Pearson bound at 99.9 % of a share."""
    count = round(hits * runs)
    return float(betaincinv(count + 1, runs - count, 0.999))


def at_least(hits: float, runs: int = RUNS) -> float:
    """Return the lower Clopper-Pearson bound at 99.9 % of a share."""
    count = round(hits * runs)
    return float(betaincinv(count, runs - count + 1, 0.001)) if count else 0.0


@pytest.mark.parametrize(
    ("traffic", "before", "promise"),
    [
        pytest.param(Traffic(rate=0.05, unequal=0.2), 0.05, 0.01, id="pods that differ by 20 %"),
        pytest.param(Traffic(bad_canary=(10.0,)), 0.9, 0.03, id="one canary pod of three, x10"),
        pytest.param(Traffic(bad_canary=(3.0,)), 0.9, 0.03, id="one canary pod of three, x3"),
        pytest.param(Traffic(fails=in_clumps(3.0)), 0.2, 0.01, id="clumps of three"),
        pytest.param(Traffic(fails=in_clumps(10.0)), 0.2, 0.01, id="clumps of ten"),
        pytest.param(
            Traffic(rate=0.0002, fails=in_clumps(10.0)), 0.05, 0.01, id="clumps, thin history"
        ),
        pytest.param(
            Traffic(during=bad_spells(5.0, 16, 120)), 0.2, 0.01, id="bad spells of four minutes"
        ),
    ],
)
def test_what_pods_do_without_any_regression_does_not_roll_back(
    traffic: Traffic, before: float, promise: float
) -> None:
    releases = simulate(traffic, releases=RUNS, seed=21)

    assert at_least(share(regressed(releases, PLAIN))) > before
    assert at_least(share(regressed(releases))) <= promise


def test_the_edges_of_shared_incidents_do_not_roll_back() -> None:
    shared = incidents(40.0, 4, apart=1.0)
    releases = simulate(Traffic(shared=shared), releases=RUNS, seed=22)
    noise = noises(releases.history)

    dropped = play(releases, noise, PLAIN, apart_from_edges(releases.stable, noise))

    assert at_least(share(regressed(releases, PLAIN))) > 0.05
    assert at_least(share(first(dropped.counted >= PLAIN.limit))) <= 0.01


def test_a_noisy_stable_pod_does_not_hide_a_worse_canary() -> None:
    releases = simulate(Traffic(worse=3.0, bad_stable=(20.0,)), releases=RUNS, looks=150, seed=23)
    noisy = [noisy_pods(pod_history(releases.history, i)) for i in range(RUNS)]

    hidden, seen = played(releases), played(without_noisy_pods(releases))

    assert noisy == [("stable-0",)] * RUNS
    assert at_least(share(first(hidden.safe))) > 0.3
    assert at_most(share(first(seen.safe))) < 0.05
    assert at_least(share(first(seen.counted >= SHIPPED.limit))) > 0.9


def test_a_regression_that_comes_late_is_found_soon() -> None:
    looks = 260
    late = Traffic(rate=0.001, shared=from_look(100, 5.0))
    releases = simulate(late, releases=RUNS, looks=looks, seed=24)

    one_start, several = (regressed(releases, rules) for rules in (PLAIN, SEVERAL_STARTS))

    # The few that one start never finds count as found at the end.
    assert np.mean(seconds(several) - 1500) <= 570
    assert np.mean(np.minimum(one_start, looks) - several) * LOOK > 150


@pytest.mark.parametrize(
    ("rates", "plain", "shipped"),
    [
        pytest.param((0.001, 0.005), 400, 560, id="0.1 to 0.5 %"),
        pytest.param((0.01, 0.05), 50, 66, id="1 to 5 %"),
    ],
)
def test_the_price_on_clean_streams(
    rates: tuple[float, float], plain: float, shipped: float
) -> None:
    stable, canary = rates
    releases = simulate(Traffic(rate=stable, worse=canary / stable), releases=RUNS, seed=25)

    assert np.mean(seconds(regressed(releases, PLAIN))) <= plain
    assert np.mean(seconds(regressed(releases))) <= shipped


def seconds(looks: np.ndarray) -> np.ndarray:
    """Return the times of verdicts that all releases got."""
    assert np.all(np.isfinite(looks))
    return looks * LOOK
