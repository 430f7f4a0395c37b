"""What a release looks at wakes it, also once its plan is gone."""

import pytest

from controller.kube import kinds
from controller.reconcile.triggers import Key, Triggers
from tests.unit.reconcile.known import Item, known
from tests.unit.reconcile.shop import a_release, meta, route, service
from tests.unit.release.given import at_step


def woken(changed: Item, phase: str) -> list[Key]:
    """Return what a change calls for while a release without a plan is in this phase."""
    wire = a_release(**at_step(phase=phase)).wire()
    world = known((kinds.RELEASE, {**wire, **meta("checkout-2")}))
    keys: list[Key] = []
    Triggers(world, lambda key, _seconds: keys.append(key)).connect()
    keys.clear()
    kind, item = changed
    item["metadata"]["resourceVersion"] = "9"
    caches = {cache.kind: cache for cache in world.caches()}
    caches[kind].observe(item)
    return keys


@pytest.mark.parametrize(
    "changed", [route("checkout", 0), service("checkout-canary")], ids=["route", "service"]
)
def test_a_release_whose_plan_is_gone_is_woken_while_it_is_taken_down(changed: Item) -> None:
    assert ("release", "shop", "checkout-2") in woken(changed, "RollingBack")


def test_one_that_has_ended_sleeps_on() -> None:
    assert woken(route("checkout", 0), "Aborted") == []
