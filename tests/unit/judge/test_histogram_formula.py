"""The evidence from histograms is what the definition of the test says it is."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.judge.shapes import DEFAULT, native_edges
from controller.judge.betting import Floats, Null, Tally, worse_growth
from controller.judge.histogram import HistogramEvidence
from controller.judge.latency import HistogramQuestion, ground
from controller.judge.layouts import HistogramLook, History
from controller.judge.templates import WEIGHTS, bets
from tests.unit.judge import histogram_reference as definition
from tests.unit.judge.histograms import after, classic, filled, native

BOUNDS = DEFAULT[2:8]
BUCKETS = len(BOUNDS) + 1
Looks = list[tuple[Floats, Floats]]


@st.composite
def streams(draw: st.DrawFn) -> Looks:
    """Draw looks with one share of traffic: each arm always has the same number of requests."""
    requests = draw(st.tuples(st.integers(1, 200), st.integers(1, 2000)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = rng.dirichlet(np.ones(BUCKETS), size=2)
    return [
        (
            rng.multinomial(requests[0], shape[0]).astype(np.float64),
            rng.multinomial(requests[1], shape[1]).astype(np.float64),
        )
        for _ in range(draw(st.integers(1, 4)))
    ]


def played(question: HistogramQuestion, looks: Looks) -> HistogramEvidence:
    return after(
        HistogramEvidence.start(question),
        *(HistogramLook(classic(c, BOUNDS), classic(b, BOUNDS)) for c, b in looks),
    )


@settings(max_examples=60, deadline=None)
@given(filled(BUCKETS, 3000), streams(), st.sampled_from([1.0, 1.4, 3.0]))
def test_bets_on_slower_agree_with_the_definition(
    history: Floats, looks: Looks, phi: float
) -> None:
    question = HistogramQuestion(History.of(classic(history, BOUNDS)), phi=phi)

    evidence = played(question, looks)

    ratios = bets(history, np.array(BOUNDS)).excess + 1.0
    most = math.log(100) / 2 if phi > 1.5 else math.inf
    expected = definition.log_slower(WEIGHTS.tolist(), ratios, looks, phi, most)
    assert evidence.log_e_regressed == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(filled(BUCKETS, 3000), streams(), st.sampled_from([(0.5, 0.005), (0.2, 0.0), (0.0, 0.05)]))
def test_safe_agrees_with_the_definition(
    history: Floats, looks: Looks, margin: tuple[float, float]
) -> None:
    question = HistogramQuestion(
        History.of(classic(history, BOUNDS)), safe_relative=margin[0], safe_absolute=margin[1]
    )

    evidence = played(question, looks)

    beyond = [sum(history[k + 1 :]) for k in range(len(BOUNDS))]
    asked = [k for k, slow in enumerate(beyond) if slow <= sum(history) / 2]
    expected = min(
        definition.log_shares(margin, history.tolist(), looks, at=k, safe=True, phi=1.0)
        for k in asked or [len(BOUNDS) - 1]
    )
    assert evidence.log_e_safe == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(filled(BUCKETS, 3000), streams(), st.sampled_from([(0.25, 0.0), (0.2, 0.005), (0.0, 0.05)]))
def test_a_margin_on_shares_agrees_with_the_definition(
    history: Floats, looks: Looks, margin: tuple[float, float]
) -> None:
    question = HistogramQuestion(
        History.of(classic(history, BOUNDS)), fail_relative=margin[0], fail_absolute=margin[1]
    )
    found = ground(question.history)
    assert found is not None

    evidence = played(question, looks)

    logs = [
        definition.log_shares(margin, history.tolist(), looks, at=k, safe=False, phi=1.0)
        for k in found.margin_at.tolist()
    ]
    expected = math.log(np.mean(np.exp(np.array(logs) - max(logs)))) + max(logs)
    assert evidence.log_e_regressed == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("missing", [[0], [2], [1, 4], [0, 1, 2, 3, 4]])
def test_boundaries_that_are_missing_change_the_test_to_one_without_them(
    missing: list[int],
) -> None:
    rng = np.random.default_rng(1)
    kept = [k for k in range(len(BOUNDS)) if k not in missing]
    fewer = tuple(BOUNDS[k] for k in kept)
    starts = [0, *(k + 1 for k in kept)]
    history, canary, stable = (rng.integers(1, most, BUCKETS) for most in (900, 40, 400))

    evidence = after(
        HistogramEvidence.start(HistogramQuestion(History.of(classic(history, BOUNDS)))),
        HistogramLook(classic(np.add.reduceat(canary, starts), fewer), classic(stable, BOUNDS)),
    )

    merged = [np.add.reduceat(buckets, starts).astype(float) for buckets in (canary, stable)]
    ratios = bets(np.add.reduceat(history, starts), np.array(fewer)).excess + 1.0
    expected = definition.log_slower(
        WEIGHTS.tolist(), ratios, [(merged[0].tolist(), merged[1].tolist())], 1.0, math.inf
    )
    assert evidence.log_e_regressed == pytest.approx(expected, rel=1e-9)


def test_a_native_margin_compares_the_canary_some_buckets_further_up() -> None:
    rng, first, by = np.random.default_rng(2), -40, 2
    history, canary, stable = (rng.integers(1, most, 12).astype(float) for most in (900, 40, 400))
    question = HistogramQuestion(History.of(native(history, first)), fail_slower=0.18)
    assert question.shift == by

    evidence = after(
        HistogramEvidence.start(question),
        HistogramLook(native(canary, first), native(stable, first)),
    )

    bounds = [int(bound) for bound in question.history.layout.bounds[:-by]]

    def upto(buckets: Floats, number: int) -> float:
        return float(buckets[: max(0, number - first + 1)].sum())

    arms = [
        np.diff([0.0, *(upto(buckets, number + moved) for number in bounds), buckets.sum()])
        for buckets, moved in ((canary, by), (stable, 0), (history, 0))
    ]
    ratios = bets(arms[2], native_edges(bounds[0], bounds[-1])).excess + 1.0
    expected = definition.log_slower(
        WEIGHTS.tolist(), ratios, [(arms[0].tolist(), arms[1].tolist())], 1.0, math.inf
    )
    assert evidence.log_e_regressed == pytest.approx(expected, rel=1e-9)


def test_with_one_boundary_a_bet_is_the_game_on_counts() -> None:
    """A step of odds k at the only boundary is what betting.py stakes at the history's rate."""
    history, canary, stable = np.array([990.0, 10.0]), [180.0, 20.0], [1780.0, 20.0]
    question = HistogramQuestion(History.of(classic(history, (0.5,))))
    look = HistogramLook(classic(np.array(canary), (0.5,)), classic(np.array(stable), (0.5,)))

    evidence = after(HistogramEvidence.start(question), look)

    grown = np.array(evidence.worse) - np.array(HistogramEvidence.start(question).worse)
    share = 0.1
    ratios = np.exp(bets(history, np.array([0.5])).logs)
    for bet, log in zip(ratios, grown, strict=True):
        pays = bet / (share * bet + 1 - share), 1 / (share * bet + 1 - share)
        expected = np.dot(canary, np.log(pays[0])) + np.dot(stable, np.log(pays[1]))
        assert log == pytest.approx(expected)
    tally = Tally(20.0, 200.0, 20.0, 1800.0)
    of_counts = worse_growth(tally, Null(1.0, 0.0), Tally(0.0, 0.0, 10.5, 1001.0))
    assert grown.max() == pytest.approx(of_counts.max(), rel=0.1)
