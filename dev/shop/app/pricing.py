"""The price of a basket. Pure: prices in, receipt out.

All amounts are whole cents. Fractions are rounded in the customer's favour, and nothing is ever
priced below zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .catalogue import Coupon


@dataclass(frozen=True)
class Line:
    """Some pieces of one product, at the price of one piece."""

    sku: str
    quantity: int
    cents: int
    three_for_two: bool = False

    @property
    def net(self) -> int:
        """What the line costs; every third piece is free where the product says so."""
        free = self.quantity // 3 if self.three_for_two else 0
        return (self.quantity - free) * self.cents


@dataclass(frozen=True)
class Receipt:
    """What the customer pays, and what the coupon took off."""

    subtotal: int
    discount: int

    @property
    def total(self) -> int:
        """What is left to pay."""
        return self.subtotal - self.discount


def price(lines: Sequence[Line], coupon: Coupon | None) -> Receipt:
    """Add up the lines and take the coupon off."""
    subtotal = sum(line.net for line in lines)
    return Receipt(subtotal, _discount(subtotal, coupon))


def _discount(subtotal: int, coupon: Coupon | None) -> int:
    if coupon is None or subtotal < coupon.minimum:
        return 0
    percent = -(-subtotal * coupon.percent // 100)
    return min(subtotal, percent + coupon.cents)
