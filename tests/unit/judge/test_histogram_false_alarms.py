"""Error rates of the latency test over whole releases, with the verdict asked for at every look.

Simulated with fixed seeds; a rate is too high when even its lower Clopper-Pearson bound at 99.9 %
is above the promise.
"""

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import betaincinv

from bench.judge.shapes import DEFAULT, Cdf, cached, heavy, lognormal, native_edges, shares, slower
from controller.judge.betting import Floats, Tally, safe_growth
from controller.judge.histogram import HistogramEvidence
from controller.judge.latency import HistogramQuestion, ground
from controller.judge.layouts import HistogramLook, History
from controller.judge.quantiles import radius
from controller.judge.templates import WEIGHTS, Bets, bets
from tests.unit.judge.histograms import after, classic

RELEASES, LOOKS = 1000, 150
EDGES = {"classic": np.array(DEFAULT), "native": native_edges(-50, -10)}
Moment = Callable[[int], tuple[int, int, Cdf]]


def at_least(hits: int, runs: int) -> float:
    """Return the lower Clopper-Pearson bound at 99.9 % of a share of `hits` in `runs`."""
    return float(betaincinv(hits, runs - hits + 1, 0.001)) if hits else 0.0


def grown(canary: Floats, stable: Floats, placed: Bets) -> Floats:
    """Return the log growth of all bets in many releases of one share; shape (releases, bets)."""
    share = canary[0].sum() / (canary[0].sum() + stable[0].sum())
    more: Floats = canary @ placed.logs.T - (canary + stable) @ np.log1p(share * placed.excess).T
    return more


def alarms(edges: Floats, moment: Moment, *, level: float, canary: Cdf | None = None) -> int:
    """Return in how many releases the capital reached 1/level at any look."""
    rng = np.random.default_rng(11)
    history = rng.multinomial(20_000, shares(moment(0)[2], edges.tolist()))
    placed = bets(history.astype(np.float64), edges)
    capital, reached = np.log(np.tile(WEIGHTS, (RELEASES, 1))), np.zeros(RELEASES, dtype=bool)
    for look in range(LOOKS):
        mine, theirs, shape = moment(look)
        requests = [
            rng.multinomial(number, shares(of, edges.tolist()), size=RELEASES).astype(np.float64)
            for number, of in ((mine, canary or shape), (theirs, shape))
        ]
        capital += grown(requests[0], requests[1], placed)
        reached |= np.logaddexp.reduce(capital, axis=1) >= -math.log(level)
    return int(reached.sum())


def steady(shape: Cdf, canary: int = 75, stable: int = 1425) -> Moment:
    return lambda _: (canary, stable, shape)


def ramp(look: int) -> tuple[int, int, Cdf]:
    """Weights from 1 to 50 %, latencies that drift, and an incident in both arms."""
    mine = (6, 30, 150, 300)[min(look // 20, 3)]
    by = (1 + 0.4 * math.sin(look / 15)) * (6 if 70 <= look < 74 else 1)
    return mine, 600 - mine, slower(lognormal, by)


@pytest.mark.parametrize(
    ("kind", "moment", "level"),
    [
        pytest.param("classic", steady(lognormal), 0.01, id="lognormal, classic"),
        pytest.param("native", steady(lognormal), 0.01, id="lognormal, native"),
        pytest.param("classic", steady(cached(0.8)), 0.05, id="a cache"),
        pytest.param("classic", steady(heavy, 75, 75), 0.05, id="heavy tail, arms of equal size"),
        pytest.param("classic", ramp, 0.05, id="changing weight, drift and a shared incident"),
    ],
)
def test_a_canary_that_is_no_slower_is_seldom_called_regressed(
    kind: str, moment: Moment, level: float
) -> None:
    found = alarms(EDGES[kind], moment, level=level)

    assert at_least(found, RELEASES) <= level


def test_a_canary_that_is_slower_is_called_regressed() -> None:
    """The simulation above could see a difference if there were one."""
    found = alarms(EDGES["classic"], steady(lognormal), level=0.01, canary=slower(lognormal, 1.15))

    assert found >= 0.95 * RELEASES


def test_permuting_the_arms_of_equal_requests_keeps_the_bound() -> None:
    """Requests that one crowd of pods served, dealt to two arms by lot, whatever they were like."""
    rng, level = np.random.default_rng(12), 0.05
    placed = bets(np.full(12, 500.0), np.array(DEFAULT))
    capital, reached = np.log(np.tile(WEIGHTS, (RELEASES, 1))), np.zeros(RELEASES, dtype=bool)
    for _ in range(100):
        crowd = rng.multinomial(600, rng.dirichlet(0.3 * np.ones(12)))
        canary = rng.multivariate_hypergeometric(crowd, 60, size=RELEASES).astype(np.float64)
        capital += grown(canary, crowd - canary, placed)
        reached |= np.logaddexp.reduce(capital, axis=1) >= -math.log(level)

    assert at_least(int(reached.sum()), RELEASES) <= level


@pytest.mark.parametrize("at", [0.5, 0.95, 1.0], ids=["at p50", "at p95", "a tail of its own"])
def test_a_canary_over_the_margin_at_one_boundary_is_seldom_called_safe(at: float) -> None:
    """Safe at the worst boundary alone, so the real test, which asks all, is rarer still."""
    rng, level, edges = np.random.default_rng(13), 0.05, np.array(DEFAULT)
    question = HistogramQuestion(History.of(classic(np.rint(2e4 * shares(lognormal, DEFAULT)))))
    found = ground(question.history)
    assert found is not None
    stable = 1.0 - float(lognormal(edges[[int(np.argmax(lognormal(edges) >= at - 1e-5))]])[0])
    edge = question.safe_null.ratio * stable + question.safe_null.shift
    past, capital = np.zeros((4, RELEASES, 1)), np.zeros((RELEASES, 8))
    past[2:] = np.array([stable * 2000, 2000])[:, None, None]
    reached = np.zeros(RELEASES, dtype=bool)
    for _ in range(LOOKS):
        new = np.empty_like(past)
        new[0], new[1] = rng.binomial(75, edge, (RELEASES, 1)), 75
        new[2], new[3] = rng.binomial(1425, stable, (RELEASES, 1)), 1425
        capital += safe_growth(Tally(*new), question.safe_null, Tally(*past))
        past += new
        reached |= np.exp(capital).mean(axis=1) >= 1 / level

    assert at_least(int(reached.sum()), RELEASES) <= level


def test_the_simulation_plays_the_same_game_as_the_evidence() -> None:
    rng = np.random.default_rng(14)
    history = np.rint(2e4 * shares(lognormal, DEFAULT))
    rates = [shares(slower(lognormal, by), DEFAULT) for by in (1.2, 1.0)]
    looks = [
        [rng.multinomial(n, p).astype(np.float64) for n, p in zip((75, 1425), rates, strict=True)]
        for _ in range(20)
    ]

    evidence = after(
        HistogramEvidence.start(HistogramQuestion(History.of(classic(history)))),
        *(HistogramLook(classic(canary), classic(stable)) for canary, stable in looks),
    )

    placed, capital = bets(history, np.array(DEFAULT)), np.log(WEIGHTS)[None, :]
    for canary, stable in looks:
        capital = capital + grown(canary[None, :], stable[None, :], placed)
    assert evidence.log_e_regressed == pytest.approx(float(np.logaddexp.reduce(capital[0])))


def test_the_band_around_a_distribution_holds_at_every_look() -> None:
    rng, runs, confidence = np.random.default_rng(15), 400, 0.9
    truth = np.cumsum(shares(lognormal, DEFAULT))
    seen, left = np.zeros((runs, 12)), np.zeros(runs, dtype=bool)
    for _ in range(LOOKS):
        seen += rng.multinomial(5, shares(lognormal, DEFAULT), size=runs)
        number = seen[0].sum()
        apart = np.abs(seen.cumsum(axis=1) / number - truth).max(axis=1)
        left |= apart > radius(float(number), confidence)

    assert at_least(int(left.sum()), runs) <= 1 - confidence
