"""How often gauges raise a false alarm over whole releases, and how soon they find a true one.

Simulated with fixed seeds by the second implementation, which test_gauges_formula.py holds to the
first. A release has 3 canary pods beside 10 stable ones, 200 looks of 15 s, after 60 looks of
history. A rate is too high when even its lower Clopper-Pearson bound at 99.9 % is above the
promise.
"""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import betaincinv

from controller.judge.gauge_look import GaugeLook, GaugeQuestion, Pod
from controller.judge.gauge_sums import STARTS
from controller.judge.gauges import GaugeEvidence
from tests.unit.judge.gauge_reference import alarms, learn
from tests.unit.judge.gauge_streams import (
    SECONDS,
    Floats,
    after,
    history_of,
    looks_of,
    wandering,
)

ALPHA = 0.01
LOOKS, PODS = 200, (3, 10)
Offsets = Callable[[np.random.Generator, int, int], Floats]


def alike(_: np.random.Generator, releases: int, pods: int) -> Floats:
    return np.ones((releases, 1, pods))


def five_percent(rng: np.random.Generator, releases: int, pods: int) -> Floats:
    return 1 + 0.05 * rng.normal(size=(releases, 1, pods))


def two_kinds_of_nodes(rng: np.random.Generator, releases: int, pods: int) -> Floats:
    return np.where(rng.random((releases, 1, pods)) < 0.3, 1.2, 1.0)


def first_alarms(
    offsets: Offsets,
    *,
    phi: float,
    sd: float,
    effect: Floats,
    releases: int,
    growth: bool = False,
    starts: list[int] | None = None,
    ranks: bool = True,
) -> list[int]:
    """Return in how many looks each alarm came; `effect` multiplies the canary by look."""
    rng = np.random.default_rng(11)
    mine, theirs = (offsets(rng, releases, pods) for pods in PODS)
    history = theirs + wandering(rng, (releases, 60, PODS[1]), phi=phi, sd=sd)
    canary = effect[None, :, None] * (
        mine + wandering(rng, (releases, len(effect), PODS[0]), phi=phi, sd=sd)
    )
    stable = theirs + wandering(rng, (releases, len(effect), PODS[1]), phi=phi, sd=sd)
    found = alarms(
        learn(history),
        canary,
        stable,
        alpha=ALPHA,
        growth=growth,
        starts=starts or list(STARTS),
        ranks=ranks,
    )
    return [int(row.argmax()) + 1 for row in found if row.any()]


def at_least(hits: int, runs: int) -> float:
    """Return the lower Clopper-Pearson bound at 99.9 % of a share of `hits` in `runs`."""
    return float(betaincinv(hits, runs - hits + 1, 0.001)) if hits else 0.0


NO_EFFECT = np.ones(LOOKS)


@pytest.mark.parametrize(
    ("offsets", "phi", "sd"),
    [
        pytest.param(alike, 0.95, 0.05, id="AR(.95)"),
        pytest.param(five_percent, 0.8, 0.05, id="AR(.8) and 5 % between pods"),
        pytest.param(five_percent, 0.0, 0.01, id="5 % between pods and little else"),
        pytest.param(two_kinds_of_nodes, 0.8, 0.02, id="two kinds of nodes"),
    ],
)
def test_a_canary_that_is_no_worse_is_seldom_called_so(
    offsets: Offsets, phi: float, sd: float
) -> None:
    found = first_alarms(offsets, phi=phi, sd=sd, effect=NO_EFFECT, releases=1500)

    assert at_least(len(found), 1500) <= ALPHA


def test_without_ranks_two_kinds_of_nodes_would_raise_false_alarms() -> None:
    found = first_alarms(
        two_kinds_of_nodes, phi=0.8, sd=0.02, effect=NO_EFFECT, releases=3000, ranks=False
    )

    assert at_least(len(found), 3000) > ALPHA


@pytest.mark.parametrize(
    ("offsets", "phi"),
    [
        pytest.param(alike, 0.95, id="AR(.95)"),
        pytest.param(five_percent, 0.8, id="AR(.8) and 5 % between pods"),
    ],
)
def test_thirty_percent_more_is_found_within_fifty_minutes(offsets: Offsets, phi: float) -> None:
    found = first_alarms(offsets, phi=phi, sd=0.05, effect=1.3 * NO_EFFECT, releases=500)

    assert len(found) >= 0.99 * 500
    assert SECONDS * np.mean(found) <= 420


def test_later_starts_find_a_fault_that_comes_late() -> None:
    late = np.where(np.arange(400) < 300, 1.0, 1.6)

    found = first_alarms(five_percent, phi=0.8, sd=0.1, effect=late, releases=200)
    without = first_alarms(five_percent, phi=0.8, sd=0.1, effect=late, releases=200, starts=[0])

    assert len(found) >= 0.99 * 200
    assert np.mean(found) - 300 < 0.7 * (np.mean(without) - 300)


@pytest.mark.parametrize("minutes", [5, 10, 20])
@pytest.mark.parametrize("sd", [0.01, 0.05])
def test_caches_that_fill_to_stables_level_are_no_leak(minutes: int, sd: float) -> None:
    fills = 1 - 0.5 * np.exp(-np.arange(LOOKS) * SECONDS / 60 / minutes)

    found = first_alarms(five_percent, phi=0.8, sd=sd, effect=fills, releases=400, growth=True)

    assert at_least(len(found), 400) <= ALPHA


def test_a_leak_is_found_before_its_level_is() -> None:
    leaks = 1 + 0.25 * np.arange(LOOKS) * SECONDS / 3600

    growth = first_alarms(five_percent, phi=0.8, sd=0.01, effect=leaks, releases=200, growth=True)
    level = first_alarms(five_percent, phi=0.8, sd=0.01, effect=leaks, releases=200)
    nothing = first_alarms(
        five_percent, phi=0.8, sd=0.01, effect=NO_EFFECT, releases=400, growth=True
    )

    assert len(growth) >= 0.85 * 200
    assert np.mean(growth) < np.mean(level)
    assert at_least(len(nothing), 400) <= ALPHA


def test_a_canary_at_its_margin_is_seldom_called_safe() -> None:
    rng, releases, beta, passed = np.random.default_rng(14), 120, 0.05, 0
    for _ in range(releases):
        mine, theirs = (five_percent(rng, 1, pods)[0] for pods in PODS)
        wander = wandering(rng, (1, 140, 13), phi=0.8, sd=0.05)[0]
        evidence = GaugeEvidence.start(GaugeQuestion(history_of(theirs + wander[:60, 3:])))
        canary = 1.25 * (mine + wander[60:, :3])
        for look in looks_of(canary, theirs + wander[60:, 3:]):
            evidence = after(evidence, [look])
            if evidence.safe(beta):
                passed += 1
                break

    assert at_least(passed, releases) <= beta


def test_an_equal_canary_is_shown_safe() -> None:
    rng, found = np.random.default_rng(15), []
    for _ in range(60):
        mine, theirs = (five_percent(rng, 1, pods)[0] for pods in PODS)
        wander = wandering(rng, (1, 260, 13), phi=0.8, sd=0.05)[0]
        evidence = GaugeEvidence.start(GaugeQuestion(history_of(theirs + wander[:60, 3:])))
        for look in looks_of(mine + wander[60:, :3], theirs + wander[60:, 3:]):
            evidence = after(evidence, [look])
            if evidence.safe(0.05):
                found.append(evidence.looks)
                break

    assert len(found) >= 54
    assert np.median(found) <= 30


@pytest.mark.parametrize(("follows_load", "alarm"), [(True, False), (False, True)])
def test_cpu_of_pods_that_have_more_to_do(*, follows_load: bool, alarm: bool) -> None:
    rng = np.random.default_rng(12)
    noise = wandering(rng, (1, 260, 13), phi=0.8, sd=0.02)[0]
    history = history_of(0.5 * (1 + noise[:60, 3:]))
    evidence = GaugeEvidence.start(GaugeQuestion(history, follows_load=follows_load))

    for number, row in enumerate(noise[60:]):
        canary = [Pod(f"c{pod}", 0.8 * (1 + v), 3600.0, load=16.0) for pod, v in enumerate(row[:3])]
        stable = [Pod(f"s{pod}", 0.5 * (1 + v), 3600.0, load=10.0) for pod, v in enumerate(row[3:])]
        evidence = after(evidence, [GaugeLook(SECONDS * number, canary, stable)])

    assert evidence.beyond(ALPHA) is alarm
    assert ("divided by its x1.6 load" in evidence.explain("cpu", 1)) is follows_load


def test_a_canary_with_less_to_do_gets_no_malus() -> None:
    # Part of the CPU is there at rest: half the load is more than half the CPU.
    rng = np.random.default_rng(13)
    noise = wandering(rng, (1, 160, 13), phi=0.5, sd=0.02)[0]
    evidence = GaugeEvidence.start(
        GaugeQuestion(history_of(0.5 * (1 + noise[:60, 3:])), follows_load=True)
    )

    for number, row in enumerate(noise[60:]):
        canary = [Pod(f"c{pod}", 0.4 * (1 + v), 3600.0, load=5.0) for pod, v in enumerate(row[:3])]
        stable = [Pod(f"s{pod}", 0.5 * (1 + v), 3600.0, load=9.0) for pod, v in enumerate(row[3:])]
        evidence = after(evidence, [GaugeLook(SECONDS * number, canary, stable)])

    assert evidence.busy == 1.0
    assert not evidence.beyond(0.5)
