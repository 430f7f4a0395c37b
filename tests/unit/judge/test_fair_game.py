"""No game pays on average while the claim it bets against is true: exact, by enumeration.

Ville's inequality needs nothing else, so this is the proof that the error bounds hold, up to
independence of the requests.
"""

import math
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.judge import Arm, CountsEvidence, CountsLook, CountsQuestion
from controller.judge.betting import Floats, Null, Tally, log_mean, safe_growth, worse_growth
from controller.judge.interval import BETTER, RATIOS, WORSE, Sums, log_capital
from tests.unit.judge.streams import after, looks, questions, strata

SHARES = st.floats(0.0, 1.0)
NULLS = st.builds(
    Null, st.sampled_from([1.0, 1.25, 1.5, 5.0]), st.sampled_from([0.0, 0.0005, 0.005, 0.2])
)


def bad_counts(rates: list[float]) -> Floats:
    """Return the distribution of the number of bad requests when request i is bad with rates[i]."""
    chances = np.ones(1)
    for rate in rates:
        chances = np.convolve(chances, [1.0 - rate, rate])
    return chances


def bad_in_each_outcome(canary: int, stable: int) -> Floats:
    """Return the bad requests of both arms in every look with so many requests; shape (2, k, 1)."""
    return np.indices((canary + 1, stable + 1)).reshape(2, -1, 1).astype(np.float64)


def outcomes(canary: int, stable: int) -> Tally:
    """Return every look with so many requests, along axis 0."""
    canary_bad, stable_bad = bad_in_each_outcome(canary, stable)
    return Tally(canary_bad, float(canary), stable_bad, float(stable))


def spread(rate: float, requests: int, unequal: float) -> list[float]:
    """Return rates of single requests with mean `rate`, as far apart as `unequal` (0 to 1) says."""
    reach = unequal * min(rate, 1.0 - rate)
    signs = [(-1) ** i for i in range(requests - requests % 2)] + [0] * (requests % 2)
    return [rate + sign * reach for sign in signs]


@settings(max_examples=300, deadline=None)
@given(
    null=NULLS,
    past=looks(),
    requests=st.tuples(st.integers(1, 7), st.integers(1, 12)),
    stable_rate=SHARES,
    below=SHARES,
    unequal=SHARES,
)
def test_betting_on_worse_does_not_pay_while_the_canary_is_no_worse(
    null: Null,
    past: CountsLook,
    requests: tuple[int, int],
    stable_rate: float,
    below: float,
    unequal: float,
) -> None:
    canary_rate = min(1.0, null.at(stable_rate)) * below

    growth = worse_growth(outcomes(*requests), null, past.tally)

    chances = joint(requests, (canary_rate, stable_rate), unequal)
    assert np.all(chances @ np.exp(growth) <= 1 + 1e-9)


@settings(max_examples=300, deadline=None)
@given(
    null=NULLS,
    past=looks(),
    requests=st.tuples(st.integers(1, 7), st.integers(1, 12)),
    stable_rate=SHARES,
    above=SHARES,
    unequal=SHARES,
)
def test_betting_on_safe_does_not_pay_while_the_canary_is_over_the_margin(
    null: Null,
    past: CountsLook,
    requests: tuple[int, int],
    stable_rate: float,
    above: float,
    unequal: float,
) -> None:
    stable_rate *= (1.0 - null.shift) / null.at(1.0)
    line = min(1.0, null.at(stable_rate))
    canary_rate = line + above * (1.0 - line)

    growth = safe_growth(outcomes(*requests), null, past.tally)

    chances = joint(requests, (canary_rate, stable_rate), unequal)
    assert np.all(chances @ np.exp(growth) <= 1 + 1e-9)


@settings(max_examples=100, deadline=None)
@given(
    requests=st.tuples(st.integers(1, 4), st.integers(1, 6)),
    anchor=st.one_of(st.just(0.0), SHARES),
    stable_rate=SHARES,
    canary_rate=SHARES,
    unequal=SHARES,
)
def test_betting_against_the_true_ratio_or_difference_does_not_pay(
    requests: tuple[int, int], anchor: float, stable_rate: float, canary_rate: float, unequal: float
) -> None:
    canary, stable = map(float, requests)
    sums = [
        Sums.zero().after(Tally(float(canary_bad), canary, float(stable_bad), stable), anchor)
        for canary_bad, stable_bad in bad_in_each_outcome(*requests)[:, :, 0].T
    ]
    chances = joint(requests, (canary_rate, stable_rate), unequal)
    claims = [Null(1.0, canary_rate - stable_rate)]
    if stable_rate > 0 and RATIOS[0] <= canary_rate / stable_rate <= RATIOS[1]:
        claims.append(Null(canary_rate / stable_rate, 0.0))

    for ratio, shift in claims:
        for side in (WORSE, BETTER):
            capital = [
                np.exp(log_capital(s, side, np.array([ratio]), np.array([ratio * anchor + shift])))
                for s in sums
            ]
            assert chances @ np.array(capital) <= 1 + 1e-9


@settings(max_examples=60, deadline=None)
@given(
    before=st.lists(looks(200), max_size=4),
    requests=st.tuples(st.integers(1, 3), st.integers(1, 5)),
    stable_rate=SHARES,
    below=SHARES,
)
def test_evidence_that_was_lost_goes_on_as_the_same_game(
    before: list[CountsLook], requests: tuple[int, int], stable_rate: float, below: float
) -> None:
    """What was lost and what follows is one game with one stake, so its bounds are as before."""
    question = CountsQuestion()
    lost = after(CountsEvidence.start(question), *before)
    again = CountsEvidence.again(question, lost.log_e_regressed, lost.log_e_safe)

    canary, stable = map(float, requests)
    every = [
        after(again, CountsLook(Arm(canary_bad, canary), Arm(stable_bad, stable)))
        for canary_bad, stable_bad in bad_in_each_outcome(*requests)[:, :, 0].T
    ]
    null = question.safe_null
    over = min(1.0, null.at(stable_rate))
    for canary_rate, capital, had in (
        (stable_rate * below, [e.log_e_regressed for e in every], lost.log_e_regressed),
        (over, [e.log_e_safe for e in every], lost.log_e_safe),
    ):
        if canary_rate == over and over == 1.0:
            continue  # stable's rate is above what any canary could be over
        chances = joint(requests, (canary_rate, stable_rate), 0.0)
        assert math.log(chances @ np.exp(capital)) <= min(had, -math.log(2.0)) + 1e-9


@settings(max_examples=60, deadline=None)
@given(
    question=questions(),
    before=st.lists(strata(60), max_size=3),
    again=st.integers(1, 12),
    requests=st.tuples(st.integers(1, 2), st.integers(0, 2), st.integers(1, 4)),
    stable_rate=SHARES,
    below=SHARES,
)
def test_no_look_pays_on_average_with_clumps_pods_strata_and_late_starts(
    question: CountsQuestion,
    before: list[tuple[CountsLook, ...]],
    again: int,
    requests: tuple[int, int, int],
    stable_rate: float,
    below: float,
) -> None:
    had = after(CountsEvidence.start(question), *before * again)
    first, second, stable = requests
    strange = {f"canary-{i}": Arm(0, count) for i, count in enumerate((first, second))}
    like = CountsLook(Arm(0, first + second), Arm(0, stable), strange, 10, "get")
    line = min(1.0, question.fail_null_at(like).at(stable_rate))

    every = [
        after(
            had, replace(like, canary=Arm(a + b, first + second), stable=Arm(c, stable), pods=own)
        )
        for a in range(first + 1)
        for b in range(second + 1)
        for own in [{"canary-0": Arm(a, first), "canary-1": Arm(b, second)}]
        for c in range(stable + 1)
    ]

    rates = [line * below] * first, [line * below] * second, [stable_rate] * stable
    one, other, beside = (bad_counts(rate) for rate in rates)
    chances = np.multiply.outer(np.multiply.outer(one, other), beside).ravel()
    assert log_expected(chances, [e.log_e_regressed for e in every]) <= had.log_e_regressed + 1e-9
    for slot in had.slots:
        own_game = [
            log_mean(now.worse, e.aside) for e in every for now in e.slots if now.key == slot.key
        ]
        assert log_expected(chances, own_game) <= log_mean(slot.worse, had.aside) + 1e-9


def log_expected(chances: Floats, logs: list[float]) -> float:
    top = max(logs)
    return top + math.log(chances @ np.exp(np.array(logs) - top))


def joint(requests: tuple[int, int], rates: tuple[float, float], unequal: float) -> Floats:
    """Return the chance of each of `outcomes`."""
    canary, stable = (
        bad_counts(spread(rate, count, unequal))
        for rate, count in zip(rates, requests, strict=True)
    )
    return np.outer(canary, stable).ravel()


def test_enumeration_is_complete() -> None:
    chances = joint((5, 6), (0.3, 0.2), 0.5)

    assert np.isclose(chances.sum(), 1.0)
    assert np.isclose(chances @ bad_in_each_outcome(5, 6)[0, :, 0], 5 * 0.3)
