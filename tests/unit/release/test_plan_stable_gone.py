"""Stable's ReplicaSet is deleted while a change is held: it is made anew from the kept template."""

from dataclasses import replace

import pytest

from controller.api.plan import Rejection
from controller.release.facts import Unpause
from controller.release.planfacts import (
    CreateRelease,
    DropCopy,
    EmptyReplicaSet,
    KeepCopy,
    PlanFacts,
    RestoreStable,
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

AGAIN = RestoreStable("checkout-a")
OLD = replica_set("o", 0, age=200)
REJECTION = Rejection(
    revision="bbbbbbbbbb", release="checkout-2", at=NOW, reason="CrashLoop", message="exits with 1"
)
REJECTED = plan(**guarded(releases=2, last_release="checkout-2", rejected=[REJECTION]))
TAKEN_BACK = ended(2, "RolledBack")


def held(**fields: object) -> PlanFacts:
    """Return facts of a plan whose rejected change waits, and whose stable is gone."""
    gone = {"plan": REJECTED, "deployment": waiting(), "revisions": (), "releases": (TAKEN_BACK,)}
    return plan_facts(**(gone | fields))


def test_stables_template_is_kept_as_soon_as_it_is_recorded() -> None:
    rolled = plan_deployment(revision="bbbbbbbbbb", rolled_into="checkout-b")
    both = (replica_set("a", 0), replica_set("b", 4, age=1))
    facts = plan_facts(deployment=rolled, revisions=both, copies=("checkout-a",))
    assert decide_plan(facts, NOW).actions == (KeepCopy("checkout-b"),)


def test_the_former_copy_is_dropped_after_the_new_one_is_there() -> None:
    rolled = plan_deployment(revision="bbbbbbbbbb", rolled_into="checkout-b")
    both = (replica_set("a", 0), replica_set("b", 4, age=1))
    facts = plan_facts(deployment=rolled, revisions=both, copies=("checkout-a", "checkout-b"))
    assert decide_plan(facts, NOW).actions == (DropCopy("checkout-a"),)


def test_a_copy_that_is_there_is_left_alone() -> None:
    assert decide_plan(plan_facts(), NOW).actions == ()


def test_stables_replica_set_is_made_anew_while_a_change_is_held() -> None:
    decision = decide_plan(held(), NOW)
    assert AGAIN in decision.actions
    assert decision.status.phase == "Rejected"
    message = decision.status.conditions[0].message
    assert "ReplicaSet checkout-a of the stable version was deleted; it is made anew." in message
    assert "Stable serves" not in message


@pytest.mark.parametrize("phase", ["Pending", "Starting", "Stepping", "Holding", "RollingBack"])
def test_also_in_the_middle_of_a_release(phase: str) -> None:
    running = release(number=2, **at_step(phase=phase))
    facts = held(plan=plan(**guarded()), releases=(running,))
    assert AGAIN in decide_plan(facts, NOW).actions


@pytest.mark.parametrize("phase", ["Promoting", "RollingBack", "Finishing"])
def test_not_while_a_promotion_moves_the_pods(phase: str) -> None:
    moving = release(number=2, **at_step(phase=phase))
    sets = (replica_set("b", 4, age=1),)
    facts = held(plan=plan(**guarded()), releases=(moving,), revisions=sets)
    assert AGAIN not in decide_plan(facts, NOW).actions


@pytest.mark.parametrize(
    "deployment",
    [
        waiting(paused=False),
        waiting(labelled=False),
        waiting(bypassed=True),
        waiting(replicas=0),
    ],
    ids=["Kubernetes makes it", "not ours", "a person has taken over", "no pod is wanted"],
)
def test_nothing_is_made_that_is_not_ours_to_make(deployment: object) -> None:
    assert AGAIN not in decide_plan(held(deployment=deployment), NOW).actions


def test_one_that_is_still_being_deleted_is_waited_for() -> None:
    going = replica_set("a", 4, ready=0)
    assert AGAIN not in decide_plan(held(revisions=(going,)), NOW).actions


def test_what_kubernetes_scales_up_in_its_place_does_not_become_stable() -> None:
    decision = decide_plan(held(revisions=(replace(OLD, replicas=4),)), NOW)
    assert AGAIN in decision.actions
    assert decision.status.stable is not None
    assert decision.status.stable.replica_set == "checkout-a"


@pytest.mark.parametrize(
    ("ready", "others_ready", "goes"), [(0, 0, True), (1, 4, False), (2, 4, True)]
)
def test_it_goes_once_stable_serves_or_where_it_serves_nobody(
    ready: int,
    others_ready: int,
    goes: bool,  # noqa: FBT001 - a column of the table
) -> None:
    stood_in = replace(OLD, replicas=4, ready=others_ready)
    anew = replica_set("a", 2, age=0, ready=ready, restored=True)
    actions = decide_plan(held(revisions=(stood_in, anew)), NOW).actions
    assert (EmptyReplicaSet("checkout-o", "5") in actions) is goes


def test_pods_that_a_person_rolled_back_to_are_left_alone() -> None:
    rolled_back_to = replace(OLD, replicas=2, ready=2)
    actions = decide_plan(held(revisions=(rolled_back_to, replica_set("a", 2))), NOW).actions
    assert not any(isinstance(action, EmptyReplicaSet) for action in actions)


def test_without_a_copy_it_says_what_is_gone_and_the_way_out() -> None:
    decision = decide_plan(held(copies=()), NOW)
    condition = decision.status.conditions[0]
    assert decision.status.phase == "Rejected"
    assert condition.reason == "StableGone"
    assert "ReplicaSet checkout-a" in condition.message
    assert "apply the last good template again" in condition.message
    assert AGAIN not in decision.actions


def test_in_the_middle_of_a_release_too() -> None:
    running = release(number=2, **at_step())
    facts = held(plan=plan(**guarded()), releases=(running,), copies=())
    assert decide_plan(facts, NOW).status.conditions[0].reason == "StableGone"


def test_the_last_good_template_is_let_through() -> None:
    facts = held(deployment=waiting("aaaaaaaaaa"), copies=())
    assert Unpause("7") in decide_plan(facts, NOW).actions


def test_another_template_starts_a_release_although_no_stable_pod_is_ready() -> None:
    facts = held(deployment=waiting("cccccccccc"), copies=())
    assert any(isinstance(action, CreateRelease) for action in decide_plan(facts, NOW).actions)


@pytest.mark.parametrize("sets", [(), (replica_set("a", 4, ready=0),)], ids=["gone", "down"])
def test_a_retry_of_what_was_taken_back_waits_for_a_stable_pod(sets: tuple[()]) -> None:
    retried = ended(2, "RolledBack", orders=["Retry"])
    facts = held(revisions=sets, releases=(retried,))
    decision = decide_plan(facts, NOW)
    assert not any(isinstance(action, CreateRelease) for action in decision.actions)
    assert decision.status.phase == "Blocked"
    assert decision.status.conditions[0].reason == "StableDown"
    back = replace(facts, revisions=(replica_set("a", 4, ready=1),))
    assert any(isinstance(action, CreateRelease) for action in decide_plan(back, NOW).actions)


def test_a_rejection_says_that_no_stable_pod_is_ready() -> None:
    down = (replica_set("a", 4, ready=0),)
    message = decide_plan(held(revisions=down), NOW).status.conditions[0].message
    assert "exits with 1. No stable pod is ready. " in message


def test_a_deployment_that_rests_paused_is_let_make_what_was_deleted() -> None:
    status = guarded(guard="AlwaysPaused", guard_proven_at=NOW)
    resting = plan_deployment(paused=True, rolled_into="")
    lost = plan_facts(plan=plan(**status), deployment=resting, revisions=(), copies=())
    assert decide_plan(lost, NOW).actions == (Unpause("7"),)
    going_on = replace(lost, deployment=replace(resting, paused=False))
    assert decide_plan(going_on, NOW).actions == ()
