"""How often one number per arm raises a false alarm, and how soon it finds a true difference.

Simulated with fixed seeds. A rate is too high when even its lower Clopper-Pearson bound at 99.9 %
is above the promise.
"""

import math

import numpy as np
import pytest
from scipy.special import betaincinv

from controller.judge.counts import Refused
from controller.judge.number_blocks import block_looks
from controller.judge.numbers import NumberEvidence, NumberLook, NumberQuestion
from tests.unit.judge.gauge_streams import Floats, wandering

LEVEL = 0.05


def first_alarm(
    canary: Floats, stable: Floats, question: NumberQuestion, *, safe: bool = False
) -> int | None:
    """Return the look at which an e-value of one release reaches 1/LEVEL."""
    evidence = NumberEvidence.start(question)
    for look, (mine, theirs) in enumerate(zip(canary.tolist(), stable.tolist(), strict=True), 1):
        grown = evidence.after(NumberLook(mine, theirs))
        assert not isinstance(grown, Refused), grown
        evidence = grown
        if look % question.block == 0:
            log_e = evidence.log_e_safe if safe else evidence.log_e_regressed
            if log_e >= -math.log(LEVEL):
                return look
    return None


def alarms(
    canary: Floats, stable: Floats, question: NumberQuestion, *, safe: bool = False
) -> list[int]:
    rows = zip(canary, stable, strict=True)
    found = [first_alarm(mine, theirs, question, safe=safe) for mine, theirs in rows]
    return [look for look in found if look is not None]


def at_least(hits: int, runs: int) -> float:
    """Return the lower Clopper-Pearson bound at 99.9 % of a share of `hits` in `runs`."""
    return float(betaincinv(hits, runs - hits + 1, 0.001)) if hits else 0.0


def both_arms(seed: int, *, releases: int, looks: int, phi: float) -> tuple[Floats, Floats]:
    values = 100 + wandering(np.random.default_rng(seed), (releases, looks, 2), phi=phi, sd=5.0)
    return values[:, :, 0], values[:, :, 1]


@pytest.mark.parametrize("phi", [0.0, 0.8, 0.95])
@pytest.mark.parametrize("robust", [False, True])
def test_numbers_that_are_no_worse_are_seldom_called_so(phi: float, *, robust: bool) -> None:
    canary, stable = both_arms(1, releases=200, looks=860, phi=phi)

    found = 0
    for mine, theirs in zip(canary, stable, strict=True):
        question = NumberQuestion(block=block_looks(theirs[:60].tolist()), robust=robust)
        found += first_alarm(mine[60:], theirs[60:], question) is not None

    assert at_least(found, 200) <= LEVEL


def test_blocks_shorter_than_the_correlation_would_raise_false_alarms() -> None:
    canary, stable = both_arms(1, releases=100, looks=400, phi=0.95)

    found = alarms(canary, stable, NumberQuestion(block=1))

    assert at_least(len(found), 100) > LEVEL


def test_pods_that_differ_raise_false_alarms_and_that_is_why_it_only_advises() -> None:
    canary, stable = both_arms(2, releases=200, looks=400, phi=0.5)
    luck = 5 * np.random.default_rng(3).normal(size=(200, 1))

    found = alarms(canary + luck, stable, NumberQuestion())

    assert at_least(len(found), 200) > LEVEL
    assert NumberEvidence.start(NumberQuestion()).advisory


def test_signs_hold_where_values_have_no_variance() -> None:
    rng = np.random.default_rng(4)
    canary, stable = (1000 + 10 * np.abs(rng.standard_cauchy((300, 400))) for _ in range(2))

    found = alarms(canary, stable, NumberQuestion(robust=True, block=5))

    assert at_least(len(found), 300) <= LEVEL


def test_a_number_at_the_margin_is_seldom_called_safe() -> None:
    canary, stable = both_arms(5, releases=300, looks=400, phi=0.8)

    found = alarms(1.25 * canary, stable, NumberQuestion(), safe=True)

    assert at_least(len(found), 300) <= LEVEL


@pytest.mark.parametrize(("robust", "looks"), [(False, 170), (True, 190)])
def test_ten_percent_more_is_found(looks: int, *, robust: bool) -> None:
    canary, stable = both_arms(6, releases=100, looks=400, phi=0.8)

    found = alarms(1.1 * canary, stable, NumberQuestion(robust=robust))

    assert len(found) >= 99
    assert np.mean(found) <= looks


def test_lower_can_be_the_worse_side() -> None:
    canary, stable = both_arms(7, releases=60, looks=400, phi=0.8)
    question = NumberQuestion(lower_is_worse=True)

    worse, better = (alarms(scale * canary, stable, question) for scale in (0.9, 1.1))

    assert len(worse) >= 59
    assert better == []


def test_an_equal_number_is_shown_safe() -> None:
    canary, stable = both_arms(8, releases=60, looks=200, phi=0.8)

    found = alarms(canary, stable, NumberQuestion(), safe=True)

    assert len(found) == 60
    assert np.mean(found) <= 135


def test_the_interval_holds_the_truth_at_every_block() -> None:
    canary, stable = both_arms(9, releases=200, looks=100, phi=0.0)
    missed = 0
    for mine, theirs in zip((1.2 * canary).tolist(), stable.tolist(), strict=True):
        evidence, outside = NumberEvidence.start(NumberQuestion(block=5)), False
        for pair in zip(mine, theirs, strict=True):
            grown = evidence.after(NumberLook(*pair))
            assert not isinstance(grown, Refused), grown
            evidence = grown
            low, high = evidence.interval(0.8)
            outside |= not low <= 1.2 <= high
        missed += outside

    assert at_least(missed, 200) <= 0.2
    assert missed > 0
