"""Gauge evidence takes any numbers, leaves out what cannot be compared, and survives a restart."""

import math
import re
from dataclasses import FrozenInstanceError, replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.judge.counts import Refused
from controller.judge.gauge_history import Gap, GaugeHistory
from controller.judge.gauge_look import GaugeLook, GaugeQuestion, Measure, Pod
from controller.judge.gauge_sums import MOST_CANARY, MOST_STABLE, Sums
from controller.judge.gauges import GaugeEvidence
from controller.judge.quantities import Unit
from tests.unit.judge.gauge_streams import Floats, after, history_of, looks_of, wandering

HISTORY = GaugeHistory(
    pods=10, looks=60, seconds=15, level=100, spread=3, within=2, phi=0.5, slope_spread=0.01
)
QUESTION = GaugeQuestion(HISTORY)
ANY_NUMBER = st.one_of(
    st.none(),
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(0, 1000),
    st.sampled_from([0.0, -0.0, 5e-324, 1e18, 1e19, 1e308, math.nan, math.inf]),
)
ANY_POD = st.builds(
    Pod,
    name=st.one_of(st.sampled_from("abcdefgh"), st.text()),
    value=ANY_NUMBER,
    age=st.one_of(st.just(1000.0), st.floats()),
    resources=st.sampled_from(["small", "small", "large"]),
    load=ANY_NUMBER,
)
ANY_LOOK = st.builds(
    GaugeLook,
    at=st.one_of(st.floats(0, 1e6), st.floats()),
    canary=st.lists(ANY_POD, max_size=4),
    stable=st.lists(ANY_POD, max_size=8),
)
SANE_LOOK = st.builds(
    lambda at, canary, stable: GaugeLook(
        at,
        tuple(Pod(f"c{pod}", value, 1000.0, "", 10.0) for pod, value in enumerate(canary)),
        tuple(Pod(f"s{pod}", value, 1000.0, "", 5.0) for pod, value in enumerate(stable)),
    ),
    st.floats(0, 1e6),
    st.lists(st.floats(0, 1e6), min_size=1, max_size=9),
    st.lists(st.floats(0, 1e6), min_size=1, max_size=14),
)
HISTORIES = st.builds(
    lambda table: history_of(np.array(table, dtype=np.float64).reshape(-1, 5)),
    st.lists(ANY_NUMBER, min_size=0, max_size=40).map(
        lambda values: [math.nan if v is None else v for v in values[: len(values) // 5 * 5]]
    ),
)


def pods(arm: str, *values: float | None, age: float = 1000.0, resources: str = "") -> list[Pod]:
    return [Pod(f"{arm}{number}", v, age, resources) for number, v in enumerate(values)]


def look(canary: list[Pod], stable: list[Pod], at: float = 0.0) -> GaugeLook:
    return GaugeLook(at, canary, stable)


@pytest.mark.parametrize(
    ("seen", "reason", "said"),
    [
        (look(pods("c", math.inf), pods("s", 1.0)), "NotANumber", "pod c0 is inf"),
        (look(pods("c", 1.0), pods("s", -2.0)), "NegativeValue", "pod s0 is -2"),
        (look(pods("c", 1e308), pods("s", 1.0)), "ValueTooLarge", "pod c0 is 1e+308"),
        (look([], pods("s", 1.0)), "NoComparablePods", "of the canary can be compared: there is"),
        (look(pods("c", 1.0), []), "NoComparablePods", "no pod of stable"),
        (look(pods("c", None), pods("s", 1.0)), "NoComparablePods", "1 pod of the canary without"),
        (look(pods("c", math.nan, None), pods("s", 1.0)), "NoComparablePods", "2 pods of the can"),
        (look(pods("c", 1.0, age=89.0), pods("s", 1.0)), "NoComparablePods", "still warming up"),
        (look(pods("c", 1.0, age=math.nan), pods("s", 1.0)), "NoComparablePods", "warming up"),
        (look(pods("c", 1.0), pods("s", 1.0, resources="1Gi")), "ResourcesDiffer", "'1Gi'"),
        (look(pods("a", 1.0), pods("a", 1.0)), "PodTwice", "pod a0 has more than one value"),
        (look(pods("c", 1.0), pods("s", 1.0), at=math.nan), "NotATime", "time is nan"),
        (look(pods("c", 1.0), pods("s", 1.0), at=1e300), "NotATime", "time is 1e+300"),
    ],
)
def test_a_bad_look_is_refused_by_name(seen: GaugeLook, reason: str, said: str) -> None:
    start = GaugeEvidence.start(QUESTION)

    refused = start.after(seen)

    assert isinstance(refused, Refused)
    assert refused.reason == reason
    assert refused.message.startswith("evidence refused: ")
    assert said in refused.message


@pytest.mark.parametrize("at", [14.0, 15.0])
def test_time_has_to_rise(at: float) -> None:
    seen = after(GaugeEvidence.start(QUESTION), [look(pods("c", 1.0), pods("s", 1.0), at=15.0)])

    refused = seen.after(look(pods("c", 1.0), pods("s", 1.0), at=at))

    assert isinstance(refused, Refused)
    assert refused.reason == "TimeNotRising"


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(ANY_LOOK, SANE_LOOK), max_size=10),
    HISTORIES,
    st.sampled_from(list(Measure)),
    st.sampled_from(list(Unit)),
)
def test_any_stream_leaves_evidence_that_can_be_read(
    stream: list[GaugeLook], history: GaugeHistory, measure: Measure, unit: Unit
) -> None:
    question = GaugeQuestion(history, measure=measure, follows_load=unit is Unit.CORES, unit=unit)
    evidence = GaugeEvidence.start(question)

    for seen in stream:
        grown = evidence.after(seen)
        evidence = evidence if isinstance(grown, Refused) else grown

    assert all(math.isfinite(number) for since in evidence.sums.since for number in since)
    assert evidence.beyond(0.01) <= evidence.suspects(0.01)
    assert not (evidence.beyond(0.5) and history.gap is not Gap.NONE)
    assert not (evidence.safe(0.5) and history.gap is not Gap.NONE)
    assert evidence.explain("memory", 3).startswith("memory")
    assert GaugeEvidence.unpack(evidence.pack()) == evidence
    assert evidence.pack() == GaugeEvidence.unpack(evidence.pack()).pack()
    assert len(evidence.pack()) == 1472


@settings(max_examples=60, deadline=None)
@given(st.lists(SANE_LOOK, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_pods_changes_nothing(stream: list[GaugeLook], random: Random) -> None:
    stream = [replace(seen, at=15.0 * number) for number, seen in enumerate(stream)]
    mixed = [
        GaugeLook(
            seen.at,
            random.sample(seen.canary, len(seen.canary)),
            random.sample(seen.stable, len(seen.stable)),
        )
        for seen in stream
    ]
    question = GaugeQuestion(HISTORY, follows_load=True)

    one, other = (after(GaugeEvidence.start(question), looks) for looks in (stream, mixed))

    assert one == other


def test_rounding_does_not_depend_on_the_order_of_pods() -> None:
    values = {"a": 1e16, "b": 1.0, "c": 1.0}

    one, other = (
        Sums().after(0.0, arm, arm, seconds=15.0, memory=60.0)
        for arm in (values, dict(reversed(values.items())))
    )

    assert one == other


@settings(max_examples=40, deadline=None)
@given(st.lists(SANE_LOOK, min_size=1, max_size=8), st.integers(0, 8))
def test_a_restart_after_any_look_changes_nothing(stream: list[GaugeLook], restart: int) -> None:
    stream = [replace(seen, at=15.0 * number) for number, seen in enumerate(stream)]
    through = after(GaugeEvidence.start(QUESTION), stream)

    packed = after(GaugeEvidence.start(QUESTION), stream[:restart]).pack()

    assert through == after(GaugeEvidence.unpack(packed), stream[restart:])


@given(st.floats(0, 0.99), st.floats(0, 0.99), st.floats(80, 200))
def test_more_alpha_makes_it_easier(one: float, other: float, canary: float) -> None:
    stream = [look(pods("c", canary, canary + 1), pods("s", *range(96, 104)), 15.0 * n)
              for n in range(30)]  # fmt: skip
    evidence = after(GaugeEvidence.start(QUESTION), stream)

    assert evidence.beyond(min(one, other)) <= evidence.beyond(max(one, other))
    assert evidence.suspects(min(one, other)) <= evidence.suspects(max(one, other))
    assert evidence.safe(min(one, other)) <= evidence.safe(max(one, other))


def test_no_growth_with_looks_or_pods() -> None:
    stream = [
        look(pods(f"c{n}-", *[1.0] * 20), pods(f"s{n}-", *[1.0] * 50), 15.0 * n) for n in range(300)
    ]

    evidence = after(GaugeEvidence.start(QUESTION), stream)

    assert len(evidence.sums.canary) == MOST_CANARY
    assert len(evidence.sums.stable) == MOST_STABLE
    assert len(evidence.pack()) == 1472


def test_evidence_does_not_change_in_place() -> None:
    before = GaugeEvidence.start(QUESTION)
    kept = before.pack()

    after(before, [look(pods("c", 150.0), pods("s", 100.0))])

    assert kept == before.pack()
    with pytest.raises(FrozenInstanceError):
        before.busy = 2.0  # type: ignore[misc]  # the point of the test


def test_pods_with_other_resources_are_left_out_and_named() -> None:
    canary = [*pods("c", 100.0, 101.0), Pod("c9", 900.0, 1000.0, "4Gi")]
    stable = [*pods("s", *range(95, 105)), Pod("s98", 500.0, 1000.0, "4Gi")]
    stable.append(Pod("s99", None, 1000.0))

    evidence = after(GaugeEvidence.start(QUESTION), [look(canary, stable)])

    assert (evidence.canary_pods, evidence.stable_pods) == (2, 10)
    assert evidence.sums.since[0].canary == 100.5
    assert "1 pod of the canary with other requests and limits" in evidence.explain("memory", 1)
    assert "1 pod of stable without a sample" in evidence.explain("memory", 1)


def test_a_pod_that_comes_and_goes_is_compared_while_it_is_there() -> None:
    # Both arms rise together; a pod that was only there late must not look heavier for it.
    stream = [
        look(pods("c", *[100.0 + n] * (1 if n < 30 else 3)), pods("s", *[100.0 + n] * 5), 15.0 * n)
        for n in range(60)
    ]

    evidence = after(GaugeEvidence.start(QUESTION), stream)

    assert [0.0, 0.0, 0.0] == [pod.mean for pod in evidence.sums.canary]
    assert not evidence.matters


@pytest.mark.parametrize(
    ("history", "gap"),
    [
        (np.zeros((60, 10)), Gap.CONSTANT),
        (np.full((60, 10), 305.0), Gap.CONSTANT),
        (np.full((60, 10), math.nan), Gap.PODS),
        (np.full((60, 10), math.inf), Gap.PODS),
        (np.full((60, 10), 1e308), Gap.PODS),
        (np.full((60, 10), -1.0), Gap.PODS),
        (np.arange(240.0).reshape(60, 4), Gap.PODS),
        (1 + wandering(np.random.default_rng(1), (1, 19, 10), phi=0.5, sd=0.1)[0], Gap.LOOKS),
        (np.zeros((0, 0)), Gap.PODS),
    ],
)
@pytest.mark.parametrize("measure", list(Measure))
def test_a_history_that_says_too_little_only_advises(
    history: Floats, gap: Gap, measure: Measure
) -> None:
    rises = np.tile(np.arange(1000.0, 1200.0)[:, None], (1, 3))
    stream = looks_of(rises, np.tile(np.arange(1.0, 11.0), (200, 1)))
    question = GaugeQuestion(history_of(history), measure=measure)

    evidence = after(GaugeEvidence.start(question), stream)

    assert gap is evidence.question.history.gap
    assert evidence.advisory == gap.value != ""
    assert not evidence.beyond(0.5)
    assert evidence.explain("memory", 1).endswith(gap.value)


@pytest.mark.parametrize(
    ("canary", "stable", "share", "advises"),
    [(1, 10, 0.01, True), (2, 10, 0.01, True), (3, 10, 0.01, False), (3, 10, 0.002, True)],
)
def test_too_few_pods_to_rank_only_advise(
    canary: int, stable: int, share: float, *, advises: bool
) -> None:
    stream = looks_of(np.full((60, canary), 500.0), np.tile(np.linspace(95, 105, stable), (60, 1)))

    evidence = after(GaugeEvidence.start(GaugeQuestion(HISTORY, share=share)), stream)

    assert advises == ("can rank in" in evidence.advisory)
    assert evidence.beyond(share) is not advises
    assert evidence.suspects(share)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("safe_relative", -0.1),
        ("safe_absolute", math.nan),
        ("fail_relative", math.inf),
        ("fail_absolute", 1e18),
        ("warm_up", -1.0),
        ("horizon", 0.0),
        ("share", 0.0),
        ("share", 1.0),
    ],
)
def test_a_question_that_makes_no_sense_is_named(field: str, value: float) -> None:
    asked: dict[str, Any] = {field: value}

    with pytest.raises(ValueError, match=re.escape(f"{field} is {value}")):
        replace(QUESTION, **asked)


@pytest.mark.parametrize("probability", [-0.1, 1.0, math.nan])
def test_a_probability_has_to_be_one(probability: float) -> None:
    evidence = GaugeEvidence.start(QUESTION)

    for asked in (evidence.beyond, evidence.suspects, evidence.safe, evidence.interval):
        with pytest.raises(ValueError, match="write a probability"):
            asked(probability)
