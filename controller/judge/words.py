"""Rates, intervals and odds as a person reads them.

Bounds are rounded outward and odds downward, so that words never claim more than the numbers.
"""

import math

from controller.judge.interval import Interval

MOST_RELEASES = 1_000_000
MINUTE, HOUR, DAY = 60, 3600, 86_400  # seconds


def comparison(name: str, canary_rate: float, stable_rate: float, between: Interval) -> str:
    """Return as in "errors 4.9 % against 1.1 % (x4.4, between x2.9 and x6.8)".

    Where stable had no bad request there is no ratio, and the difference stands in its place.
    """
    return f"{name} {percent(canary_rate)} against {percent(stable_rate)} ({_apart(between)})"


def once_in(log_e: float) -> str:
    """Return how rarely chance does what has an e-value of exp(`log_e`), at least 1."""
    if log_e >= math.log(MOST_RELEASES):
        return "less than once in a million releases"
    releases = math.exp(log_e)
    unit = 10.0 ** max(0, math.floor(math.log10(releases)) - 1)
    return f"once in {math.floor(releases / unit) * unit:,.0f} releases"


def percent(share: float) -> str:
    """Return a share as a percentage of two or three digits."""
    return f"{_points(share)} %"


def margin(relative: float, absolute: float) -> str:
    """Return a margin as in "x1.5 + 0.5 points"."""
    return f"x{1.0 + relative:.4g} + {_points(absolute)} points"


def duration(seconds: float) -> str:
    """Return a time as in "45 s", "4 min 30 s", "2 h 5 min" or "3 d", rounded up; or "never"."""
    if seconds == math.inf:
        return "never"
    whole = math.ceil(seconds)
    for size, unit, part, smaller in (
        (DAY, "d", HOUR, "h"),
        (HOUR, "h", MINUTE, "min"),
        (MINUTE, "min", 1, "s"),
    ):
        if whole >= size:
            large, rest = divmod(-(-whole // part), size // part)
            return f"{large} {unit} {rest} {smaller}" if rest else f"{large} {unit}"
    return f"{whole} s"


def breach(slo: float, canary_rate: float, stable_rate: float) -> str:
    """Say which of two rates is over an absolute limit; empty if none is."""
    over = [
        f"{name} has {percent(rate)}"
        for name, rate in (("the canary", canary_rate), ("stable", stable_rate))
        if rate > slo
    ]
    return f"{' and '.join(over)}, over the slo of {percent(slo)}" if over else ""


def _apart(between: Interval) -> str:
    if between.point is None:
        low, high = 100.0 * between.difference_low, 100.0 * between.difference_high
        point = _points(between.difference_point)
        return f"+{point} points, between {_down(low, 2):+g} and {_up(high, 2):+g}"
    low = between.low
    at_least = _ratio(_down(low, _digits(low)))
    if between.high is None:
        return f"{_ratio(between.point)}, at least {at_least}"
    at_most = _ratio(_up(between.high, _digits(between.high)))
    return f"{_ratio(between.point)}, between {at_least} and {at_most}"


def _digits(ratio: float) -> int:
    return 2 if ratio < 1 else 1 if ratio < 10 else 0


def _ratio(value: float) -> str:
    return f"x{value:.{_digits(value)}f}"


def _down(value: float, digits: int) -> float:
    scale = 10.0**digits
    return math.floor(value * scale) / scale


def _up(value: float, digits: int) -> float:
    return -_down(-value, digits)


def _points(share: float) -> str:
    value = 100.0 * share
    if 0.0 < value < 0.001:
        return "under 0.001"
    return f"{value:.2g}" if value < 10 else f"{value:.3g}"
