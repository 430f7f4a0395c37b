"""A route that cannot carry the canary moves no traffic; people are told what to change in it.

Whatever it is, the release goes on by itself once it is mended.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from dev.shop.deploy import NAME
from tests.cluster.releases.story import Story

CANARY = f"{NAME}-canary"
SPLIT = {NAME: 950, CANARY: 50}  # 5 %
BACKEND = "/spec/rules/0/backendRefs/0/name"


@dataclass(frozen=True)
class Break:
    """An edit that breaks the route, why no traffic moves then, and the edit that mends it."""

    edit: list[dict[str, Any]]
    reason: str
    words: str
    mend: list[dict[str, Any]]


BREAKS = {
    "no rule with our Service": Break(
        [{"op": "replace", "path": BACKEND, "value": "pages"}],
        "RouteWithoutService",
        r"no rule has Service checkout as a backend; add it to the backendRefs of a rule",
        [{"op": "replace", "path": BACKEND, "value": NAME}],
    ),
    "a Service that does not exist in another rule": Break(
        [
            {
                "op": "add",
                "path": "/spec/rules/-",
                "value": {
                    "matches": [{"path": {"type": "PathPrefix", "value": "/pages"}}],
                    "backendRefs": [{"name": "nowhere", "port": 80}],
                },
            }
        ],
        "RouteRefused",
        r"is not served by Gateway \S+: ResolvedRefs is False, BackendNotFound: .*nowhere",
        [{"op": "remove", "path": "/spec/rules/1"}],
    ),
    "a parent that does not exist": Break(
        [{"op": "add", "path": "/spec/parentRefs/-", "value": {"name": "nowhere"}}],
        "RouteNotAnswered",
        r"no answer for HTTPRoute checkout \(Gateway shop-\w+/nowhere\); see that what its "
        r"parentRefs name exists",
        [{"op": "remove", "path": "/spec/parentRefs/1"}],
    ),
}


@pytest.mark.parametrize("broken", BREAKS.values(), ids=BREAKS)
def test_no_traffic_moves_until_the_route_is_mended(
    story: Callable[..., Story], broken: Break
) -> None:
    shop = story(replicas=1)
    shop.patch("httproute", broken.edit, strategy="json")
    shop.set_image("v3")
    shop.await_release("Holding", reason=broken.reason)
    shop.await_message(broken.words)
    told = shop.conditions("release", "checkout-1")["Ready"]
    assert ("False", broken.reason) == (told["status"], told["reason"])
    assert re.search(broken.words, shop.events("Release", "checkout-1")[broken.reason])
    assert not any(weight for name, weight in shop.backends().items() if name == CANARY)
    assert {0} == {entry["weight"] for entry in shop.release()["timeline"]}

    shop.patch("httproute", broken.mend, strategy="json")
    shop.await_backends(SPLIT)


def test_a_route_that_is_missing_blocks_the_plan_until_it_is_there(
    story: Callable[..., Story],
) -> None:
    shop = story(replicas=1)
    route = shop.get("httproute", NAME)
    shop.shop.kubectl("delete", "httproute", NAME)
    shop.await_plan("Blocked")
    ready = shop.conditions("releaseplan")["Ready"]
    assert ("False", "RouteMissing") == (ready["status"], ready["reason"])
    assert ready["message"].startswith("HTTPRoute checkout does not exist in namespace shop-")
    assert ready["message"] == shop.events("ReleasePlan", NAME)["RouteMissing"]
    shop.set_image("v3")
    assert shop.deployment()["spec"]["paused"]
    assert {} == shop.release()

    shop.apply(again(route))
    shop.await_backends(SPLIT)


def test_a_route_deleted_in_the_middle_is_waited_for(story: Callable[..., Story]) -> None:
    shop = story(replicas=1)
    route = shop.get("httproute", NAME)
    shop.set_image("v3")
    shop.await_backends(SPLIT)
    shop.shop.kubectl("delete", "httproute", NAME)
    status = shop.await_release("Holding", reason="RouteMissing")
    assert status["message"].startswith("HTTPRoute checkout does not exist in namespace shop-")
    assert "make it" in shop.events("Release", "checkout-1")["RouteMissing"]
    shop.apply(again(route))
    shop.await_backends(SPLIT)


def test_a_parent_that_never_answered_keeps_no_rollback_from_its_end(
    story: Callable[..., Story],
) -> None:
    shop = story(replicas=1)
    shop.set_image("v3")
    shop.await_backends(SPLIT)
    shop.patch("httproute", BREAKS["a parent that does not exist"].edit, strategy="json")
    shop.await_release("Holding", reason="RouteNotAnswered")
    shop.gander("abort", "checkout-1")
    assert "Aborted" == shop.await_end(seconds=30)["phase"]
    assert {NAME: 1} == shop.backends()
    assert {} == shop.canary()


def again(item: dict[str, Any]) -> dict[str, Any]:
    """Return an object as it can be applied once more."""
    metadata = {key: item["metadata"][key] for key in ("name", "namespace")}
    return {"apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": metadata} | {
        "spec": item["spec"]
    }
