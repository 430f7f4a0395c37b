"""The gauge rule is what its definition says it is."""

from itertools import combinations

import numpy as np
import pytest
from scipy.special import stdtrit

from controller.judge import gauge_chance, gauge_rule
from controller.judge.gauge_look import GaugeQuestion, Measure
from controller.judge.gauge_sums import STARTS
from controller.judge.gauges import GaugeEvidence
from tests.unit.judge import gauge_reference as definition
from tests.unit.judge.gauge_streams import Floats, after, history_of, looks_of, wandering

NO_MARGIN = gauge_rule.Margin(0.0, 0.0)


def release(seed: int, *, looks: int, phi: float, gain: float) -> tuple[Floats, Floats, Floats]:
    """Return the history, canary and stable of one release, with a first axis of length 1."""
    rng = np.random.default_rng(seed)
    offsets = 1 + 0.05 * rng.normal(size=(1, 1, 10))
    mine = 1 + 0.05 * rng.normal(size=(1, 1, 3)) + gain * np.arange(looks)[None, :, None]
    return (
        300 * (offsets + wandering(rng, (1, 60, 10), phi=phi, sd=0.03)),
        300 * (mine + wandering(rng, (1, looks, 3), phi=phi, sd=0.03)),
        390 * (offsets + wandering(rng, (1, looks, 10), phi=phi, sd=0.03)),
    )


@pytest.mark.parametrize("phi", [0.0, 0.8, 0.95, 0.999])
def test_what_the_history_teaches(phi: float) -> None:
    history, _, _ = release(1, looks=2, phi=phi, gain=0.0)

    learned, expected = history_of(history[0]), definition.learn(history)

    assert expected.pods == learned.pods == 10
    for field in ("level", "spread", "within", "phi", "slope_spread"):
        assert getattr(expected, field)[0] == pytest.approx(getattr(learned, field), rel=1e-9)


def test_a_quarter_of_an_hour_does_not_make_values_look_less_sticky_than_they_are() -> None:
    rng = np.random.default_rng(2)

    learned = definition.learn(1 + wandering(rng, (400, 60, 10), phi=0.9, sd=0.05))

    assert 0.9 <= learned.phi.mean() <= 0.93
    assert 0.05 <= learned.within.mean() <= 0.055


@pytest.mark.parametrize("measure", list(Measure))
@pytest.mark.parametrize("seed", [3, 4, 5])
def test_agrees_with_the_definition_at_every_look(measure: Measure, seed: int) -> None:
    growth, alpha = measure is Measure.GROWTH, 0.01
    history, canary, stable = release(seed, looks=130, phi=0.7, gain=0.012)
    learned = definition.learn(history)
    question = GaugeQuestion(history_of(history[0]), measure=measure)
    clear = {
        start: definition.clearance(
            learned, canary, stable, start, alpha / 2, gauge_rule.noise_share(number, alpha / 2),
            growth=growth,
        )[0]
        for number, start in enumerate(STARTS)
        if start < 130
    }  # fmt: skip
    alarms = definition.alarms(learned, canary, stable, alpha=alpha, growth=growth)[0]

    evidence = GaugeEvidence.start(question)
    for look, pods in enumerate(looks_of(canary[0], stable[0])):
        evidence = after(evidence, [pods])
        for number, start in enumerate(STARTS):
            if look - start < 1:
                break
            share = gauge_rule.noise_share(number, alpha / 2)
            found = gauge_rule.excess(question, evidence.sums, number, NO_MARGIN)
            found -= gauge_rule.chance(question, evidence.sums, number, alpha / 2, share)
            assert clear[start][look - start] == pytest.approx(found, rel=1e-9, abs=1e-9)
        assert alarms[look] == evidence.beyond(alpha)
    assert alarms.any()


@pytest.mark.parametrize(("canary", "stable"), [(1, 1), (1, 10), (3, 10), (6, 4)])
def test_ranks_have_the_probability_that_counting_gives(canary: int, stable: int) -> None:
    places = range(canary + stable)
    wins = [
        sum(mine > theirs for mine in chosen for theirs in places if theirs not in chosen)
        for chosen in combinations(places, canary)
    ]

    for chosen, won in zip(combinations(places, canary), wins, strict=True):
        rest = [place for place in places if place not in chosen]
        expected = sum(other >= won for other in wins) / len(wins)
        assert expected == pytest.approx(gauge_chance.rank_probability(chosen, rest), rel=1e-12)
    assert len(wins) == gauge_chance.arrangements(canary, stable)


def test_equal_values_rank_as_if_stable_were_higher() -> None:
    assert 1.0 == gauge_chance.rank_probability([5.0, 5.0], [5.0, 5.0, 5.0])


@pytest.mark.parametrize("radius", [gauge_chance.mean_radius, gauge_chance.slope_radius])
def test_a_radius_holds_at_every_look(radius: object) -> None:
    assert radius in (gauge_chance.mean_radius, gauge_chance.slope_radius)
    rng, runs, looks, level = np.random.default_rng(6), 4000, 200, 0.05
    noise = rng.normal(size=(runs, looks))
    if radius is gauge_chance.mean_radius:
        reached = definition.average(noise)
        bound = [gauge_chance.mean_radius(n, level) for n in range(1, looks + 1)]
    else:
        reached = definition.slope(noise)
        bound = [gauge_chance.slope_radius(n, level) for n in range(1, looks + 1)]

    outside = (reached > np.array(bound)).any(axis=1).mean()

    assert 0.25 * level < outside <= level


def test_the_offset_is_students() -> None:
    for pods, probability in [(2, 0.005), (10, 0.005), (11, 0.0001), (40, 0.025)]:
        expected = stdtrit(pods - 1, 1 - probability)
        assert expected == pytest.approx(gauge_chance.offset(pods, probability), rel=1e-9)


def test_thresholds_are_infinite_where_nothing_can_be_said() -> None:
    assert gauge_chance.offset(1, 0.01) == np.inf
    assert gauge_chance.offset(10, 0.0) == np.inf
    assert gauge_chance.mean_radius(10, 0.0) == np.inf
    assert gauge_chance.slope_radius(1, 0.01) == np.inf
