"""Taking the canary down: traffic off, confirmed, drained, deleted; in this order only."""

from datetime import timedelta
from typing import Any

import pytest

from controller.release.facts import DeleteCanary, RemoveBackend, SetWeight
from controller.release.machine import decide
from tests.unit.release.given import (
    NOW,
    SECOND,
    assert_settled,
    at_step,
    canary,
    deployment,
    facts,
    release,
    route,
    seen,
)

ROLLING_BACK = at_step(
    phase="RollingBack",
    reason="Regressed",
    message="errors 1.0 % became 5.0 %.",
    outcome="RolledBack",
    weight={"wanted": 0, "confirmed": 5},
)
FINISHING = at_step(2, phase="Finishing", reason="Promoted", weight={"wanted": 0, "confirmed": 50})
BOTH = pytest.mark.parametrize(
    "status", [ROLLING_BACK, FINISHING], ids=["RollingBack", "Finishing"]
)
GONE = {"canary": None, "has_canary_service": False}


@BOTH
def test_goes_traffic_off_confirmed_drain_delete_end(status: dict[str, Any]) -> None:
    given = facts(release(**status), routes=(route(5),))
    decision = decide(given, NOW)
    assert decision.actions == (RemoveBackend(),)

    given = seen(given, decision, NOW, routes=(route(None, settled=False),))
    assert_settled(given, NOW + SECOND)  # nothing happens until every parent has seen it

    off_at = NOW + 2 * SECOND
    given = seen(given, decision, NOW, routes=(route(None),))
    decision = decide(given, off_at)
    assert decision.actions == ()
    assert decision.status.traffic_off_at == off_at
    assert (decision.status.weight.wanted, decision.status.weight.confirmed) == (0, 0)
    assert decision.again_at == off_at + 5 * SECOND

    given = seen(given, decision, off_at)
    assert_settled(given, off_at + 4 * SECOND)
    decision = decide(given, off_at + 5 * SECOND)
    assert decision.actions == (DeleteCanary(),)
    assert decision.status.phase == status["phase"]

    decision = decide(seen(given, decision, NOW, **GONE), off_at + 6 * SECOND)
    assert decision.actions == ()
    assert decision.again_at is None
    assert decision.status.finished_at == off_at + 6 * SECOND


@BOTH
def test_no_traffic_is_off_while_one_route_of_two_has_a_backend(status: dict[str, Any]) -> None:
    for other in (route(0), route(None, settled=False)):
        decision = decide(facts(release(**status), routes=(route(None), other)), NOW)
        assert decision.status.traffic_off_at is None
        assert DeleteCanary() not in decision.actions


@BOTH
def test_a_backend_that_is_back_is_taken_out_again_and_drained_anew(status: dict[str, Any]) -> None:
    since = {"traffic_off_at": NOW - 60 * SECOND}
    decision = decide(facts(release(**status | since), routes=(route(50),)), NOW)
    assert decision.actions == (RemoveBackend(),)
    assert decision.status.traffic_off_at is None
    assert decision.status.weight.confirmed == 50


@BOTH
def test_a_service_without_pods_is_deleted_too(status: dict[str, Any]) -> None:
    since = {"traffic_off_at": NOW - 60 * SECOND}
    given = facts(release(**status | since), canary=None, has_canary_service=True)
    assert decide(given, NOW).actions == (DeleteCanary(),)
    given = facts(release(**status | since), has_canary_service=False)
    assert decide(given, NOW).actions == (DeleteCanary(),)


def test_the_drain_is_never_shorter_than_the_caches_are_late() -> None:
    given = facts(release(drain="0s", **ROLLING_BACK))
    now = NOW + timedelta(milliseconds=999)
    decision = decide(given, now)
    assert decision.actions == ()
    given = seen(given, decision, now)
    assert decide(given, now + timedelta(milliseconds=900)).actions == ()
    assert decide(given, now + 2 * SECOND).actions == (DeleteCanary(),)


@BOTH
def test_nothing_raises_the_weight_any_more(status: dict[str, Any]) -> None:
    decision = decide(facts(release(**status), routes=(route(0),), canary=canary(4, 4)), NOW)
    assert not any(isinstance(action, SetWeight) for action in decision.actions)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("RolledBack", "the canary is gone and the revision is rejected"),
        ("Aborted", "the canary is gone; the revision waits for a retry or another template"),
        ("Superseded", "the canary is gone"),
    ],
)
def test_ends_as_it_was_begun_and_keeps_the_cause(outcome: str, words: str) -> None:
    status = ROLLING_BACK | {"outcome": outcome, "traffic_off_at": NOW - 60 * SECOND}
    decision = decide(facts(release(**status), **GONE), NOW)
    assert decision.status.phase == outcome
    assert decision.status.reason == "Regressed"
    assert decision.status.message == f"errors 1.0 % became 5.0 %; {words}"


def test_a_finished_promotion_is_a_success() -> None:
    status = FINISHING | {"traffic_off_at": NOW - 60 * SECOND}
    decision = decide(facts(release(**status), **GONE), NOW)
    assert (decision.status.phase, decision.status.reason) == ("Succeeded", "Released")


def test_a_bypassed_deployment_rolls_on() -> None:
    status = ROLLING_BACK | {"reason": "Bypassed", "outcome": "Superseded"}
    rolling = deployment(paused=False, started_rolling=True)
    assert decide(facts(release(**status), deployment=rolling), NOW).actions == ()
    bypassing = facts(release(**at_step()), deployment=rolling, routes=(route(5),))
    assert decide(bypassing, NOW).actions == (RemoveBackend(),)


def test_a_canary_that_was_never_made_ends_without_a_deletion() -> None:
    status = ROLLING_BACK | {"traffic_off_at": NOW - 60 * SECOND}
    assert decide(facts(release(**status), routes=(), **GONE), NOW).status.phase == "RolledBack"


@pytest.mark.parametrize(
    "anew",
    [
        deployment(paused=False),
        deployment(paused=False, started_rolling=True, stable_gone=True),
        deployment(paused=False, started_rolling=True, stable_gone=True, rolled=True),
    ],
    ids=["before its first pod", "with pods", "complete"],
)
def test_a_deployment_made_anew_under_the_name_is_left_alone(anew: Any) -> None:
    status = ROLLING_BACK | {"reason": "DeploymentGone", "outcome": "Aborted"}
    status |= {"traffic_off_at": NOW - 60 * SECOND}
    decision = decide(facts(release(**status), deployment=anew, **GONE), NOW)
    assert decision.actions == ()
    assert (decision.status.phase, decision.status.reason) == ("Aborted", "DeploymentGone")


def test_a_deployment_that_is_gone_does_not_stop_the_clean_up() -> None:
    status = ROLLING_BACK | {"traffic_off_at": NOW - 60 * SECOND, "outcome": "Aborted"}
    decision = decide(facts(release(**status), deployment=None, **GONE), NOW)
    assert decision.status.phase == "Aborted"
