"""What a row of the judge's benchmark says of an outcome."""

import math

import numpy as np
import pytest

from bench.judge import bounds, scenario
from bench.judge.errors import scenarios as error_scenarios
from bench.judge.latency import bound_of
from bench.judge.scenario import US, clopper_pearson
from bench.judge.shapes import lognormal, slower
from bench.report import Row

NEVER = math.inf


def seconds(*values: float) -> dict[str, np.ndarray]:
    return {US: np.array(values)}


@pytest.mark.parametrize(
    ("hits", "runs", "expected"),
    [
        (0, 20, (0.0, 0.1684)),
        (5, 10, (0.1871, 0.8129)),
        (10, 10, (0.6915, 1.0)),
        (1, 100, (0.0003, 0.0545)),
    ],
)
def test_intervals_of_shares_as_published(
    hits: int, runs: int, expected: tuple[float, float]
) -> None:
    assert expected == pytest.approx(clopper_pearson(hits, runs), abs=5e-5)


@pytest.mark.parametrize(
    ("canary", "stable", "expected"),
    [(0.005, 0.001, 250), (0.01, 0.005, 506), (0.05, 0.01, 25), (0.5, 0.001, 1)],
)
def test_walds_bound_for_errors(canary: float, stable: float, expected: float) -> None:
    found = bounds.seconds_for_rates(canary, stable, rps=(5.0, 95.0))

    assert expected == pytest.approx(found, abs=0.6)


def test_walds_bound_for_latency() -> None:
    assert pytest.approx(31, abs=0.5) == bound_of(lognormal, slower(lognormal, 1.2), native=False)


def test_of_two_buckets_the_bounds_are_one() -> None:
    of_shapes = bounds.seconds_for_shapes(
        np.array([0.95, 0.05]), np.array([0.99, 0.01]), rps=(5.0, 95.0)
    )

    assert pytest.approx(of_shapes) == bounds.seconds_for_rates(0.05, 0.01, rps=(5.0, 95.0))


def test_false_rollbacks_are_held_against_the_promise() -> None:
    check = scenario.at_most(US, 0.01)

    few, many = seconds(*[NEVER] * 999, 15.0), seconds(*[NEVER] * 50, *[15.0] * 50)

    assert check("calm", few) == Row(
        "calm: false rollbacks", "<= 1.0 %", "0.10 % (0.00 % to 0.56 %)", 1000, met=True
    )
    assert check("calm", many).met is False
    assert "crosses" in check("calm", seconds(*[NEVER] * 20)).measured


def test_a_delay_counts_what_is_never_found_as_the_end() -> None:
    check = scenario.within(US, 1000.0, 2000.0)

    row = check("slow", seconds(*[500.0] * 8, NEVER, NEVER))

    assert row.goal == "mean <= 1000 s, p90 <= 2000 s"
    assert row.measured.startswith("1000 s (347 to 1653), p90 3000 s, 80 % in 50 min")
    assert row.met is False
    assert scenario.within(US, 1000.0)("slow", seconds(15.0, 15.0)).met is True


def test_a_share_found_has_a_time() -> None:
    row = scenario.at_least(US, 0.9, within=60.0)("soon", seconds(*[30.0] * 9, 90.0))

    assert (row.figure, row.met) == ("soon: found within 1 min", True)
    assert scenario.at_least(US, 0.91, within=60.0)("soon", seconds(*[30.0] * 9, 90.0)).met is False


def test_only_releases_that_both_judged_are_compared() -> None:
    outcome = {US: np.array([10.0, 20.0, 900.0]), "other": np.array([20.0, 40.0, np.nan])}

    row = scenario.faster(US, "other", 0.35)("race", outcome)

    assert (row.n, row.met) == (2, True)
    assert row.measured.startswith("50 % (50 % to 50 %) faster")


def test_a_loss_is_relative_to_the_other() -> None:
    outcome = {US: np.array([11.0, 22.0]), "plain": np.array([10.0, 20.0])}

    assert scenario.slower(US, "plain", 0.12, "loss")("price", outcome).met is True
    assert scenario.slower(US, "plain", 0.08, "loss")("price", outcome).met is False


def test_a_ratio_is_to_walds_bound() -> None:
    row = scenario.ratio_to(US, 100.0, 1.45)("fast", seconds(140.0, 150.0))

    assert (row.goal, row.met) == ("<= 1.45", True)
    assert row.measured.startswith("1.45 (")


def test_those_used_to_choose_are_marked() -> None:
    labels = [each.label for each in error_scenarios()]

    assert "G2 0.1 -> 0.5 %, beside 95 rps *" in labels
    assert "Held out: 0.3 -> 0.9 %, beside 95 rps" in labels
