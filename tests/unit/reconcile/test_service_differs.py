"""A release is told which fields of its canary's Service are not what they would be made now."""

from typing import Any

import pytest

from controller.reconcile.release import gather
from tests.unit.reconcile.known import Item, known
from tests.unit.reconcile.shop import SHOP, a_release, canary_service, owner, service

PORTS: dict[str, Any] = {"ports": [{"port": 8000, "protocol": "TCP", "targetPort": 8080}]}
STRANGER = owner("Release", "checkout-1", "uid-1")


@pytest.mark.parametrize(
    ("item", "differs"),
    [
        (canary_service(), ""),
        (canary_service(selector={"app": "nobody"}), "spec.selector"),
        (canary_service(selector={"app": "nobody"}, **PORTS), "spec.selector, spec.ports"),
        (service("checkout", **PORTS), "spec.ports"),
        (service("checkout-canary", STRANGER, **PORTS), ""),
    ],
    ids=["as made", "edited", "edited twice", "the user's was moved", "of another release"],
)
def test_the_fields_that_differ_are_told(item: Item, differs: str) -> None:
    assert gather(known(*SHOP, item), a_release()).service_differs == differs
