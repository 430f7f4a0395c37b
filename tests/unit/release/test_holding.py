"""What holds a step: no evidence, routes that somebody changed, records that were lost."""

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.release.facts import Facts, Problem, RemoveBackend, SetWeight
from controller.release.machine import decide
from tests.unit.release.given import (
    HOLD,
    LOOK,
    NOW,
    SECOND,
    assert_settled,
    at_step,
    canary,
    entry,
    facts,
    judged,
    release,
    route,
    seen,
)

BLIND = Problem("PrometheusUnreachable", "http://prometheus:9090 does not answer")
OVERWRITTEN = at_step(
    phase="Holding",
    reason="RouteOverwritten",
    step_since=None,
    timeline=[entry("Holding", "RouteOverwritten")],
)


def test_no_evidence_holds_with_its_reason_and_neither_passes_nor_fails() -> None:
    given = facts(release(**at_step()), routes=(route(5),), judged=judged("Safe", BLIND))
    decision = decide(given, NOW + 10 * HOLD)
    assert decision.status.phase == "Holding"
    assert (decision.status.reason, decision.status.message) == (BLIND.reason, BLIND.message)
    assert decision.status.step == 1
    assert decision.actions == ()
    assert_settled(seen(given, decision, NOW), NOW + 10 * HOLD + SECOND)


def test_evidence_that_is_back_goes_on_where_it_was() -> None:
    status = at_step(
        phase="Holding",
        reason=BLIND.reason,
        looks={"next": NOW, "problem": BLIND.reason, "message": BLIND.message},
    )
    given = facts(release(**status), routes=(route(5),), judged=judged())
    decision = decide(given, NOW + HOLD)
    assert decision.status.step == 2
    assert decision.status.looks.problem == ""


def test_a_regression_counts_although_another_metric_is_blind() -> None:
    given = facts(release(**at_step()), routes=(route(5),), judged=judged("Regressed", BLIND))
    assert decide(given, NOW).status.outcome == "RolledBack"


def test_a_route_without_our_service_in_the_middle_holds_and_moves_nothing() -> None:
    missing = Problem("RouteMissing", "HTTPRoute checkout does not exist")
    given = facts(release(**at_step()), routes=(route(None, problem=missing), route(5)))
    decision = decide(given, NOW)
    assert decision.actions == ()
    assert (decision.status.phase, decision.status.reason) == ("Holding", "RouteMissing")
    assert decision.status.step_since == NOW


def test_a_route_that_is_refused_gives_all_to_stable_and_the_share_back_once_it_is_served() -> None:
    refused = Problem("RouteRefused", "HTTPRoute checkout: ResolvedRefs is False")
    given = facts(release(**at_step()), routes=(route(5, problem=refused), route(5)))
    decision = decide(given, NOW)
    assert decision.actions == (SetWeight(0),)
    assert (decision.status.phase, decision.status.reason) == ("Holding", "RouteRefused")
    assert decision.status.step_since is None

    unseen = seen(given, decision, NOW, routes=(route(0, settled=False), route(0)))
    assert_settled(unseen, NOW + 5 * SECOND)  # the answer to another weight may be no other
    told = replace(unseen, routes=(route(0, problem=refused), route(0)))
    told = seen(told, decide(told, NOW), NOW)
    assert_settled(told, NOW + timedelta(hours=1))
    served = replace(told, routes=(route(0), route(0)))
    decision = decide(served, NOW + 5 * SECOND)
    assert decision.actions == (SetWeight(5),)
    assert decision.status.phase == "Stepping"


def test_an_edit_that_keeps_the_split_only_waits_for_the_gateway() -> None:
    given = facts(release(**at_step()), routes=(route(5, settled=False),))
    assert_settled(seen(given, decide(given, NOW), NOW), NOW)
    assert decide(given, NOW).status.step_since == NOW


def test_a_rule_that_was_added_is_split_like_the_others_and_evidence_begins_anew() -> None:
    given = facts(release(**at_step()), routes=(route(5, uneven=True),))
    decision = decide(given, NOW)
    assert decision.actions == (SetWeight(5),)
    assert decision.status.step_since is None
    assert decision.status.phase == "Stepping"


def test_a_weight_above_the_steps_is_brought_back_at_once_and_evidence_begins_anew() -> None:
    given = facts(release(**at_step()), routes=(route(5), route(70, name="HTTPRoute shop")))
    decision = decide(given, NOW)
    assert decision.actions == (SetWeight(5),)
    assert (decision.status.phase, decision.status.reason) == ("Holding", "WeightTooHigh")
    assert "70 %" in decision.status.message
    assert decision.status.step_since is None


def test_a_weight_above_the_steps_is_taken_off_where_the_pods_are_too_few() -> None:
    status = at_step(2, step_since=None)
    decision = decide(facts(release(**status), routes=(route(70),), canary=canary(1, 2)), NOW)
    assert decision.actions == (SetWeight(0),)


def test_a_weight_above_the_steps_is_brought_back_although_a_route_is_refused() -> None:
    refused = Problem("RouteRefused", "HTTPRoute checkout: Accepted is False")
    routes = (route(70), route(problem=refused, name="HTTPRoute shop"))
    assert decide(facts(release(**at_step()), routes=routes), NOW).actions == (SetWeight(5),)


@pytest.mark.parametrize(("weight", "left"), [(None, "no backend of ours"), (0, "0 %"), (2, "2 %")])
def test_traffic_that_somebody_took_off_is_a_hold_that_names_who_and_what(
    weight: int | None, left: str
) -> None:
    given = facts(release(**at_step()), routes=(route(weight, last_writer="argocd"),))
    decision = decide(given, NOW)
    assert decision.actions == ()
    assert (decision.status.phase, decision.status.reason) == ("Holding", "RouteOverwritten")
    assert decision.status.message == f"argocd left {left} in HTTPRoute checkout, 5 % is wanted"
    assert decision.status.step_since is None
    assert decision.status.weight.confirmed == (weight or 0)
    assert_settled(seen(given, decision, NOW), NOW + SECOND)


@pytest.mark.parametrize(("tries", "delay"), [(0, 20), (1, 60), (2, 180)])
def test_the_backend_is_put_back_three_times_with_growing_delay(tries: int, delay: int) -> None:
    given = facts(
        release(**OVERWRITTEN, route_retries=tries), routes=(route(last_writer="argocd"),)
    )
    due = NOW + timedelta(seconds=delay)
    early = decide(given, due - SECOND)
    assert early.actions == ()
    assert early.again_at == min(due, due - SECOND + timedelta(minutes=1))
    decision = decide(given, due)
    assert decision.status.reason == "PuttingBack"
    assert decision.status.route_retries == tries + 1
    assert decision.actions == ()  # the try is recorded first
    assert decide(seen(given, decision, due), due).actions == (SetWeight(5),)


def test_the_delay_counts_from_the_overwriting_not_from_an_older_hold() -> None:
    status = at_step(
        phase="Holding",
        reason=BLIND.reason,
        phase_since=NOW - 10 * HOLD,
        timeline=[entry("Holding", BLIND.reason, NOW - 10 * HOLD)],
    )
    given = facts(release(**status), routes=(route(last_writer="argocd"),))
    after = seen(given, decide(given, NOW), NOW)
    assert decide(after, NOW + 19 * SECOND).status.reason == "RouteOverwritten"
    assert decide(after, NOW + 20 * SECOND).status.reason == "PuttingBack"


def test_after_three_tries_it_waits_for_a_person() -> None:
    given = facts(release(**at_step(), route_retries=3), routes=(route(last_writer="argocd"),))
    decision = decide(given, NOW)
    assert "tried 3 times, now waits until somebody puts it back" in decision.status.message
    assert_settled(seen(given, decision, NOW), NOW + 100 * HOLD)


def test_a_person_who_puts_the_backend_back_restarts_the_step() -> None:
    given = facts(release(**OVERWRITTEN, route_retries=3), routes=(route(5),))
    decision = decide(given, NOW + SECOND)
    assert decision.status.step_since == NOW + SECOND
    assert decision.status.phase == "Stepping"


def test_a_backend_taken_out_while_the_weight_is_raised_counts_as_taken_out_too() -> None:
    status = at_step(reason="Raising", step_since=None)
    decision = decide(facts(release(**status), routes=(route(last_writer="argocd"),)), NOW)
    assert decision.actions == ()
    assert decision.status.reason == "RouteOverwritten"


def test_a_weight_that_gander_itself_lowered_is_raised_without_delay() -> None:
    decision = decide(facts(release(**at_step()), routes=(route(0),)), NOW)
    assert decision.actions == (SetWeight(5),)
    assert decision.status.step_since is None


def _taken_out_by_gander(**fields: object) -> Facts:
    """Return what a rollback leaves whose status was never written."""
    return facts(release(**at_step()), routes=(route(None),), **fields)


def test_a_rollback_whose_record_was_lost_is_judged_again_before_anything_is_put_back() -> None:
    given = _taken_out_by_gander()
    decision = decide(given, NOW + LOOK)
    assert decision.actions == ()
    assert (decision.status.phase, decision.status.reason) == ("Holding", "Rejudging")
    # The look's preconditions stay: the weight counts as confirmed, the step's clock runs.
    assert decision.status.step_since == NOW
    assert decision.status.weight.confirmed == 5
    after = seen(given, decision, NOW + LOOK)
    assert_settled(after, NOW + LOOK)


def test_a_lost_rollback_is_decided_again_by_the_same_evidence() -> None:
    decision = decide(_taken_out_by_gander(judged=judged("Regressed")), NOW + LOOK)
    assert decision.status.outcome == "RolledBack"


def test_a_lost_record_stays_held_while_the_judge_is_blind() -> None:
    decision = decide(_taken_out_by_gander(judged=judged("Inconclusive", BLIND)), NOW + LOOK)
    assert decision.actions == ()
    assert decision.status.reason == "Rejudging"


def test_a_lost_record_that_the_judge_does_not_confirm_puts_the_backend_back() -> None:
    decision = decide(_taken_out_by_gander(judged=judged("Inconclusive")), NOW + LOOK)
    assert decision.actions == (SetWeight(5),)
    assert decision.status.step_since is None


def test_a_lost_record_without_evidence_to_read_again_is_aborted_and_not_put_back() -> None:
    given = facts(release(**OVERWRITTEN), routes=(route(None),))
    assert decide(given, NOW + 19 * SECOND).status.phase == "Holding"
    decision = decide(given, NOW + 20 * SECOND)
    assert (decision.status.outcome, decision.status.reason) == ("Aborted", "RecordLost")
    assert decision.actions == (RemoveBackend(),)
