"""Stable's ReplicaSet is deleted while a change is held, when Kubernetes makes no other one.

Its template is nowhere else, so Gander keeps a copy and makes the ReplicaSet anew: stable serves
again, and what waits stays out until it is judged.
"""

from collections.abc import Callable

import pytest

from dev.shop.deploy import NAME, await_rolled_out, reached
from dev.waiting import until
from tests.cluster.releases.story import Story


def delete_stable(shop: Story, *words: str) -> str:
    """Delete the ReplicaSet that the plan knows as stable, and return its name."""
    name = str(shop.plan()["stable"]["replicaSet"])
    shop.shop.kubectl("delete", "replicaset", name, *words)
    return name


def await_stable(shop: Story, name: str, pods: int) -> None:
    """Wait until stable's ReplicaSet alone has pods, as many as wanted, all ready."""

    def serves() -> bool:
        sizes = {each: size for each, size in shop.replica_sets().items() if size}
        ready = shop.get("replicaset", name).get("status", {}).get("readyReplicas", 0)
        return sizes == {name: pods} and ready == pods

    until(f"{name} to serve alone", serves, seconds=90, explain=shop.told)
    until("the gateway to reach it", lambda: reached(shop.shop), seconds=30, explain=shop.told)


def copies(shop: Story) -> list[str]:
    return [item["metadata"]["name"] for item in shop.get("controllerrevisions")["items"]]


@pytest.mark.parametrize("words", [(), ("--cascade=foreground",)], ids=["background", "foreground"])
def test_it_is_made_anew_beside_a_revision_that_was_taken_back(
    story: Callable[..., Story], words: tuple[str, ...]
) -> None:
    shop = story(replicas=2)
    shop.set_image("v5")
    assert "RolledBack" == shop.await_end()["phase"]
    shop.await_plan("Rejected")

    name = delete_stable(shop, *words)

    await_stable(shop, name, pods=2)
    assert [name] == copies(shop)
    assert "StableRestored" in shop.events("ReleasePlan", NAME)
    assert "Stable serves." in shop.await_plan("Rejected")["conditions"][0]["message"]
    shop.shop.kubectl("scale", "deployment", NAME, "--replicas=3")
    await_stable(shop, name, pods=3)
    shop.set_image("v1")
    shop.await_plan("Idle")
    await_rolled_out(shop.shop)
    assert {name: 3} == {each: size for each, size in shop.replica_sets().items() if size}


def test_an_older_version_that_kubernetes_scales_up_instead_makes_way(
    story: Callable[..., Story],
) -> None:
    shop = story(replicas=2, adopt=False)
    shop.set_image("v3")
    await_rolled_out(shop.shop)
    shop.adopt()
    shop.set_image("v5")
    assert "RolledBack" == shop.await_end()["phase"]
    shop.await_plan("Rejected")

    name = delete_stable(shop)

    await_stable(shop, name, pods=2)
    assert name == shop.plan()["stable"]["replicaSet"]


def test_a_release_goes_on_against_it(story: Callable[..., Story]) -> None:
    shop = story(replicas=2)
    shop.load()
    shop.set_image("v3")
    shop.await_evidence()

    name = delete_stable(shop)

    await_stable(shop, name, pods=2)
    shop.await_release("Stepping", reason="Collecting")
    shop.gander("abort", "checkout-1", "--reason=seen enough")
    assert "Aborted" == shop.await_end()["phase"]
    await_stable(shop, name, pods=2)
