"""Evidence from histograms is an immutable value that takes any numbers and survives a restart."""

import math
from dataclasses import FrozenInstanceError, replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.judge.shapes import DEFAULT, cached, lognormal, shares
from controller.judge import MetricEvidence, Verdict, judge
from controller.judge.betting import Floats
from controller.judge.buckets import Classic, Histogram, Native, Span
from controller.judge.counts import Refused
from controller.judge.histogram import HistogramEvidence
from controller.judge.latency import HistogramQuestion
from controller.judge.layouts import HistogramLook, History
from tests.unit.judge.histograms import after, classic, filled, looks, native, questions

HISTORY = History.of(classic(np.rint(28_500 * shares(lognormal, DEFAULT))))
START = HistogramEvidence.start(HistogramQuestion(HISTORY))
ANY_NUMBER = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(-(10**400), 10**400),
    st.integers(-3, 9),
    st.sampled_from([0.0, -0.0, 1e11, 1e12, 1e15, 5e-324]),
)
ANY_CLASSIC = st.one_of(
    st.builds(
        Classic,
        st.lists(st.one_of(ANY_NUMBER, st.sampled_from(DEFAULT)), max_size=5).map(tuple),
        st.lists(ANY_NUMBER, max_size=5).map(tuple),
    ),
    st.lists(ANY_NUMBER, min_size=12, max_size=12).map(
        lambda counts: Classic((*DEFAULT, math.inf), tuple(counts))
    ),
    st.dictionaries(
        st.one_of(st.text(max_size=3), st.sampled_from(["+Inf", "0.1", "1", "1.0", "NaN"])),
        st.floats(),
        max_size=5,
    ).map(Classic.of),
)
ANY_NATIVE = st.builds(
    Native,
    st.integers(-60, 12),
    ANY_NUMBER,
    ANY_NUMBER,
    st.lists(st.builds(Span, st.integers(-(10**6), 10**6), st.integers(-2, 4)), max_size=3).map(
        tuple
    ),
    st.lists(ANY_NUMBER, max_size=5).map(tuple),
)
GOOD_NATIVE = filled(12, 10**6).map(lambda counts: native(counts, -30))
ANY_HISTOGRAM: st.SearchStrategy[Histogram] = st.one_of(ANY_CLASSIC, ANY_NATIVE, GOOD_NATIVE)


def given_question(history: Histogram) -> HistogramQuestion:
    return HistogramQuestion(History.of(history))


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(questions(), ANY_HISTOGRAM.map(given_question), GOOD_NATIVE.map(given_question)),
    st.lists(
        st.one_of(st.builds(HistogramLook, ANY_HISTOGRAM, ANY_HISTOGRAM), looks()), max_size=4
    ),
)
def test_any_stream_leaves_finite_evidence(
    question: HistogramQuestion, stream: list[HistogramLook]
) -> None:
    evidence = HistogramEvidence.start(question)

    for look in stream:
        grown = evidence.after(look)
        assert isinstance(grown, HistogramEvidence) or grown.message.startswith("evidence refused")
        evidence = evidence if isinstance(grown, Refused) else grown

    assert all(math.isfinite(number) for number in (*evidence.worse, *evidence.safe))
    assert math.isfinite(evidence.log_e_regressed)
    assert math.isfinite(evidence.log_e_safe)
    assert math.isfinite(evidence.noise)
    assert evidence.explain("latency", 1).startswith("latency")
    assert evidence.within_margin in (True, False)
    assert evidence.matters in (True, False)
    assert HistogramEvidence.unpack(evidence.pack()) == evidence


@pytest.mark.parametrize(
    "history", [None, Classic((0.1, math.inf), (0.0, 0.0)), Native(3, 0.0, 0.0, (), ())]
)
def test_without_a_history_there_is_no_verdict(history: Histogram | None) -> None:
    evidence = HistogramEvidence.start(HistogramQuestion(History.of(history)))

    refused = evidence.after(HistogramLook(classic(np.ones(12)), classic(np.ones(12))))

    assert isinstance(refused, Refused)
    assert refused.reason == "NoHistory"
    assert evidence.log_e_regressed == evidence.log_e_safe == 0.0
    assert not evidence.matters
    assert not evidence.within_margin


def test_one_request_is_no_verdict() -> None:
    evidence = after(START, HistogramLook(classic(np.eye(12)[11]), classic(np.eye(12)[0])))

    assert abs(evidence.log_e_regressed) < math.log(20)
    assert abs(evidence.log_e_safe) < math.log(20)


def test_as_many_requests_as_fit_stay_finite() -> None:
    most = 1e11 * np.eye(12)
    evidence = after(START, *[HistogramLook(classic(most[0]), classic(most[11]))] * 50)

    assert math.isfinite(evidence.log_e_regressed)
    assert math.isfinite(evidence.log_e_safe)
    assert HistogramEvidence.unpack(evidence.pack()) == evidence


@pytest.mark.parametrize(
    ("question", "history"),
    [
        ({"fail_slower": 0.2}, HISTORY),
        ({"fail_slower": 900.0}, History.of(native(np.full(20, 50.0), -40))),
    ],
    ids=["classic buckets", "wider than the history"],
)
def test_a_margin_that_the_buckets_cannot_show_is_refused(
    question: dict[str, float], history: History
) -> None:
    evidence = HistogramEvidence.start(HistogramQuestion(history, **question))
    buckets = np.ones(len(history.counts))
    arm = classic(buckets) if history.layout.schema is None else native(buckets, -40)

    refused = evidence.after(HistogramLook(arm, arm))

    assert isinstance(refused, Refused)
    assert refused.reason == "MarginNeedsBuckets"
    assert f"{question['fail_slower']:g}" in refused.message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((name, -0.1) for name in ("safe_relative", "fail_absolute", "fail_slower", "phi")),
        *((name, math.nan) for name in ("safe_absolute", "fail_relative", "phi", "seconds")),
        ("safe_absolute", 1.0),
        ("phi", 0.9),
        ("phi", math.inf),
        ("false_rollback", 1.0),
        ("false_promotion", -0.1),
        ("seconds", 0.0),
    ],
)
def test_a_question_that_makes_no_sense_is_named(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{field} is {value}"):
        replace(START.question, **{field: value})  # type: ignore[arg-type]  # a name of a number


def test_looks_add_up() -> None:
    first = HistogramLook(classic(np.full(12, 2.0)), classic(np.full(12, 4.0)))
    second = HistogramLook(classic(np.arange(12.0)), classic(np.full(12, 11.0)))

    evidence = after(START, first, second)

    assert evidence.looks == 2
    assert evidence.canary == tuple(2.0 + k for k in range(12))
    assert evidence.requests == 24 + 66
    assert evidence.stable == 48 + 132
    assert evidence.expected == pytest.approx([2.0 + 11.0 * 66 / 132] * 12)
    assert evidence.noise == pytest.approx(24**2 / 48 + 66**2 / 132)


def test_an_incident_in_both_arms_at_a_higher_weight_is_no_difference() -> None:
    calm, slow = np.zeros(12), np.zeros(12)
    calm[3], slow[8] = 1.0, 1.0
    evidence = after(
        START,
        HistogramLook(classic(100 * calm), classic(9900 * calm)),
        HistogramLook(classic(5000 * slow), classic(5000 * slow)),
    )

    assert evidence.canary == pytest.approx(evidence.expected)
    assert not evidence.matters
    assert evidence.within_margin


def test_a_difference_matters_from_a_tenth_of_the_way_to_the_margin() -> None:
    """x1.05 and 0.05 points at some boundary, with the margin that is the default."""
    stable = np.zeros(12)
    stable[4], stable[6] = 90_000, 10_000
    for slow, matters in ((10_540, False), (10_560, True)):
        canary = np.zeros(12)
        canary[4], canary[6] = 100_000 - slow, slow

        evidence = after(START, HistogramLook(classic(canary), classic(stable)))

        assert evidence.matters is matters


def test_a_rare_tail_of_its_own_is_not_within_the_margin() -> None:
    usual, tail = np.zeros(12), np.zeros(12)
    usual[3], tail[11] = 1.0, 1.0
    look = HistogramLook(classic(4950 * usual + 50 * tail), classic(5000 * usual))

    evidence = after(START, look)

    assert not evidence.within_margin
    assert evidence.log_e_safe < 0


def test_evidence_does_not_change_in_place() -> None:
    kept = START.pack()

    after(START, HistogramLook(classic(np.ones(12)), classic(np.ones(12))))

    assert START.pack() == kept
    with pytest.raises(FrozenInstanceError):
        START.looks = 3  # type: ignore[misc]  # the point of the test


@settings(max_examples=40, deadline=None)
@given(filled(12), filled(12), st.integers(2, 4))
def test_looks_of_equal_share_may_be_merged(canary: Floats, stable: Floats, times: int) -> None:
    """Bets do not depend on the past, so they even come out the same."""
    one = after(START, HistogramLook(classic(times * canary), classic(times * stable)))
    many = after(START, *[HistogramLook(classic(canary), classic(stable))] * times)

    assert one.worse == pytest.approx(many.worse, rel=1e-9, abs=1e-9)
    assert one.canary == many.canary
    assert one.expected == pytest.approx(many.expected)


@settings(max_examples=40, deadline=None)
@given(st.lists(looks(), min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_bets_do_not_depend_on_the_order_of_looks(
    stream: list[HistogramLook], random: Random
) -> None:
    shuffled = list(stream)
    random.shuffle(shuffled)

    one, other = after(START, *stream), after(START, *shuffled)

    assert one.worse == pytest.approx(other.worse, rel=1e-9, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.lists(looks(), min_size=1, max_size=4), st.floats(1.5001, 50.0))
def test_clusters_make_evidence_weaker_and_bound_a_single_look(
    stream: list[HistogramLook], phi: float
) -> None:
    clustered = HistogramEvidence.start(replace(START.question, phi=phi))

    alone, together = after(START, *stream), after(clustered, *stream)

    for before, now in zip(alone.worse, together.worse, strict=True):
        assert now - clustered.worse[0] <= max(0.0, before - START.worse[0]) / phi + 50
    first = after(clustered, stream[0])
    gained = [b - a for a, b in zip(clustered.worse, first.worse, strict=True)]
    assert max(gained) <= -math.log(0.01) / 2 + 1e-9
    assert max(first.safe) <= -math.log(0.05) / 2 + 1e-9


def test_a_version_that_moved_a_boundary_is_still_judged() -> None:
    """The canary has no bucket at 250 ms; its requests up to 500 ms are compared as one bucket."""
    fewer = tuple(bound for bound in DEFAULT if bound != 0.25)
    fast, slow = shares(lognormal, DEFAULT), shares(cached(0.0), fewer)
    looks_at = [HistogramLook(classic(np.rint(75 * slow), fewer), classic(np.rint(1425 * fast)))]

    evidence = after(START, *looks_at * 20)

    assert evidence.log_e_regressed > math.log(100)
    assert evidence.canary[5] == evidence.expected[5] == 0.0


def test_safe_asks_at_the_boundaries_that_both_versions_have() -> None:
    fewer = tuple(bound for bound in DEFAULT if bound not in (0.1, 1.0))
    look = HistogramLook(
        classic(np.rint(300 * shares(lognormal, fewer)), fewer),
        classic(np.rint(5700 * shares(lognormal, DEFAULT))),
    )

    evidence = after(START, *[look] * 8)

    assert evidence.log_e_safe > math.log(20)
    assert evidence.within_margin


def test_a_boundary_that_goes_missing_is_still_asked() -> None:
    """What was asked in the first look has to be shown, so a change midway only costs time."""
    usual = [300 * shares(lognormal, DEFAULT), 5700 * shares(lognormal, DEFAULT)]
    fewer = tuple(bound for bound in DEFAULT if bound != 0.25)
    complete = HistogramLook(*(classic(np.rint(arm)) for arm in usual))
    lacking = HistogramLook(
        classic(np.rint(300 * shares(lognormal, fewer)), fewer), complete.stable
    )

    evidence = after(START, complete, *[lacking] * 8)

    assert evidence.log_e_safe < math.log(20)


def test_without_a_common_boundary_from_the_median_up_nothing_is_safe() -> None:
    low = DEFAULT[:2]
    look = HistogramLook(
        classic(np.rint(300 * shares(lognormal, low)), low),
        classic(np.rint(5700 * shares(lognormal, DEFAULT))),
    )

    assert after(START, *[look] * 20).log_e_safe == 0.0


def test_the_judge_takes_it_as_it_is() -> None:
    slow = classic(np.rint(300 * shares(cached(0.0), DEFAULT)))
    usual = classic(np.rint(5700 * shares(lognormal, DEFAULT)))

    found = {}
    for name, look in (("slow", HistogramLook(slow, usual)), ("same", HistogramLook(usual, usual))):
        evidence = after(START, *[look] * 5)
        metric = MetricEvidence("latency", required=True, evidence=evidence, current=evidence)
        found[name] = judge([metric], false_rollback=0.01, false_promotion=0.05).verdict

    assert found == {"slow": Verdict.REGRESSED, "same": Verdict.SAFE}


@pytest.mark.parametrize("shift", [0, 2])
def test_a_canary_of_a_coarser_schema_is_still_judged(shift: int) -> None:
    first, buckets = -40, np.full(24, 1000.0)
    question = HistogramQuestion(
        History.of(native(buckets, first)), fail_slower=2.0 ** (shift / 8) - 1.0
    )
    merged = np.array([100.0, *[400.0] * 5, 300.0])  # one, four and three of the fine ones
    # Two fine buckets of margin are rounded up to a coarse one.
    within = first // 4 + (1 if shift else 0)
    same, slower = native(merged, within, 1), native(merged, within + 1, 1)
    stable = native(buckets, first)

    equal, slow = (
        after(HistogramEvidence.start(question), HistogramLook(canary, stable))
        for canary in (same, slower)
    )

    assert equal.log_e_regressed < 0
    assert slow.log_e_regressed > math.log(100)
