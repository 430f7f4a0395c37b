"""What the shop sells, and the coupons it accepts.

Prices are whole cents. Goods with a supplier have no price here: each request asks the supplier.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Product:
    """Something to buy; `cents` is None when `supplier` sets the price."""

    name: str
    cents: int | None = None
    supplier: str | None = None
    three_for_two: bool = False


@dataclass(frozen=True)
class Coupon:
    """Takes `percent` of the goods' price off, then `cents`, from `minimum` cents on."""

    percent: int = 0
    cents: int = 0
    minimum: int = 0


PRODUCTS: Final = {
    "tea-assam": Product("Assam, 250 g", cents=1290),
    "tea-mint": Product("Mint, 100 g", cents=640, three_for_two=True),
    "mug": Product("Mug", cents=1150),
    "pot": Product("Cast iron pot", cents=5900),
    "filter": Product("Paper filters", cents=310, three_for_two=True),
    "sample-assam": Product("Assam, a sample", cents=0),
    "sample-mint": Product("Mint, a sample", cents=0),
    "honey": Product("Heather honey", supplier="moor"),
    "biscuits": Product("Almond biscuits", supplier="bakery"),
    "kettle": Product("Copper kettle", supplier="harbour"),
}

COUPONS: Final = {
    "WELCOME": Coupon(percent=10),
    "FIVE": Coupon(cents=500),
    "AUTUMN": Coupon(percent=15, minimum=5000),
}
