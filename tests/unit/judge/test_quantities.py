"""Amounts and ratios as a person reads them."""

import math

import pytest

from controller.judge.quantities import Unit, amount, apart


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (412 * 2.0**20, Unit.BYTES, "412 MiB"),
        (1.5 * 2.0**30, Unit.BYTES, "1.5 GiB"),
        (0.0, Unit.BYTES, "0 B"),
        (-3.0 * 2.0**10, Unit.BYTES, "-3 KiB"),
        (2.0**60, Unit.BYTES, "1.05e+06 TiB"),
        (0.3125, Unit.CORES, "0.312 cores"),
        (0.853, Unit.SHARE, "85.3 %"),
        (0.412, Unit.SECONDS, "412 ms"),
        (2.5, Unit.SECONDS, "2.5 s"),
        (0.0, Unit.SECONDS, "0 s"),
        (3e-9, Unit.SECONDS, "0.003 µs"),
        (1234.4, Unit.NONE, "1,234"),
        (7.0, Unit.NONE, "7"),
        (1.25e7, Unit.NONE, "1.25e+07"),
    ],
)
def test_amounts(value: float, unit: Unit, said: str) -> None:
    assert said == amount(value, unit)


@pytest.mark.parametrize(
    ("low", "point", "high", "said"),
    [
        (1.29, 1.351, 1.41, "x1.35, between x1.2 and x1.5"),
        (1.29, 1.351, math.inf, "x1.35, at least x1.2"),
        (0.0, 1.351, math.inf, "x1.35"),
        (0.04, 0.5, 2.0, "x0.50, between x0.0 and x2.0"),
        (5000.0, math.inf, math.inf, "over x1000, at least x1000.0"),
    ],
)
def test_ratios_are_rounded_outward(low: float, point: float, high: float, said: str) -> None:
    assert said == apart(low, point, high)
