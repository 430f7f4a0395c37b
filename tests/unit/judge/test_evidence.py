"""Evidence is an immutable value that takes any numbers, and survives a restart unchanged."""

import math
from dataclasses import FrozenInstanceError, replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.judge import (
    Arm,
    CountsAtWeight,
    CountsEvidence,
    CountsLook,
    CountsQuestion,
    Refused,
)
from tests.unit.judge.streams import after, looks, questions, strata

GOOD = Arm(1, 100)
ANY_NUMBER = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(-(10**30), 10**30),
    st.integers(-5, 5),
    st.sampled_from([0.0, -0.0, 1e12, 1e15, 1e16, 5e-324]),
)
ANY_ARM = st.builds(Arm, ANY_NUMBER, ANY_NUMBER)
ANY_LOOK = st.builds(
    CountsLook,
    ANY_ARM,
    ANY_ARM,
    pods=st.dictionaries(st.sampled_from(["a", "b"]), ANY_ARM),
    stable_pods=st.integers(-1, 3),
)


def start() -> CountsEvidence:
    return CountsEvidence.start(CountsQuestion(prior_bad=20, prior_total=2000))


@pytest.mark.parametrize(
    ("arm", "reason", "value"),
    [
        pytest.param(Arm(math.nan, 100), "NotANumber", "bad requests", id="NaN bad"),
        pytest.param(Arm(1, math.nan), "NotANumber", "total requests", id="NaN total"),
        pytest.param(Arm(1, math.inf), "NotANumber", "inf", id="infinite"),
        pytest.param(Arm(-1, 100), "NegativeCount", "-1", id="negative bad"),
        pytest.param(Arm(0, -5), "NegativeCount", "-5", id="negative total"),
        pytest.param(Arm(12, 10), "BadAboveTotal", "12 bad of 10", id="bad above total"),
        pytest.param(Arm(0, 0), "NoRequests", "had 0 requests", id="empty"),
        pytest.param(Arm(0, 5e-324), "NoRequests", "had 4.94066e-324", id="under one request"),
        pytest.param(Arm(1, 1e16), "CountTooLarge", "1e+15", id="too large"),
    ],
)
@pytest.mark.parametrize("side", ["canary", "stable"])
def test_a_bad_number_is_refused_by_name(arm: Arm, reason: str, value: str, side: str) -> None:
    look = CountsLook(arm, GOOD) if side == "canary" else CountsLook(GOOD, arm)

    refused = start().after(look)

    assert isinstance(refused, Refused)
    assert refused.reason == reason
    assert refused.message.startswith("evidence refused: ")
    assert side in refused.message
    assert value in refused.message


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.tuples(ANY_LOOK), strata()), max_size=8), questions())
def test_any_stream_leaves_finite_evidence(
    stream: list[tuple[CountsLook, ...]], question: CountsQuestion
) -> None:
    evidence = CountsEvidence.start(question)

    for look in stream:
        grown = evidence.after(*look)
        evidence = evidence if isinstance(grown, Refused) else grown

    numbers = [evidence.log_e_regressed, evidence.log_e_safe, evidence.canary_rate]
    numbers += [evidence.stable_rate, evidence.canary.total, *evidence.worse, *evidence.safe]
    seen = evidence.interval()
    numbers += [seen.low, seen.difference_low, seen.difference_high]
    numbers += [evidence.log_e_without_one_pod, evidence.aside]
    numbers += [number for slot in evidence.slots for number in slot.worse]
    assert all(math.isfinite(number) for number in numbers)
    assert 0 <= evidence.canary_rate <= 1
    assert 0 <= evidence.stable_rate <= 1 + 1e-12
    assert evidence.explain("errors", 1).startswith("errors")
    assert CountsEvidence.unpack(evidence.pack()) == evidence


@given(ANY_NUMBER, ANY_NUMBER)
def test_a_history_that_is_no_count_is_no_history(bad: float, total: float) -> None:
    look = CountsLook(Arm(2, 100), Arm(10, 1000))
    question = CountsQuestion(prior_bad=bad, prior_total=total)

    evidence = after(CountsEvidence.start(question), look)

    assert math.isfinite(evidence.log_e_regressed)
    if not 0 <= bad <= total:
        assert evidence.worse == after(CountsEvidence.start(CountsQuestion()), look).worse


@pytest.mark.parametrize(
    "field", ["safe_relative", "safe_absolute", "fail_relative", "fail_absolute"]
)
@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
def test_a_margin_that_makes_no_sense_is_named(field: str, value: float) -> None:
    margins: dict[str, Any] = {field: value}

    with pytest.raises(ValueError, match=f"{field} is {value}"):
        replace(CountsQuestion(), **margins)


def test_an_absolute_margin_of_everything_is_refused() -> None:
    with pytest.raises(ValueError, match="under 1"):
        CountsQuestion(safe_absolute=1.0)


def test_looks_add_up() -> None:
    evidence = after(
        start(), CountsLook(Arm(2, 50), Arm(9, 950)), CountsLook(Arm(1, 60), Arm(12, 940))
    )

    assert evidence.looks == 2
    assert evidence.canary == Arm(3, 110)
    assert evidence.stable == Arm(21, 1890)
    assert evidence.canary_rate == pytest.approx(3 / 110)
    assert evidence.expected_bad == pytest.approx(50 * 9 / 950 + 60 * 12 / 940)


def test_an_incident_in_both_arms_at_a_higher_weight_does_not_part_the_rates() -> None:
    calm = CountsLook(Arm(1, 100), Arm(99, 9900))
    incident = CountsLook(Arm(1000, 5000), Arm(1000, 5000))

    evidence = after(start(), calm, incident)

    assert evidence.canary_rate == pytest.approx(evidence.stable_rate)
    assert not evidence.matters


def test_evidence_does_not_change_in_place() -> None:
    before = start()
    kept = before.pack()

    after(before, CountsLook(Arm(50, 50), Arm(1, 950)))

    assert before.pack() == kept
    with pytest.raises(FrozenInstanceError):
        before.looks = 3  # type: ignore[misc]  # the point of the test


@settings(max_examples=60, deadline=None)
@given(questions(), st.lists(strata(10**9), min_size=1, max_size=24), st.integers(0, 24))
def test_a_restart_after_any_look_changes_nothing(
    question: CountsQuestion, stream: list[tuple[CountsLook, ...]], restart: int
) -> None:
    through = after(CountsEvidence.start(question), *stream)

    packed = after(CountsEvidence.start(question), *stream[:restart]).pack()
    resumed = after(CountsEvidence.unpack(packed), *stream[restart:])

    assert resumed == through
    assert resumed.pack() == through.pack()


def test_evidence_of_many_pods_and_strata_fits_in_the_status_with_that_at_the_weight() -> None:
    pods = {f"canary-{i}": Arm(1, 30) for i in range(100)}
    look = tuple(
        CountsLook(Arm(100, 3000), Arm(90, 3000), pods, 100, f"stratum-{i}") for i in range(8)
    )
    evidence = after(start(), *[look] * 60)
    current = CountsAtWeight.start(CountsQuestion()).after(*look)

    assert isinstance(current, CountsAtWeight)
    assert len(evidence.pack()) + len(current.pack()) <= 3072
    assert CountsEvidence.unpack(evidence.pack()) == evidence
    assert CountsAtWeight.unpack(current.pack()) == current


def test_more_strata_than_fit_are_refused() -> None:
    look = tuple(CountsLook(Arm(1, 30), Arm(9, 300), stratum=f"s{i}") for i in range(9))

    refused = start().after(*look)

    assert isinstance(refused, Refused)
    assert refused.reason == "TooManyStrata"


def test_a_stratum_that_comes_twice_is_refused() -> None:
    look = CountsLook(Arm(1, 30), Arm(9, 300), stratum="get")

    refused = start().after(look, look)

    assert isinstance(refused, Refused)
    assert refused.reason == "StratumTwice"


def test_pods_that_count_more_than_the_canary_are_refused() -> None:
    refused = start().after(CountsLook(Arm(1, 30), Arm(9, 300), {"a": Arm(1, 20), "b": Arm(1, 10)}))

    assert isinstance(refused, Refused)
    assert refused.reason == "PodsAboveCanary"
    assert "2 bad of 30" in refused.message


def test_a_stratum_with_an_empty_arm_is_left_out() -> None:
    full = CountsLook(Arm(1, 30), Arm(9, 300), stratum="get")

    assert start().after(full, CountsLook(Arm(0, 0), Arm(3, 50), stratum="put")) == start().after(
        full
    )


@settings(max_examples=60, deadline=None)
@given(questions(), st.lists(strata(), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_strata_does_not_matter(
    question: CountsQuestion, stream: list[tuple[CountsLook, ...]], random: Random
) -> None:
    shuffled = [tuple(random.sample(look, len(look))) for look in stream]

    one, other = (after(CountsEvidence.start(question), *s) for s in (stream, shuffled))

    assert one == other


@settings(max_examples=60, deadline=None)
@given(looks(500), st.integers(2, 4))
def test_looks_of_equal_share_may_be_merged(look: CountsLook, times: int) -> None:
    merged = CountsLook(
        Arm(look.canary.bad * times, look.canary.total * times),
        Arm(look.stable.bad * times, look.stable.total * times),
    )

    one, many = after(start(), merged), after(start(), *(look,) * times)

    assert one.canary == many.canary
    assert one.expected_bad == pytest.approx(many.expected_bad)
    for of_one, of_many in zip(one.sums, many.sums, strict=True):
        assert of_one == pytest.approx(of_many, rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(looks(), min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_sums_do_not_depend_on_the_order_of_looks(stream: list[CountsLook], random: Random) -> None:
    shuffled = random.sample(stream, len(stream))

    one, other = after(start(), *stream), after(start(), *shuffled)

    assert one.canary == other.canary
    assert one.stable == other.stable
    for of_one, of_other in zip(one.sums, other.sums, strict=True):
        assert of_one == pytest.approx(of_other, rel=1e-9, abs=1e-6)
