"""A change that waits: what starts a release, and what keeps one from starting."""

from datetime import timedelta

import pytest

from controller.release.facts import Pause, Problem, Unpause
from controller.release.planfacts import (
    CreateRelease,
    DeleteRelease,
    DeleteReplicaSet,
    Mark,
    PlanFacts,
)
from controller.release.plans import decide_plan
from tests.unit.release.given import (
    NOW,
    SECOND,
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

RUNNING = release(number=2, **at_step())


def _after(given: PlanFacts, **fields: object) -> PlanFacts:
    """Return the facts of the next pass, with the decision's status stored."""
    status = decide_plan(given, NOW).status
    return plan_facts(**{"plan": plan(**status.model_dump()), **fields})


def test_a_held_change_starts_a_release_against_what_is_stable() -> None:
    decision = decide_plan(plan_facts(deployment=waiting()), NOW)
    (create,) = decision.actions
    assert isinstance(create, CreateRelease)
    assert create.number == 2
    assert create.stable.replica_set == "checkout-a"
    assert decision.status.phase == "Releasing"


def test_a_running_release_is_followed_by_no_other() -> None:
    decision = decide_plan(plan_facts(deployment=waiting(), releases=(RUNNING,)), NOW)
    assert decision.actions == ()
    assert decision.status.active_release == "checkout-2"
    assert decision.status.releases == 2


def test_numbers_go_on_where_releases_were_deleted() -> None:
    given = plan_facts(plan=plan(**guarded(releases=7)), deployment=waiting())
    (create,) = decide_plan(given, NOW).actions
    assert isinstance(create, CreateRelease)
    assert create.number == 8


def test_a_change_that_nobody_holds_starts_no_release() -> None:
    rolling = plan_deployment(revision="bbbbbbbbbb", rolled_into="")
    decision = decide_plan(plan_facts(deployment=rolling), NOW)
    assert decision.actions == ()
    assert decision.status.phase == "Adopting"


def test_a_change_that_was_rolled_out_by_hand_becomes_stable() -> None:
    rolled = plan_deployment(revision="bbbbbbbbbb", rolled_into="checkout-b")
    both = (replica_set("a", 0), replica_set("b", 4, age=1))
    decision = decide_plan(plan_facts(deployment=rolled, revisions=both), NOW)
    assert decision.status.stable is not None
    assert decision.status.stable.revision == "bbbbbbbbbb"
    assert decision.status.phase == "Idle"


def test_a_newer_change_is_compared_with_the_version_that_was_promoted_just_before() -> None:
    # The promotion ended and a third template came before the plan had seen either.
    both = (replica_set("a", 0), replica_set("b", 4, age=1))
    given = plan_facts(
        deployment=waiting("cccccccccc"),
        revisions=both,
        releases=(ended(2, "Succeeded"),),
        copies=("checkout-b",),
    )
    (create,) = decide_plan(given, NOW).actions
    assert isinstance(create, CreateRelease)
    assert create.stable.replica_set == "checkout-b"


def test_pods_that_a_release_is_moving_are_not_taken_for_stable() -> None:
    both = (replica_set("a", 0), replica_set("b", 4, age=1))
    given = plan_facts(deployment=waiting(), revisions=both, releases=(RUNNING,))
    stable = decide_plan(given, NOW).status.stable
    assert stable is not None
    assert stable.replica_set == "checkout-a"


def test_stable_is_told_by_its_replica_set_whatever_an_older_server_hashed() -> None:
    status = guarded(stable={"revision": "0ldhash000", "replicaSet": "checkout-a"})
    decision = decide_plan(plan_facts(plan=plan(**status), deployment=plan_deployment()), NOW)
    assert decision.status.phase == "Idle"


def test_zero_replicas_start_no_release() -> None:
    decision = decide_plan(plan_facts(deployment=waiting(replicas=0)), NOW)
    assert decision.actions == ()
    assert decision.status.conditions[0].reason == "ZeroReplicas"
    assert "scale it up" in decision.status.conditions[0].message


def test_a_rejected_revision_waits_stalled_with_cause_and_way_out() -> None:
    given = plan_facts(deployment=waiting(), releases=(ended(2, "RolledBack"),))
    decision = decide_plan(given, NOW)
    status = decision.status
    assert status.phase == "Rejected"
    assert [(r.revision, r.release, r.reason) for r in status.rejected] == [
        ("bbbbbbbbbb", "checkout-2", "Regressed")
    ]
    assert status.last_outcome == "RolledBack"
    stalled = next(c for c in status.conditions if c.type == "Stalled")
    assert stalled.status == "True"
    assert stalled.message == (
        "revision bbbbbbbbbb was taken back by checkout-2: errors 1.0 % became 5.0 %. "
        "Stable serves. Change the template, or try it again with "
        "kubectl gander retry checkout-2 -n shop"
    )
    assert decision.actions == (Mark(stalled.message),)


def test_a_rejection_is_marked_once_and_nothing_is_written_after() -> None:
    releases = (ended(2, "RolledBack"),)
    given = plan_facts(deployment=waiting(), releases=releases)
    mark = decide_plan(given, NOW).status.conditions[0].message
    again = _after(given, deployment=waiting(mark=mark), releases=releases)
    decision = decide_plan(again, NOW + SECOND)
    assert decision.actions == ()
    assert decision.status == again.plan.status


def test_a_rejected_revision_stays_out_without_its_release() -> None:
    given = plan_facts(deployment=waiting(), releases=(ended(2, "RolledBack"),))
    after = _after(given, deployment=waiting(), releases=())
    assert decide_plan(after, NOW).status.phase == "Rejected"


def test_a_proof_that_is_due_leaves_the_mark_alone() -> None:
    releases = (ended(2, "RolledBack"),)
    given = plan_facts(deployment=waiting(), releases=releases)
    mark = decide_plan(given, NOW).status.conditions[0].message
    again = _after(given, deployment=waiting(mark=mark), releases=releases)
    actions = decide_plan(again, NOW + timedelta(hours=1)).actions
    assert [type(action).__name__ for action in actions] == ["ProveGuard"]


def test_another_template_clears_the_mark_and_is_released() -> None:
    releases = (ended(2, "RolledBack"),)
    given = plan_facts(deployment=waiting(), releases=releases)
    after = _after(given, deployment=waiting("cccccccccc", mark="old words"), releases=releases)
    create, mark = decide_plan(after, NOW).actions
    assert isinstance(create, CreateRelease)
    assert create.number == 3
    assert mark == Mark("")


def test_back_to_stables_template_clears_the_mark_and_unpauses() -> None:
    releases = (ended(2, "RolledBack"),)
    undone = plan_deployment(paused=True, mark="old words")
    actions = decide_plan(plan_facts(deployment=undone, releases=releases), NOW).actions
    assert actions == (Unpause("7"), Mark(""))


@pytest.mark.parametrize("phase", ["RolledBack", "Aborted"])
def test_a_retry_releases_the_same_revision_once_more(phase: str) -> None:
    before = plan_facts(deployment=waiting(), releases=(ended(2, phase),))
    retried = ended(2, phase, orders=["Retry"])
    after = _after(before, deployment=waiting(), releases=(retried,))
    (create,) = decide_plan(after, NOW).actions
    assert isinstance(create, CreateRelease)
    assert create.number == 3
    assert decide_plan(after, NOW).status.rejected == ()


def test_a_retry_that_fails_is_rejected_again_and_waits_for_another_retry() -> None:
    releases = (ended(2, "RolledBack", orders=["Retry"]), ended(3, "RolledBack"))
    status = decide_plan(plan_facts(deployment=waiting(), releases=releases), NOW).status
    assert status.phase == "Rejected"
    assert [rejection.release for rejection in status.rejected] == ["checkout-3"]


def test_an_acknowledgement_is_no_retry() -> None:
    releases = (ended(2, "RolledBack", orders=["Acknowledge"]),)
    given = plan_facts(deployment=waiting(), releases=releases)
    assert decide_plan(given, NOW).status.phase == "Rejected"


def test_an_aborted_revision_is_held_and_not_rejected() -> None:
    releases = (ended(2, "Aborted"),)
    given = plan_facts(deployment=waiting(), releases=releases)
    decision = decide_plan(given, NOW)
    assert decision.status.phase == "Held"
    assert decision.status.rejected == ()
    message = decision.status.conditions[0].message
    assert "was aborted: errors 1.0 % became 5.0 %. Stable serves" in message
    assert "kubectl gander retry checkout-2 -n shop" in message
    assert decision.actions == (Mark(message, "ReleaseAborted"),)
    after = _after(given, deployment=waiting(mark=message), releases=releases)
    assert decide_plan(after, NOW).actions == ()


def test_a_held_revision_that_comes_back_later_is_released() -> None:
    releases = (ended(2, "Aborted"),)
    first = plan_facts(deployment=waiting(), releases=releases)
    undone = _after(first, deployment=plan_deployment(paused=True), releases=releases)
    assert decide_plan(undone, NOW).status.held == ""
    back = _after(undone, deployment=waiting(), releases=releases)
    assert isinstance(decide_plan(back, NOW).actions[0], CreateRelease)


def test_superseded_releases_in_a_row_are_counted() -> None:
    first = plan_facts(deployment=waiting(), releases=(ended(2, "Superseded"),))
    assert decide_plan(first, NOW).status.superseded_in_a_row == 1
    both = (ended(2, "Superseded"), ended(3, "Superseded"))
    second = _after(first, deployment=waiting(), releases=both)
    assert decide_plan(second, NOW).status.superseded_in_a_row == 2
    assert decide_plan(_after(second, releases=both), NOW).status.superseded_in_a_row == 2
    third = _after(second, releases=(*both, ended(4, "Succeeded")))
    assert decide_plan(third, NOW).status.superseded_in_a_row == 0


def test_history_is_cut_to_what_the_plan_asks_for() -> None:
    releases = tuple(ended(number, "Succeeded") for number in (2, 3, 4, 5))
    given = plan_facts(plan=plan(history=2, **guarded()), releases=releases)
    assert decide_plan(given, NOW).actions == (
        DeleteRelease("checkout-2"),
        DeleteRelease("checkout-3"),
    )


def test_history_keeps_a_release_while_its_revision_can_be_retried_by_it() -> None:
    releases = (
        ended(2, "RolledBack", "2222222222"),
        *(ended(number, "Succeeded") for number in range(3, 20)),
    )
    given = plan_facts(plan=plan(history=1, **guarded()), releases=releases)
    assert DeleteRelease("checkout-2") not in decide_plan(given, NOW).actions
    assert DeleteRelease("checkout-3") in decide_plan(given, NOW).actions


def test_running_releases_are_no_history() -> None:
    given = plan_facts(plan=plan(history=1, **guarded()), releases=(ended(2, "Aborted"), RUNNING))
    assert decide_plan(given, NOW).actions == ()


def test_twenty_rejections_are_kept_the_newest_ones_and_the_list_settles() -> None:
    releases = tuple(ended(n, "RolledBack", f"{n:010d}") for n in range(1, 26))
    given = plan_facts(plan=plan(history=100, **guarded()), releases=releases)
    status = decide_plan(given, NOW).status
    assert [rejection.release for rejection in status.rejected] == [
        f"checkout-{n}" for n in range(6, 26)
    ]
    again = _after(given, plan=plan(history=100, **status.model_dump()), releases=releases)
    assert decide_plan(again, NOW).status.rejected == status.rejected


def test_empty_replica_sets_newer_than_stables_are_deleted_while_a_change_is_held() -> None:
    sets = (
        replica_set("a", 4),
        replica_set("o", 0, age=200),
        replica_set("n", 0, age=1),
        replica_set("p", 1, age=1),
    )
    held = plan_facts(deployment=waiting(), revisions=sets, releases=(RUNNING,))
    assert decide_plan(held, NOW).actions == (DeleteReplicaSet("checkout-n", "uid-n", "5"),)
    at_rest = plan_facts(revisions=sets)
    assert decide_plan(at_rest, NOW).actions == ()


@pytest.mark.parametrize("phase", ["Promoting", "RollingBack", "Finishing"])
def test_replica_sets_that_a_release_is_moving_are_left_alone(phase: str) -> None:
    sets = (replica_set("a", 4), replica_set("b", 0, age=1))
    moving = release(number=2, **at_step(phase=phase))
    given = plan_facts(deployment=waiting(), revisions=sets, releases=(moving,))
    assert decide_plan(given, NOW).actions == ()


def test_problems_that_come_up_do_not_stop_a_running_release() -> None:
    problem = Problem("ServiceMissing", "Service checkout does not exist")
    given = plan_facts(deployment=waiting(), releases=(RUNNING,), problems=(problem,))
    assert decide_plan(given, NOW).status.phase == "Releasing"


def test_a_deployment_that_rests_paused_starts_releases_too() -> None:
    status = guarded(guard="AlwaysPaused", guard_proven_at=NOW)
    actions = decide_plan(plan_facts(plan=plan(**status), deployment=waiting()), NOW).actions
    assert isinstance(actions[0], CreateRelease)
    assert not any(isinstance(action, Pause | Unpause) for action in actions)
