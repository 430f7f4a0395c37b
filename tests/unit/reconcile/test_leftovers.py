"""A backend of ours that somebody writes back after its release: found, and taken out first."""

import pytest

from controller.api.names import FINALIZER, RELEASE_LABEL
from controller.api.plan import ReleasePlan
from controller.kube import kinds
from controller.reconcile.plan import gather_plan
from controller.release.planfacts import PlanFacts, RemoveLeftovers
from controller.release.plans import decide_plan
from tests.unit.reconcile.known import Item, known
from tests.unit.reconcile.shop import (
    RELEASE_OWNER,
    a_release,
    meta,
    replica_set,
    route,
    service,
    users_deployment,
)
from tests.unit.release import given
from tests.unit.release.given import NOW

PLAN = ReleasePlan.model_validate(
    {**given.plan(**given.guarded()).wire(), **meta("checkout", finalizers=[FINALIZER])}
)
FOUND = ("HTTPRoute checkout",)


def ended(phase: str, plan: str = "checkout") -> Item:
    """Return the release, of this plan or another on the same Service, in this phase."""
    wire = a_release(phase=phase).wire()
    wire["spec"]["plan"] = plan
    return kinds.RELEASE, {**wire, **meta(f"{plan}-2")}


def gathered(*items: Item) -> PlanFacts:
    """Return what a pass over the plan sees: the Deployment at rest, one route and these."""
    shop = (
        users_deployment(paused=False),
        replica_set("checkout-a", 2, 4),
        service("checkout"),
        (kinds.RELEASE_PLAN, PLAN.wire()),
    )
    return gather_plan(known(*shop, *items), PLAN)


@pytest.mark.parametrize("phase", ["Succeeded", "RolledBack", "Aborted", "Superseded"])
def test_a_backend_that_came_back_after_the_end_is_taken_out(phase: str) -> None:
    facts = gathered(ended(phase), route("checkout", 50))
    assert facts.leftovers == FOUND
    assert decide_plan(facts, NOW).actions[0] == RemoveLeftovers(FOUND)


def test_it_is_taken_out_where_no_release_is_kept_any_more() -> None:
    assert gathered(route("checkout", 0)).leftovers == FOUND


@pytest.mark.parametrize("plan", ["checkout", "checkout-old"])
@pytest.mark.parametrize("phase", ["Stepping", "RollingBack", "Finishing"])
def test_the_backend_of_a_release_that_runs_is_left_to_it(phase: str, plan: str) -> None:
    facts = gathered(ended(phase, plan), route("checkout", 50))
    assert facts.leftovers == ()


def test_a_release_that_cannot_be_read_may_be_moving_traffic() -> None:
    broken = (kinds.RELEASE, {**meta("checkout-2"), "spec": {"plan": "checkout"}})
    assert gathered(broken, route("checkout", 50)).leftovers == ()


def test_a_backend_that_is_not_ours_stays_whatever_its_name() -> None:
    own = service("checkout-canary")
    assert gathered(ended("Succeeded"), own, route("checkout", 50)).leftovers == ()
    kind, item = service("checkout-canary", RELEASE_OWNER)
    item["metadata"]["labels"] = {RELEASE_LABEL: "checkout-2"}
    assert gathered(ended("Succeeded"), (kind, item), route("checkout", 50)).leftovers == FOUND


def test_routes_of_others_and_routes_without_a_canary_are_left_alone() -> None:
    assert gathered(ended("Succeeded"), route("other", 50)).leftovers == ()
    plain = route("checkout", 50)
    plain[1]["spec"]["rules"][0]["backendRefs"].pop()
    assert gathered(ended("Succeeded"), plain).leftovers == ()


def test_it_goes_whatever_else_is_wrong_with_the_plan() -> None:
    facts = gather_plan(known(route("checkout", 50)), PLAN)
    decision = decide_plan(facts, NOW)
    assert decision.actions == (RemoveLeftovers(FOUND),)
    assert decision.status.phase == "Blocked"


def test_a_plan_without_our_finalizer_writes_that_first() -> None:
    bare = PLAN.model_copy(update={"metadata": PLAN.metadata.model_copy(update={"finalizers": ()})})
    facts = gather_plan(known(route("checkout", 50)), bare)
    assert facts.leftovers == FOUND
    assert RemoveLeftovers(FOUND) not in decide_plan(facts, NOW).actions
