"""The steps: capacity, raising, confirming, earning."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from controller.release.canary import canary_replicas
from controller.release.facts import (
    Decision,
    EnsureCanary,
    EnsureCanaryService,
    Facts,
    Problem,
    RemoveBackend,
    SetWeight,
    StableFacts,
)
from controller.release.machine import decide
from tests.unit.release.given import (
    DEADLINE,
    HOLD,
    LOOK,
    NOW,
    SECOND,
    assert_settled,
    at_step,
    canary,
    deployment,
    entry,
    facts,
    judged,
    metric,
    release,
    route,
    seen,
    trouble,
)

RAISING = at_step(
    1, reason="Raising", step_since=None, weight={"wanted": 5, "confirmed": 0}, metrics=[], looks={}
)
RAISING_TO_50 = at_step(2, reason="Raising", step_since=None, weight={"wanted": 50, "confirmed": 5})


@pytest.mark.parametrize(
    ("stable", "weight", "pods"),
    [(3, 5, 1), (10, 25, 3), (4, 50, 2), (100, 1, 1), (100, 90, 90), (0, 50, 1)],
)
def test_the_canarys_size_is_the_weights_share_rounded_up(
    stable: int, weight: int, pods: int
) -> None:
    assert canary_replicas(stable, weight) == pods


def test_the_route_is_raised_to_the_recorded_step_and_no_further() -> None:
    decision = decide(facts(release(**RAISING), routes=(route(0),)), NOW)
    assert decision.actions == (SetWeight(5),)
    assert decision.status.step_since is None


def test_capacity_comes_before_the_weight() -> None:
    given = facts(release(**RAISING_TO_50), routes=(route(5),), canary=canary(1, 1))
    decision = decide(given, NOW)
    assert decision.actions == (EnsureCanary(2),)
    assert decision.status.message == "1 of 2 canary pods are ready, 1 run"
    scaled = seen(given, decision, NOW, canary=canary(1, 2, running=1))
    assert_settled(scaled, NOW + SECOND)
    ready = seen(given, decision, NOW, canary=canary(2, 2))
    assert decide(ready, NOW + SECOND).actions == (SetWeight(50),)


def test_more_pods_that_cannot_start_hold_the_step_and_are_given_up_after_three_deadlines() -> None:
    status = RAISING_TO_50 | {"start_since": NOW, "start_failures": 2}
    short = canary(1, 2, running=1, trouble=trouble(fault=False, reason="FailedScheduling"))
    given = facts(release(**status), routes=(route(5),), canary=short)
    decision = decide(given, NOW + DEADLINE - SECOND)
    assert (decision.status.phase, decision.status.reason) == ("Holding", "CanaryCannotStart")
    decision = decide(given, NOW + DEADLINE)
    assert (decision.status.phase, decision.status.outcome) == ("RollingBack", "Aborted")


def test_failed_starts_are_forgotten_once_all_pods_are_there() -> None:
    status = RAISING_TO_50 | {"start_since": NOW, "start_failures": 2}
    decision = decide(facts(release(**status), routes=(route(5),), canary=canary(2, 2)), NOW)
    assert decision.status.start_since is None
    assert decision.status.start_failures == 0


def test_more_pods_that_never_get_ready_are_the_versions_fault() -> None:
    given = facts(release(**RAISING_TO_50), routes=(route(5),), canary=canary(1, 2))
    given = seen(given, decide(given, NOW), NOW)
    decision = decide(given, NOW + DEADLINE)
    assert (decision.status.outcome, decision.status.reason) == ("RolledBack", "NeverReady")


def test_pods_that_wait_for_the_same_thing_as_all_of_stable_are_not_at_fault() -> None:
    given = facts(
        release(**RAISING_TO_50),
        routes=(route(5),),
        canary=canary(0, 2),
        stable=StableFacts(replicas=4, ready=0),
    )
    given = seen(given, decide(given, NOW), NOW)
    assert decide(given, NOW + 2 * DEADLINE).status.phase == "Holding"


def test_a_weight_that_stable_could_not_take_back_is_not_asked_for() -> None:
    given = facts(release(**RAISING), routes=(route(0),), stable=StableFacts(replicas=4, ready=3))
    decision = decide(given, NOW)
    assert decision.actions == ()
    assert (decision.status.phase, decision.status.reason) == ("Holding", "StableNotReady")
    assert "3 of 4 stable pods" in decision.status.message


def test_a_weight_that_a_parent_has_not_seen_starts_no_clock() -> None:
    given = facts(release(**RAISING), routes=(route(5, settled=False),))
    decision = decide(given, NOW)
    assert decision.actions == ()
    assert decision.status.step_since is None
    assert decision.status.weight.confirmed == 0
    assert decision.status.message == (
        "5 % asked for; waiting for the gateway to confirm HTTPRoute checkout"
    )


def test_one_route_that_lags_behind_keeps_the_weight_unconfirmed() -> None:
    decision = decide(facts(release(**RAISING), routes=(route(5), route(0))), NOW)
    assert decision.actions == (SetWeight(5),)
    assert decision.status.weight.confirmed == 0


def test_a_confirmed_weight_starts_the_clock_and_fresh_evidence() -> None:
    status = RAISING | {"verdict": "Safe", "metrics": [metric().wire()]}
    now = NOW + timedelta(milliseconds=1)
    decision = decide(facts(release(**status), routes=(route(5),)), now)
    after = decision.status
    assert after.weight.confirmed == 5
    assert after.step_since == NOW + SECOND  # stored times are whole seconds, a hold is no shorter
    assert after.looks.since == now.timestamp()
    assert after.looks.next == NOW + SECOND + LOOK
    assert after.verdict == "Inconclusive"
    assert [m.looks_at_weight for m in after.metrics] == [0]
    assert (after.phase, after.reason) == ("Stepping", "Collecting")


def test_nothing_is_written_while_a_look_is_awaited() -> None:
    given = facts(release(**RAISING), routes=(route(5),))
    after = seen(given, decide(given, NOW), NOW)
    assert_settled(after, NOW + SECOND)
    assert_settled(after, NOW + LOOK)


def test_a_step_is_passed_once_safe_fresh_and_held() -> None:
    given = facts(release(**at_step()), routes=(route(5),), judged=judged())
    decision = decide(given, NOW + HOLD)
    assert decision.status.step == 2
    assert decision.status.weight.wanted == 50
    assert decision.status.weight.confirmed == 5
    assert SetWeight(50) not in decision.actions  # follows from the stored step only
    assert decision.status.step_since is None


def test_the_steps_hold_is_kept_whatever_the_evidence() -> None:
    given = facts(release(**at_step()), routes=(route(5),), judged=judged())
    decision = decide(given, NOW + HOLD - SECOND)
    assert decision.status.step == 1
    assert (decision.status.phase, decision.status.reason) == ("Stepping", "Safe")
    assert decision.again_at == NOW + HOLD


def test_a_look_that_is_due_is_waited_for_before_a_step_is_passed() -> None:
    waited = at_step(reason="Safe", verdict="Safe", looks={"next": NOW + HOLD})
    given = facts(release(**waited), routes=(route(5),))
    assert decide(given, NOW + HOLD).status.step == 1
    seen_safe = replace(given, judged=judged())
    assert decide(seen_safe, NOW + HOLD).status.step == 2


def test_inconclusive_evidence_passes_no_step() -> None:
    given = facts(release(**at_step()), routes=(route(5),), judged=judged("Inconclusive"))
    decision = decide(given, NOW + 10 * HOLD)
    assert decision.status.step == 1
    assert decision.status.message == "5 % confirmed; errors 1.0 %"


def test_safe_from_lower_weights_alone_passes_no_step() -> None:
    old = judged(metrics=(metric(fresh=False),))
    decision = decide(facts(release(**at_step()), routes=(route(5),), judged=old), NOW + HOLD)
    assert decision.status.step == 1
    assert decision.status.reason == "Collecting"


def test_one_stale_required_metric_of_two_passes_no_step() -> None:
    both = (metric(), metric(name="grpc-errors", fresh=False))
    look = judged(metrics=both)
    decision = decide(facts(release(**at_step()), routes=(route(5),), judged=look), NOW + HOLD)
    assert decision.status.step == 1


def test_an_advisory_metric_without_data_holds_no_step_up() -> None:
    both = (metric(), metric(name="memory", required=False, fresh=False))
    look = judged(metrics=both)
    decision = decide(facts(release(**at_step()), routes=(route(5),), judged=look), NOW + HOLD)
    assert decision.status.step == 2


def test_a_verdict_without_any_metric_passes_no_step() -> None:
    look = judged(metrics=())
    decision = decide(facts(release(**at_step()), routes=(route(5),), judged=look), NOW + HOLD)
    assert decision.status.step == 1


def test_the_last_step_is_followed_by_promotion() -> None:
    given = facts(release(**at_step(2)), routes=(route(50),), canary=canary(2, 2), judged=judged())
    decision = decide(given, NOW + HOLD)
    assert (decision.status.phase, decision.status.reason) == ("Promoting", "Earned")
    assert decision.actions == ()  # unpausing follows from the stored promotion only


def test_a_deployment_that_would_take_all_its_pods_at_once_is_not_promoted() -> None:
    unfit = deployment(unfit=Problem("RecreateStrategy", "set it to RollingUpdate"))
    given = facts(release(**at_step(2)), routes=(route(50),), canary=canary(2, 2), judged=judged())
    held = decide(replace(given, deployment=unfit), NOW + HOLD)
    assert (held.status.phase, held.status.reason) == ("Holding", "RecreateStrategy")
    assert held.status.message == "set it to RollingUpdate"
    given = seen(given, held, NOW + HOLD, deployment=unfit)
    assert_settled(given, NOW + HOLD + SECOND)
    mended = decide(replace(given, deployment=deployment()), NOW + HOLD + SECOND)
    assert (mended.status.phase, mended.status.reason) == ("Promoting", "Earned")


def test_a_step_begins_with_its_tries_on_the_route_unused() -> None:
    status = at_step(route_retries=3)
    given = facts(release(**status), routes=(route(5),), judged=judged())
    assert decide(given, NOW + HOLD).status.route_retries == 0


def test_the_canary_follows_stables_size_in_the_middle_of_a_step() -> None:
    given = facts(
        release(**at_step(2)),
        routes=(route(50),),
        canary=canary(2, 2),
        stable=StableFacts(replicas=8, ready=8),
    )
    assert decide(given, NOW).actions == (EnsureCanary(4),)


def test_images_stay_known_when_the_pods_are_gone() -> None:
    status = at_step(canary={"replicas": 1, "ready": 1, "images": ["shop@sha256:2"]})
    decision = decide(facts(release(**status), routes=(route(5),), canary=None), NOW)
    assert decision.status.canary.images == ("shop@sha256:2",)
    assert decision.status.canary.ready == 0


def test_a_canary_without_a_ready_pod_gives_its_share_to_stable_at_once() -> None:
    gone = canary(0, running=0)
    decision = decide(facts(release(**at_step()), routes=(route(5),), canary=gone), NOW)
    assert decision.actions == (SetWeight(0),)
    assert decision.status.phase == "Holding"
    assert decision.status.step_since is None  # the evidence begins anew at the next confirmation


def test_a_canary_deployment_that_was_deleted_is_made_again_after_its_share_is_gone() -> None:
    decision = decide(facts(release(**at_step()), routes=(route(5),), canary=None), NOW)
    assert decision.actions == (SetWeight(0), EnsureCanary(1))


def test_a_canary_service_that_was_deleted_is_made_again_after_its_share_is_gone() -> None:
    given = facts(release(**at_step()), routes=(route(5),), has_canary_service=False)
    decision = decide(given, NOW)
    assert decision.actions == (SetWeight(0), EnsureCanaryService())
    assert decision.status.reason == "CanaryServiceMissing"
    assert decide(seen(given, decision, NOW, routes=(route(0),)), NOW).actions == (
        EnsureCanaryService(),
    )


def test_a_canary_that_is_back_gets_its_share_back() -> None:
    status = at_step(phase="Holding", reason="CanaryNotReady", step_since=None)
    decision = decide(facts(release(**status), routes=(route(0),)), NOW)
    assert decision.actions == (SetWeight(5),)
    assert decision.status.phase == "Stepping"


def test_a_canary_that_stays_away_ends_the_release() -> None:
    status = at_step(
        phase="Holding",
        reason="CanaryNotReady",
        step_since=None,
        timeline=[entry("Holding", "CanaryNotReady")],
    )
    given = facts(release(**status), routes=(route(0),), canary=canary(0))
    decision = decide(given, NOW + DEADLINE)
    assert (decision.status.outcome, decision.status.reason) == ("RolledBack", "NeverReady")


@pytest.mark.parametrize("verdict", ["Inconclusive", "Safe"])
def test_a_step_of_a_deployment_of_0_replicas_holds_and_begins_its_evidence_anew(
    verdict: str,
) -> None:
    none = StableFacts(replicas=0, ready=0)
    given = facts(release(**at_step(2)), routes=(route(50),), canary=canary(2, 2), stable=none)
    decision = decide(replace(given, judged=judged(verdict)), NOW + 10 * HOLD)
    assert (decision.status.phase, decision.status.reason) == ("Holding", "ZeroReplicas")
    assert decision.actions == ()
    after = seen(given, decision, NOW + 10 * HOLD)
    assert_settled(after, NOW + 20 * HOLD)
    scaled = replace(after, stable=StableFacts(replicas=4, ready=4))
    again = decide(scaled, NOW + 20 * HOLD).status
    assert (again.phase, again.reason) == ("Stepping", "Collecting")
    assert again.step_since == NOW + 20 * HOLD


def flapped(given: Facts, times: int, **away: Any) -> Decision:
    """Return what is decided when the canary loses its readiness for the last of so many times."""
    decision = decide(given, NOW)
    for _ in range(times):
        back = seen(given, decision, NOW, canary=canary(), routes=(route(0),))
        up = seen(back, decide(back, NOW), NOW, routes=(route(5),))
        there = decide(up, NOW)
        assert there.status.phase == "Stepping"
        gone = seen(up, there, NOW, canary=canary(0), **away)
        decision = decide(gone, NOW)
    return decision


def test_a_canary_that_loses_its_readiness_3_times_at_one_step_is_taken_back() -> None:
    given = facts(release(**at_step()), routes=(route(5),))
    for times in (1, 2):
        decision = flapped(given, times)
        assert (decision.status.phase, decision.status.reason) == ("Holding", "CanaryNotReady")
        assert decision.status.canary.lost == times
    decision = flapped(given, 3)
    assert decision.status.phase == "RollingBack"
    assert (decision.status.outcome, decision.status.reason) == ("RolledBack", "ReadinessLost")
    assert "3 times at this step" in decision.status.message
    assert decision.actions == (RemoveBackend(),)


def test_readiness_lost_while_stable_loses_it_too_is_not_held_against_the_canary() -> None:
    given = facts(release(**at_step()), routes=(route(5),))
    hit = {"stable": StableFacts(replicas=4, ready=3)}
    gone = facts(release(**at_step(canary={"ready": 1})), canary=canary(0), **hit)
    assert decide(gone, NOW).status.canary.lost == 0
    lost = flapped(given, 2)
    away = seen(given, lost, NOW, canary=canary(0), routes=(route(0),), **hit)
    assert decide(away, NOW).status.canary.lost == 0  # stable's probes were a little later


def test_pods_that_were_moved_to_another_node_have_not_lost_their_readiness() -> None:
    status = at_step(canary={"replicas": 1, "ready": 1})
    moved = facts(release(**status), routes=(route(5),), canary=canary(0, running=0))
    assert decide(moved, NOW).status.canary.lost == 0


def test_lost_readiness_is_counted_anew_at_each_step() -> None:
    status = at_step(canary={"replicas": 1, "ready": 1, "lost": 2})
    given = facts(release(**status), routes=(route(5),), judged=judged())
    decision = decide(given, NOW + HOLD)
    assert (decision.status.step, decision.status.canary.lost) == (2, 0)
