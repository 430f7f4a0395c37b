"""The evidence is what the definition of the test says it is."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.judge import Arm, CountsEvidence, CountsLook, CountsQuestion
from controller.judge.betting import (
    FIRST,
    WORSE_ODDS,
    Null,
    Tally,
    growth,
    reference,
    worse_parts,
)
from tests.unit.judge import reference as definition
from tests.unit.judge.streams import after, looks, questions, strata


@settings(max_examples=150, deadline=None)
@given(questions(), st.lists(strata(), min_size=1, max_size=5))
def test_agrees_with_the_definition(
    question: CountsQuestion, stream: list[tuple[CountsLook, ...]]
) -> None:
    evidence = after(CountsEvidence.start(question), *stream)

    expected = definition.log_capital(question, stream)

    assert evidence.log_e_regressed == pytest.approx(expected.worse, rel=1e-9, abs=1e-9)
    assert evidence.log_e_safe == pytest.approx(expected.safe, rel=1e-9, abs=1e-9)
    assert evidence.log_e_without_one_pod == pytest.approx(
        expected.without_one_pod, rel=1e-9, abs=1e-9
    )


@settings(max_examples=8, deadline=None)
@given(questions(), st.lists(strata(60), min_size=45, max_size=70))
def test_agrees_with_the_definition_when_later_starts_have_joined(
    question: CountsQuestion, stream: list[tuple[CountsLook, ...]]
) -> None:
    evidence = after(CountsEvidence.start(question), *stream)

    expected = definition.worse_capital(question, stream, without="")

    assert evidence.log_e_regressed == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_with_rare_errors_and_no_history_it_is_the_conditional_binomial_test() -> None:
    canary, stable = Arm(7, 500), Arm(9, 9500)
    share = 0.05

    evidence = after(CountsEvidence.start(CountsQuestion()), CountsLook(canary, stable))

    for log_capital, odds in zip(evidence.worse, WORSE_ODDS, strict=True):
        alternative = share * odds / (share * odds + 1 - share)
        expected = 7 * math.log(alternative / share) + 9 * math.log((1 - alternative) / (1 - share))
        assert log_capital == pytest.approx(math.log(FIRST) + expected, rel=1e-12)


@given(st.floats(0.0, 1.0))
def test_the_bets_share_the_stake_at_any_rate(rate: float) -> None:
    parts = worse_parts(rate)

    assert parts.shape == WORSE_ODDS.shape
    assert np.all(parts > 0)
    assert parts.mean() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("rate", "least", "most"),
    [
        pytest.param(0.001, 1.6, 20.0, id="rare errors: nobody can see half as many more"),
        pytest.param(0.01, 1.2, 8.0, id="one in a hundred"),
        pytest.param(0.6, 1.0, 2.2, id="frequent errors: small odds count"),
    ],
)
def test_bets_that_a_release_can_decide_have_most_of_the_stake(
    rate: float, least: float, most: float
) -> None:
    parts = worse_parts(rate)

    between = (least < WORSE_ODDS) & (most > WORSE_ODDS)
    assert parts[between].min() > 1.2 * parts[~between].max()


def test_without_a_bad_request_before_all_bets_have_the_same() -> None:
    assert worse_parts(0.0).tolist() == [1.0] * 9


@given(st.sampled_from([1.0, 1.25, 1.5, 3.0]), st.sampled_from([0.0, 0.001, 0.1]), looks())
def test_stakes_are_placed_on_the_line_between_the_claims(
    ratio: float, shift: float, past: CountsLook
) -> None:
    a, b = reference(Null(ratio, shift), past.tally)

    assert a == pytest.approx(ratio * b + shift)
    assert 0 <= b <= a < 1


def test_stakes_come_from_the_past_only() -> None:
    start = after(CountsEvidence.start(CountsQuestion()), CountsLook(Arm(1, 100), Arm(10, 1000)))
    look = CountsLook(Arm(6, 90), Arm(11, 1100))

    evidence = after(start, look)

    past = Tally(1.0, 100.0, 10.0, 1000.0)
    null = Null(1.0, 0.0)
    added = growth(look.tally, null, reference(null, past), WORSE_ODDS)
    assert evidence.worse == pytest.approx([x + y for x, y in zip(start.worse, added, strict=True)])


def test_history_counts_as_two_thousand_requests_at_most() -> None:
    look = CountsLook(Arm(4, 100), Arm(11, 1000))

    long = after(CountsEvidence.start(CountsQuestion(prior_bad=3000, prior_total=300_000)), look)
    short = after(CountsEvidence.start(CountsQuestion(prior_bad=20, prior_total=2000)), look)

    assert long.worse == pytest.approx(short.worse, rel=1e-12)
    assert long.safe == pytest.approx(short.safe, rel=1e-12)
