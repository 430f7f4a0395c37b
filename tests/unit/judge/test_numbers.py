"""One number per arm: agreement with the definition, any input, restarts, and words."""

import math
from collections.abc import Sequence
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betainc, betaln

from controller.judge.counts import Refused
from controller.judge.number_blocks import block_looks
from controller.judge.numbers import NumberEvidence, NumberLook, NumberQuestion
from controller.judge.quantities import Unit

QUESTION = NumberQuestion(block=4)
ANY_NUMBER = st.one_of(
    st.none(),
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(-1000, 1000),
    st.sampled_from([0.0, -0.0, 5e-324, 1e18, 1e19, 1e308, math.nan, math.inf]),
)
# Coarse, so that numbers either vary or do not.
COARSE = st.integers(400, 1600).map(lambda eighths: eighths / 8)
SANE = st.builds(NumberLook, COARSE, COARSE)
QUESTIONS = st.builds(
    NumberQuestion,
    safe_relative=st.sampled_from([0.0, 0.25]),
    safe_absolute=st.sampled_from([0.0, 3.0]),
    fail_relative=st.sampled_from([0.0, 0.1]),
    fail_absolute=st.sampled_from([0.0, 1.0]),
    lower_is_worse=st.booleans(),
    block=st.sampled_from([1, 2, 3]),
    robust=st.booleans(),
    insist=st.booleans(),
    unit=st.sampled_from(list(Unit)),
)


def after(evidence: NumberEvidence, looks: Sequence[NumberLook]) -> NumberEvidence:
    for look in looks:
        grown = evidence.after(look)
        assert not isinstance(grown, Refused), grown
        evidence = grown
    return evidence


def log_e_values(question: NumberQuestion, looks: Sequence[NumberLook]) -> tuple[float, float]:
    """Return both log e-values straight from their definition, from all looks at once."""
    fail: list[float] = []
    safe: list[float] = []
    for end in range(question.block, len(looks) + 1, question.block):
        block = looks[end - question.block : end]
        canary = sum(look.canary or 0.0 for look in block) / question.block
        stable = sum(look.stable or 0.0 for look in block) / question.block
        for found, relative, absolute, sign in (
            (fail, question.fail_relative, question.fail_absolute, 1),
            (safe, question.safe_relative, question.safe_absolute, -1),
        ):
            above = canary - (1 + relative) * stable - absolute
            if question.lower_is_worse:
                above = stable / (1 + relative) - absolute - canary
            found.append(sign * above)
    log_e = log_signs if question.robust else log_student
    return log_e(fail), log_e(safe)


def log_student(values: Sequence[float]) -> float:
    n = len(values)
    if n < 2:
        return 0.0
    mean = sum(values) / n
    variance = sum((value - mean) ** 2 for value in values) / (n - 1)
    if variance < 1e-12:
        return 0.0
    squared = max(0.0, mean) ** 2 / (variance / n)
    shrink, freedom = 2 / (2 + n), n - 1
    ratio = (1 + squared / freedom) / (1 + shrink * squared / freedom)
    return math.log(shrink) / 2 + (freedom + 1) / 2 * math.log(ratio)


def log_signs(values: Sequence[float]) -> float:
    """Return the mixture over a uniform chance between 1/2 and 1, in closed form."""
    n, k = len(values), sum(value > 0 for value in values)
    upper = 1 - betainc(k + 1, n - k + 1, 0.5)
    return float((n + 1) * math.log(2) + betaln(k + 1, n - k + 1) + math.log(upper))


@settings(max_examples=150, deadline=None)
@given(QUESTIONS, st.lists(SANE, max_size=30))
def test_agrees_with_the_definition(question: NumberQuestion, looks: list[NumberLook]) -> None:
    evidence = after(NumberEvidence.start(question), looks)

    fail, safe = log_e_values(question, looks)

    assert fail == pytest.approx(evidence.log_e_regressed, rel=1e-9, abs=1e-9)
    assert safe == pytest.approx(evidence.log_e_safe, rel=1e-9, abs=1e-9)


def test_it_is_a_mixture_of_likelihood_ratios() -> None:
    # Of the differences up to their scale: integrate both likelihoods over 1/sigma (Lai, 1976),
    # then the ratio over an effect in standard deviations with prior variance 1/2.
    values = np.array([0.4, 1.9, -0.3, 2.2, 0.8, 1.1])
    effects, scales = np.linspace(-6, 6, 1201), np.linspace(0, 8, 2001)
    rest = values[:, None, None] * scales - effects[:, None]
    likelihood = (np.exp(-(rest**2).sum(axis=0) / 2) * scales ** (len(values) - 1)).sum(axis=1)
    prior = np.exp(-(effects**2)) / np.exp(-(effects**2)).sum()
    expected = np.log((prior * likelihood).sum() / likelihood[600])

    looks = [NumberLook(10.0 + value, 10.0) for value in values.tolist()]
    evidence = after(NumberEvidence.start(NumberQuestion(block=1)), looks)

    assert effects[600] == 0.0
    assert expected == pytest.approx(evidence.log_e_regressed, abs=1e-6)


@settings(max_examples=200, deadline=None)
@given(
    QUESTIONS,
    st.lists(st.one_of(st.builds(NumberLook, ANY_NUMBER, ANY_NUMBER), SANE), max_size=12),
)
def test_any_stream_leaves_finite_evidence(
    question: NumberQuestion, stream: list[NumberLook]
) -> None:
    evidence = NumberEvidence.start(question)

    for look in stream:
        grown = evidence.after(look)
        evidence = evidence if isinstance(grown, Refused) else grown

    numbers = [evidence.log_e_regressed, evidence.log_e_safe, *evidence.means, *evidence.full]
    assert all(math.isfinite(number) for number in numbers)
    assert evidence.explain("orders", 3).startswith("orders")
    assert NumberEvidence.unpack(evidence.pack()) == evidence
    assert len(evidence.pack()) == 236
    assert question.insist or evidence.advisory


@settings(max_examples=60, deadline=None)
@given(QUESTIONS, st.lists(SANE, min_size=1, max_size=15), st.integers(0, 15))
def test_a_restart_after_any_look_changes_nothing(
    question: NumberQuestion, stream: list[NumberLook], restart: int
) -> None:
    through = after(NumberEvidence.start(question), stream)

    packed = after(NumberEvidence.start(question), stream[:restart]).pack()

    assert through == after(NumberEvidence.unpack(packed), stream[restart:])


@pytest.mark.parametrize(
    ("look", "reason", "said"),
    [
        (NumberLook(None, 1.0), "NoData", "nothing for the canary"),
        (NumberLook(1.0, math.nan), "NoData", "nothing for stable"),
        (NumberLook(math.inf, 1.0), "NotANumber", "the canary is inf"),
        (NumberLook(1.0, 1e308), "ValueTooLarge", "stable is 1e+308"),
        (NumberLook(1.0, -3.0), "NegativeStable", "stable's number is -3"),
    ],
)
def test_a_bad_look_is_refused_by_name(look: NumberLook, reason: str, said: str) -> None:
    refused = NumberEvidence.start(QUESTION).after(look)

    assert isinstance(refused, Refused)
    assert refused.reason == reason
    assert refused.message.startswith("evidence refused: ")
    assert said in refused.message


def test_negative_numbers_are_compared_by_absolute_margins() -> None:
    question = NumberQuestion(safe_relative=0.0, safe_absolute=5.0, block=1)
    looks = [NumberLook(-10.0 + n % 3, -12.0) for n in range(30)]

    evidence = after(NumberEvidence.start(question), looks)

    assert evidence.log_e_regressed > math.log(100)
    assert evidence.log_e_safe > math.log(20)
    assert evidence.within_margin


@pytest.mark.parametrize("canary", [3.0, 5.0, 0.0])
def test_numbers_that_never_vary_are_no_evidence(canary: float) -> None:
    question = NumberQuestion(block=1, insist=True)

    evidence = after(NumberEvidence.start(question), [NumberLook(canary, 3.0)] * 300)

    assert (0.0, 0.0) == (evidence.log_e_regressed, evidence.log_e_safe)
    assert "never vary" in evidence.advisory


def test_rounding_is_no_evidence() -> None:
    question = NumberQuestion(fail_relative=0.3, block=1, insist=True)
    looks = [NumberLook(1.3 * (100 + n % 7), 100.0 + n % 7) for n in range(300)]

    evidence = after(NumberEvidence.start(question), looks)

    assert 0.0 == evidence.log_e_regressed
    assert "never vary" in evidence.advisory


def test_advice_unless_the_plan_insists() -> None:
    assert "how pods of one version differ" in NumberEvidence.start(QUESTION).advisory
    assert NumberEvidence.start(replace(QUESTION, insist=True)).advisory == ""


def test_lost_evidence_goes_on_with_the_capital_it_had() -> None:
    fresh = NumberEvidence.start(QUESTION)

    poor, rich = (NumberEvidence.again(QUESTION, log_e, log_e) for log_e in (-3.0, 9.0))

    assert (-3.0, -3.0) == (poor.log_e_regressed, poor.log_e_safe)
    assert -math.log(2) == rich.log_e_regressed == rich.log_e_safe
    looks = [NumberLook(3.0 + n % 2, 2.0) for n in range(24)]
    gained = after(fresh, looks).log_e_regressed
    assert gained - 3 == pytest.approx(after(poor, looks).log_e_regressed)


def test_evidence_does_not_change_in_place() -> None:
    before = NumberEvidence.start(QUESTION)
    kept = before.pack()

    after(before, [NumberLook(2.0, 1.0)] * 9)

    assert kept == before.pack()
    with pytest.raises(FrozenInstanceError):
        before.looks = 3  # type: ignore[misc]  # the point of the test


@pytest.mark.parametrize(
    ("field", "value"),
    [("safe_relative", -0.1), ("fail_absolute", math.nan), ("block", 0), ("block", 1001)],
)
def test_a_question_that_makes_no_sense_is_named(field: str, value: float) -> None:
    asked: dict[str, Any] = {field: value}

    with pytest.raises(ValueError, match=f"{field} is {value}"):
        NumberQuestion(**asked)


def test_a_confidence_has_to_be_one() -> None:
    with pytest.raises(ValueError, match=r"confidence is 1\.0"):
        NumberEvidence.start(QUESTION).interval(1.0)


def test_the_interval_ends_where_a_ratio_is_refuted() -> None:
    rng = np.random.default_rng(1)
    looks = [NumberLook(*(rng.normal([130, 100], 5))) for _ in range(40)]
    evidence = after(NumberEvidence.start(QUESTION), looks)

    low, high = evidence.interval(0.9)

    assert low < 1.3 < high
    for end, ratio in (("low", low), ("high", high)):
        question = replace(QUESTION, fail_relative=ratio - 1, safe_relative=ratio - 1)
        log_e = after(NumberEvidence.start(question), looks)
        found = log_e.log_e_regressed if end == "low" else log_e.log_e_safe
        assert math.log(10) == pytest.approx(found, abs=1e-6)


def test_nothing_bounds_the_ratio_after_one_block() -> None:
    evidence = after(NumberEvidence.start(QUESTION), [NumberLook(2.0, 1.0)] * 4)

    assert (-math.inf, math.inf) == evidence.interval()


@pytest.mark.parametrize(
    ("phi", "least", "most"), [(0.0, 20, 20), (0.8, 24, 40), (0.95, 80, 240), (0.999, 150, 240)]
)
def test_a_block_is_six_correlation_times(phi: float, least: int, most: int) -> None:
    rng = np.random.default_rng(3)
    values = [0.0]
    for _ in range(400):
        values.append(phi * values[-1] + float(rng.normal()))

    assert least <= block_looks([100 + value for value in values]) <= most


@pytest.mark.parametrize(
    "history", [[], [5.0] * 100, [None] * 100, [math.nan, math.inf, 1e308] * 20, [1.0, 2.0]]
)
def test_a_history_that_says_nothing_gives_the_shortest_block(
    history: list[float | None],
) -> None:
    assert 20 == block_looks(history)


def test_what_a_person_reads() -> None:
    question = NumberQuestion(block=2, unit=Unit.SECONDS)
    rng = np.random.default_rng(2)
    slow = [NumberLook(*rng.normal([0.412, 0.305], 0.01)) for _ in range(40)]
    same = [NumberLook(*rng.normal([0.305, 0.305], 0.01)) for _ in range(40)]

    start = NumberEvidence.start(question)

    assert start.explain("latency", 1) == "latency: no numbers compared yet"
    assert after(start, slow[:3]).explain("latency", 1) == (
        "latency 417 ms against 299 ms (x1.40), 1 block of 2 looks, too little to tell, "
        f"advice only: {start.advisory}"
    )
    assert after(start, slow).explain("latency", 1) == (
        "latency 413 ms against 304 ms (x1.36, between x1.3 and x1.4), 20 blocks of 2 looks, "
        f"would be chance less than once in a million releases, advice only: {start.advisory}"
    )
    said = after(start, same).explain("latency", 1)
    assert "a version over the margin would look as good " in said
    assert after(start, same).within_margin
    assert after(start, slow).matters
