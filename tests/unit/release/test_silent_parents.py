"""Parents of a route that do not answer are waited for, named, and never taken for an answer."""

from datetime import timedelta
from typing import Any

import pytest

from controller.release.facts import DeleteCanary
from controller.release.machine import decide
from tests.unit.release.given import (
    NOW,
    at_step,
    facts,
    release,
    route,
    stored,
)

SILENT = "Gateway shop/nowhere"


@pytest.mark.parametrize(
    "status",
    [{"phase": "Starting", "reason": "AddingBackend", "looks": {"next": NOW}}, at_step()],
    ids=["at 0", "stepping"],
)
def test_silence_becomes_a_hold_that_names_the_parents(status: dict[str, Any]) -> None:
    percent = 5 if "step" in status else 0
    silent = (route(percent, settled=False, silent=SILENT),)
    given = facts(release(**status), routes=silent)
    waits = decide(given, NOW)
    assert waits.actions == ()
    assert waits.status.phase != "Holding"
    assert waits.again_at == NOW + timedelta(seconds=30)

    later = NOW + timedelta(seconds=30)
    held = decide(facts(stored(given.release, waits, NOW), routes=silent), later)
    assert (held.status.phase, held.status.reason) == ("Holding", "RouteNotAnswered")
    assert held.status.message.startswith(f"no answer for HTTPRoute checkout ({SILENT}); see that")
    again = facts(stored(given.release, held, later), routes=silent)
    assert decide(again, later).status == again.release.status

    answered = decide(facts(again.release, routes=(route(percent),)), later)
    assert answered.status.phase == "Stepping"


@pytest.mark.parametrize(("strangers", "gone"), [(True, True), (False, False)])
def test_a_rollback_waits_only_for_parents_that_served_the_route(
    *, strangers: bool, gone: bool
) -> None:
    routes = (route(None, settled=False, silent=SILENT, strangers=strangers),)
    taken: dict[str, Any] = {
        "phase": "RollingBack",
        "outcome": "Aborted",
        "trafficOffAt": "2026-03-01T11:00:00Z",
    }
    decision = decide(facts(release(**taken), routes=routes), NOW)
    assert gone == (DeleteCanary() in decision.actions)
