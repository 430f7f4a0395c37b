"""What stable counted before a release, pod by pod and window by window."""

import pytest

from controller.api.metric import ReleaseMetricSpec
from controller.metrics.arms import Arms
from controller.metrics.evidence import NoEvidence, Past, Reason, Samples, Series
from controller.metrics.look import count_past
from controller.metrics.metric import Readings, assign, build_query, compile_metric
from tests.unit.metrics.given import (
    T0,
    a_histogram,
    a_pod,
    a_series,
    a_spec,
    histograms,
    reason,
    steady,
)

STABLE = "checkout-1"
NAN = float("nan")


def past(
    *series: Series, now: float = 30, seconds: float = 100, spec: ReleaseMetricSpec | None = None
) -> Past | NoEvidence:
    arms = Arms("shop", (a_pod(STABLE), a_pod("checkout-2")), (), "checkout", "checkout-canary")
    metric = compile_metric(spec or a_spec())
    readings = assign(series, metric, build_query(metric, arms, {}), arms)
    assert isinstance(readings, Readings)
    samples = Samples(series, window=seconds + 150, answered_at=T0 + now)
    return count_past(samples, readings, arms, seconds=seconds, now=T0 + now)


def test_the_past_is_stables_own_pod_by_pod_and_window_by_window() -> None:
    errors = a_series(STABLE, [(-98, 7), (17, 7), (22, 9), (27, 10)], code="500")
    found = past(
        a_series(STABLE, steady(20, offset=2)), errors, a_series("checkout-2", steady(4, offset=1))
    )
    assert isinstance(found, Past)
    assert (found.pods, found.parts) == (("checkout-1", "checkout-2"), ("bad", "good"))
    # A window is a scrape: 100 s in twenty of 5 s. Those of checkout-2 end at stable's newest, 27.
    assert found.counts.shape == (20, 2, 2)
    assert found.counts[:, 0, 1].tolist() == [100] * 20
    assert found.counts[:, 1, 1].tolist() == [20] * 20
    assert found.counts[:, 0, 0].tolist() == [0] * 18 + [2, 1]


def test_the_past_of_a_histogram_is_counted_bucket_by_bucket() -> None:
    found = past(*histograms(20, STABLE, fast=0.8, slow=1.0), spec=a_histogram())
    assert isinstance(found, Past)
    assert found.parts == ("+Inf", "0.1", "0.5")
    assert found.counts.sum(axis=(0, 1)).tolist() == pytest.approx([2000, 1600, 2000])


def test_the_past_of_many_scrapes_is_sixty_windows() -> None:
    found = past(a_series(STABLE, steady(20, start=-1000)), seconds=900)
    assert isinstance(found, Past)
    assert found.counts.shape == (60, 1, 1)
    assert found.counts.sum() == 20 * 900


@pytest.mark.parametrize(
    ("series", "now", "expected"),
    [
        ([], 30, "NoData"),
        ([a_series(STABLE, steady(0))], 30, "NoTraffic"),
        ([a_series(STABLE, [(25, 1), (30, NAN)])], 30, "NotANumber"),
        ([a_series(STABLE, steady(20))], 200, "PodsNotScraped"),
    ],
)
def test_a_past_that_cannot_be_read_says_why(
    series: list[Series], now: float, expected: Reason
) -> None:
    assert reason(past(*series, now=now)) == expected
