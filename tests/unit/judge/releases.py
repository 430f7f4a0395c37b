"""Releases for tests: hypothesis strategies of plans, metrics of all kinds, and looks at them."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from bench.judge.shapes import DEFAULT
from controller.judge import Arm, CountsLook, GaugeLook, HistogramLook, NumberLook, Pod
from controller.judge.buckets import Classic, Histogram, Native, Span
from controller.judge.gauge_look import Measure
from controller.judge.kinds import Look
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
)
from controller.judge.quantities import Unit
from controller.judge.record import RecordedLook
from tests.unit.judge.histograms import classic, filled, native
from tests.unit.judge.histograms import looks as histogram_looks
from tests.unit.judge.streams import strata

KINDS = ("counts", "histogram", "gauge", "number")
SHARES = (0.01, 0.05, 0.5)
PODS = tuple(f"s{i}" for i in range(6))
ANY_FLOAT = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(-5, 2000).map(float),
    st.sampled_from([0.0, -0.0, 1.0, 1e12, 1e15, 1e16, 1e18, 1e300, 5e-324]),
)
NUMBERS = st.floats(0.0, 1e6)
MAYBE = st.one_of(st.none(), NUMBERS)


class Release(NamedTuple):
    """A plan, its metrics, and looks."""

    plan: Plan
    metrics: tuple[Metric, ...]
    looks: tuple[RecordedLook, ...]


def plans() -> st.SearchStrategy[Plan]:
    return st.builds(
        Plan,
        false_rollback=st.sampled_from([0.0, 0.01, 0.2]),
        false_promotion=st.sampled_from([0.05, 0.3]),
        pods=st.sampled_from(Pods),
        one_look_late=st.booleans(),
    )


@st.composite
def pod_counts(draw: st.DrawFn) -> dict[str, PodCounts]:
    """Draw the history of no, two or six pods; a seed draws the numbers."""
    pods = PODS[: draw(st.sampled_from([0, 2, 6]))]
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    rates = 0.02 * rng.lognormal(0.0, draw(st.sampled_from([0.0, 0.5, 2.0])), len(pods))
    looks = draw(st.sampled_from([5, 24]))
    history = {}
    for name, rate in zip(pods, rates, strict=True):
        total = rng.poisson(100, looks)
        bad = rng.binomial(total, min(1.0, rate))
        history[name] = PodCounts(tuple(map(float, bad)), tuple(map(float, total)))
    return history


def counts_metrics(name: str) -> st.SearchStrategy[CountsMetric]:
    return st.builds(
        CountsMetric,
        name=st.just(name),
        required=st.booleans(),
        weight=st.sampled_from([0.5, 1.0]),
        safe_relative=st.sampled_from([0.0, 0.5]),
        fail_relative=st.sampled_from([0.0, 0.25]),
        slo=st.sampled_from([1.0, 0.2]),
        prior_bad=st.sampled_from([0.0, 20.0]),
        prior_total=st.sampled_from([10.0, 2000.0]),
        history=pod_counts(),
        routed=st.booleans(),
    )


def histograms() -> st.SearchStrategy[Histogram]:
    fine = filled(12).map(lambda buckets: native(buckets, -20))
    return st.one_of(filled(len(DEFAULT) + 1, 3000).map(classic), fine)


def histogram_metrics(name: str) -> st.SearchStrategy[HistogramMetric]:
    return st.builds(
        HistogramMetric,
        name=st.just(name),
        required=st.booleans(),
        fail_relative=st.sampled_from([0.0, 0.25]),
        phi=st.sampled_from([1.0, 4.0]),
        history=st.one_of(st.none(), filled(len(DEFAULT) + 1, 3000).map(classic), pod_buckets()),
    )


def pod_buckets() -> st.SearchStrategy[PodBuckets]:
    """Return the history of six pods over 15 looks, some more clustered than others."""
    look = filled(len(DEFAULT) + 1, 30).map(classic)
    looks = st.lists(look, min_size=3, max_size=3).map(lambda few: [one.counts for one in few] * 5)
    pods = st.fixed_dictionaries(dict.fromkeys(PODS, looks.map(tuple)))
    return pods.map(lambda found: PodBuckets((*DEFAULT, math.inf), found))


@st.composite
def gauge_metrics(draw: st.DrawFn, name: str) -> GaugeMetric:
    looks = draw(st.sampled_from([0, 5, 24]))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    history = {pod: tuple((100.0 + rng.normal(0.0, 5.0, looks)).tolist()) for pod in PODS}
    return GaugeMetric(
        name,
        required=draw(st.booleans()),
        measure=draw(st.sampled_from(Measure)),
        unit=draw(st.sampled_from(Unit)),
        follows_load=draw(st.booleans()),
        history=history if looks else {},
    )


def number_metrics(name: str) -> st.SearchStrategy[NumberMetric]:
    return st.builds(
        NumberMetric,
        name=st.just(name),
        required=st.booleans(),
        insist=st.booleans(),
        robust=st.booleans(),
        history=st.lists(MAYBE, max_size=30).map(tuple),
    )


def metrics_of(kinds: Sequence[str]) -> st.SearchStrategy[tuple[Metric, ...]]:
    """Return one metric for each kind, named by it; a kind may come as "counts" or "counts2"."""
    builds = {
        "counts": counts_metrics,
        "histogram": histogram_metrics,
        "gauge": gauge_metrics,
        "number": number_metrics,
    }
    return st.tuples(*(builds[kind.rstrip("2")](kind) for kind in kinds))


@st.composite
def metrics(draw: st.DrawFn) -> tuple[Metric, ...]:
    most = draw(st.sampled_from([KINDS, (*KINDS, "counts2"), ("counts", "counts2")]))
    return draw(metrics_of(draw(st.lists(st.sampled_from(most), min_size=2, unique=True))))


def pods(name: str, value: st.SearchStrategy[float | None]) -> st.SearchStrategy[tuple[Pod, ...]]:
    one = st.builds(
        Pod,
        name=st.integers(0, 7).map(lambda i: f"{name}{i}"),
        value=value,
        age=st.sampled_from([10.0, 3600.0]),
        resources=st.sampled_from(["", "2Gi"]),
        load=st.one_of(st.none(), NUMBERS),
    )
    return st.lists(one, max_size=6, unique_by=lambda pod: pod.name).map(tuple)


def look_at(metric: Metric, at: float) -> st.SearchStrategy[Look]:
    """Return looks as the real world has them, some of them refused."""
    if isinstance(metric, CountsMetric):
        return strata()
    if isinstance(metric, HistogramMetric):
        return histogram_looks()
    if isinstance(metric, GaugeMetric):
        return st.builds(GaugeLook, st.just(at), pods("c", MAYBE), pods("s", MAYBE))
    return st.builds(NumberLook, MAYBE, MAYBE)


def garbage_at(metric: Metric) -> st.SearchStrategy[Look]:
    """Return looks of any numbers."""
    arms = st.builds(Arm, ANY_FLOAT, ANY_FLOAT)
    values = st.one_of(st.none(), ANY_FLOAT)
    if isinstance(metric, CountsMetric):
        one = st.builds(
            CountsLook,
            arms,
            arms,
            pods=st.dictionaries(st.text(max_size=3), arms, max_size=3),
            stable_pods=st.integers(-1, 3),
            stratum=st.text(max_size=1),
        )
        return st.lists(one, max_size=3).map(tuple)
    if isinstance(metric, HistogramMetric):
        floats = st.lists(ANY_FLOAT, max_size=4).map(tuple)
        spans = st.lists(st.builds(Span, st.integers(-9, 9), st.integers(-1, 4)), max_size=2)
        numbers = st.builds(Classic, st.one_of(floats, st.just((1.0, math.inf))), floats)
        fine = st.builds(Native, st.integers(-9, 9), ANY_FLOAT, ANY_FLOAT, spans.map(tuple), floats)
        arm = st.one_of(numbers, fine, histograms())
        return st.builds(HistogramLook, arm, arm)
    if isinstance(metric, GaugeMetric):
        return st.builds(GaugeLook, ANY_FLOAT, pods("c", values), pods("s", values))
    return st.builds(NumberLook, values, values)


@st.composite
def releases(
    draw: st.DrawFn, *, most: int = 8, garbage: bool = False, kinds: Sequence[str] = ()
) -> Release:
    """Draw a release of `most` looks or down to half as many, at weights that change."""
    found = draw(metrics_of(kinds) if kinds else metrics())
    looks = []
    for number in range(draw(st.integers((most + 1) // 2, most))):
        at = 1e9 + 15.0 * number
        taken = {}
        for metric in found:
            if draw(st.integers(0, 9)):  # now and then a metric has no look
                good = look_at(metric, at)
                taken[metric.name] = draw(st.one_of(garbage_at(metric), good) if garbage else good)
        share = draw(st.one_of(st.sampled_from(SHARES), ANY_FLOAT) if garbage else _shares())
        looks.append(RecordedLook(at, share, taken))
    return Release(draw(plans()), found, tuple(looks))


def _shares() -> st.SearchStrategy[float]:
    return st.sampled_from(SHARES)
