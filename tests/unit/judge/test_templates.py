"""The bets on slower versions: what makes them valid, and that they are shaped like slowness."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.judge.shapes import DEFAULT, lognormal, shares, slow_tail, slower
from controller.judge.betting import Floats
from controller.judge.templates import (
    CLIP,
    SHIFTS,
    STEPS,
    TAILS,
    WEIGHTS,
    bets,
    growth,
    nondecreasing,
)
from tests.unit.judge.histograms import filled

EDGES = np.array(DEFAULT)
HISTORY = np.rint(28_500 * shares(lognormal, DEFAULT))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3)), min_size=1, max_size=9))
def test_pooling_is_isotonic_regression(points: list[tuple[float, float]]) -> None:
    values, weights = (np.array(column) for column in zip(*points, strict=True))
    size = len(values)

    found = nondecreasing(values, weights)

    def mean(first: int, last: int) -> float:
        part = slice(first, last + 1)
        return float(np.average(values[part], weights=weights[part]))

    expected = [
        max(min(mean(i, j) for j in range(k, size)) for i in range(k + 1)) for k in range(size)
    ]
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    filled(8, 10**6),
    st.lists(st.floats(1e-6, 1e6), min_size=7, max_size=7, unique=True),
)
def test_every_bet_is_positive_and_nondecreasing_whatever_the_history(
    history: Floats, edges: list[float]
) -> None:
    placed = bets(history, np.array(sorted(edges)))

    assert placed.logs.shape == (len(WEIGHTS), 8)
    assert np.all(np.isfinite(placed.logs))
    assert np.all(np.diff(placed.logs, axis=1) >= -1e-12)
    assert np.all(np.abs(placed.logs) <= np.log(CLIP) + 1e-12)
    assert np.exp(placed.logs) - 1.0 == pytest.approx(placed.excess, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("buckets", [2, 3])
def test_a_single_boundary_is_enough(buckets: int) -> None:
    placed = bets(np.full(buckets, 50.0), EDGES[: buckets - 1])

    assert np.count_nonzero(placed.logs[:, -1] > placed.logs[:, 0]) >= len(WEIGHTS) - len(TAILS)


def test_the_stake_is_shared_out_in_full() -> None:
    assert WEIGHTS.sum() == pytest.approx(1.0)
    assert WEIGHTS.min() > 0.01


def test_a_shift_is_the_likelihood_ratio_of_the_slower_service() -> None:
    placed = bets(HISTORY, EDGES)

    ratio = shares(slower(lognormal, 1.0 + SHIFTS[0]), DEFAULT) / shares(lognormal, DEFAULT)
    middle = slice(2, 8)  # where the history is not a handful of requests
    assert np.exp(placed.logs[0, middle]) == pytest.approx(ratio[middle], rel=0.06)


def test_a_stretched_tail_leaves_the_rest_alone() -> None:
    stretched = bets(HISTORY, EDGES).logs[len(SHIFTS) : len(SHIFTS) + len(TAILS)]

    under_p90 = int(np.searchsorted(np.cumsum(HISTORY) / HISTORY.sum(), 0.9))
    assert np.all(np.abs(stretched[:, :under_p90]) < 0.05)
    assert np.all(stretched[:, -1] > np.log(1.5))


def test_a_step_multiplies_the_odds_beyond_its_boundary() -> None:
    placed = np.exp(bets(HISTORY, EDGES).logs)
    first = len(SHIFTS) + len(TAILS)
    below = np.cumsum((HISTORY + 0.5) / (HISTORY + 0.5).sum())[:-1]

    for bet, (level, odds) in zip(placed[first : first + len(STEPS)], STEPS, strict=True):
        at = int(np.argmin(np.abs(below - level)))
        assert bet[at + 1] / bet[at] == pytest.approx(odds)
        assert len(np.unique(bet.round(9))) == 2


@pytest.mark.parametrize(
    "slow", [slower(lognormal, 1.2), slower(lognormal, 2.0), slow_tail(lognormal, 2.0)]
)
def test_a_slower_service_makes_some_bet_grow(slow: object) -> None:
    assert callable(slow)
    stable = 0.95 * shares(lognormal, DEFAULT)
    canary = 0.05 * shares(slow, DEFAULT)

    assert growth(1e4 * canary, 1e4 * stable, bets(HISTORY, EDGES)).max() > 0.5


def test_equal_services_make_every_bet_shrink() -> None:
    same = shares(lognormal, DEFAULT)

    assert growth(5e3 * same, 95e3 * same, bets(HISTORY, EDGES)).max() < 0.0
