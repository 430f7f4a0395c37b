"""Forecasts as numbers and as a table."""

import math

import pytest

from controller.judge import Forecast, Regression, forecast_table
from controller.judge.forecast import WIDTH, mean_and_p90
from controller.judge.words import duration

FOUND = Forecast(
    regression=Regression("errors", bad=0.05),
    stable=0.01,
    within=1800.0,
    runs=4,
    found=(15.0, 30.0, 75.0),
    passed=(3700.0,),
    hurt=(1.0, 2.0, 3.0, 10.0),
)
GOOD = Forecast(Regression(), 0.01, 1800.0, 4, (), (600.0,) * 4, (0.0,) * 4)
SLOW = Forecast(Regression("x" * 60, slower=1.5), 0.01, 1800.0, 1000, (), (), (1e6,) * 4)


def test_shares_by_time() -> None:
    assert (FOUND.share_found, FOUND.share_passed) == (0.75, 0.25)
    assert [FOUND.found_by(at) for at in (14.0, 15.0, 74.0, 75.0)] == [0.0, 0.25, 0.5, 0.75]


def test_of_nothing_there_is_no_mean() -> None:
    assert all(map(math.isnan, mean_and_p90(())))
    assert mean_and_p90(FOUND.hurt) == pytest.approx((4.0, 7.9))


def test_the_table() -> None:
    assert forecast_table([FOUND, GOOD]).splitlines() == [
        "                               rolled back after  requests hurt promoted after",
        "canary                       share   mean    p90    mean    p90   share   mean",
        "errors 1 % -> 5 %             75 %    40s   1m06       4      8    25 %   1h02",
        "as good as stable              0 %      -      -       0      0   100 %  10m00",
        "The rest of the releases had no verdict 30 min after a step began.",
    ]


def test_the_table_fits_a_terminal() -> None:
    lines = forecast_table([FOUND, SLOW, GOOD]).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert "xxx…" in lines[3]


def test_of_nothing_there_is_no_table() -> None:
    assert forecast_table([]) == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (59.0, "59 s"),
        (60.0, "1 min"),
        (239.1, "4 min"),
        (271.0, "4 min 31 s"),
        (3985.0, "1 h 7 min"),
        (7200.0, "2 h"),
        (90_001.0, "1 d 2 h"),
        (math.inf, "never"),
    ],
)
def test_durations_are_rounded_up(seconds: float, words: str) -> None:
    assert duration(seconds) == words
