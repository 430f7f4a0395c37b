"""What real pods and scrapes do to the plain game, and what is left of it with each repair.

Simulated with fixed seeds at a false rollback rate of 1 %: 75 requests a look on three canary pods,
1,425 on ten of stable. `before` is what the plain game does, `after` what ships; the limits are
Clopper-Pearson bounds at 99.9 %, so that another seed would do.
"""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.special import betaincinv

from controller.judge import (
    Arm,
    CountsEvidence,
    CountsLook,
    CountsQuestion,
    MetricEvidence,
    Verdict,
    judge,
    noisy_pods,
)
from controller.judge.betting import FIRST
from tests.unit.judge.fleets import (
    Fleet,
    Releases,
    Traffic,
    apart_from_edges,
    as_shipped,
    bad_spells,
    in_clumps,
    noises,
    play,
    pod_history,
    simulate,
)
from tests.unit.judge.streams import after

LOOK = 15.0
RUNS = 200


def share(looks: Sequence[float] | np.ndarray) -> float:
    return float(np.mean(np.asarray(looks) > 0))


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

    assert at_least(share(play(releases).regressed)) > before
    assert at_least(share(as_shipped(releases).regressed)) <= promise


def test_the_edges_of_shared_incidents_do_not_roll_back() -> None:
    releases = simulate(Traffic(shared=incidents(RUNS, seed=5)), releases=RUNS, seed=22)

    before = play(releases)
    after_repair = play(releases, judged=apart_from_edges(releases.stable))

    assert at_least(share(before.regressed)) > 0.05
    assert at_least(share(after_repair.regressed)) <= 0.01


def incidents(releases: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the factors of four incidents of x40, in windows that begin up to a scrape apart."""
    rng = np.random.default_rng(seed)
    looks = 200
    late = rng.random(releases)  # of a look, by which the canary's windows begin and end later
    factors = np.ones((2, looks, releases))
    for _ in range(4):
        begin = rng.uniform(5, looks - 20, releases)
        end = begin + rng.uniform(2, 6, releases)
        for arm, shift in enumerate((late, np.zeros(releases))):
            opens = np.arange(looks)[:, None] + shift
            within = np.minimum(opens + 1, end) - np.maximum(opens, begin)
            factors[arm] += 39.0 * np.clip(within, 0.0, 1.0)
    return factors[0], factors[1]


def test_a_noisy_stable_pod_does_not_hide_a_worse_canary() -> None:
    releases = simulate(Traffic(worse=3.0, bad_stable=(20.0,)), releases=RUNS, looks=150, seed=23)
    noisy = [noisy_pods(pod_history(releases.history, i)) for i in range(RUNS)]

    hidden = as_shipped(releases)
    seen = as_shipped(Releases(releases.canary, *(rest(x) for x in releases[1:])))

    assert noisy == [("stable-0",)] * RUNS
    assert at_least(share(hidden.safe)) > 0.3
    assert at_most(share(seen.safe)) < 0.05
    assert at_least(share(seen.regressed)) > 0.9


def rest(fleet: Fleet) -> Fleet:
    """Return a fleet without its first pod."""
    return Fleet(fleet.bad[:, :, 1:], fleet.total[:, :, 1:])


def test_a_regression_that_comes_late_is_found_soon() -> None:
    looks = 260
    factor = np.ones((looks, RUNS))
    factor[100:] = 5.0
    late = Traffic(rate=0.001, shared=(factor, np.ones((looks, RUNS))))
    releases = simulate(late, releases=RUNS, looks=looks, seed=24)

    one_start, several = (play(releases, first=first).regressed for first in (1.0, FIRST))

    # The few that one start never finds count as found at the end.
    assert np.mean(seconds(several) - 1500) <= 570
    assert np.mean(np.where(one_start > 0, one_start, looks) - several) * LOOK > 150


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

    assert np.mean(seconds(play(releases).regressed)) <= plain
    assert np.mean(seconds(as_shipped(releases).regressed)) <= shipped


def seconds(looks: np.ndarray) -> np.ndarray:
    """Return the times of verdicts that all releases got."""
    assert np.all(looks > 0)
    return looks * LOOK


def test_the_simulation_plays_the_same_game_as_the_evidence() -> None:
    traffic = Traffic(rate=0.02, worse=1.4, unequal=0.2, fails=in_clumps(3.0))
    releases = simulate(traffic, releases=20, looks=60, seed=26)
    canary, stable, history = releases
    noise = noises(history)

    played = play(releases, noise, without_one_pod=True, first=FIRST, level=0.2)

    for i in range(20):
        bad, total = (float(x[-40:, i].sum()) for x in history)
        question = CountsQuestion(prior_bad=bad, prior_total=total, noise=noise[i])
        evidence, first = CountsEvidence.start(question), 0
        for look in range(60):
            own = zip(canary.bad[look, i], canary.total[look, i], strict=True)
            pods = {f"canary-{p}": Arm(*counts) for p, counts in enumerate(own)}
            both, beside = (
                Arm(float(x.bad[look, i].sum()), float(x.total[look, i].sum()))
                for x in (canary, stable)
            )
            evidence = after(evidence, CountsLook(both, beside, pods, stable_pods=10))
            metric = MetricEvidence("errors", required=True, evidence=evidence)
            verdict = judge([metric], false_rollback=0.2, false_promotion=0.05).verdict
            if verdict is Verdict.REGRESSED and not first:
                first = look + 1
        assert played.regressed[i] == first
    assert np.any(played.regressed > 0)
