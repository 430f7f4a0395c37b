"""What stable's pods are found to do before a release."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.judge.fleets import (
    Traffic,
    bad_spells,
    in_clumps,
    noises,
    pod_history,
    simulate,
)
from controller.judge import CountsQuestion, Noise, PodHistory, learn
from controller.judge.distributions import student_t
from controller.judge.history import Gap

ANY = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.integers(-3, 50).map(float))


def learned(traffic: Traffic, releases: int = 60) -> list[Noise]:
    return noises(simulate(traffic, releases=releases, looks=1, seed=31).history)


def test_independent_errors_cost_little() -> None:
    found = learned(Traffic())

    assert np.mean([noise.phi for noise in found]) < 1.10
    assert np.mean([noise.reach > 0 for noise in found]) < 0.2
    assert all(not noise.gap for noise in found)


@pytest.mark.parametrize(("mean", "true"), [(3.0, 5.0), (10.0, 19.0)])
def test_clumps_are_found_whatever_their_size(mean: float, true: float) -> None:
    found = learned(Traffic(fails=in_clumps(mean)))

    # The variance of a geometric number over its mean is mean - 1, and the clumps' own adds mean.
    assert true <= np.mean([noise.phi for noise in found]) <= 1.35 * true
    assert all(noise.cap == pytest.approx(math.log(100) / 2) for noise in found)


def test_incidents_that_all_pods_share_are_no_clumps() -> None:
    shared = np.ones((60, 60))
    shared[20:30] = 20.0
    incident = Traffic(shared=lambda *_: (shared, shared))
    releases = simulate(incident, releases=60, looks=60, seed=32)

    assert np.mean([noise.phi for noise in noises(releases.stable)]) < 1.15


def test_spells_of_minutes_show_in_longer_blocks() -> None:
    found = learned(Traffic(during=bad_spells(5.0, 16, 120)))

    assert np.median([noise.phi for noise in found]) > 6


@pytest.mark.parametrize("spread", [0.2, 0.5])
def test_pods_that_differ_for_good_widen_the_margin_and_are_no_clumps(spread: float) -> None:
    found = learned(Traffic(rate=0.05, unequal=spread))

    times = student_t(0.995, 9)
    assert np.mean([n.reach / times for n in found]) == pytest.approx(spread, rel=0.2)
    assert np.mean([noise.phi for noise in found]) < 1.15


def test_widening_shrinks_with_the_number_of_pods() -> None:
    noise = Noise(reach=0.6, pods=10)

    assert noise.widening(3, 10) == pytest.approx(0.6 * math.sqrt(1 / 3 + 1 / 10))
    assert noise.widening(3, 0) == noise.widening(3, 10)
    assert noise.widening(0, 10) == noise.widening(1, 10)
    assert Noise().widening(1, 1) == 0.0


def test_busier_pods_scatter_more_and_idle_ones_no_less() -> None:
    noise = Noise(phi=3.0)

    assert noise.phi_at(2.0) == 5.0
    assert noise.phi_at(0.1) == 3.0
    assert Noise().phi_at(9.0) == 1.0


def test_few_errors_cap_what_a_look_adds() -> None:
    quiet = learn(history(np.zeros((60, 5)), np.full((60, 5), 100.0)))

    assert quiet.cap == pytest.approx(math.log(100) / 3)
    assert replace(quiet, cap=math.inf) == Noise(pods=5)
    # Where most requests fail they are no clump among good ones.
    assert [quiet.cap_of(bad, 10.0) for bad in (0.0, 5.0, 5.1)] == [quiet.cap, quiet.cap, math.inf]


@pytest.mark.parametrize(
    ("looks", "pods", "gap"), [(60, 2, Gap.PODS), (60, 0, Gap.PODS), (11, 5, Gap.LOOKS)]
)
def test_a_history_too_thin_to_learn_from_makes_the_metric_advise_only(
    looks: int, pods: int, gap: Gap
) -> None:
    thin = history(np.ones((looks, pods)), np.full((looks, pods), 100.0))

    assert learn(thin) == Noise(pods=pods, gap=gap)
    assert learn(thin, routed=True) == Noise(pods=pods)


def test_no_history_makes_the_metric_advise_only_unless_requests_are_routed_at_random() -> None:
    assert learn(None).gap is Gap.PODS
    assert learn(None, routed=True) == Noise()


def test_a_plan_that_never_rolls_back_learns_too() -> None:
    clumps = simulate(Traffic(fails=in_clumps(3.0), unequal=0.5), releases=1, looks=1, seed=34)

    noise = learn(pod_history(clumps.history, 0), false_rollback=0.0)

    assert math.isfinite(noise.reach)
    assert noise.phi > 1


@pytest.mark.parametrize("level", [-0.1, 1.0, math.nan])
def test_a_level_that_makes_no_sense_is_named(level: float) -> None:
    with pytest.raises(ValueError, match=f"falseRollback is {level}"):
        learn(None, false_rollback=level)


def test_pods_that_are_alike_do_not_widen_the_margin() -> None:
    noise = Noise(reach=0.6, pods=10)
    question = CountsQuestion(noise=noise)

    assert question.widening(3, 10) > 0
    assert replace(question, alike=True).widening(3, 10) == 0


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 20), st.integers(0, 5), st.data())
def test_any_numbers_are_taken(looks: int, pods: int, data: st.DataObject) -> None:
    counts = st.lists(ANY, min_size=looks * pods, max_size=looks * pods)
    bad, total = (np.array(data.draw(counts)).reshape(looks, pods) for _ in range(2))

    noise = learn(history(bad, total))

    assert 1.0 <= noise.phi < math.inf
    assert 0.0 <= noise.reach < math.inf
    assert noise.cap > 0


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(10)))
def test_the_order_of_pods_does_not_matter(order: list[int]) -> None:
    before = pod_history(simulate(Traffic(unequal=0.5), releases=1, looks=1, seed=33).history, 0)

    one, other = learn(before), learn(history(before.bad[:, order], before.total[:, order]))

    assert other.phi == pytest.approx(one.phi)
    assert other.reach == pytest.approx(one.reach)


def history(bad: np.ndarray, total: np.ndarray) -> PodHistory:
    return PodHistory(tuple(f"stable-{i}" for i in range(bad.shape[1])), bad, total)
