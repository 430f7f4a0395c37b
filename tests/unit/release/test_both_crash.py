"""What crashes both arms is not laid on the canary."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from controller.release.facts import (
    CanaryFacts,
    EmptyRevision,
    Facts,
    RemoveBackend,
    SetWeight,
    StableCrash,
    StableFacts,
    Unpause,
)
from controller.release.machine import decide
from tests.unit.release.given import (
    LOOK,
    NOW,
    SECOND,
    assert_settled,
    at_step,
    canary,
    facts,
    release,
    route,
    seen,
    trouble,
)

CALM, SHARED = timedelta(seconds=30), timedelta(minutes=2)
STARTING: dict[str, Any] = {"phase": "Starting", "reason": "CanaryStarting", "start_since": NOW}


def looping(at: datetime = NOW, running: int = 0) -> CanaryFacts:
    """Return a canary that crashed again and again, last at this moment."""
    why = trouble(fault=True, reason="CrashLoop")
    return canary(0, running=running, trouble=why, crashed_at=at)


def stable(healed_at: datetime | None = None) -> StableFacts:
    """Return stable of which all pods crashed, and were ready again at this moment."""
    crash = StableCrash(pods=4, example="checkout-a-1", healed_at=healed_at)
    return StableFacts(replicas=4, ready=0 if healed_at is None else 4, crash=crash)


def stepping(**fields: Any) -> Facts:
    return facts(release(**at_step()), routes=(route(5),), **{"canary": looping(), **fields})


def test_the_canary_loses_its_traffic_and_is_not_rejected() -> None:
    given = stepping(stable=stable())
    decision = decide(given, NOW)
    assert (decision.status.phase, decision.status.reason) == ("Holding", "BothArmsCrash")
    assert decision.actions == (SetWeight(0),)
    assert decision.status.outcome == ""
    assert decision.status.step_since is None
    assert decision.status.message == (
        "pod checkout-canary-x: the words of Kubernetes; 4 of 4 stable pods have crashed since the "
        "release began too, such as checkout-a-1. So this version is not blamed: it gets no "
        "traffic until both run again; see what the two have in common"
    )
    after = seen(given, decision, NOW, routes=(route(0),))
    after = seen(after, decide(after, NOW), NOW)
    assert_settled(after, NOW + timedelta(hours=2))  # no deadline of the canary's runs


def test_before_any_traffic_it_is_neither_rejected_nor_let_through() -> None:
    given = facts(release(**STARTING), canary=looping(), stable=stable())
    held = seen(given, decide(given, NOW), NOW)
    later = decide(held, NOW + timedelta(hours=2))
    assert (later.status.phase, later.status.reason) == ("Holding", "BothArmsCrash")
    assert later.actions == ()


def test_it_goes_on_once_both_are_well_and_stay_so() -> None:
    given = stepping(stable=stable())
    held = seen(given, decide(given, NOW), NOW, routes=(route(0),))
    healed = NOW + timedelta(minutes=10)
    back = replace(held, stable=stable(healed), canary=replace(looping(), ready=1, running=1))
    waits = decide(back, healed)
    assert waits.status.reason == "BothArmsCrash"
    assert waits.again_at == healed + CALM
    goes_on = decide(back, healed + CALM)
    assert (goes_on.status.phase, goes_on.status.reason) == ("Stepping", "Raising")
    assert goes_on.actions == (SetWeight(5),)


def test_a_canary_that_still_backs_off_is_waited_for() -> None:
    given = replace(stepping(stable=stable(NOW)), routes=(route(0),))
    decision = decide(given, NOW + timedelta(minutes=5))
    assert (decision.status.phase, decision.status.reason) == ("Holding", "BothArmsCrash")


@pytest.mark.parametrize("status", [STARTING, at_step()], ids=["at 0", "stepping"])
def test_a_canary_that_goes_on_crashing_is_taken_back(status: dict[str, Any]) -> None:
    at = NOW + SHARED + SECOND
    given = facts(release(**status), canary=looping(at), stable=stable(NOW))
    decision = decide(given, at)
    assert (decision.status.phase, decision.status.outcome) == ("RollingBack", "RolledBack")
    assert decision.status.reason == "CrashLoop"
    assert RemoveBackend() in decision.actions


def test_a_promotion_waits_for_both_to_run() -> None:
    status = at_step(2, phase="Promoting", reason="Earned", weight={"wanted": 50, "confirmed": 50})
    given = facts(
        release(**status), routes=(route(50),), canary=looping(), stable=stable(), judged=None
    )
    decision = decide(given, NOW + LOOK / 3)
    assert decision.status.phase == "Promoting"
    assert not any(isinstance(a, Unpause | EmptyRevision) for a in decision.actions)
    assert SetWeight(0) in decision.actions
