"""Stable's pods all go away in the middle of a release, while the canary is well."""

from typing import Any

import pytest

from controller.release.facts import EnsureCanary, SetWeight, StableFacts
from controller.release.machine import decide
from tests.unit.release.given import (
    LOOK,
    NOW,
    SECOND,
    assert_settled,
    at_step,
    canary,
    facts,
    judged,
    metric,
    release,
    route,
    seen,
)

DOWN = StableFacts(replicas=4, ready=0)


def test_the_release_holds_and_says_who_is_served_and_the_way_out() -> None:
    given = facts(release(**at_step()), routes=(route(5),), stable=DOWN)
    decision = decide(given, NOW + LOOK)
    assert (decision.status.phase, decision.status.reason) == ("Holding", "StableDown")
    assert decision.actions == ()
    assert decision.status.step_since is None
    assert decision.status.message == (
        "0 of 4 stable pods are ready; 5 % of the requests go to the canary, and nobody answers "
        "the rest. Heal stable's pods, then the release goes on by itself; or let this version "
        "through unjudged: kubectl annotate deployment checkout gander.dev/bypass=stable-down, "
        "then kubectl rollout resume deployment checkout"
    )
    assert_settled(seen(given, decision, NOW + LOOK), NOW + 2 * LOOK)


@pytest.mark.parametrize(
    "status",
    [
        at_step(step_since=None, weight={"wanted": 5, "confirmed": 0}),
        at_step(2, step_since=None, weight={"wanted": 50, "confirmed": 5}),
    ],
    ids=["the first weight", "a higher weight"],
)
def test_no_weight_is_raised_and_no_step_is_passed(status: dict[str, Any]) -> None:
    confirmed = status["weight"]["confirmed"]
    pods = canary(2, 2) if status["step"] == 2 else canary()
    raising = facts(release(**status), routes=(route(confirmed),), stable=DOWN, canary=pods)
    decision = decide(raising, NOW)
    assert decision.status.reason == "StableDown"
    assert not any(isinstance(action, SetWeight | EnsureCanary) for action in decision.actions)

    earned = facts(release(**at_step()), routes=(route(5),), stable=DOWN, judged=judged())
    assert decide(earned, NOW + 5 * LOOK).status.step == 1


def test_it_goes_on_by_itself_with_evidence_begun_anew() -> None:
    given = facts(release(**at_step()), routes=(route(5),), stable=DOWN)
    held = seen(given, decide(given, NOW), NOW, stable=StableFacts(4, 1))
    decision = decide(held, NOW + 60 * SECOND)
    assert (decision.status.phase, decision.status.reason) == ("Stepping", "Collecting")
    assert decision.status.step_since == NOW + 60 * SECOND
    assert [m.looks_at_weight for m in decision.status.metrics] == [0]
    assert decision.status.metrics[0].looks == metric().looks


def test_a_share_that_is_too_high_is_brought_back_all_the_same() -> None:
    given = facts(release(**at_step()), routes=(route(40),), stable=DOWN)
    assert decide(given, NOW).actions == (SetWeight(5),)
