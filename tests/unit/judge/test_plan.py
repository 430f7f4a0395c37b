"""A plan and its metrics become questions, with all that stable's history teaches."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from controller.judge import (
    Classic,
    CountsQuestion,
    GaugeHistory,
    GaugeQuestion,
    HistogramQuestion,
    History,
    NumberQuestion,
    latency_phi,
    learn,
)
from controller.judge.gauge_look import Measure
from controller.judge.history import Gap
from controller.judge.number_blocks import block_looks
from controller.judge.plan import (
    CountsMetric,
    GaugeMetric,
    HistogramMetric,
    Metric,
    NumberMetric,
    Plan,
    PodBuckets,
    PodCounts,
    Pods,
    pod_history,
    questions,
)
from controller.judge.quantities import Unit

PLAN = Plan(false_rollback=0.02, false_promotion=0.1)
MARGINS: dict[str, Any] = {
    "safe_relative": 0.7,
    "safe_absolute": 0.02,
    "fail_relative": 0.1,
    "fail_absolute": 0.01,
}
EVEN = {f"s{i}": PodCounts((float(i % 2), 1.0) * 12, (100.0,) * 24) for i in range(6)}
NOISY = PodCounts((40.0,) * 24, (100.0,) * 24)


def question(metric: Metric, plan: Plan = PLAN, beside: tuple[Metric, ...] = ()) -> object:
    return questions(plan, [metric, *beside])[0]


def test_counts() -> None:
    metric = CountsMetric(
        "errors", slo=0.3, prior_bad=5, prior_total=700, history=EVEN, routed=True, **MARGINS
    )

    expected = CountsQuestion(
        **MARGINS,
        prior_bad=5,
        prior_total=700,
        noise=learn(pod_history(metric), false_rollback=0.02, routed=True),
        slo=0.3,
    )

    assert question(metric) == expected
    assert question(metric, replace(PLAN, pods=Pods.ALIKE)) == replace(expected, alike=True)


def test_a_pod_that_was_far_worse_is_no_baseline() -> None:
    metric = CountsMetric("errors", history=EVEN | {"s9": NOISY})

    assert set(pod_history(metric).names) == set(EVEN)
    assert question(metric) == question(CountsMetric("errors", history=EVEN))


@pytest.mark.parametrize(("routed", "gap"), [(False, Gap.PODS), (True, Gap.NONE)])
def test_without_a_history_counts_decide_only_where_requests_are_routed(
    gap: Gap, *, routed: bool
) -> None:
    found = question(CountsMetric("errors", routed=routed))

    assert isinstance(found, CountsQuestion)
    assert found.noise.gap is gap


def test_histograms() -> None:
    before = Classic.of({"0.1": 900, "0.5": 990, "+Inf": 1000})
    metric = HistogramMetric("latency", phi=1.3, seconds=0.001, history=before, **MARGINS)

    assert question(metric) == HistogramQuestion(
        History.of(before),
        **MARGINS,
        phi=1.3,
        false_rollback=0.02,
        false_promotion=0.1,
        seconds=0.001,
    )
    slower = replace(metric, fail_slower=0.2)
    assert getattr(question(slower), "fail_slower", None) == 0.2


def test_from_histograms_of_pods_it_is_learned_how_requests_cluster() -> None:
    # In each look all slow requests come to one pod of four, ten at a time.
    pods = {
        f"s{pod}": tuple((90.0, 100.0) if look % 4 == pod else (100.0, 100.0) for look in range(24))
        for pod in range(4)
    }
    history = PodBuckets((0.1, math.inf), pods)

    found = question(HistogramMetric("latency", history=history))
    least = question(HistogramMetric("latency", history=history, phi=50.0))

    assert isinstance(found, HistogramQuestion)
    assert isinstance(least, HistogramQuestion)
    assert found.history == History.of(Classic((0.1, math.inf), (9360.0, 9600.0)))
    counts = np.array([pods[name] for name in sorted(pods)]).swapaxes(0, 1)
    assert found.phi == latency_phi(sorted(pods), history.bounds, counts, false_rollback=0.02) > 5.0
    assert least.phi == 50.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -5.0, 1e308])
def test_pods_of_numbers_that_are_no_counts_are_no_history(value: float) -> None:
    pods = {f"s{pod}": ((1.0, value),) * 24 for pod in range(4)} | {"s9": ((value, 2.0),) * 24}

    found = question(HistogramMetric("latency", history=PodBuckets((0.1, math.inf), pods)))

    assert isinstance(found, HistogramQuestion)
    assert found.history == History.of(None)
    assert found.phi >= 1.0


@pytest.mark.parametrize("pods", [{}, {"s0": ()}])
def test_no_pods_are_no_history(pods: dict[str, tuple[tuple[float, ...], ...]]) -> None:
    found = question(HistogramMetric("latency", history=PodBuckets((0.1, math.inf), pods)))

    assert isinstance(found, HistogramQuestion)
    assert found.history == History.of(None)


def test_gauges() -> None:
    rng = np.random.default_rng(1)
    history = {f"s{i}": tuple(rng.normal(100.0, 5.0, 30).tolist()) for i in range(6)}
    metric = GaugeMetric(
        "memory",
        measure=Measure.GROWTH,
        unit=Unit.BYTES,
        follows_load=True,
        warm_up=60.0,
        horizon=3600.0,
        history=history,
        history_seconds=30.0,
        **MARGINS,
    )

    expected = GaugeQuestion(
        GaugeHistory.of(history, 30.0),
        Measure.GROWTH,
        Unit.BYTES,
        **MARGINS,
        follows_load=True,
        warm_up=60.0,
        horizon=3600.0,
        share=0.02,
    )

    assert question(metric) == expected
    # Beside a bet all gauges have a fifth together, by weight.
    beside = (GaugeMetric("cpu", weight=3.0), CountsMetric("errors"))
    assert question(metric, PLAN, beside) == replace(expected, share=0.02 * 0.2 / 4)


def test_a_plan_that_never_takes_back_can_have_gauges() -> None:
    found = question(GaugeMetric("memory"), replace(PLAN, false_rollback=0.0))

    assert isinstance(found, GaugeQuestion)
    assert 0.0 < found.share < 1e-5


def test_numbers() -> None:
    history = tuple(float(i // 8) for i in range(60))
    metric = NumberMetric(
        "orders",
        lower_is_worse=True,
        robust=True,
        insist=True,
        unit=Unit.SECONDS,
        history=history,
        **MARGINS,
    )

    assert block_looks(history) > block_looks(())
    assert question(metric) == NumberQuestion(
        **MARGINS,
        lower_is_worse=True,
        block=block_looks(history),
        robust=True,
        insist=True,
        unit=Unit.SECONDS,
    )


@pytest.mark.parametrize(
    ("metrics", "says"),
    [
        ([CountsMetric("a"), NumberMetric("a")], "metric a comes twice"),
        ([CountsMetric("a", weight=0.0)], "metric a: weight is 0.0; it is above 0"),
        ([CountsMetric("a", slo=2.0)], "metric a: slo is 2.0"),
        ([HistogramMetric("a", phi=0.5)], "metric a: phi is 0.5"),
        ([GaugeMetric("a", horizon=0.0)], "metric a: horizon is 0.0"),
        ([NumberMetric("a", fail_relative=-1.0)], "metric a: fail_relative is -1.0"),
    ],
)
def test_what_makes_no_sense_is_named(metrics: list[Metric], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        questions(PLAN, metrics)


def test_histories_that_are_uneven_are_refused() -> None:
    with pytest.raises(ValueError, match=r"pods of the history have \[1, 2\] numbers"):
        CountsMetric("errors", history={"a": PodCounts((1.0,), (1.0, 2.0))})
    with pytest.raises(ValueError, match=r"pods have \[1, 2\] samples"):
        GaugeMetric("memory", history={"a": (1.0,), "b": (1.0, 2.0)})
    with pytest.raises(ValueError, match=r"pods of the history have \[0, 1\] looks"):
        PodBuckets((1.0,), {"a": ((1.0,),), "b": ()})
    with pytest.raises(ValueError, match="has not 1 counts"):
        PodBuckets((1.0,), {"a": ((1.0, 2.0),)})
