"""Two routes, one of which cannot be written: the other is, and the error is told."""

import pytest

from controller.kube import kinds
from controller.kube.errors import ApiError, Forbidden, TooManyRequests, Unavailable
from controller.reconcile.routes import write_weight, write_without_canary
from tests.unit.reconcile.shop import ROUTES, Shop

REFUSALS = pytest.mark.parametrize(
    ("status", "error"),
    [(403, Forbidden), (500, Unavailable), (429, TooManyRequests), (400, ApiError)],
)
ONE = pytest.mark.parametrize("refused", [0, 1])


@REFUSALS
@ONE
def test_traffic_is_taken_off_every_route_that_can_be_written(
    shop: Shop, refused: int, status: int, error: type[ApiError]
) -> None:
    shop.api.refuse("PATCH", kinds.HTTP_ROUTE, ROUTES[refused], status)
    before = shop.weights()

    with pytest.raises(error, match=f"patch HTTPRoute shop/{ROUTES[refused]}: "):
        write_without_canary(shop.world(), shop.release())

    weights = shop.weights()
    assert weights[refused] == before[refused] is not None
    assert weights[1 - refused] is None


@REFUSALS
@ONE
def test_a_weight_is_set_on_every_route_that_can_be_written(
    shop: Shop, refused: int, status: int, error: type[ApiError]
) -> None:
    shop.api.refuse("PATCH", kinds.HTTP_ROUTE, ROUTES[refused], status)
    before = shop.weights()

    with pytest.raises(error, match=f"patch HTTPRoute shop/{ROUTES[refused]}: "):
        write_weight(shop.world(), shop.release(), 0)

    weights = shop.weights()
    assert weights[refused] == before[refused] != 0
    assert weights[1 - refused] == 0
