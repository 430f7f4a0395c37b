"""Of two changes in a row the newest is released, and nothing unjudged reaches stable.

The first one makes way in whatever phase it is; what already rolls of it is given back.
"""

from collections.abc import Callable

import pytest

from dev.shop.deploy import NAME
from dev.waiting import until
from tests.cluster.releases.story import Story, lost

CANARY = f"{NAME}-canary"
SPLIT = {NAME: 950, CANARY: 50}  # 5 %
QUICK = [{"weight": 50, "hold": "1s"}]


def at_once(_: Story) -> None:
    """Push the second version before the first one's release has begun."""


def starting(shop: Story) -> None:
    shop.await_release("Starting", reason="CanaryNotReady")


def stepping(shop: Story) -> None:
    shop.await_backends(SPLIT)


def overwritten(shop: Story) -> None:
    shop.await_backends(SPLIT)
    backends = [{"name": NAME, "port": 80, "weight": 1}]
    edit = {"op": "replace", "path": "/spec/rules/0/backendRefs", "value": backends}
    shop.patch("httproute", [edit], strategy="json")
    shop.await_release("Holding", reason="RouteOverwritten")


@pytest.mark.parametrize(
    ("first", "phase"),
    [("v6", at_once), ("never-ready", starting), ("v6", stepping), ("v6", overwritten)],
    ids=["at once", "starting", "stepping", "holding"],
)
def test_the_newest_is_released(
    story: Callable[..., Story], first: str, phase: Callable[[Story], None]
) -> None:
    shop = story(replicas=1)
    before = shop.replica_sets()
    shop.set_image(first)
    phase(shop)
    shop.set_image("v3")
    newest = await_newest(shop)
    shop.await_backends(SPLIT)
    assert [shop.images["v3"]] == shop.get("release", newest)["spec"]["images"]
    assert before == shop.replica_sets()
    ends = {
        item["metadata"]["name"]: item["status"]["phase"]
        for item in shop.get("releases")["items"]
        if item["metadata"]["name"] != newest
    }
    assert ends in ({}, {"checkout-1": "Superseded"})
    assert ends or phase is at_once
    assert [] == shop.plan().get("rejected", [])


def test_while_the_first_is_taken_back(story: Callable[..., Story]) -> None:
    shop = story(replicas=1)
    shop.set_image("v5")
    shop.await_release("RollingBack")
    shop.set_image("v3")
    shop.await_backends(SPLIT)
    assert "RolledBack" == shop.release(1)["phase"]
    assert [shop.images["v3"]] == shop.get("release", "checkout-2")["spec"]["images"]
    assert ["checkout-1"] == [r["release"] for r in shop.plan()["rejected"]]


def test_while_the_first_is_promoted(story: Callable[..., Story]) -> None:
    """v6 fails every request; without its own release it would be in stable by now."""
    shop = story(replicas=2, steps=QUICK)
    (stable,) = shop.replica_sets()
    load = shop.load()
    shop.set_image("v3")
    until("stable to roll", lambda: len(shop.replica_sets()) == 2, seconds=120, explain=shop.told)
    shop.set_image("v6")
    assert "Superseded" == shop.await_end(1)["phase"]
    assert ("RolledBack", "Regressed") == (
        shop.await_end(2)["phase"],
        shop.release(2)["reason"],
    )
    shop.await_plan("Rejected")
    assert {stable: 2} == {name: pods for name, pods in shop.replica_sets().items() if pods}
    assert {NAME: 1} == shop.backends()
    assert {} == shop.canary()
    summary = load.stop()
    assert 0 == lost(summary)
    assert summary.versions["v1"].last > summary.versions["v6"].last


def test_while_the_canary_of_the_first_is_taken_away(story: Callable[..., Story]) -> None:
    """Stable runs v3 by then, and that is what v6 is compared with and goes back to."""
    shop = story(replicas=1, steps=QUICK)
    load = shop.load()
    shop.set_image("v3")
    shop.await_release("Finishing")
    shop.set_image("v6")
    assert "Succeeded" == shop.await_end(1)["phase"]
    assert "RolledBack" == shop.await_end(2)["phase"]
    stable = shop.await_plan("Rejected")["stable"]
    assert [shop.images["v3"]] == stable["images"]
    assert {stable["replicaSet"]: 1} == {n: pods for n, pods in shop.replica_sets().items() if pods}
    assert 0 == lost(load.stop())


def await_newest(shop: Story) -> str:
    """Return the release that runs, once it is the one of v3."""

    def there() -> bool:
        name = str(shop.plan().get("activeRelease", ""))
        return name != "" and shop.get("release", name)["spec"]["images"] == [shop.images["v3"]]

    until("the release of v3", there, seconds=60, explain=shop.told)
    return str(shop.plan()["activeRelease"])
