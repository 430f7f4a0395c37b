"""From a plan that was just applied to one whose Deployment is held."""

from datetime import timedelta

import pytest

from controller.api.plan import ReleasePlanStatus
from controller.release.facts import Pause, Problem, Unpause
from controller.release.planfacts import AddFinalizer, Adopt, PlanDecision, ProveGuard
from controller.release.plans import decide_plan
from tests.unit.release.given import (
    NOW,
    SECOND,
    at_step,
    guarded,
    plan,
    plan_deployment,
    plan_facts,
    release,
    replica_set,
    waiting,
)

MINUTE = timedelta(minutes=1)


def _condition(decision: PlanDecision, kind: str) -> tuple[str, str]:
    found = next(c for c in decision.status.conditions if c.type == kind)
    return found.status, found.reason


def test_the_finalizer_comes_before_anything_else() -> None:
    given = plan_facts(plan=plan(finalizers=()), deployment=plan_deployment(labelled=False))
    assert decide_plan(given, NOW) == PlanDecision(ReleasePlanStatus(), (AddFinalizer(),))


def test_a_plan_without_its_deployment_says_how_names_go() -> None:
    decision = decide_plan(plan_facts(plan=plan(), deployment=None, revisions=()), NOW)
    assert decision.status.phase == "Blocked"
    assert _condition(decision, "Stalled") == ("True", "DeploymentMissing")
    assert decision.actions == ()


def test_a_first_rollout_is_waited_for_and_not_held() -> None:
    rolling = plan_deployment(labelled=False, rolled_into="")
    decision = decide_plan(plan_facts(plan=plan(), deployment=rolling), NOW)
    assert decision.status.phase == "Adopting"
    assert _condition(decision, "Reconciling") == ("True", "RollingOut")
    assert decision.status.stable is None
    assert decision.actions == ()


def test_a_completed_rollout_is_recorded_as_stable_and_labelled() -> None:
    given = plan_facts(plan=plan(), deployment=plan_deployment(labelled=False))
    decision = decide_plan(given, NOW)
    assert decision.status.phase == "Adopting"
    assert decision.actions == (Adopt("7"),)
    assert decision.status.stable is not None
    assert decision.status.stable.replica_set == "checkout-a"
    assert decision.status.stable.images == ("shop:1",)
    assert decision.status.track_label == "track"


def test_a_labelled_deployment_has_its_guard_proven_before_anything_is_promised() -> None:
    decision = decide_plan(plan_facts(plan=plan()), NOW)
    assert decision.status.phase == "Adopting"
    assert _condition(decision, "Ready") == ("False", "ProvingGuard")
    assert decision.actions == (ProveGuard(),)
    assert decision.again_at == NOW + 10 * SECOND  # should the proof itself fail


def test_a_guarded_plan_at_rest_is_ready_and_writes_nothing() -> None:
    first = decide_plan(plan_facts(), NOW)
    assert first.status.phase == "Idle"
    assert _condition(first, "Ready") == ("True", "Guarded")
    assert first.actions == ()
    assert first.again_at == NOW + 9 * MINUTE
    again = decide_plan(plan_facts(plan=plan(**first.status.model_dump())), NOW + SECOND)
    assert again.status == first.status


@pytest.mark.parametrize(
    ("guard", "lasts"), [("Guarded", 10 * MINUTE), ("AlwaysPaused", MINUTE / 2)]
)
def test_the_guard_is_proven_again(guard: str, lasts: timedelta) -> None:
    status = guarded(guard=guard, guard_proven_at=NOW)
    given = plan_facts(plan=plan(**status), deployment=plan_deployment(paused=guard != "Guarded"))
    assert decide_plan(given, NOW + lasts - SECOND).actions == ()
    decision = decide_plan(given, NOW + lasts)
    assert decision.actions == (ProveGuard(),)
    assert decision.again_at == NOW + lasts + 10 * SECOND


@pytest.mark.parametrize("policy", ["41/43", ""])
def test_a_policy_that_changed_or_went_is_proven_at_once(policy: str) -> None:
    assert decide_plan(plan_facts(guard_policy=policy), NOW).actions == (ProveGuard(),)


def test_a_proof_that_is_due_changes_neither_phase_nor_words() -> None:
    before = decide_plan(plan_facts(), NOW)
    after = decide_plan(plan_facts(plan=plan(**before.status.model_dump())), NOW + 20 * MINUTE)
    assert after.actions == (ProveGuard(),)
    assert after.status == before.status


def test_a_bypassed_deployment_is_not_probed() -> None:
    given = plan_facts(
        plan=plan(**guarded(guard_proven_at=None)), deployment=plan_deployment(bypassed=True)
    )
    decision = decide_plan(given, NOW)
    assert decision.actions == ()
    assert _condition(decision, "Stalled") == ("True", "Bypassed")


def test_an_undo_to_stable_rolls_on_whatever_annotation_came_with_it() -> None:
    undone = plan_deployment(bypassed=True, paused=True)
    decision = decide_plan(plan_facts(deployment=undone), NOW)
    assert decision.actions == (Unpause("7"),)
    assert _condition(decision, "Stalled") == ("True", "Bypassed")


def test_a_bypassed_deployment_that_waits_is_left_to_people_who_are_told_that_it_is_paused() -> (
    None
):
    decision = decide_plan(plan_facts(deployment=waiting(bypassed=True)), NOW)
    assert decision.actions == ()
    ready = next(c for c in decision.status.conditions if c.type == "Ready")
    assert "kubectl rollout resume deployment/checkout -n shop" in ready.message
    going = plan_deployment(revision="bbbbbbbbbb", rolled_into="", bypassed=True)
    message = decide_plan(plan_facts(deployment=going), NOW).status.conditions[0].message
    assert "paused" not in message


def test_a_bypassed_deployment_is_left_paused_while_its_release_runs_or_a_manifest_says_so() -> (
    None
):
    undone = plan_deployment(bypassed=True, paused=True)
    running = plan_facts(deployment=undone, releases=(release(number=2, **at_step()),))
    assert decide_plan(running, NOW).actions == ()
    told = plan_facts(deployment=plan_deployment(bypassed=True, paused=True, paused_by="kubectl"))
    assert decide_plan(told, NOW).actions == ()


def test_a_proof_from_a_clock_that_was_ahead_is_due() -> None:
    ahead = plan_facts(plan=plan(**guarded(guard_proven_at=NOW + 5 * MINUTE)))
    assert decide_plan(ahead, NOW).actions == (ProveGuard(),)


def test_without_a_guard_the_deployment_rests_paused_and_the_plan_says_what_tools_show() -> None:
    given = plan_facts(plan=plan(**guarded(guard="AlwaysPaused", guard_proven_at=NOW)))
    decision = decide_plan(given, NOW)
    assert decision.actions == (Pause("7"),)
    ready = next(c for c in decision.status.conditions if c.type == "Ready")
    assert (ready.status, ready.reason) == ("True", "AlwaysPaused")
    assert "Argo CD shows it as Suspended" in ready.message
    rests = plan_facts(plan=given.plan, deployment=plan_deployment(paused=True))
    assert decide_plan(rests, NOW).actions == ()


def test_with_a_guard_a_deployment_at_rest_is_let_go_with_its_version() -> None:
    given = plan_facts(deployment=plan_deployment(paused=True))
    assert decide_plan(given, NOW).actions == (Unpause("7"),)


def test_paused_in_a_manifest_is_refused_with_the_manager_that_owns_it() -> None:
    given = plan_facts(deployment=plan_deployment(paused=True, paused_by="kubectl-rollout"))
    decision = decide_plan(given, NOW)
    assert decision.actions == ()
    assert _condition(decision, "Stalled") == ("True", "PausedInManifest")
    assert "kubectl-rollout" in decision.status.conditions[0].message


def test_what_only_the_cluster_can_refuse_blocks_with_its_own_words() -> None:
    problem = Problem("ServiceMissing", "Service checkout does not exist")
    decision = decide_plan(plan_facts(deployment=waiting(), problems=(problem,)), NOW)
    assert _condition(decision, "Stalled") == ("True", "ServiceMissing")
    assert decision.actions == ()


def test_a_deployment_left_paused_by_an_earlier_plan_is_adopted_with_its_change_waiting() -> None:
    given = plan_facts(plan=plan(), deployment=waiting(labelled=False))
    decision = decide_plan(given, NOW)
    assert decision.actions == (Adopt("7"),)
    assert decision.status.stable is not None
    assert decision.status.stable.revision == "aaaaaaaaaa"


def test_a_deployment_paused_between_two_versions_is_not_adopted() -> None:
    halves = (replica_set("a", 2), replica_set("b", 2, age=1))
    given = plan_facts(plan=plan(), deployment=waiting(labelled=False), revisions=halves)
    decision = decide_plan(given, NOW)
    assert decision.actions == ()
    assert decision.status.stable is None


def test_a_deployment_that_was_made_anew_is_adopted_after_its_own_rollout() -> None:
    anew = plan_deployment(labelled=False, rolled_into="", revision="cccccccccc")
    given = plan_facts(deployment=anew, revisions=(replica_set("c", 1),))
    assert decide_plan(given, NOW).actions == ()
    assert decide_plan(given, NOW).status.phase == "Adopting"


def test_a_new_deployment_that_was_made_paused_is_not_compared_with_the_old_ones_pods() -> None:
    anew = waiting(labelled=False, revision="cccccccccc")
    decision = decide_plan(plan_facts(deployment=anew, revisions=()), NOW)
    assert decision.actions == ()
    assert decision.status.phase == "Adopting"
