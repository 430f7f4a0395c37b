"""Which baskets are read, and what is said about the others."""

from typing import Any

import pytest

from app.basket import Basket, InvalidBasketError, from_json, from_query


def test_json_and_query_say_the_same() -> None:
    document = {"items": [{"sku": "mug", "quantity": 2}, {"sku": "pot"}], "coupon": "FIVE"}
    expected = Basket({"mug": 2, "pot": 1}, "FIVE")
    assert from_json(document) == expected
    assert from_query("mug:2,pot", "FIVE") == expected


def test_the_same_product_twice_adds_up() -> None:
    assert from_query("mug:2,mug", None) == Basket({"mug": 3}, None)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], 'expected an object with a list "items"'),
        ({"items": []}, "a basket has 1 to 100 items"),
        ({"items": [{"quantity": 1}]}, 'each item needs a string "sku"'),
        ({"items": [{"sku": "mug", "quantity": 1.5}]}, "quantity of mug is not a whole number"),
        ({"items": [{"sku": "mug", "quantity": 0}]}, "quantity of mug is not 1 to 1000"),
        ({"items": [{"sku": "mug", "quantity": 1000}, {"sku": "mug"}]}, "not 1 to 1000"),
        ({"items": [{"sku": "cup"}]}, "no product 'cup'"),
        ({"items": [{"sku": "mug"}], "coupon": "SIX"}, "no coupon 'SIX'"),
        ({"items": [{"sku": "mug"}], "coupon": ["FIVE"]}, "no coupon"),
    ],
)
def test_a_basket_that_makes_no_sense_is_refused(document: Any, message: str) -> None:
    with pytest.raises(InvalidBasketError, match=message):
        from_json(document)


def test_a_query_with_half_a_mug_is_refused() -> None:
    with pytest.raises(InvalidBasketError, match="quantity of mug is not a whole number"):
        from_query("mug:half", None)
