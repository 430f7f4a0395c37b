"""Error rates over whole releases, with the verdict asked for at every look.

Traffic is simulated with fixed seeds; a rate is too high when even its lower Clopper-Pearson bound
at 99.9 % is above the promise.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from scipy.special import betaincinv

from controller.judge import CountsEvidence, CountsQuestion
from controller.judge.betting import Floats, Null, Tally, safe_growth, worse_growth
from tests.unit.judge.streams import after, traffic

RELEASES, LOOKS = 2000, 200


class Moment(NamedTuple):
    """What is true during one look."""

    canary: float
    stable: float
    canary_rate: float
    stable_rate: float


def at_least(hits: int, runs: int) -> float:
    """Return the lower Clopper-Pearson bound at 99.9 % of a share of `hits` in `runs`."""
    return float(betaincinv(hits, runs - hits + 1, 0.001)) if hits else 0.0


def ever(
    growth: Callable[[Tally, Null, Tally], Floats],
    null: Null,
    moment: Callable[[int], Moment],
    *,
    level: float,
    seed: int,
) -> int:
    """Return in how many of RELEASES the capital reached 1/level at any of LOOKS looks."""
    rng = np.random.default_rng(seed)
    past, capital = np.zeros((4, RELEASES, 1)), np.zeros((RELEASES, 1))
    reached = np.zeros(RELEASES, dtype=bool)
    for look in range(LOOKS):
        now = moment(look)
        counts = np.empty_like(past)
        for arm, (requests, rate) in enumerate(
            ((now.canary, now.canary_rate), (now.stable, now.stable_rate))
        ):
            total = np.maximum(1, rng.poisson(requests, (RELEASES, 1)))
            counts[2 * arm], counts[2 * arm + 1] = rng.binomial(total, rate), total
        capital = capital + growth(Tally(*counts), null, Tally(*past))
        past += counts
        reached |= np.exp(capital).mean(axis=1) >= 1 / level
    return int(reached.sum())


def steady(rate: float, stable_requests: float = 1425.0) -> Callable[[int], Moment]:
    return lambda _: Moment(75.0, stable_requests, rate, rate)


def ramp(look: int) -> Moment:
    """Weights from 1 to 50 %, rates that drift, and an incident in both arms."""
    share = (0.01, 0.05, 0.25, 0.5)[min(look // 20, 3)]
    rate = 0.01 * (1 + 0.5 * math.sin(look / 15)) * (20 if 70 <= look < 74 else 1)
    return Moment(1500 * share, 1500 * (1 - share), rate, rate)


@pytest.mark.parametrize(
    ("moment", "level"),
    [
        pytest.param(steady(0.001), 0.01, id="0.1 %"),
        pytest.param(steady(0.01), 0.01, id="1 %"),
        pytest.param(steady(0.5), 0.01, id="50 %"),
        pytest.param(steady(0.01, 75.0), 0.05, id="arms of equal size"),
        pytest.param(ramp, 0.05, id="changing weight, drift and a shared incident"),
    ],
)
def test_a_canary_that_is_no_worse_is_seldom_called_regressed(
    moment: Callable[[int], Moment], level: float
) -> None:
    alarms = ever(worse_growth, Null(1.0, 0.0), moment, level=level, seed=1)

    assert at_least(alarms, RELEASES) <= level


def test_losing_the_evidence_whenever_it_is_low_raises_no_more_alarms() -> None:
    rng, releases, level, alarms = np.random.default_rng(5), 60, 0.2, 0
    for _ in range(releases):
        evidence = CountsEvidence.start(CountsQuestion())
        stream = traffic(rng, canary_rate=0.05, stable_rate=0.05, rps=(20, 80), look_seconds=15)
        for _, look in zip(range(200), stream, strict=False):
            evidence = after(evidence, look)
            if evidence.log_e_regressed >= -math.log(level):
                alarms += 1
                break
            if evidence.log_e_regressed < math.log(0.4):
                kept = evidence.log_e_regressed, evidence.log_e_safe
                evidence = CountsEvidence.again(CountsQuestion(), *kept)

    assert at_least(alarms, releases) <= level


@pytest.mark.parametrize("stable_rate", [0.0, 0.001, 0.01, 0.2])
def test_a_canary_on_the_margin_is_seldom_called_safe(stable_rate: float) -> None:
    null = CountsQuestion().safe_null
    edge = null.at(stable_rate)

    passed = ever(
        safe_growth, null, lambda _: Moment(75.0, 1425.0, edge, stable_rate), level=0.05, seed=2
    )

    assert at_least(passed, RELEASES) <= 0.05


@pytest.mark.parametrize(("canary_rate", "history"), [(0.03, 20), (0.01, 0), (0.0, 20)])
def test_the_interval_holds_the_truth_at_every_look(canary_rate: float, history: int) -> None:
    rng, runs, left_out = np.random.default_rng(4), 40, {"ratio": 0, "difference": 0}
    question = CountsQuestion(prior_bad=history, prior_total=100 * history)
    for _ in range(runs):
        evidence, missed = CountsEvidence.start(question), set()
        stream = traffic(
            rng, canary_rate=canary_rate, stable_rate=0.01, rps=(5, 45), look_seconds=15
        )
        for look, _ in zip(stream, range(20), strict=False):
            evidence = after(evidence, look)
            seen = evidence.interval(0.5)
            if not seen.low <= canary_rate / 0.01 <= (seen.high or math.inf):
                missed.add("ratio")
            if not seen.difference_low <= canary_rate - 0.01 <= seen.difference_high:
                missed.add("difference")
        for kind in missed:
            left_out[kind] += 1

    assert at_least(left_out["ratio"], runs) <= 0.5
    assert at_least(left_out["difference"], runs) <= 0.5


def test_permuting_labels_keeps_the_false_alarm_rate() -> None:
    """Whose request is whose is drawn anew: by that alone the versions cannot differ."""
    rng, runs, looks, level = np.random.default_rng(6), 1000, 120, 0.05
    past, capital = np.zeros((4, runs, 1)), np.zeros((runs, 1))
    reached = np.zeros(runs, dtype=bool)
    for look in range(looks):
        # Bursts, calm and drift, the same for both: what is fixed is the total of every look.
        rate = 0.3 if look % 17 == 0 else 0.01 + 0.01 * math.sin(look / 9)
        bad = rng.binomial(400, rate, (runs, 1)).astype(np.float64)
        canary_bad = rng.hypergeometric(bad.astype(int), 400 - bad.astype(int), 20)
        counts = np.stack([canary_bad, np.full_like(bad, 20), bad - canary_bad, bad * 0 + 380])
        capital = capital + worse_growth(Tally(*counts), Null(1.0, 0.0), Tally(*past))
        past += counts
        reached |= np.exp(capital).mean(axis=1) >= 1 / level

    assert at_least(int(reached.sum()), runs) <= level


def test_merging_looks_of_equal_share_keeps_the_false_alarm_rate() -> None:
    rng, runs, level = np.random.default_rng(8), 1000, 0.05
    past, capital = np.zeros((4, runs, 1)), np.zeros((runs, 1))
    reached = np.zeros(runs, dtype=bool)
    for times in rng.integers(1, 6, 60):
        # Rates differ between the looks that are merged, requests do not.
        rates = 0.01 * np.exp(rng.standard_normal((times, runs, 1)))
        arms = [(total, rng.binomial(total, rates).sum(axis=0)) for total in (20, 380)]
        counts = np.stack(
            [x for total, bad in arms for x in (bad, np.full((runs, 1), total * times))]
        ).astype(np.float64)
        capital = capital + worse_growth(Tally(*counts), Null(1.0, 0.0), Tally(*past))
        past += counts
        reached |= np.exp(capital).mean(axis=1) >= 1 / level

    assert at_least(int(reached.sum()), runs) <= level
