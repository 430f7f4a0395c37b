"""How soon slower versions are found: looks of 15 s at 5 and 95 requests a second.

Bets were chosen on the lognormal service; the other shapes only check them. Simulated with fixed
seeds; limits leave room for another seed, not for a weaker test. The bound is Wald's: no test with
this false-alarm rate can be faster on average. Where the slower version's likelihood ratio is not
monotone the bound is taken over monotone ratios, for others are no evidence of being slower.
"""

import math
from typing import NamedTuple

import numpy as np
import pytest

from bench.judge.shapes import (
    DEFAULT,
    Cdf,
    cached,
    gamma,
    heavy,
    lognormal,
    native_edges,
    shares,
    slow_tail,
    slower,
)
from controller.judge.betting import Floats
from controller.judge.histogram import HistogramEvidence
from controller.judge.latency import HistogramQuestion
from controller.judge.layouts import HistogramLook, History
from controller.judge.templates import nondecreasing
from tests.unit.judge.histograms import Numbers, after, classic, native

LOOK, RPS = 15, (5, 95)
FIRST, LAST = -96, 0  # native bucket numbers: 0.2 ms to 1 s, and the rest


class Found(NamedTuple):
    """Seconds to Regressed in some releases, and the bound for their mean."""

    mean: float
    p90: float
    bound: float


def edges(kind: str) -> list[float]:
    return list(DEFAULT) if kind == "classic" else native_edges(FIRST, LAST - 1).tolist()


def look(kind: str, canary: Numbers, stable: Numbers) -> HistogramLook:
    if kind == "classic":
        return HistogramLook(classic(canary), classic(stable))
    return HistogramLook(native(canary, FIRST), native(stable, FIRST))


def found(kind: str, stable: Cdf, canary: Cdf, *, runs: int, level: float = 0.01) -> Found:
    """Return how long it takes until the e-value is 1/level, at most 200 looks."""
    rng = np.random.default_rng(21)
    rates = [shares(shape, edges(kind)) for shape in (canary, stable)]
    history = rng.multinomial(57_000, rates[1]).astype(np.float64)
    arm = classic(history) if kind == "classic" else native(history, FIRST)
    start, seconds = HistogramEvidence.start(HistogramQuestion(History.of(arm))), []
    for _ in range(runs):
        evidence = start
        while evidence.log_e_regressed < -math.log(level) and evidence.looks < 200:
            counts = [
                rng.multinomial(rng.poisson(rps * LOOK), p)
                for rps, p in zip(RPS, rates, strict=True)
            ]
            evidence = after(evidence, look(kind, counts[0], counts[1]))
        seconds.append(evidence.looks * LOOK)
    bound = -math.log(level) / gain(rates[0], rates[1], RPS[0] / sum(RPS)) / sum(RPS)
    return Found(float(np.mean(seconds)), float(np.quantile(seconds, 0.9)), bound)


def gain(canary: Floats, stable: Floats, share: float) -> float:
    """Return the nats that a request adds at best with a monotone likelihood ratio."""
    seen = stable > 1e-12
    ratio = nondecreasing(canary[seen] / stable[seen], stable[seen])
    mean = share * ratio + (1.0 - share)
    pays = share * canary[seen] @ np.log(ratio / mean) - (1.0 - share) * stable[seen] @ np.log(mean)
    return float(pays)


@pytest.mark.parametrize(
    ("kind", "by", "mean", "p90"),
    [("classic", 1.2, 62, 95), ("native", 1.2, 58, 90), ("classic", 2.0, 15, 15)],
)
def test_a_slower_version_is_found(kind: str, by: float, mean: float, p90: float) -> None:
    seconds = found(kind, lognormal, slower(lognormal, by), runs=200)

    assert seconds.bound <= seconds.mean <= mean
    assert seconds.p90 <= p90


@pytest.mark.parametrize(
    ("kind", "by", "mean", "runs"),
    [
        ("classic", 1.2, 700, 50),
        ("native", 1.2, 700, 50),
        ("classic", 2.0, 75, 200),
        ("native", 2.0, 70, 200),
    ],
)
def test_a_slower_tail_is_found(kind: str, by: float, mean: float, runs: int) -> None:
    seconds = found(kind, lognormal, slow_tail(lognormal, by), runs=runs)

    assert seconds.mean <= mean


@pytest.mark.parametrize("kind", ["classic", "native"])
@pytest.mark.parametrize(
    ("stable", "canary"),
    [
        pytest.param(gamma, slower(gamma, 1.2), id="gamma, all slower"),
        pytest.param(gamma, slow_tail(gamma, 2.0), id="gamma, slower tail"),
        pytest.param(cached(0.8), cached(0.75), id="a cache that hits less"),
        pytest.param(cached(0.8), slower(cached(0.8), 1.2), id="a cache, all slower"),
        pytest.param(heavy, slower(heavy, 1.2), id="heavy tail, all slower"),
        pytest.param(heavy, slow_tail(heavy, 2.0), id="heavy tail, slower tail"),
    ],
)
def test_shapes_that_the_bets_were_not_chosen_on(kind: str, stable: Cdf, canary: Cdf) -> None:
    seconds = found(kind, stable, canary, runs=40)

    worst = {"classic": 2.6, "native": 3.25}[kind]  # 1.3 times what a lognormal service may take
    assert seconds.mean <= worst * seconds.bound + LOOK / 2


def test_a_margin_lets_a_version_pass_that_is_within_it() -> None:
    """Slower by 18 % with 19 % allowed, which is two buckets of schema 3; 50 % is found."""
    rng = np.random.default_rng(22)
    stable = shares(lognormal, edges("native"))
    question = HistogramQuestion(
        History.of(native(rng.multinomial(57_000, stable), FIRST)), fail_slower=0.18
    )
    most = {}
    for by in (1.18, 1.5):
        canary, evidence = shares(slower(lognormal, by), edges("native")), []
        for _ in range(10):
            evidence.append(HistogramEvidence.start(question))
            for _ in range(20):
                mine, theirs = rng.multinomial(75, canary), rng.multinomial(1425, stable)
                evidence[-1] = after(evidence[-1], look("native", mine, theirs))
        most[by] = sorted(e.log_e_regressed for e in evidence)

    assert most[1.18][-1] < math.log(100)
    assert most[1.5][0] > math.log(100)


def test_an_equal_version_is_shown_safe() -> None:
    rng, seconds = np.random.default_rng(23), []
    same = shares(lognormal, DEFAULT)
    question = HistogramQuestion(History.of(classic(rng.multinomial(57_000, same))))
    for _ in range(20):
        evidence = HistogramEvidence.start(question)
        while evidence.log_e_safe < math.log(20) and evidence.looks < 200:
            counts = rng.multinomial(75, same), rng.multinomial(1425, same)
            evidence = after(evidence, look("classic", *counts))
        seconds.append(evidence.looks * LOOK)

    least = math.log(20) / 0.005 / RPS[0]  # not a single slow request, half a point allowed
    assert least <= np.mean(seconds) <= 3 * least
