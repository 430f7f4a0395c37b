"""Deleting a plan: the release ends on stable, everything of ours goes, then the plan goes."""

import pytest

from controller.release.facts import Problem
from controller.release.planfacts import (
    UNREADABLE,
    DropCopy,
    Leave,
    Mark,
    PlanDeployment,
    RemoveFinalizer,
)
from controller.release.plans import decide_plan
from tests.unit.release.given import (
    NOW,
    at_step,
    ended,
    guarded,
    plan,
    plan_deployment,
    plan_facts,
    release,
    replica_set,
    waiting,
)

LEAVING = plan(deleted=True, **guarded())


def test_a_running_release_ends_first() -> None:
    running = release(number=2, **at_step())
    decision = decide_plan(plan_facts(plan=LEAVING, deployment=waiting(), releases=(running,)), NOW)
    assert decision.actions == ()
    assert decision.status.phase == "Leaving"
    assert "release checkout-2 ends first" in decision.status.conditions[0].message


def test_a_release_that_cannot_be_read_is_not_left_alone_with_its_traffic() -> None:
    why = Problem(UNREADABLE, "Release checkout-2: spec.plan: is missing")
    decision = decide_plan(plan_facts(plan=LEAVING, deployment=waiting(), problems=(why,)), NOW)
    assert decision.actions == ()
    assert decision.status.phase == "Leaving"
    assert decision.status.conditions[0].message == why.message


@pytest.mark.parametrize(
    ("deployment", "unpause"),
    [
        (plan_deployment(), True),
        (plan_deployment(paused=True), True),
        (plan_deployment(revision="bbbbbbbbbb", rolled_into=""), True),
        (waiting(), False),
    ],
    ids=["at rest", "paused on stable", "rolling", "a change waits"],
)
def test_only_a_waiting_change_stays_paused(deployment: PlanDeployment, *, unpause: bool) -> None:
    releases = (ended(2, "Aborted"),)
    given = plan_facts(plan=LEAVING, deployment=deployment, releases=releases)
    assert decide_plan(given, NOW).actions == (Leave("7", unpause),)


def test_what_serves_by_now_may_roll_on() -> None:
    """A release that came too late to be stopped has made stable what waits."""
    rolled = waiting(rolled_into="checkout-b")
    sets = (replica_set("a", replicas=0), replica_set("b"))
    given = plan_facts(plan=LEAVING, deployment=rolled, revisions=sets)
    assert decide_plan(given, NOW).actions == (Leave("7", unpause=True),)


def test_a_plan_that_stays_says_that_nothing_is_held() -> None:
    status = decide_plan(plan_facts(plan=LEAVING), NOW).status
    assert (status.phase, status.guard, status.guard_proven_at) == ("Blocked", "", None)
    words = {c.type: (c.status, c.reason) for c in status.conditions}
    assert words["Ready"] == ("False", "GanderLeft")
    assert words["Reconciling"] == ("False", "GanderLeft")


def test_the_mark_goes_before_the_label() -> None:
    given = plan_facts(plan=LEAVING, deployment=waiting(mark="why it stands"))
    assert decide_plan(given, NOW).actions == (Mark(""),)


def test_the_plan_goes_last() -> None:
    given = plan_facts(plan=LEAVING, deployment=waiting(labelled=False))
    assert decide_plan(given, NOW).actions == (DropCopy("checkout-a"), RemoveFinalizer())


def test_a_plan_without_a_deployment_just_goes() -> None:
    given = plan_facts(plan=LEAVING, deployment=None, revisions=())
    assert decide_plan(given, NOW).actions == (DropCopy("checkout-a"), RemoveFinalizer())


def test_a_plan_that_let_go_is_left_alone() -> None:
    gone = plan(deleted=True, finalizers=(), **guarded())
    given = plan_facts(plan=gone, deployment=plan_deployment(labelled=False))
    assert decide_plan(given, NOW).actions == ()


def test_a_deployment_is_given_back_also_where_somebody_tore_our_finalizer_off() -> None:
    torn = plan(deleted=True, finalizers=(), **guarded())
    assert decide_plan(plan_facts(plan=torn), NOW).actions == (Leave("7", unpause=True),)
