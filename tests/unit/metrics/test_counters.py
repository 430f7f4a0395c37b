"""Running totals: resets, dips, new series, pods scraped twice, and what a window counts."""

import pytest

from controller.metrics.counters import (
    Counter,
    measured_scrape_interval,
    once,
    read_counters,
    rising,
    scrape_times,
)
from controller.metrics.evidence import Series
from controller.metrics.metric import GOOD, Reading
from tests.unit.metrics.given import T0, Point, a_pod, a_series, steady


@pytest.mark.parametrize(
    ("values", "started_at", "expected"),
    [
        ([5, 7, 7, 12], None, [0, 2, 2, 7]),
        ([1000, 3, 10], None, [0, 3, 10]),  # a reset: the new value was counted since
        ([1000, 499, 500], None, [0, 499, 500]),  # under half
        ([1000, 990, 1000, 1010], None, [0, 0, 0, 10]),  # a dip waits
        ([1000, 500, 600], None, [0, 0, 0]),  # half is not under half
        ([1000, 990, 20, 30], None, [0, 0, 20, 30]),  # a reset after a dip
        ([1000, 990, 1000, 300], None, [0, 0, 0, 300]),
        ([10, 8, 9], 7.0, [0, 8, 9]),  # its process was started between the two
        ([10, 8, 9], 12.5, [0, 0, 0]),  # not then
        ([10, 12, 15], 7.0, [0, 2, 5]),  # a rise never is a reset
        ([3.5, 4.25], None, [0, 0.75]),
        ([0], None, [0]),
    ],
)
def test_resets_and_dips(
    values: list[float], started_at: float | None, expected: list[float]
) -> None:
    times = [5.0 * i for i in range(len(values))]
    assert list(rising(times, values, started_at)) == expected


def counter(points: list[Point]) -> Counter:
    times, values = zip(*points, strict=True)
    return Counter("p", GOOD, (), frozenset(), (), times, rising(times, values, None))


RISING = [(0.0, 100.0), (5.0, 110.0), (10.0, 130.0), (15.0, 160.0)]


@pytest.mark.parametrize(
    ("since", "end", "floor", "expected"),
    [
        (5, 15, 0, 50),
        (7, 15, 0, 50),  # the sample at 5 is the last at or before 7
        (7, 14, 0, 20),
        (5, 9, 0, 0),  # no sample in between
        (15, 20, 0, 0),
        (-10, 15, -20, 60),  # nothing before the first sample is known
        (0, 15, 5, 50),  # judged from 5 on
        (0, 15, 6, 30),  # the scrape from 5 to 10 has the floor inside
        (12, 15, 6, 30),  # the next look goes on where this one ends
        (0, 15, 16, 0),
        (0, 20, 15, 0),
    ],
)
def test_a_window_counts_from_sample_to_sample(
    since: float, end: float, floor: float, expected: float
) -> None:
    assert counter(RISING).between(since, end, floor) == expected


@pytest.mark.parametrize(
    ("since", "end", "floor", "expected"),
    [(5, 15, 0, True), (5, 9, 0, False), (0, 15, 16, False), (0, 14, 6, False), (0, 15, 6, True)],
)
def test_a_window_with_one_sample_says_nothing(
    since: float, end: float, floor: float, *, expected: bool
) -> None:
    assert counter(RISING).spans(since, end, floor) is expected


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([[(0, 1), (5, 2), (10, 3)]], 5),
        ([[(0, 1), (5, 2), (20, 3), (25, 4)]], 5),  # two scrapes failed
        ([[(0, 1), (30, 2), (60, 3)], [(1, 1)]], 30),
        ([[(0, 1)]], 0),
        ([], 0),
    ],
)
def test_the_scrape_interval_is_measured(points: list[list[Point]], expected: float) -> None:
    assert measured_scrape_interval(a_series("p", each) for each in points) == expected


def totals(
    *series: Series, ready: float | None = -1000, started: float = -1000, range_start: float = -150
) -> dict[str, list[Point]]:
    """Return the running totals of one pod by code, times in seconds after T0."""
    pods = {"p": a_pod("p", ready=ready, started=started)}
    readings = [Reading("p", GOOD, one) for one in series]
    return {
        dict(found.identity)["code"]: [
            (time - T0, total) for time, total in zip(found.times, found.totals, strict=True)
        ]
        for found in read_counters(
            readings, pods, scrapes=scrape_times(readings), range_start=T0 + range_start
        )
    }


def test_an_old_pods_first_sample_is_the_origin() -> None:
    assert totals(a_series("p", [(10, 500), (15, 510)])) == {"200": [(10, 0), (15, 10)]}


def test_an_error_series_that_appears_later_was_zero_at_the_scrape_before() -> None:
    found = totals(
        a_series("p", [(0, 500), (5, 510), (10, 520)]),
        a_series("p", [(10, 4)], code="500"),
    )
    assert found["500"] == [(5, 0), (10, 4)]


def test_a_series_of_another_target_tells_nothing() -> None:
    found = totals(
        a_series("p", [(0, 500), (5, 510), (10, 520)]),
        a_series("p", [(10, 4), (15, 6)], code="500", instance="p:9090"),
    )
    assert found["500"] == [(10, 0), (15, 2)]


def test_a_pod_born_in_the_range_counts_from_zero() -> None:
    series = a_series("p", [(10, 40), (15, 50)])
    assert totals(series, started=2, ready=6)["200"] == [(6, 0), (10, 40), (15, 50)]
    assert totals(series, started=2, ready=None)["200"] == [(2, 0), (10, 40), (15, 50)]
    assert totals(series, started=2, ready=12)["200"] == [(2, 0), (10, 40), (15, 50)]


def test_a_pod_born_before_the_range_does_not() -> None:
    series = a_series("p", [(10, 40), (15, 50)])
    assert totals(series, started=-151, ready=6)["200"] == [(10, 0), (15, 10)]


def test_samples_that_are_no_numbers_are_passed_over() -> None:
    nan, infinite = float("nan"), float("inf")
    found = totals(a_series("p", [(0, 10), (5, nan), (10, 14), (15, infinite), (20, -1), (25, 20)]))
    assert found == {"200": [(0, 0), (10, 4), (25, 10)]}
    assert totals(a_series("p", [(0, nan)])) == {}


def test_a_series_that_began_with_no_number_was_not_zero_before() -> None:
    found = totals(
        a_series("p", [(0, 500), (5, 510), (10, 520)]),
        a_series("p", [(5, float("nan")), (10, 4000)], code="500"),
    )
    assert found["500"] == [(10, 0)]


def kept(*series: Series, pod: str = "p", fresh_since: float = 15) -> list[tuple[str, str]]:
    """Return job and instance of the series that are read."""
    readings = [Reading(pod, GOOD, one) for one in series]
    counters = read_counters(readings, {}, scrapes=scrape_times(readings), range_start=T0 - 150)
    found = once(counters, fresh_since=T0 + fresh_since)
    return [(c.target[2], c.target[3]) for c in found]


def test_a_pod_scraped_by_two_jobs_is_read_once() -> None:
    one = a_series("p", steady(10), job="a")
    two = a_series("p", steady(10, offset=2), job="b")
    assert kept(two, one) == [("a", "p:8080")]


def test_copies_share_all_series_or_none() -> None:
    good = [a_series("p", steady(10, offset=i), job=job) for i, job in enumerate("ab")]
    only_b_saw_it = a_series("p", [(26, 1)], code="500", job="b")
    assert kept(*good, only_b_saw_it) == [("a", "p:8080")]


def test_a_copy_that_counts_less_or_has_ended_is_not_the_one() -> None:
    frozen = a_series("p", steady(0), job="a")
    ended = a_series("p", steady(10, end=10), job="b")
    whole = a_series("p", steady(10), job="c")
    assert kept(frozen, whole) == [("c", "p:8080")]
    assert kept(ended, whole) == [("c", "p:8080")]
    assert kept(frozen, ended, fresh_since=40) == [("b", "p:8080")]


def test_containers_and_own_labels_are_not_copies() -> None:
    containers = [a_series("p", steady(10), container=c, instance=f"p:{c}") for c in ("a", "b")]
    assert len(kept(*containers)) == 2
    workers = [a_series("p", steady(10), worker=w, instance=f"p:{w}") for w in ("1", "2")]
    assert len(kept(*workers)) == 2


def test_a_service_monitor_and_a_pod_monitor_are_copies() -> None:
    monitored = a_series("p", steady(10), service="checkout", job="checkout", endpoint="http")
    scraped = a_series("p", steady(9), job="pods", endpoint="web")
    assert kept(monitored, scraped) == [("checkout", "p:8080")]


def test_an_own_label_service_with_several_values_is_not_a_targets() -> None:
    called = [a_series("p", steady(10), service=name) for name in ("payments", "stock")]
    again = [a_series("p", steady(9), service=name, job="z") for name in ("payments", "stock")]
    assert kept(*called) == [("pods", "p:8080"), ("pods", "p:8080")]
    assert kept(*called, *again) == [("pods", "p:8080"), ("pods", "p:8080")]


def test_two_gateways_are_no_copies_but_two_jobs_on_one_are() -> None:
    gateways = [a_series("", steady(10), instance=f"gw{i}") for i in (1, 2)]
    again = a_series("", steady(9), instance="gw1", job="z")
    assert kept(*gateways, pod="") == [("pods", "gw1"), ("pods", "gw2")]
    assert kept(*gateways, again, pod="") == [("pods", "gw1"), ("pods", "gw2")]
