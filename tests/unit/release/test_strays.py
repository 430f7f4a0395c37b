"""Another Service selects the canary's pods in the middle of a release."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from controller.release.facts import EnsureCanary, Problem, SetWeight
from controller.release.machine import decide
from tests.unit.release.given import (
    NOW,
    SECOND,
    assert_settled,
    at_step,
    canary,
    facts,
    release,
    route,
    seen,
)

STRAY = Problem("TrackLabelNotSelected", "Service checkout: selects canary pods too; mend it")
STARTING: dict[str, Any] = {"phase": "Starting", "reason": "CanaryStarting", "start_since": NOW}


def test_the_weight_goes_first_and_then_the_pods() -> None:
    given = facts(release(**at_step()), routes=(route(5),), stray=STRAY)
    decision = decide(given, NOW)
    assert (decision.status.phase, decision.status.reason) == ("Holding", STRAY.reason)
    assert decision.actions == (SetWeight(0),)
    assert decision.status.step_since is None
    assert decision.status.message == (
        "Service checkout: selects canary pods too; mend it. Until then the canary has no traffic "
        "and no pods"
    )

    asked = seen(given, decision, NOW, routes=(route(0, settled=False),))
    assert decide(asked, NOW + SECOND).actions == ()
    confirmed = replace(asked, routes=(route(0),))
    assert decide(confirmed, NOW + SECOND).actions == (EnsureCanary(0),)
    gone = seen(confirmed, decide(confirmed, NOW + SECOND), NOW + SECOND, canary=canary(0, 0))
    gone = seen(gone, decide(gone, NOW + SECOND), NOW + SECOND)
    assert_settled(gone, NOW + timedelta(hours=1))


def test_the_pods_go_also_where_no_gateway_confirms() -> None:
    given = facts(release(**at_step()), routes=(route(5),), stray=STRAY)
    asked = seen(given, decide(given, NOW), NOW, routes=(route(0, settled=False),))
    assert decide(asked, NOW + 9 * SECOND).actions == ()
    assert decide(asked, NOW + 10 * SECOND).actions == (EnsureCanary(0),)


@pytest.mark.parametrize("pods", [None, canary()], ids=["no canary yet", "a canary"])
def test_no_pods_are_made_for_it_at_the_start(pods: Any) -> None:
    decision = decide(facts(release(**STARTING), canary=pods, stray=STRAY), NOW)
    assert decision.status.reason == STRAY.reason
    assert decision.actions == ((EnsureCanary(0),) if pods else ())


def test_it_goes_on_when_the_service_is_mended() -> None:
    none = canary(0, 0)
    given = facts(release(**at_step()), routes=(route(0),), stray=STRAY, canary=none)
    mended = seen(given, decide(given, NOW), NOW, stray=None)
    decision = decide(mended, NOW + SECOND)
    assert decision.actions == (EnsureCanary(1),)
    again = seen(mended, decision, NOW + SECOND, canary=canary())
    assert decide(again, NOW + 5 * SECOND).actions == (SetWeight(5),)
