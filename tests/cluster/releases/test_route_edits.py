"""People's edits of a route survive a release, and the split in it stays Gander's.

Whatever rule names the Service is split, also one that is added in the middle. An edit that takes
traffic off the canary is in the safe direction: it is respected for a while and put back late.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from dev.shop import deploy
from dev.shop.deploy import NAME
from dev.waiting import until
from tests.cluster.releases.story import Json, Story

CANARY = f"{NAME}-canary"
SPLIT = {NAME: 950, CANARY: 50}  # 5 %
FILTER = {
    "type": "RequestHeaderModifier",
    "requestHeaderModifier": {"set": [{"name": "x-team", "value": "shop"}]},
}
OTHER = "pages"


def rule(path: str, service: str) -> Json:
    """Return a rule for a path, as the API server stores it."""
    backend = {"group": "", "kind": "Service", "name": service, "port": 80, "weight": 1}
    return {
        "matches": [{"path": {"type": "PathPrefix", "value": path}}],
        "backendRefs": [backend],
    }


def weights(of: Json) -> dict[str, int]:
    """Return the weights of a rule by Service."""
    return {ref["name"]: ref["weight"] for ref in of["backendRefs"]}


def rules(shop: Story) -> list[Any]:
    found: list[Any] = shop.get("httproute", NAME)["spec"]["rules"]
    return found


def reasons(status: Json) -> list[str]:
    return [entry["reason"] for entry in status["timeline"]]


def test_filters_and_rules_that_people_add_survive(story: Callable[..., Story]) -> None:
    shop = story(replicas=1)
    pages = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": OTHER, "namespace": shop.shop.namespace},
        "spec": {"selector": {"app": OTHER}, "ports": [{"port": 80}]},
    }
    shop.apply(pages)
    shop.set_image("v3")
    shop.await_backends(SPLIT)

    edits = [
        {"op": "add", "path": "/spec/rules/0/filters/-", "value": FILTER},
        {"op": "add", "path": "/spec/rules/-", "value": rule("/bulk", NAME)},
        {"op": "add", "path": "/spec/rules/-", "value": rule("/pages", OTHER)},
    ]
    shop.patch("httproute", edits, strategy="json")

    until("the added rule to be split", lambda: SPLIT == weights(rules(shop)[1]), seconds=15)
    first, _, other = rules(shop)
    assert SPLIT == weights(first)
    assert FILTER == first["filters"][-1]
    assert {OTHER: 1} == weights(other)
    shop.gander("abort", "checkout-1")
    status = shop.await_end()
    assert "RouteOverwritten" not in reasons(status)
    assert "WeightTooHigh" not in reasons(status)
    first, *added = rules(shop)
    assert {NAME: 1} == weights(first)
    assert ["ResponseHeaderModifier", FILTER["type"]] == [f["type"] for f in first["filters"]]
    assert [rule("/bulk", NAME), rule("/pages", OTHER)] == added


def test_a_route_that_is_applied_again_is_put_back_later_each_time(
    story: Callable[..., Story],
) -> None:
    shop = story(replicas=1)
    image = shop.images["v1"]
    original = next(
        item for item in deploy.manifests(shop.shop, image, 1) if item["kind"] == "HTTPRoute"
    )
    shop.set_image("v3")
    shop.await_backends(SPLIT)
    for _ in range(2):
        shop.apply(original)
        shop.await_release("Holding", reason="RouteOverwritten")
        shop.await_message(
            r"kubectl-client-side-apply left no backend of ours in HTTPRoute checkout"
        )
        assert {NAME: 1} == shop.backends()
        told = shop.events("Release", "checkout-1")["RouteOverwritten"]
        assert "kubectl-client-side-apply" in told
        shop.await_backends(SPLIT)
    status = shop.release()
    waited = [
        (at(after) - at(entry)).total_seconds()
        for entry, after in zip(status["timeline"], status["timeline"][1:], strict=False)
        if entry["reason"] == "RouteOverwritten"
    ]
    first, second = waited
    assert 20 <= first < 30
    assert 60 <= second < 75


def at(entry: Json) -> datetime:
    return datetime.fromisoformat(entry["at"])
