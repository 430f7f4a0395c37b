"""A gauge of each pod over one window, or why there is none."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.metrics.arms import Arms, PodRef
from controller.metrics.evidence import GaugeReading, NoEvidence, Reason, Samples, Series
from controller.metrics.gauges import take_gauge
from controller.metrics.look import Bounds
from controller.metrics.metric import Readings, assign, build_query, compile_metric
from tests.unit.metrics.given import (
    T0,
    Point,
    a_gauge,
    a_pod,
    gauge_series,
    level,
    reason,
    some_arms,
)

CANARY, STABLE = "checkout-canary-1", "checkout-1"
NAN, INF = float("nan"), float("inf")


def gauge_at(
    *series: Series,
    arms: Arms | None = None,
    since: float = 0,
    changed: float = -10_000,
    warm_up: float = 0,
    now: float = 30,
) -> GaugeReading | NoEvidence:
    """Take a look at these series; all times in seconds after T0."""
    arms = arms or some_arms()
    metric = compile_metric(a_gauge())
    readings = assign(series, metric, build_query(metric, arms, {}), arms)
    assert isinstance(readings, Readings)
    samples = Samples(series, window=now - since + 150, answered_at=T0 + now)
    return take_gauge(samples, readings, arms, Bounds(T0 + since, T0 + changed, warm_up, T0 + now))


def values(found: GaugeReading | NoEvidence) -> dict[str, float | None]:
    assert isinstance(found, GaugeReading), found
    return {pod.name: pod.value for pod in (*found.canary, *found.stable)}


def test_a_pods_value_is_the_mean_of_its_samples_since_the_last_look() -> None:
    canary = gauge_series(CANARY, [(-5, 900), (0, 900), (5, 100), (15, 200), (25, 300), (30, 900)])
    found = gauge_at(canary, gauge_series(STABLE, level(50, end=25)))
    assert values(found) == {CANARY: 200, STABLE: 50}
    assert isinstance(found, GaugeReading)
    # It ends at the older of both arms' newest samples, and the next look begins there.
    assert (found.start, found.end) == (T0, T0 + 25)


def test_a_pod_in_its_warm_up_has_no_value_and_one_past_it_only_later_ones() -> None:
    pods = [a_pod("c1", ready=-50), a_pod("c2", ready=12), a_pod("c3", ready=25)]
    silent = [a_pod("c4"), a_pod("c5", ready=None)]
    arms = some_arms(canary=[a_pod("c0"), *pods, *silent])
    rising = [(time, 100 + time) for time, _ in level(0)]
    series = [gauge_series(pod.name, rising) for pod in arms.canary if pod.name != "c4"]
    found = gauge_at(*series, gauge_series(STABLE, level(50)), arms=arms, warm_up=10)
    read = {"c0": 117.5, "c1": 117.5, "c2": 127.5, STABLE: 50}
    assert values(found) == read | dict.fromkeys(("c3", "c4", "c5"))
    assert isinstance(found, GaugeReading)
    assert [pod.age for pod in found.canary] == [1030, 80, 18, 5, 1030, 0]


def test_what_was_before_the_weight_changed_is_not_read() -> None:
    canary = gauge_series(CANARY, [*level(900, end=10), *level(100, start=15)])
    found = gauge_at(canary, gauge_series(STABLE, level(50)), changed=12)
    assert values(found)[CANARY] == 100
    assert isinstance(found, GaugeReading)
    assert found.start == T0 + 12


def test_resources_go_with_the_pod() -> None:
    arms = some_arms(canary=[PodRef(CANARY, T0 - 100, T0 - 100, "app 1Gi")])
    found = gauge_at(*both(), arms=arms)
    assert isinstance(found, GaugeReading)
    assert (found.canary[0].resources, found.stable[0].resources) == ("app 1Gi", "")


def both(
    canary: Sequence[Point] | None = None, stable: Sequence[Point] | None = None
) -> list[Series]:
    return [
        gauge_series(CANARY, level(100) if canary is None else canary),
        gauge_series(STABLE, level(50) if stable is None else stable),
    ]


def test_a_pod_that_is_scraped_twice_is_one_gauge() -> None:
    copy = gauge_series(CANARY, level(100, end=25), job="monitor", instance="again")
    assert values(gauge_at(*both(), copy)) == {CANARY: 100, STABLE: 50}
    # Whichever was scraped last is read.
    ended = gauge_series(CANARY, level(900, end=-40), job="monitor", instance="again")
    assert values(gauge_at(*both(), ended)) == {CANARY: 100, STABLE: 50}


def test_a_container_that_was_started_anew_goes_on_in_another_series() -> None:
    before = gauge_series(CANARY, level(40, end=10), id="/a")
    # The old one is often reported for a scrape beside the new one.
    after = gauge_series(CANARY, level(80, start=10), id="/b")
    found = values(gauge_at(before, after, both()[1]))
    assert found == {CANARY: pytest.approx((40 + 5 * 80) / 6), STABLE: 50}


def test_two_series_of_a_pod_at_a_time_are_refused_by_name() -> None:
    one = gauge_series(CANARY, level(40), container="app")
    other = gauge_series(CANARY, level(80), container="proxy")
    found = gauge_at(one, other, both()[1])
    assert isinstance(found, NoEvidence)
    assert found.reason == "SeveralSeries"
    assert f"pod {CANARY} has more than one series" in found.message
    assert 'container="app"' in found.message
    assert 'container="proxy"' in found.message


def test_a_sample_that_is_no_value_is_passed_over_once_a_better_one_is_there() -> None:
    odd = [(-10, 100), (5, NAN), (10, INF), (15, -1), (20, 100), (25, 200), (30, 300)]
    assert values(gauge_at(*both(canary=odd))) == {CANARY: 200, STABLE: 50}


YOUNG = some_arms(canary=[a_pod(CANARY, ready=25)])
THREE = some_arms(stable=[a_pod(STABLE), a_pod("checkout-2"), a_pod("checkout-3")])


@pytest.mark.parametrize(
    ("series", "arms", "now", "expected"),
    [
        (both()[1:], None, 30, "NoData"),
        (both()[1:], YOUNG, 30, "TooEarly"),
        (both()[:1], None, 30, "NoData"),
        ([], None, 30, "NoData"),
        (both(canary=[(25, 1), (30, NAN)]), None, 30, "NotANumber"),
        (both(stable=[(25, 1), (30, INF)]), None, 30, "NotANumber"),
        (both(canary=[(25, 1), (30, -1)]), None, 30, "NotANumber"),
        (both(canary=[(25, NAN), (30, NAN)]), None, 30, "NotANumber"),
        (both(), None, 200, "PodsNotScraped"),
        (both(), THREE, 30, "PodsNotScraped"),
        (both(canary=level(1, end=0)), None, 30, "PodsNotScraped"),
        (both(), None, -60, "ClocksDiffer"),
        (both(canary=[(30, 1)], stable=[(30, 1)]), None, 30, "TooEarly"),
        (both(canary=level(1, end=3), stable=level(1, end=3)), None, 5, "TooEarly"),
    ],
)
def test_without_a_look_it_is_said_why(
    series: list[Series], arms: Arms | None, now: float, expected: Reason
) -> None:
    assert reason(gauge_at(*series, arms=arms, now=now)) == expected


NUMBERS = st.one_of(
    st.floats(width=64), st.sampled_from([NAN, INF, -INF, 0.0, -1.0, 1.7e308, 5e-324])
)
POINTS = st.lists(
    st.tuples(st.integers(-200, 60).map(float), NUMBERS),
    min_size=1,
    max_size=12,
    unique_by=lambda point: point[0],
).map(sorted)
PODS = st.sampled_from([CANARY, STABLE, "checkout-2"])


@given(
    st.lists(
        st.tuples(PODS, POINTS, st.sampled_from(["pods", "monitor"]), st.sampled_from(["a", "b"])),
        max_size=6,
    ),
    st.sampled_from([None, -1000.0, 10.0, 29.0]),
    st.integers(-100, 40),
    st.integers(-100, 40),
)
def test_whatever_the_samples_are_there_is_a_look_or_a_reason(
    drawn: list[tuple[str, list[Point], str, str]], ready: float | None, since: int, changed: int
) -> None:
    series = [
        gauge_series(pod, points, job=job, container=container)
        for pod, points, job, container in drawn
    ]
    arms = some_arms(
        canary=[a_pod(CANARY, ready=ready)], stable=[a_pod(STABLE), a_pod("checkout-2")]
    )
    found = gauge_at(*series, arms=arms, since=since, changed=changed, warm_up=10)
    if isinstance(found, NoEvidence):
        assert found.message
        return
    for pod in (*found.canary, *found.stable):
        told = [
            value
            for one in series
            for time, value in zip(one.times, one.values, strict=True)
            if one.labels["pod"] == pod.name and found.start < time <= found.end
        ]
        numbers = [value for value in told if 0 <= value < math.inf]
        if pod.value is not None and math.isfinite(sum(numbers)):
            assert min(numbers) * (1 - 1e-9) <= pod.value <= max(numbers) * (1 + 1e-9) + 1e-300
