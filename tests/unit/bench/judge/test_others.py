"""The judges beside ours say what their authors say they do."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import betaln, ndtr, ndtri
from scipy.stats import mannwhitneyu  # type: ignore[attr-defined]  # scipy types it in part

from bench.judge.others import (
    argo,
    by_minute,
    flagger,
    is_high,
    kayenta,
    lindon_malek,
    multinomial_log_e,
    quantile,
    rank_score,
)

# Hollander and Wolfe, Nonparametric Statistical Methods, 1973, page 69: W is 35.
TERM = np.array([[0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]])
EARLY = np.array([[1.15, 0.88, 0.90, 0.74, 1.21]])


def test_lindon_and_malek_by_hand() -> None:
    # k = 100 at equal arms is a uniform-ish Beta(50, 50): urn draws 50/100, then 51/101.
    log_e = multinomial_log_e(np.array([1.0, 2.0]), np.array([0.0, 0.0]), 0.5)

    assert [0.0, math.log(50 / 100 * 51 / 101 * 4)] == pytest.approx(log_e.tolist())


def test_lindon_and_malek_is_a_martingale() -> None:
    bad, share = np.arange(0.0, 8.0), 0.05
    ways = np.array([math.comb(7, int(n)) * share**n * (1 - share) ** (7 - n) for n in bad])

    expected = ways @ np.exp(multinomial_log_e(bad, 7.0 - bad, share))

    assert pytest.approx(1.0) == expected


def test_lindon_and_malek_reject_at_one_in_a_hundred() -> None:
    canary = np.ones((60, 1))

    look = lindon_malek(canary, 0.0 * canary, 0.5)[0]

    def log_e(bad: float) -> float:
        return float(betaln(50 + bad, 50) - betaln(50, 50) + bad * math.log(2))

    assert log_e(look - 1) < math.log(100) <= log_e(look)


def test_the_rank_sum_of_a_published_example() -> None:
    ranks = 35 - 25 - 0.5

    assert pytest.approx(ranks / math.sqrt(10 * 5 * 16 / 12)) == rank_score(TERM, EARLY)[0]


@pytest.mark.parametrize("digits", [0, 1, 6], ids=["many ties", "some ties", "no ties"])
def test_the_rank_score_is_that_of_scipy(digits: int) -> None:
    rng = np.random.default_rng(1)
    mine = rng.normal(0.3, 1, (20, 12)).round(digits)
    theirs = rng.normal(0, 1, (20, 9)).round(digits)

    found = 2 * ndtr(-np.abs(rank_score(mine, theirs)))

    expected = [
        mannwhitneyu(a, b, method="asymptotic", use_continuity=True).pvalue
        for a, b in zip(mine, theirs, strict=True)
    ]
    assert expected == pytest.approx(found.tolist(), abs=1e-12)


def test_values_that_are_all_equal_have_no_score() -> None:
    assert rank_score(np.ones((1, 6)), np.ones((1, 6)))[0] == 0.0
    assert not is_high(np.ones((1, 6)), np.ones((1, 6)))[0]


def test_high_is_a_lower_bound_over_a_quarter_of_the_shift() -> None:
    rng = np.random.default_rng(2)
    mine, theirs = rng.normal(1.1, 1, (40, 15)), rng.normal(0, 1, (40, 15))

    found = is_high(mine, theirs)

    for row, high in enumerate(found):
        a, b = mine[row], theirs[row]

        def score(shift: float, a: np.ndarray = a, b: np.ndarray = b) -> float:
            return float(rank_score(a[None] - shift, b[None])[0]) - float(ndtri(0.99))

        low = brentq(score, a.min() - b.max() - 1, a.max() - b.min() + 1)
        estimate = np.median(np.subtract.outer(a, b))
        assert bool(high) == (low > 0.25 * abs(estimate))
    assert 5 < found.sum() < 35


def test_kayenta_speaks_after_ten_minutes() -> None:
    minutes = np.arange(15.0)[:, None]

    assert [10.0, math.inf] == kayenta(
        np.hstack([100 + minutes, minutes]), np.hstack([minutes, minutes])
    ).tolist()


def test_argo_bears_three_failures_and_flagger_four_of_ten() -> None:
    early = np.array([1, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0], dtype=bool)[:, None]
    late = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1], dtype=bool)[:, None]

    assert (7.0, 8.0) == (argo(early)[0], flagger(early)[0])
    assert (11.0, math.inf) == (argo(late)[0], flagger(late)[0])


def test_four_looks_are_a_minute() -> None:
    assert [[10.0], [26.0]] == by_minute(np.arange(1.0, 11.0)[:, None]).tolist()


def test_a_quantile_is_read_along_the_bucket() -> None:
    edges = np.array([1.0, 2.0, 4.0])
    buckets = np.array([[10.0, 10.0, 0.0, 0.0], [0.0, 0.0, 4.0, 0.0], [1.0, 0.0, 0.0, 9.0]])

    assert [1.5, 3.5, 4.0] == quantile(buckets, edges, 0.75).tolist()
