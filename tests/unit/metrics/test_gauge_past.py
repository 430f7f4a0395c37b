"""What a gauge showed of stable before a release, pod by pod and window by window."""

import numpy as np
import pytest

from controller.metrics.arms import Arms
from controller.metrics.evidence import GaugePast, NoEvidence, Reason, Samples, Series
from controller.metrics.gauges import gauge_past
from controller.metrics.metric import Readings, assign, build_query, compile_metric
from tests.unit.metrics.given import T0, a_gauge, a_pod, gauge_series, level, reason

ONE, TWO = "checkout-1", "checkout-2"
NAN = float("nan")


def past(
    *series: Series, ready: float = -1000, seconds: float = 900, now: float = 30
) -> GaugePast | NoEvidence:
    """Read `seconds` before `now`; the second pod got ready at `ready`."""
    arms = Arms("shop", (a_pod(ONE), a_pod(TWO, ready=ready)), (), "checkout", "checkout-canary")
    metric = compile_metric(a_gauge())
    readings = assign(series, metric, build_query(metric, arms, {}), arms)
    assert isinstance(readings, Readings)
    samples = Samples(series, window=seconds + 150, answered_at=T0 + now)
    return gauge_past(samples, readings, arms, seconds=seconds, warm_up=90, now=T0 + now)


def test_the_past_is_the_mean_of_each_pod_in_sixty_windows() -> None:
    rising = [(time, 1000 + time) for time, _ in level(0, start=-900)]
    found = past(gauge_series(ONE, rising), gauge_series(TWO, level(7, start=-900)))
    assert isinstance(found, GaugePast)
    assert (found.pods, found.seconds, found.values.shape) == ((ONE, TWO), 15, (60, 2))
    assert found.values[:, 0].tolist() == [1000 - 860 + 15 * n for n in range(60)]
    assert set(found.values[:, 1]) == {7}


def test_windows_before_stables_first_sample_are_left_out() -> None:
    found = past(
        gauge_series(ONE, level(5, start=-295)), gauge_series(TWO, [(-20, 7), (0, 8), (30, 9)])
    )
    assert isinstance(found, GaugePast)
    assert found.values.shape == (22, 2)
    assert np.count_nonzero(np.isfinite(found.values[:, 0])) == 22
    assert found.values[:, 1][np.isfinite(found.values[:, 1])].tolist() == [7, 8, 9]


def test_what_is_from_a_pods_warm_up_is_left_out() -> None:
    found = past(
        gauge_series(ONE, level(5, start=-900)), gauge_series(TWO, level(7, start=-200)), ready=-200
    )
    assert isinstance(found, GaugePast)
    assert np.isnan(found.values[:, 1]).tolist() == [True] * 50 + [False] * 10


def test_slow_scrapes_make_windows_as_long() -> None:
    minutes = [(time, 5.0) for time in range(-870, 31, 60)]
    found = past(gauge_series(ONE, minutes))
    assert isinstance(found, GaugePast)
    assert (found.seconds, found.values.shape) == (60, (15, 1))
    assert set(found.values[:, 0]) == {5}


@pytest.mark.parametrize(
    ("series", "now", "expected"),
    [
        ([], 30, "NoData"),
        ([gauge_series(ONE, [(25, 1), (30, NAN)])], 30, "NotANumber"),
        ([gauge_series(ONE, level(1))], 200, "PodsNotScraped"),
        ([gauge_series(ONE, [(30, 1)])], 30, "TooEarly"),
        ([gauge_series(TWO, level(1))], 30, "WarmingUp"),
        (
            [gauge_series(ONE, level(1), container=name) for name in "ab"],
            30,
            "SeveralSeries",
        ),
    ],
)
def test_a_past_that_cannot_be_read_says_why(
    series: list[Series], now: float, expected: Reason
) -> None:
    assert reason(past(*series, now=now, ready=0)) == expected
