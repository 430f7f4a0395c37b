"""A version that is no worse goes out step by step, and no request is lost on the way."""

import json
from collections.abc import Callable

from dev.load import Load
from dev.shop.deploy import NAME
from dev.waiting import until
from tests.cluster.releases.instruments import watching
from tests.cluster.releases.story import Story

RATE = 200.0
REQUESTS = 20_000


def test_a_good_version_is_promoted_and_no_request_is_lost(story: Callable[..., Story]) -> None:
    shop = story()
    load = shop.load(rate=RATE)
    with watching(shop.shop) as route:
        shop.set_image("v3")
        status = shop.await_end()
        assert ("Succeeded", "Released") == (status["phase"], status["reason"])
    # A canary that is new to Prometheus is waited for; nothing is said of missing evidence.
    assert set() == {entry["reason"] for entry in status["timeline"]} & {"NoData", "NoTraffic"}
    shares = route.of("checkout-canary")
    carried = [share for share in shares if share]
    assert carried == sorted(carried)  # a good version that is eased in is never lowered
    assert [5, 25, 50] == [share for share in carried if share >= 5]
    assert None is shares[-1]

    assert shop.canary() == {}
    assert shop.get("service", "checkout-canary") == {}
    until("pods of v1 and of the canary to be gone", lambda: only(shop, "v3", 3), seconds=60)
    until(f"{REQUESTS} requests to be sent", lambda: sent(load) >= REQUESTS, seconds=200)
    summary = load.stop()
    assert {} == summary.lost
    assert {"v1": 0, "v3": 0} == {name: each.bad for name, each in summary.versions.items()}

    plan = shop.await_plan("Idle")
    assert [shop.images["v3"]] == plan["stable"]["images"]
    assert 3 == shop.replica_sets()[plan["stable"]["replicaSet"]]
    assert "Guarded" == plan["guard"]
    assert "paused" not in shop.deployment()["spec"]
    assert would_be_held(shop)


def only(shop: Story, version: str, count: int) -> bool:
    """Tell whether the shop's pods are just so many, all of one version."""
    items = shop.get("pods")["items"]
    images = [item["spec"]["containers"][0]["image"] for item in items]
    return images == [shop.images[version]] * count


def sent(load: Load) -> int:
    """Return how many requests of a load have come to an end."""
    return sum(second.sent for second in load.seconds())


def would_be_held(shop: Story) -> bool:
    """Tell whether the next change of the image would come out paused."""
    change = ("set", "image", f"deployment/{NAME}", f"{NAME}={shop.images['v2']}")
    answer = shop.shop.kubectl(*change, "--dry-run=server", "--output=json")
    return json.loads(answer)["spec"].get("paused") is True
