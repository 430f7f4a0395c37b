"""A gauge of each pod becomes evidence, and status and verdict tell of it."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given as given_any
from hypothesis import settings
from hypothesis import strategies as st

from controller.api.release import MetricRule, MetricStatus, Release
from controller.judge import GaugeEvidence
from controller.metrics.reader import Answer, GaugePast, GaugeReading, PodValue
from controller.reconcile.judging import judge_look
from controller.release.facts import Judged
from tests.unit.reconcile.counts import answers, past
from tests.unit.release import given
from tests.unit.release.given import LOOK, METRIC, NOW, at_step

MIB = 2.0**20
PODS = tuple(f"checkout-{n}" for n in range(10))
SERIES = {"series": 'memory_bytes{pod=~"{{ pods }}"}', "unit": "Bytes"}
MEMORY: dict[str, Any] = {"name": "memory", "required": True, "spec": {"gauge": SERIES}}
CANARY = {"c1": 512.0, "c2": 530.0, "c3": 501.0}


def before(mebibytes: float = 310.0, looks: int = 60, pods: int = 10) -> GaugePast:
    """Return what stable's pods needed: they differ by 2 %, and each wanders by 1 %."""
    noise = np.random.default_rng(3)
    each = mebibytes * (1 + 0.02 * noise.standard_normal(pods))
    values = each * (1 + 0.01 * noise.standard_normal((looks, pods)))
    return GaugePast(PODS[:pods], values * MIB, seconds=15.0)


def known(rule: MetricRule) -> Any:
    return before() if rule.name == "memory" else past(rule)


def arm(
    mebibytes: Mapping[str, float | None], *, age: float = 1000.0, resources: str = ""
) -> tuple[PodValue, ...]:
    return tuple(
        PodValue(pod, None if value is None else value * MIB, age, resources)
        for pod, value in mebibytes.items()
    )


def reading(
    number: int, canary: Mapping[str, float | None], **told: Any
) -> dict[str, GaugeReading]:
    """Return look `number`: the canary's pods in MiB, beside ten of stable."""
    end = (NOW + number * LOOK).timestamp()
    stable = dict.fromkeys(PODS, 310.0 + 0.1 * number)
    return {"memory": GaugeReading(end - 15.0, end, arm(canary, **told), arm(stable))}


def a_release(stored: list[dict[str, Any]], *metrics: dict[str, Any]) -> Release:
    """Return a release at its first step, judged by these metrics, with this stored of them."""
    release = given.release(**at_step(metrics=stored))
    rules = tuple(MetricRule.model_validate(metric) for metric in metrics)
    spec = release.spec.model_copy(
        update={"rules": release.spec.rules.model_copy(update={"metrics": rules})}
    )
    return release.model_copy(update={"spec": spec})


def judged_after(
    looks: list[dict[str, Answer]], *metrics: dict[str, Any], read_past: Any = known
) -> list[Judged]:
    """Judge one look after the other; each goes on from what the one before has stored."""
    stored: list[dict[str, Any]] = []
    found = []
    for number, answer in enumerate(looks, start=1):
        judged = judge_look(a_release(stored, *metrics), answer, read_past, NOW + number * LOOK)
        assert judged is not None
        found.append(judged)
        stored = [one.wire() for one in judged.metrics]
    return found


def readings(
    count: int, canary: Mapping[str, float | None], **told: Any
) -> list[dict[str, Answer]]:
    return [{**reading(number, canary, **told)} for number in range(1, count + 1)]


def latest(judged: list[Judged]) -> MetricStatus:
    return next(metric for metric in judged[-1].metrics if metric.name == "memory")


def test_a_canary_that_needs_more_memory_is_taken_back_and_the_status_says_by_how_much() -> None:
    judged = judged_after(readings(8, CANARY), MEMORY)
    assert judged[-1].verdict == "Regressed"
    found = latest(judged)
    assert (found.measure, found.unit, found.state) == ("PodMean", "Bytes", "Regressed")
    assert found.canary == pytest.approx(514.333 * MIB, rel=1e-4)
    assert found.stable == pytest.approx(310.45 * MIB, rel=1e-4)
    assert found.ratio == pytest.approx(1.657, abs=0.001)
    low, high = found.ratio_interval.low, found.ratio_interval.high
    assert low is not None
    assert high is not None
    assert 1.25 < low < 1.657 < high < 2.5
    assert (found.canary_pods, found.stable_pods, found.looks) == (3, 10, 8)
    words = r"memory 514 MiB a pod against 310 MiB (x1.66, between x"
    assert found.message.startswith(words)
    assert found.message.endswith("3 pods against 10, more than pods of one version differ")
    assert judged[-1].cause == found.message


def test_a_canary_like_stable_gets_safe() -> None:
    equal = {"c1": 312.0, "c2": 308.0, "c3": 311.0}
    judged = judged_after(readings(40, equal), MEMORY)
    assert (judged[0].verdict, judged[-1].verdict) == ("Inconclusive", "Safe")
    assert latest(judged).state == "Safe"


def test_evidence_goes_on_from_what_was_stored() -> None:
    found = latest(judged_after(readings(5, CANARY), MEMORY))
    evidence = GaugeEvidence.unpack(found.evidence)
    assert (evidence.looks, evidence.question.history.pods) == (5, 10)
    assert (found.looks_at_weight, GaugeEvidence.unpack(found.current).looks) == (5, 5)
    assert len(found.evidence) == 1472
    assert found.until == (NOW + 5 * LOOK).timestamp()


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (None, "advice only: the history has fewer than 5 stable pods"),
        (before(pods=4), "advice only: the history has fewer than 5 stable pods"),
        (before(looks=19), "advice only: the history has fewer than 20 looks"),
    ],
)
def test_with_a_thin_history_it_only_advises(history: GaugePast | None, expected: str) -> None:
    judged = judged_after(readings(8, CANARY), MEMORY, read_past=lambda _: history)
    assert judged[-1].verdict == "Inconclusive"
    assert expected in latest(judged).message
    assert latest(judged).canary == pytest.approx(514.333 * MIB, rel=1e-4)


def test_with_too_few_pods_to_rank_it_only_advises() -> None:
    judged = judged_after(readings(8, {"c1": 900.0}), MEMORY)
    assert judged[-1].verdict == "Inconclusive"
    assert "advice only: 1 pod against 10 can rank in 11 ways" in latest(judged).message


def test_pods_with_other_limits_are_not_compared_and_a_required_metric_says_so() -> None:
    judged = judged_after(readings(3, CANARY, resources='app {"limits":{}}'), MEMORY)
    assert judged[-1].problem is not None
    assert judged[-1].problem.reason == "ResourcesDiffer"
    assert "memory: evidence refused: pods have" in judged[-1].problem.message
    # Nothing was seen yet: the next look covers its time too.
    assert (latest(judged).looks, latest(judged).until) == (0, 0.0)


def test_a_pod_without_a_sample_is_left_out_and_said() -> None:
    found = latest(judged_after(readings(2, {**CANARY, "c4": None}), MEMORY))
    assert (found.looks, found.canary_pods) == (2, 3)
    assert "1 pod of the canary without a sample" in found.message


def test_pods_within_the_plans_warm_up_are_left_out() -> None:
    judged = judged_after(readings(2, CANARY, age=89.0), MEMORY)
    assert judged[-1].problem is not None
    assert judged[-1].problem.reason == "NoComparablePods"
    assert "3 pods of the canary still warming up" in judged[-1].problem.message
    assert judged_after(readings(2, CANARY, age=90.0), MEMORY)[-1].problem is None


def test_a_leak_is_told_as_growth() -> None:
    metric = {**MEMORY, "spec": {"gauge": {**SERIES, "measure": "Growth"}}}
    leaking = [
        dict(reading(n, {pod: 310.0 + 2.0 * n + part for part, pod in enumerate(CANARY)}))
        for n in range(1, 101)
    ]
    judged = judged_after([dict(one) for one in leaking], metric)
    found = latest(judged)
    assert (judged[20].verdict, judged[-1].verdict) == ("Inconclusive", "Regressed")
    assert "memory gains 456 MiB an hour, between" in found.message
    # An interval of the level would say nothing of a leak.
    assert (found.ratio_interval.low, found.ratio_interval.high) == (None, None)


def test_gauges_share_a_fifth_of_false_rollback_beside_bets_and_all_of_it_alone() -> None:
    second = {**MEMORY, "name": "heap"}

    def share(*metrics: dict[str, Any]) -> float:
        both = {"heap": reading(1, CANARY)["memory"], **answers(NOW + LOOK, canary_errors=0.01)}
        look: dict[str, Answer] = {**reading(1, CANARY), **both}
        found = latest(judged_after([look], *metrics))
        return GaugeEvidence.unpack(found.evidence).question.share

    assert share(MEMORY) == pytest.approx(0.01)
    assert share(METRIC, MEMORY) == pytest.approx(0.002)
    assert share(METRIC, MEMORY, second) == pytest.approx(0.001)


def test_requests_that_met_the_canary_are_counted_by_who_counts_requests() -> None:
    look: dict[str, Answer] = {**reading(1, CANARY), **answers(NOW + LOOK, canary_errors=0.04)}
    advising = {**METRIC, "required": False}
    (judged,) = judged_after([look], MEMORY, advising)
    assert (judged.exposure.requests, judged.exposure.bad) == (75, 3)
    look["other"] = answers(NOW + LOOK, canary_errors=0.08)["http-errors"]
    (judged,) = judged_after([look], {**advising, "name": "other"}, METRIC)
    assert judged.exposure.bad == 3
    (alone,) = judged_after([{**reading(1, CANARY)}], MEMORY)
    assert alone.exposure.requests == 0


def test_a_ratio_beyond_any_number_is_left_out() -> None:
    end = (NOW + LOOK).timestamp()
    most, least = (
        PodValue(name, value, 1000.0, "") for name, value in (("c", 1e18), ("s", 5e-324))
    )
    look: dict[str, Answer] = {"memory": GaugeReading(end - 15.0, end, (most,), (least,))}
    found = latest(judged_after([look], MEMORY))
    assert (found.looks, found.canary, found.ratio) == (1, 1e18, None)


NUMBERS = st.one_of(
    st.floats(width=64),
    st.sampled_from([0.0, -1.0, 5e-324, 1e18, 1.7e308, float("inf"), float("nan")]),
)
ARM = st.lists(
    st.tuples(
        st.none() | NUMBERS, st.sampled_from([0.0, 1000.0]), st.sampled_from(["", "app 1Gi"])
    ),
    max_size=4,
)


@settings(deadline=None)
@given_any(
    st.lists(st.tuples(ARM, ARM), min_size=1, max_size=3),
    st.none() | st.lists(st.lists(NUMBERS, min_size=5, max_size=5), min_size=1, max_size=21),
    st.sampled_from(["Level", "Growth"]),
)
def test_whatever_was_read_there_is_a_judgement_that_can_be_stored(
    drawn: list[tuple[Any, Any]], learned: list[list[float]] | None, measure: str
) -> None:
    history = None if learned is None else GaugePast(PODS[:5], np.array(learned), seconds=15.0)
    looks: list[dict[str, Answer]] = []
    for number, arms in enumerate(drawn, start=1):
        end = (NOW + number * LOOK).timestamp()
        canary, stable = (
            tuple(PodValue(f"{name}-{n}", *one) for n, one in enumerate(arm))
            for name, arm in zip(("canary", "stable"), arms, strict=True)
        )
        looks.append({"memory": GaugeReading(end - 15.0, end, canary, stable)})
    metric = {**MEMORY, "spec": {"gauge": {**SERIES, "measure": measure}}}
    judged = judged_after(looks, metric, read_past=lambda _: history)
    assert judged[-1].verdict in {"Regressed", "Safe", "Inconclusive"}
    found = latest(judged)
    assert found.message
    json.dumps(found.wire(), allow_nan=False)
