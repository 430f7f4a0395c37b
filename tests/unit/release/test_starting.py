"""Before any user: the canary gets ready, and its backend is accepted at weight 0."""

from datetime import timedelta
from typing import Any

from controller.release.facts import (
    EnsureCanary,
    EnsureCanaryService,
    Problem,
    RemoveBackend,
    SetWeight,
    StableFacts,
    Unpause,
)
from controller.release.machine import decide
from tests.unit.release.given import (
    DEADLINE,
    NOW,
    SECOND,
    assert_settled,
    canary,
    entry,
    facts,
    release,
    route,
    seen,
    trouble,
)

STARTING: dict[str, Any] = {
    "phase": "Starting",
    "reason": "CanaryStarting",
    "start_since": NOW,
    "timeline": [entry("Starting", "CanaryStarting")],
}


def test_a_new_release_makes_its_canary_and_service_and_no_traffic() -> None:
    decision = decide(facts(canary=None, has_canary_service=False), NOW)
    assert decision.actions == (EnsureCanary(1), EnsureCanaryService())
    assert decision.status.phase == "Starting"
    assert decision.status.reason == "CanaryStarting"
    assert decision.status.start_since == NOW
    assert decision.status.weight.wanted == 0


def test_the_canary_has_the_first_steps_share_of_stables_pods_rounded_up() -> None:
    steps = ({"weight": 26},)
    decision = decide(facts(release(steps=steps), canary=None), NOW)
    assert EnsureCanary(2) in decision.actions


def test_a_canary_of_another_size_is_scaled() -> None:
    decision = decide(facts(canary=canary(3, 3)), NOW)
    assert EnsureCanary(1) in decision.actions


def test_pods_that_start_are_waited_for_without_a_write_a_pass() -> None:
    given = facts(release(**STARTING), canary=canary(0, running=0))
    after = seen(given, decide(given, NOW), NOW)
    assert after.release.status.message == "0 of 1 canary pods are ready, 0 run"
    assert_settled(after, NOW + SECOND)


def test_a_ready_canary_gets_its_backend_at_weight_0() -> None:
    decision = decide(facts(release(**STARTING)), NOW)
    assert decision.actions == (SetWeight(0),)
    assert decision.status.reason == "AddingBackend"
    assert decision.status.start_since is None


def test_every_rule_has_the_backend_before_the_first_step() -> None:
    decision = decide(facts(release(**STARTING), routes=(route(0, uneven=True),)), NOW)
    assert decision.actions == (SetWeight(0),)
    assert decision.status.step == 0


def test_weight_0_waits_for_every_parent_of_every_route() -> None:
    routes = (route(0), route(0, name="GRPCRoute checkout", settled=False))
    decision = decide(facts(release(**STARTING), routes=routes), NOW)
    assert decision.actions == ()
    assert decision.status.phase == "Starting"
    waits = "0 % asked for; waiting for the gateway to confirm GRPCRoute checkout"
    assert decision.status.message == waits


def test_the_first_step_is_recorded_before_any_route_is_raised() -> None:
    rehearsed = release(**STARTING, looks={"next": NOW})
    decision = decide(facts(rehearsed, routes=(route(0),)), NOW)
    assert decision.actions == ()
    assert decision.status.phase == "Stepping"
    assert decision.status.progress == "1/2"
    assert decision.status.weight.wanted == 5
    assert decision.status.step_since is None


def test_what_keeps_pods_from_starting_is_a_hold_with_its_own_words() -> None:
    pulling = canary(0, running=0, trouble=trouble(fault=False))
    given = facts(release(**STARTING), canary=pulling)
    decision = decide(given, NOW)
    assert decision.status.phase == "Holding"
    assert decision.status.reason == "CanaryCannotStart"
    assert decision.status.message == (
        "pod checkout-canary-x: the words of Kubernetes (ImagePullBackOff)"
    )
    assert decision.again_at == NOW + timedelta(minutes=1)
    assert_settled(seen(given, decision, NOW), NOW + SECOND)


def test_a_hold_that_healed_goes_on() -> None:
    held = release(**STARTING | {"phase": "Holding", "reason": "CanaryCannotStart"})
    decision = decide(facts(held), NOW + 5 * SECOND)
    assert decision.status.phase == "Starting"
    assert decision.actions == (SetWeight(0),)


def test_a_canary_that_cannot_start_is_aborted_after_three_deadlines_and_never_rejected() -> None:
    pulling = canary(0, running=0, trouble=trouble(fault=False))
    given = facts(release(**STARTING), canary=pulling)
    for attempt in (1, 2):
        now = NOW + attempt * DEADLINE
        assert decide(given, now - SECOND).status.start_failures == attempt - 1
        decision = decide(given, now)
        assert decision.status.phase == "Holding"
        assert decision.status.start_failures == attempt
        given = seen(given, decision, now)
    decision = decide(given, NOW + 3 * DEADLINE)
    assert decision.status.phase == "RollingBack"
    assert decision.status.outcome == "Aborted"
    assert decision.status.reason == "CanaryCannotStart"
    assert decision.status.message.startswith("given up after 3 times 10m: pod checkout-canary-x")


def test_pods_that_nobody_starts_are_not_the_versions_fault() -> None:
    given = facts(
        release(**STARTING | {"start_failures": 2}), canary=canary(0, running=0, replicas=1)
    )
    decision = decide(given, NOW + DEADLINE)
    assert decision.status.outcome == "Aborted"
    assert decision.status.reason == "CanaryCannotStart"


def test_pods_that_run_but_never_get_ready_are_rejected_after_one_deadline() -> None:
    given = facts(release(**STARTING), canary=canary(0))
    began = NOW + 9 * DEADLINE  # the image took its time; that is not counted
    decision = decide(given, began)
    assert decision.status.reason == "CanaryNotReady"
    given = seen(given, decision, began)
    assert decide(given, began + DEADLINE - SECOND).status.phase == "Starting"
    decision = decide(given, began + DEADLINE)
    assert decision.status.phase == "RollingBack"
    assert decision.status.outcome == "RolledBack"
    assert decision.status.reason == "NeverReady"
    assert "did not get ready within 10m" in decision.status.message


def test_a_crash_is_taken_back_before_the_weight_rises() -> None:
    crashing = canary(0, trouble=trouble(fault=True, reason="CrashLoop"))
    for routes in ((route(),), (route(0),)):
        decision = decide(facts(release(**STARTING), canary=crashing, routes=routes), NOW)
        assert decision.actions == (RemoveBackend(),)
        assert decision.status.outcome == "RolledBack"
        assert decision.status.reason == "CrashLoop"
        assert decision.status.weight.wanted == 0


def test_a_route_that_cannot_be_split_holds_before_any_traffic_moves() -> None:
    missing = Problem("RouteMissing", "HTTPRoute checkout does not exist in namespace shop")
    given = facts(release(**STARTING), routes=(route(problem=missing),))
    decision = decide(given, NOW)
    assert decision.actions == ()
    assert decision.status.phase == "Holding"
    assert (decision.status.reason, decision.status.message) == (missing.reason, missing.message)
    assert_settled(seen(given, decision, NOW), NOW + SECOND)
    assert decide(seen(given, decision, NOW, routes=(route(),)), NOW).actions == (SetWeight(0),)


def test_a_plan_without_routes_holds_and_says_which_fields_to_fill() -> None:
    decision = decide(facts(release(**STARTING), routes=()), NOW)
    assert decision.status.phase == "Holding"
    assert decision.status.reason == "RouteMissing"
    assert "httpRoutes" in decision.status.message


def test_a_weight_that_somebody_set_before_the_first_step_is_undone_even_without_pods() -> None:
    for pods in (canary(0), canary(), None):
        decision = decide(facts(release(**STARTING), canary=pods, routes=(route(50),)), NOW)
        assert decision.actions == (SetWeight(0),)
        assert decision.status.reason == "WeightTooHigh"
        assert "50 %" in decision.status.message


def test_stable_without_a_ready_pod_for_30_seconds_lets_the_change_through() -> None:
    down = StableFacts(replicas=4, ready=0)
    given = facts(release(**STARTING), stable=down)
    decision = decide(given, NOW)
    assert (decision.status.phase, decision.status.reason) == ("Holding", "StableDown")
    assert decision.actions == ()
    given = seen(given, decision, NOW)
    assert decide(given, NOW + 29 * SECOND).status.phase == "Holding"
    decision = decide(given, NOW + 30 * SECOND)
    assert (decision.status.phase, decision.status.reason) == ("Promoting", "StableDown")
    assert decision.actions == ()
    assert decide(seen(given, decision, NOW), NOW + 31 * SECOND).actions == (Unpause("7"),)


def test_a_stable_that_was_down_for_a_moment_gets_its_30_seconds_late_in_the_start() -> None:
    down = StableFacts(replicas=4, ready=0)
    given = facts(release(**STARTING), stable=down)
    decision = decide(given, NOW + 300 * SECOND)
    assert (decision.status.phase, decision.status.reason) == ("Holding", "StableDown")
    assert decide(seen(given, decision, NOW + 300 * SECOND), NOW + 329 * SECOND).status.phase == (
        "Holding"
    )


def test_a_deployment_of_0_replicas_holds_however_long_and_goes_on_when_scaled_up() -> None:
    given = facts(release(**STARTING), stable=StableFacts(replicas=0, ready=0))
    decision = decide(given, NOW)
    assert (decision.status.phase, decision.status.reason) == ("Holding", "ZeroReplicas")
    assert decision.status.message == (
        "Deployment checkout has 0 replicas, so nothing can be compared; scale it up"
    )
    given = seen(given, decision, NOW)
    assert_settled(given, NOW + 10 * DEADLINE)
    scaled = seen(given, decision, NOW, stable=StableFacts(replicas=4, ready=4))
    assert decide(scaled, NOW + SECOND).actions == (SetWeight(0),)


def test_a_deployment_scaled_up_from_0_has_a_progress_deadline_to_get_a_pod_ready() -> None:
    held = release(
        **STARTING
        | {
            "phase": "Holding",
            "reason": "ZeroReplicas",
            "timeline": [entry("Holding", "ZeroReplicas")],
        }
    )
    given = facts(held, stable=StableFacts(replicas=1, ready=0))
    decision = decide(given, NOW)
    assert (decision.status.phase, decision.status.reason) == ("Holding", "StableStarting")
    given = seen(given, decision, NOW)
    assert_settled(given, NOW + DEADLINE - SECOND)
    late = NOW + DEADLINE
    decision = decide(given, late)
    assert (decision.status.phase, decision.status.reason) == ("Holding", "StableDown")
    given = seen(given, decision, late)
    assert decide(given, late + 29 * SECOND).status.phase == "Holding"


def test_a_stable_that_came_back_lets_the_start_go_on() -> None:
    held = release(**STARTING | {"phase": "Holding", "reason": "StableDown"})
    assert decide(facts(held), NOW).actions == (SetWeight(0),)
