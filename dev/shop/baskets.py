"""The baskets that a load sends to the shop: which kinds, and how many of each. Pure.

All are baskets that a good version answers with 200, but for `flaky`: its supplier never answers,
so it fails in every version. That is the error rate which a shop has on a good day.
"""

import json
import random
from dataclasses import dataclass
from typing import Final

from dev.errors import DevError

FLAKY: Final = "flaky"
_ITEMS: Final = {
    "plain": ("FIVE", {"mug": 2, "filter": 3}),
    # v2 divides the coupon by what samples cost.
    "samples": ("WELCOME", {"sample-assam": 1, "sample-mint": 1}),
    # v4 asks these suppliers one after the other.
    "suppliers": (None, {"honey": 1, "biscuits": 2}),
    FLAKY: (None, {"kettle": 1}),
}


@dataclass(frozen=True)
class Basket:
    """One request's body, and what kind of basket it is."""

    kind: str
    body: bytes


@dataclass(frozen=True)
class Mix:
    """The shares of baskets that are not plain, each 0 to 1. DevError: more than all."""

    samples: float = 0.05
    suppliers: float = 0.10
    flaky: float = 0.0

    def __post_init__(self) -> None:
        shares = (self.samples, self.suppliers, self.flaky)
        if min(shares) < 0 or sum(shares) > 1:
            raise DevError(f"shares of baskets {shares}: each from 0, and together at most 1")


def draw(mix: Mix, chance: random.Random) -> Basket:
    """Return the next basket; kinds follow each other as independently as customers do."""
    at = chance.random()
    for kind, share in ((FLAKY, mix.flaky), ("samples", mix.samples), ("suppliers", mix.suppliers)):
        if at < share:
            return _BASKETS[kind]
        at -= share
    return _BASKETS["plain"]


def _basket(kind: str) -> Basket:
    coupon, items = _ITEMS[kind]
    lines = [{"sku": sku, "quantity": quantity} for sku, quantity in items.items()]
    return Basket(kind, json.dumps({"items": lines, "coupon": coupon}).encode())


_BASKETS: Final = {kind: _basket(kind) for kind in _ITEMS}
