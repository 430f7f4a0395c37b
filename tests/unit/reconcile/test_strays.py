"""Which Services select the canary's pods, from what the caches hold."""

from typing import Any

import pytest

from controller.api.names import RELEASE_LABEL
from controller.kube import kinds
from controller.reconcile.release import gather
from tests.unit.reconcile import shop
from tests.unit.reconcile.known import Item, known

ALL = {"app": "checkout"}
STABLE = {"app": "checkout", "track": "stable"}


def service(name: str, selector: dict[str, str], **metadata: Any) -> Item:
    made = {**shop.meta(name, **metadata), "spec": {"selector": selector}}
    return kinds.SERVICE, made


@pytest.mark.parametrize(
    ("other", "reason", "words"),
    [
        (service("checkout", STABLE), None, ""),
        (
            service("checkout", ALL),
            "TrackLabelNotSelected",
            (
                "Service checkout: spec.selector (app=checkout) selects canary pods too, so its "
                "users meet the canary whatever its weight is; add track=stable to it"
            ),
        ),
        (service("metrics", ALL), "CanaryBehindOtherService", "Service metrics: spec.selector"),
        (service("metrics", STABLE), None, ""),
        (service("external", {}), None, ""),
        (service("metrics", ALL, namespace="another"), None, ""),
        (service("checkout-canary", ALL, labels={RELEASE_LABEL: "checkout-2"}), None, ""),
        (
            service("checkout-canary", ALL),
            "CanaryBehindOtherService",
            "Service checkout-canary exists and is not Gander's, and its users meet the canary",
        ),
    ],
)
def test_a_service_that_no_weight_binds_is_named(
    other: Item, reason: str | None, words: str
) -> None:
    found = gather(known(*shop.SHOP, other), shop.a_release()).stray
    assert (found and found.reason) == reason
    assert (found.message if found else "").startswith(words)
