"""No user meets the canary before the plan's analysis was seen to work."""

from typing import Any

from controller.api.release import ReleaseStatus
from controller.release.facts import Facts, Judged, Problem, SetWeight
from controller.release.machine import decide
from tests.unit.release.given import (
    LOOK,
    NOW,
    SECOND,
    assert_settled,
    entry,
    facts,
    release,
    route,
    seen,
)

NOPE = Problem("SecretUnusable", 'secrets "nope" not found; make Secret nope')
READY: dict[str, Any] = {
    "phase": "Starting",
    "reason": "AddingBackend",
    "timeline": [entry("Starting", "AddingBackend")],
}


def answered(problem: Problem | None = None) -> Judged:
    """Return what asking about stable has come to."""
    return Judged("", (), NOW + LOOK, ReleaseStatus().exposure, problem)


def ready(judged: Judged | None = None) -> Facts:
    """Return a release whose canary is ready and accepted at weight 0."""
    return facts(release(**READY), routes=(route(0),), judged=judged)


def test_it_waits_for_the_answer_at_weight_0() -> None:
    decision = decide(ready(), NOW)
    assert (decision.status.phase, decision.status.reason) == ("Starting", "TryingMetrics")
    assert (decision.actions, decision.status.step) == ((), 0)
    assert_settled(seen(ready(), decision, NOW), NOW + SECOND)


def test_an_analysis_that_cannot_work_holds_at_weight_0_with_its_words() -> None:
    given = ready(answered(NOPE))
    decision = decide(given, NOW)
    assert (decision.status.phase, decision.status.reason) == ("Holding", "SecretUnusable")
    assert decision.status.message == NOPE.message
    assert decision.again_at == NOW + LOOK
    held = seen(given, decision, NOW)
    assert_settled(held, NOW + SECOND)
    later = decide(held, NOW + 20 * LOOK)
    assert (later.actions, later.status.step) == ((), 0)


def test_it_goes_on_when_it_is_answered() -> None:
    held = seen(ready(), decide(ready(answered(NOPE)), NOW), NOW, judged=answered())
    healed = decide(held, NOW + LOOK)
    assert (healed.status.phase, healed.status.step) == ("Stepping", 1)
    raised = seen(held, healed, NOW + LOOK)
    assert decide(raised, NOW + LOOK).actions == (SetWeight(5),)


def test_an_answer_that_came_while_the_canary_started_is_enough() -> None:
    starting = facts(release(), canary=None, judged=answered())
    known = seen(starting, decide(starting, NOW), NOW, canary=facts().canary, routes=(route(0),))
    assert decide(known, NOW + SECOND).status.step == 1
