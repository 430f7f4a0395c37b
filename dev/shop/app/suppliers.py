"""Prices that suppliers set, asked for at the moment of sale.

The suppliers are played by this module, which waits as long as each of them takes: a shop in a
demo has nobody to call. `harbour` never answers, so that a basket with its goods fails in every
version of the shop.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Supplier:
    """A supplier's answer: seconds it takes, and the price; None if there is no answer."""

    seconds: float
    cents: int | None


SUPPLIERS: Final = {
    "moor": Supplier(seconds=0.040, cents=890),
    "bakery": Supplier(seconds=0.040, cents=450),
    "harbour": Supplier(seconds=0.010, cents=None),
}


class SupplierUnavailableError(Exception):
    """The supplier gave no price, so the basket cannot be priced now."""


async def quotes(names: Iterable[str]) -> dict[str, int]:
    """Ask all suppliers at once and return each one's price in cents.

    SupplierUnavailableError: one of them did not answer.
    """
    asked = sorted(set(names))
    return dict(zip(asked, await asyncio.gather(*map(_quote, asked)), strict=True))


async def _quote(name: str) -> int:
    supplier = SUPPLIERS[name]
    await asyncio.sleep(supplier.seconds)
    if supplier.cents is None:
        raise SupplierUnavailableError(f"supplier {name} gave no price")
    return supplier.cents
