"""Amounts with their unit, margins on them and ratios of them, for gauges and numbers.

Promises: bounds are rounded outward, so that words never claim more than the numbers.
Leaves out: rates of requests and odds (words.py).
"""

import math
from enum import StrEnum
from typing import NamedTuple

# No value may be larger: the sums of squares stay far inside float64.
MOST_VALUE = 1e18


class Unit(StrEnum):
    """What a value is measured in; it only decides how the value is written."""

    NONE = "none"
    BYTES = "bytes"
    CORES = "cores"
    SECONDS = "seconds"
    SHARE = "share"


class Bounds(NamedTuple):
    """An interval; infinite where nothing bounds it."""

    low: float
    high: float


MOST_RATIO = 1000.0  # larger ratios are not told apart
_BYTES = ("B", "KiB", "MiB", "GiB", "TiB")
_SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def check_margins(**margins: float) -> None:
    """Raise ValueError for a margin under 0 or from 1000 (relative) or MOST_VALUE (absolute) up."""
    for field, value in margins.items():
        most = 1000.0 if field.endswith("relative") else MOST_VALUE
        if not 0.0 <= value < most:
            raise ValueError(f"{field} is {value}; a margin is at least 0 and under {most:g}")


def amount(value: float, unit: Unit) -> str:
    """Return as in "412 MiB", "0.31 cores", "85 %" or "1,230"; a share is between 0 and 1."""
    size = abs(value)
    if unit is Unit.BYTES:
        step = min(len(_BYTES) - 1, int(math.log2(size) // 10)) if size >= 1 else 0
        return f"{_three(value / 1024.0**step)} {_BYTES[step]}"
    if unit is Unit.SECONDS:
        scale, name = next((s for s in _SECONDS if size >= s[0]), _SECONDS[0 if not size else -1])
        return f"{_three(value / scale)} {name}"
    if unit is Unit.SHARE:
        return f"{_three(100.0 * value)} %"
    return f"{_three(value)} cores" if unit is Unit.CORES else _three(value)


def apart(low: float, point: float, high: float) -> str:
    """Return as in "x1.35, between x1.2 and x1.5"; `high` is infinite where nothing bounds it."""
    shown = f"x{point:.2f}" if point < MOST_RATIO else f"over x{MOST_RATIO:.0f}"
    least = math.floor(min(low, MOST_RATIO) * 10) / 10
    at_least = f"x{least:.1f}"
    if high > MOST_RATIO:
        return f"{shown}, at least {at_least}" if least > 0 else shown
    return f"{shown}, between {at_least} and x{math.ceil(high * 10) / 10:.1f}"


def _three(value: float) -> str:
    """Return a number with three digits, and all digits before the point up to a million."""
    if abs(value) >= 1e6:
        return f"{value:.3g}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
