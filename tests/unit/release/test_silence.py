"""A take-down that no gateway confirms: it says for whom it waits, and hangs no deletion."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from controller.release.facts import DeleteCanary, Facts, Problem
from controller.release.machine import decide
from tests.unit.release.given import (
    NOW,
    SECOND,
    assert_settled,
    at_step,
    deployment,
    entry,
    facts,
    release,
    route,
    seen,
)

SILENT = "Gateway infra/public"
LEAVING = Problem("PlanDeleted", "ReleasePlan checkout is being deleted")
MINUTE = timedelta(minutes=1)
CAUSE = "errors 1.0 % became 5.0 %"
WAITS = (
    f"{CAUSE}; no request may reach the canary any more, waits for the gateway to confirm "
    f"HTTPRoute checkout ({SILENT}); see that its controller runs"
)
TAKEN: dict[str, Any] = {
    "phase": "RollingBack",
    "reason": "Regressed",
    "message": CAUSE,
    "outcome": "RolledBack",
    "phase_since": NOW,
    "timeline": [entry("RollingBack", "Regressed")],
}


def unanswered(**fields: Any) -> Facts:
    """Return a rollback whose gateway is gone: it has served the route, and says no more."""
    silent = route(None, settled=False, silent=SILENT)
    return facts(**{"of": release(**at_step() | TAKEN), "routes": (silent,), **fields})


def after(given: Facts, *moments: datetime) -> Facts:
    """Return the facts after a pass at each of these moments."""
    for now in moments:
        given = seen(given, decide(given, now), now)
    return given


def test_it_says_for_whom_it_waits() -> None:
    given = unanswered()
    at_once = decide(given, NOW)
    assert at_once.status.message == CAUSE  # a gateway that lives answers before anyone reads it
    assert at_once.again_at == NOW + 5 * SECOND
    told = decide(given, NOW + 5 * SECOND)
    assert told.status.message == WAITS
    assert (told.status.reason, told.actions) == ("Regressed", ())
    assert_settled(seen(given, told, NOW + 5 * SECOND), NOW + 30 * SECOND)


@pytest.mark.parametrize("phase", ["RollingBack", "Finishing"])
def test_after_a_minute_it_is_an_entry_of_its_own_once(phase: str) -> None:
    finishing = {"phase": phase, "timeline": [entry(phase, "Regressed")]}
    given = unanswered(of=release(**at_step() | TAKEN | finishing))
    given = after(given, NOW + 5 * SECOND, NOW + MINUTE)
    status = given.release.status
    assert [e.reason for e in status.timeline] == ["Regressed", "RouteNotAnswered"]
    assert status.timeline[-1].message == f"no answer for HTTPRoute checkout ({SILENT})"
    assert status.reason == "Regressed"
    assert_settled(given, NOW + 5 * MINUTE)


def test_an_answer_ends_the_wait_with_the_cause_alone() -> None:
    given = after(unanswered(), NOW + 5 * SECOND, NOW + MINUTE)
    answered = after(replace(given, routes=(route(None),)), NOW + 2 * MINUTE)
    assert answered.release.status.message == CAUSE
    assert decide(answered, NOW + 2 * MINUTE + 5 * SECOND).actions == (DeleteCanary(),)


def test_without_anyone_leaving_it_waits_for_ever() -> None:
    given = after(unanswered(), NOW + MINUTE, NOW + 2 * MINUTE)
    later = decide(given, NOW + timedelta(days=1))
    assert later.actions == ()
    assert later.status.traffic_off_at is None


def test_a_deletion_goes_on_after_a_gateway_that_lives_would_have_followed() -> None:
    given = unanswered(leaving=LEAVING)
    given = after(given, NOW + 5 * SECOND)
    assert decide(given, NOW + MINUTE - SECOND).status.traffic_off_at is None
    given = after(given, NOW + MINUTE, NOW + MINUTE + SECOND)
    begun = NOW + MINUTE + SECOND
    assert given.release.status.traffic_off_at == begun
    assert decide(given, begun + MINUTE - SECOND).actions == ()
    assert decide(given, begun + MINUTE).actions == (DeleteCanary(),)
    gone = replace(given, canary=None, has_canary_service=False, deployment=deployment())
    ended = decide(gone, begun + MINUTE).status
    assert (ended.phase, ended.reason) == ("RolledBack", "Regressed")
    assert ended.message == f"{CAUSE}; the canary is gone and the revision is rejected"


def test_a_backend_that_is_in_the_route_again_is_waited_for_anew() -> None:
    given = after(unanswered(leaving=LEAVING), NOW + MINUTE, NOW + MINUTE + SECOND)
    back = replace(given, routes=(route(5, settled=False, silent=SILENT),))
    decision = decide(back, NOW + 10 * MINUTE)
    assert DeleteCanary() not in decision.actions
    assert decision.status.traffic_off_at is None
