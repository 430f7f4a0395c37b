"""A Deployment that is held for a plan that does not exist: noticed, given back, and not too early.

The processes here can ask nobody, so `Unavailable` shows that the API server was to be asked.
"""

import pytest

from controller.api.names import PLAN_LABEL
from controller.kube import kinds
from controller.kube.errors import Unavailable
from controller.reconcile.deployment import read_deployment, read_revisions
from controller.reconcile.orphans import give_back
from controller.reconcile.triggers import Key, Triggers
from controller.reconcile.world import World
from controller.release.planfacts import Leave, Mark
from controller.release.plans import decide_orphan
from tests.unit.reconcile.known import Item, known
from tests.unit.reconcile.shop import a_release, meta, replica_set, users_deployment
from tests.unit.release.given import plan_deployment, waiting
from tests.unit.release.given import replica_set as revision


def labelled(value: str | None = "checkout", name: str = "checkout") -> Item:
    """Return a Deployment with this value of our label, or without it."""
    kind, item = users_deployment()
    labels = {} if value is None else {PLAN_LABEL: value}
    return kind, {**item, **meta(name, labels=labels)}


def woken(world: World) -> list[Key]:
    """Return the passes that what a starting process reads calls for."""
    keys: list[Key] = []
    Triggers(world, lambda key, _seconds: keys.append(key)).connect()
    return keys


@pytest.mark.parametrize("value", ["checkout", "another-plan"])
def test_a_start_looks_at_a_held_deployment_without_a_plan(value: str) -> None:
    assert ("plan", "shop", "checkout") in woken(known(labelled(value)))


def test_it_is_looked_at_when_it_appears() -> None:
    world = known()
    keys: list[Key] = []
    Triggers(world, lambda key, _seconds: keys.append(key)).connect()
    _, item = labelled()
    item["metadata"]["resourceVersion"] = "1"
    world.deployments.observe(item)
    assert keys == [("plan", "shop", "checkout")]


def test_a_deployment_that_nobody_holds_calls_for_nothing() -> None:
    assert woken(known(labelled(None))) == []
    give_back(known(labelled(None)), "shop", "checkout")


@pytest.mark.parametrize("value", ["checkout", "another-plan"])
def test_the_api_server_is_asked_for_the_plan_before_anything_is_done(value: str) -> None:
    world = known(labelled(value), replica_set("checkout-a", 1, 4))
    with pytest.raises(Unavailable, match="list ReleasePlan shop"):
        give_back(world, "shop", "checkout")


@pytest.mark.parametrize("phase", ["Stepping", "Promoting", "RollingBack", "Finishing"])
def test_a_release_that_runs_ends_first(phase: str) -> None:
    running = (kinds.RELEASE, {**a_release(phase=phase).wire(), **meta("checkout-2")})
    give_back(known(labelled(), running), "shop", "checkout")


def test_one_that_has_ended_keeps_nothing() -> None:
    ended = (kinds.RELEASE, {**a_release(phase="RolledBack").wire(), **meta("checkout-2")})
    with pytest.raises(Unavailable):
        give_back(known(labelled(), ended), "shop", "checkout")


def test_it_may_roll_where_what_waits_is_what_serves() -> None:
    paused = plan_deployment(paused=True, rolled_into="")
    assert decide_orphan(paused, (revision(),)) == Leave("7", unpause=True)
    assert decide_orphan(plan_deployment(), (revision(),)) == Leave("7", unpause=True)


def test_a_change_that_waits_stays_paused() -> None:
    assert decide_orphan(waiting(), (revision(),)) == Leave("7", unpause=False)


def test_it_stays_paused_where_nothing_or_more_than_one_thing_serves() -> None:
    both = (revision("a", 2), revision("b", 2))
    for revisions in ((), (revision("a", 0),), both):
        assert decide_orphan(waiting(), revisions) == Leave("7", unpause=False)


def test_the_mark_goes_before_the_label() -> None:
    assert decide_orphan(waiting(mark="taken back"), (revision(),)) == Mark("")


def test_it_is_decided_on_what_the_objects_say() -> None:
    world = known(
        users_deployment(), replica_set("checkout-a", 2, 4), replica_set("checkout-b", 1, 0)
    )
    deployment = world.deployments.get("shop", "checkout")
    assert deployment is not None
    action = decide_orphan(read_deployment(world, deployment), read_revisions(world, deployment))
    assert action == Leave(deployment.meta.resource_version, unpause=True)
