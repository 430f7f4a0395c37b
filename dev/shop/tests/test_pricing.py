"""What a basket costs."""

import pytest

from app.catalogue import Coupon
from app.pricing import Line, Receipt, price

MUGS = Line("mug", 2, cents=1150)
FILTERS = Line("filter", 7, cents=310, three_for_two=True)


def test_lines_add_up() -> None:
    assert price([MUGS, Line("pot", 1, cents=5900)], None) == Receipt(subtotal=8200, discount=0)


def test_every_third_piece_is_free_where_the_product_says_so() -> None:
    assert price([FILTERS], None).total == 5 * 310


@pytest.mark.parametrize(
    ("coupon", "discount"),
    [
        (Coupon(percent=10), 230),
        (Coupon(cents=500), 500),
        (Coupon(percent=10, cents=500), 730),
        (Coupon(percent=10, minimum=2300), 230),
        (Coupon(percent=10, minimum=2301), 0),
    ],
)
def test_a_coupon_takes_its_discount_off(coupon: Coupon, discount: int) -> None:
    assert price([MUGS], coupon) == Receipt(subtotal=2300, discount=discount)


def test_fractions_of_a_cent_are_the_customers() -> None:
    assert price([Line("pin", 1, cents=101)], Coupon(percent=10)).discount == 11


def test_a_coupon_worth_more_than_the_goods_makes_them_free() -> None:
    assert price([Line("pin", 1, cents=101)], Coupon(cents=500)).total == 0
