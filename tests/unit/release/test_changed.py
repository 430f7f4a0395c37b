"""A canary that somebody gave another template: no traffic, no evidence, made anew."""

from typing import Any

import pytest

from controller.release.facts import (
    DeleteCanary,
    EnsureCanary,
    EnsureCanaryService,
    RemoveBackend,
    SetWeight,
)
from controller.release.machine import decide
from tests.unit.release.given import (
    HOLD,
    NOW,
    SECOND,
    assert_settled,
    at_step,
    canary,
    deployment,
    facts,
    judged,
    release,
    route,
    seen,
)

DRAIN = 5 * SECOND
CHANGED = canary(changed=True, changed_by="kubectl-set")


def test_its_traffic_goes_first_whatever_the_evidence_said() -> None:
    given = facts(release(**at_step()), routes=(route(5),), canary=CHANGED, judged=judged())
    decision = decide(given, NOW + HOLD)
    assert decision.actions == (SetWeight(0),)
    assert (decision.status.phase, decision.status.reason) == ("Holding", "CanaryChanged")
    assert decision.status.message.startswith(
        "kubectl-set changed the template of Deployment checkout-canary"
    )
    assert (decision.status.step, decision.status.step_since) == (1, None)


def test_it_is_deleted_once_drained_and_made_anew_at_the_same_step() -> None:
    given = facts(release(**at_step()), routes=(route(5),), canary=CHANGED)
    given = seen(given, decide(given, NOW), NOW, routes=(route(0, settled=False),))
    assert_settled(given, NOW + HOLD)  # no parent has confirmed it yet
    given = seen(given, decide(given, NOW), NOW, routes=(route(0),))
    decision = decide(given, NOW + HOLD)
    assert decision.actions == ()
    given = seen(given, decision, NOW + HOLD)
    assert decide(given, NOW + HOLD + DRAIN - SECOND).actions == ()
    decision = decide(given, NOW + HOLD + DRAIN)
    assert decision.actions == (DeleteCanary(),)

    later = NOW + HOLD + DRAIN
    given = seen(given, decision, later, canary=None, has_canary_service=False)
    assert decide(given, later).actions == (EnsureCanary(1), EnsureCanaryService())
    given = seen(given, decide(given, later), later, canary=canary(), has_canary_service=True)
    decision = decide(given, later)
    assert decision.actions == (SetWeight(5),)
    assert decision.status.traffic_off_at is None
    given = seen(given, decision, later, routes=(route(5),))
    decision = decide(given, later)
    assert decision.status.step_since == later
    assert decision.status.metrics[0].looks_at_weight == 0


def test_before_the_first_step_it_gets_no_backend() -> None:
    for routes in ((route(),), (route(0),)):
        given = facts(canary=CHANGED, routes=routes)
        decision = decide(given, NOW)
        assert decision.actions == ()
        assert (decision.status.step, decision.status.reason) == (0, "CanaryChanged")
        assert decide(seen(given, decision, NOW), NOW + DRAIN).actions == (DeleteCanary(),)


def test_a_promotion_goes_on_without_it() -> None:
    promoting = release(**at_step(2, phase="Promoting", reason="Earned"))
    given = facts(
        promoting, routes=(route(50),), canary=CHANGED, deployment=deployment(paused=False)
    )
    decision = decide(given, NOW)
    assert decision.status.phase == "Promoting"
    assert decision.actions == (SetWeight(0),)


@pytest.mark.parametrize("status", [at_step(), at_step(2, phase="Promoting", reason="Earned")])
def test_a_rollback_that_was_not_recorded_cannot_be_judged_again(status: dict[str, Any]) -> None:
    given = facts(release(**status), routes=(route(),), canary=CHANGED)
    decision = decide(given, NOW)
    assert (decision.status.outcome, decision.status.reason) == ("Aborted", "RecordLost")
    assert decision.actions == (RemoveBackend(),)


def test_a_rollback_drains_from_its_own_beginning() -> None:
    status = at_step(traffic_off_at=NOW - HOLD)
    given = facts(release(**status), routes=(route(5),), judged=judged("Regressed", cause="worse"))
    assert decide(given, NOW).status.traffic_off_at is None
