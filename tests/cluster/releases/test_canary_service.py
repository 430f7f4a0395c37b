"""The canary's Service in the middle of a release: edited by hand, or left behind by the user's.

Both are mended while stable has all the traffic, and the release goes on.
"""

from collections.abc import Callable
from typing import Any

from dev.shop import deploy
from dev.shop.deploy import NAME
from dev.waiting import until
from tests.cluster.releases.story import AT_ONCE, RELEASE_SECONDS, Story, lost

CANARY = f"{NAME}-canary"
HALF = {NAME: 500, CANARY: 500}
RATE = 50.0
MOMENT = 4.0  # seconds; at 50 % half of the requests are lost meanwhile
PORT = 8000


def test_a_service_that_is_edited_costs_a_moment_and_the_release_goes_on(
    story: Callable[..., Story],
) -> None:
    shop = story(replicas=2, exposure=AT_ONCE, steps=[{"weight": 50, "hold": "1m"}])
    load = shop.load(RATE)
    shop.set_image("v3")
    shop.await_backends(HALF)
    shop.await_evidence()

    shop.shop.kubectl("set", "selector", f"service/{CANARY}", "app=nobody")
    words = f"Service {CANARY} is not what Service {NAME} makes it, see its spec.selector;"
    until("the Event about it", lambda: words in told(shop), seconds=10)
    shop.await_backends(HALF)
    assert sum(sum(second.lost.values()) for second in load.seconds()) <= MOMENT * RATE / 2

    shop.apply(*moved(shop))
    shop.await_release("Holding", reason="RouteOverwritten")
    shop.await_backends(HALF)
    ports = [ref["port"] for ref in rule(shop)["backendRefs"]]
    assert [PORT, PORT] == ports
    version = shop.get("service", CANARY)["metadata"]["resourceVersion"]
    shop.await_release("Promoting", seconds=RELEASE_SECONDS)
    assert version == shop.get("service", CANARY)["metadata"]["resourceVersion"]
    status = shop.await_end()
    reasons = [entry["reason"] for entry in status["timeline"]]
    assert 2 == reasons.count("CanaryServiceChanged")
    assert ("Succeeded", "Released") == (status["phase"], status["reason"])
    summary = load.stop()
    assert lost(summary) <= 3 * MOMENT * RATE / 2  # Service and route were not moved as one
    assert summary.versions["v3"].hurt == 0


def told(shop: Story) -> str:
    """Return the Event that says what became of the canary's Service; empty without one."""
    return shop.events("Release", f"{NAME}-1").get("CanaryServiceChanged", "")


def moved(shop: Story) -> list[dict[str, Any]]:
    """Return the user's Service and route with another port, in the order of their apply."""
    made = deploy.manifests(shop.shop, shop.images["v1"], 2)
    items = {item["kind"]: item for item in made}
    items["Service"]["spec"]["ports"][0]["port"] = PORT
    for each in items["HTTPRoute"]["spec"]["rules"]:
        for ref in each["backendRefs"]:
            ref["port"] = PORT
    return [items["Service"], items["HTTPRoute"]]


def rule(shop: Story) -> dict[str, Any]:
    """Return the first rule of the route."""
    found: dict[str, Any] = shop.get("httproute", NAME)["spec"]["rules"][0]
    return found
