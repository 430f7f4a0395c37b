"""A basket as it comes in over HTTP: read and checked, so that the rest need not doubt it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from .catalogue import COUPONS, PRODUCTS

MAX_LINES: Final = 100
MAX_QUANTITY: Final = 1000


class InvalidBasketError(Exception):
    """The basket cannot be read; the message tells the caller why."""


@dataclass(frozen=True)
class Basket:
    """How many pieces of which product, and a coupon that exists."""

    quantities: Mapping[str, int]
    coupon: str | None


def from_json(document: Any) -> Basket:
    """Read `{"items": [{"sku": ..., "quantity": 2}, ...], "coupon": ...}`.

    InvalidBasketError: wrong shape, or a product or coupon that does not exist.
    """
    if not isinstance(document, dict) or not isinstance(document.get("items"), list):
        raise InvalidBasketError('expected an object with a list "items"')
    items = []
    for item in document["items"]:
        if not isinstance(item, dict) or not isinstance(item.get("sku"), str):
            raise InvalidBasketError('each item needs a string "sku"')
        quantity = item.get("quantity", 1)
        if not isinstance(quantity, int):
            raise InvalidBasketError(f"quantity of {item['sku']} is not a whole number")
        items.append((item["sku"], quantity))
    return _checked(items, document.get("coupon"))


def from_query(items: str, coupon: str | None) -> Basket:
    """Read `mug:2,pot` and a coupon's code. InvalidBasketError as in `from_json`."""
    pairs = []
    for item in items.split(","):
        sku, _, quantity = item.partition(":")
        try:
            pairs.append((sku, int(quantity or "1")))
        except ValueError as error:
            raise InvalidBasketError(f"quantity of {sku} is not a whole number") from error
    return _checked(pairs, coupon)


def _checked(items: list[tuple[str, int]], coupon: Any) -> Basket:
    if not 1 <= len(items) <= MAX_LINES:
        raise InvalidBasketError(f"a basket has 1 to {MAX_LINES} items")
    if coupon is not None and (not isinstance(coupon, str) or coupon not in COUPONS):
        raise InvalidBasketError(f"no coupon {coupon!r}")
    quantities: dict[str, int] = {}
    for sku, quantity in items:
        if sku not in PRODUCTS:
            raise InvalidBasketError(f"no product {sku!r}")
        quantities[sku] = quantities.get(sku, 0) + quantity
        if quantity < 1 or quantities[sku] > MAX_QUANTITY:
            raise InvalidBasketError(f"quantity of {sku} is not 1 to {MAX_QUANTITY}")
    return Basket(quantities, coupon)
