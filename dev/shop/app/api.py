"""The HTTP interface: prices for baskets, and what Kubernetes asks.

POST /price    {"items": [{"sku": "mug", "quantity": 2}], "coupon": "FIVE"}
GET  /price    ?items=mug:2,pot&coupon=FIVE
GET  /healthz  200 while the process works
GET  /readyz   200 while new requests are welcome, else 503
"""

import json
import logging

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Lifespan

from .basket import Basket, InvalidBasketError, from_json, from_query
from .catalogue import COUPONS, PRODUCTS
from .lifecycle import Lifecycle
from .pricing import Line, Receipt, price
from .suppliers import SupplierUnavailableError, quotes

_log = logging.getLogger(__name__)


def application(lifecycle: Lifecycle, lifespan: Lifespan[Starlette] | None = None) -> Starlette:
    """Return the service; readiness is the lifecycle's."""

    async def readyz(_: Request) -> Response:
        return PlainTextResponse(lifecycle.state, 200 if lifecycle.ready else 503)

    return Starlette(
        routes=[
            Route("/price", price_basket, methods=["GET", "POST"]),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
        ],
        exception_handlers={
            InvalidBasketError: refused,
            SupplierUnavailableError: unavailable,
        },
        lifespan=lifespan,
    )


async def price_basket(request: Request) -> Response:
    """Answer with the receipt of the basket in the request."""
    receipt = await _receipt(await _basket(request))
    return JSONResponse(
        {"subtotal": receipt.subtotal, "discount": receipt.discount, "total": receipt.total}
    )


async def healthz(_: Request) -> Response:
    """Answer; that is all there is to prove."""
    return PlainTextResponse("ok")


async def refused(_: Request, error: Exception) -> Response:
    """Tell the caller what is wrong with the basket."""
    return JSONResponse({"error": str(error)}, 400)


async def unavailable(_: Request, error: Exception) -> Response:
    """Tell the caller, and ourselves, that somebody we depend on does not answer."""
    _log.warning("%s", error)
    return JSONResponse({"error": str(error)}, 503)


async def _basket(request: Request) -> Basket:
    if request.method != "POST":
        return from_query(request.query_params.get("items", ""), request.query_params.get("coupon"))
    try:
        return from_json(json.loads(await request.body()))
    except ValueError as error:
        raise InvalidBasketError("the body is not JSON") from error


async def _receipt(basket: Basket) -> Receipt:
    products = {sku: PRODUCTS[sku] for sku in basket.quantities}
    quoted = await quotes(p.supplier for p in products.values() if p.supplier)
    lines = []
    for sku, quantity in basket.quantities.items():
        product = products[sku]
        cents = quoted[product.supplier] if product.supplier else product.cents
        lines.append(Line(sku, quantity, cents or 0, product.three_for_two))
    return price(lines, COUPONS[basket.coupon] if basket.coupon else None)
