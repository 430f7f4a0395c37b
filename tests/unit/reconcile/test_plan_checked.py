"""What only whole objects can refuse is asked again when they change, and not otherwise."""

from collections.abc import Hashable
from typing import Any

import pytest

from controller.api.names import FINALIZER, RELEASE_LABEL
from controller.api.plan import ReleasePlan
from controller.kube import kinds
from controller.kube.errors import Unavailable
from controller.reconcile.plan import Checked, PlanReconciler, gather_plan
from controller.reconcile.problems import full_inputs
from controller.reconcile.world import World
from controller.release.facts import Problem
from tests.unit.reconcile.known import Item, known
from tests.unit.reconcile.shop import RELEASE_OWNER, meta, replica_set, service, users_deployment
from tests.unit.release import given
from tests.unit.traffic import objects

KEY = ("shop", "checkout")


def plan_item(generation: int = 3) -> Item:
    wire = given.plan(**given.guarded(guard_policy="")).wire()
    fields = {"finalizers": [FINALIZER], "generation": generation}
    return kinds.RELEASE_PLAN, {**wire, **meta("checkout", **fields)}


def selecting(name: str, **selector: str) -> Item:
    kind, item = service(name)
    return kind, {**item, "spec": {**item["spec"], "selector": selector}}


def resting(*items: Item, generation: int = 3, **spec: Any) -> World:
    """Return a World in which the plan's Deployment is at rest and its own template is stable."""
    shop = (
        users_deployment(**{"paused": False, **spec}),
        replica_set("checkout-a", 2, 4),
        selecting("checkout", app="checkout", track="stable"),
        (kinds.HTTP_ROUTE, objects.defaulted(objects.route([objects.ref()]))),
        (kinds.RELEASE_METRIC, {**meta("http-errors"), "spec": given.METRIC["spec"]}),
        plan_item(generation),
    )
    return known(*shop, *items)


def inputs(world: World) -> Hashable:
    plan = ReleasePlan.model_validate(world.plans.get(*KEY))
    return full_inputs(world, plan, gather_plan(world, plan).track_label)


@pytest.mark.parametrize(
    "changed",
    [
        resting(generation=4),
        resting(strategy={"type": "Recreate"}),
        resting(revisionHistoryLimit=0),
        resting(template={"metadata": {"labels": {}}, "spec": {"hostNetwork": True}}),
        resting(selecting("checkout", app="checkout")),
        resting(selecting("other", app="checkout")),
    ],
    ids=["plan", "strategy", "history", "template", "Service's selector", "another Service"],
)
def test_what_may_be_refused_counts_as_a_change(changed: World) -> None:
    assert inputs(resting()) != inputs(changed)


def test_what_moves_all_the_time_does_not() -> None:
    canarys = (
        kinds.SERVICE,
        {
            **service("checkout-canary")[1],
            **meta("checkout-canary", RELEASE_OWNER, labels={RELEASE_LABEL: "checkout-2"}),
        },
    )
    moved = resting(canarys, replicas=9, paused=True, generation=3)
    assert inputs(resting()) == inputs(moved)


@pytest.mark.parametrize(
    ("before", "asked"),
    [(None, "get Deployment"), ("other", "get Deployment"), ("same", "create ControllerRevision")],
)
def test_a_plan_at_rest_asks_the_api_server_once_for_each_change(
    before: str | None, asked: str
) -> None:
    world = resting()
    reconciler = PlanReconciler(world)
    refused = Problem("RecreateStrategy", "Deployment checkout: set it to RollingUpdate")
    if before is not None:
        seen = inputs(world) if before == "same" else before
        reconciler.checked[KEY] = Checked(seen, (refused,))
    with pytest.raises(Unavailable, match=asked):  # nobody answers
        reconciler.reconcile(*KEY)
