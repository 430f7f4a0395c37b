"""What ends a release early, in its order, from every phase before its end."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from controller.release.facts import Facts, Problem, RemoveBackend, Trouble
from controller.release.machine import decide, find_interruption
from tests.unit.release.given import (
    NOW,
    at_step,
    canary,
    deployment,
    facts,
    judged,
    release,
    route,
    trouble,
)

Change = Callable[[Facts], Facts]
ABORT = {"by": "ann", "at": "2026-03-01T11:59:00Z", "reason": "the basket is empty"}
LEAVING = Problem("PlanDeleted", "ReleasePlan checkout is being deleted")


def _spec(**fields: Any) -> Change:
    def change(of: Facts) -> Facts:
        spec = of.release.spec.model_copy(update=fields)
        return replace(of, release=of.release.model_copy(update={"spec": spec}))

    return change


def _facts(**fields: Any) -> Change:
    return lambda of: replace(of, **fields)


def _deployment(**fields: Any) -> Change:
    def change(of: Facts) -> Facts:
        return replace(of, deployment=of.deployment and replace(of.deployment, **fields))

    return change


# In their order: each beats all that stand below it.
INTERRUPTIONS: list[tuple[str, str, Change]] = [
    ("AbortedByPerson", "Aborted", _spec(abort=release(abort=ABORT).spec.abort)),
    ("PlanDeleted", "Aborted", _facts(leaving=LEAVING)),
    ("Regressed", "RolledBack", _facts(judged=judged("Regressed", cause="1 % became 5 %"))),
    (
        "OOMKilled",
        "RolledBack",
        _facts(canary=canary(0, trouble=trouble(fault=True, reason="OOMKilled"))),
    ),
    ("DeploymentGone", "Aborted", _facts(deployment=None)),
    ("NewerTemplate", "Superseded", _deployment(holds_release=False)),
    ("Bypassed", "Superseded", _deployment(paused=False)),
]
PHASES = {
    "Pending": {},
    "Starting": {"phase": "Starting", "reason": "CanaryStarting"},
    "Holding before a step": {"phase": "Holding", "reason": "CanaryCannotStart"},
    "Stepping": at_step(),
    "Holding": at_step(phase="Holding", reason="PrometheusUnreachable"),
    "Promoting": at_step(2, phase="Promoting", reason="Earned"),
}


CASES = [
    pytest.param(phase, *interruption, id=f"{interruption[0]} in {phase}")
    for phase in PHASES
    for interruption in INTERRUPTIONS
    # An unpaused Deployment is what promoting means.
    if (phase, interruption[0]) != ("Promoting", "Bypassed")
]


@pytest.mark.parametrize(("phase", "reason", "outcome", "change"), CASES)
def test_takes_traffic_off_in_the_pass_that_decides_it(
    phase: str, reason: str, outcome: str, change: Change
) -> None:
    given = change(facts(release(**PHASES[phase]), routes=(route(5),)))
    decision = decide(given, NOW)
    assert decision.actions[0] == RemoveBackend()
    assert decision.status.phase == "RollingBack"
    assert (decision.status.outcome, decision.status.reason) == (outcome, reason)
    assert decision.status.weight.wanted == 0
    assert decision.status.step_since is None


@pytest.mark.parametrize("first", range(len(INTERRUPTIONS)))
def test_of_several_the_first_in_order_counts(first: int) -> None:
    given = facts(release(**at_step()), routes=(route(5),))
    for _, _, change in reversed(INTERRUPTIONS[first:]):
        given = change(given)
    found = find_interruption(given)
    assert found is not None
    assert found[1].reason == INTERRUPTIONS[first][0]


def test_the_persons_name_and_words_are_kept() -> None:
    given = facts(release(abort=ABORT, **at_step()), routes=(route(5),))
    assert decide(given, NOW).status.message == "ann aborted the release: the basket is empty"


def test_the_judges_evidence_is_the_message_and_stays_in_the_status() -> None:
    look = judged("Regressed", cause="errors: canary 5.0 %, stable 1.0 %")
    decision = decide(facts(release(**at_step()), routes=(route(5),), judged=look), NOW)
    assert decision.status.message == "errors: canary 5.0 %, stable 1.0 %"
    assert decision.status.verdict == "Regressed"
    assert decision.status.metrics == look.metrics


def test_routes_are_asked_even_where_no_backend_is_seen_yet() -> None:
    given = facts(release(abort=ABORT, **at_step()), routes=(route(None),))
    assert decide(given, NOW).actions == (RemoveBackend(),)


def test_trouble_that_is_not_the_versions_fault_ends_nothing() -> None:
    given = facts(release(**at_step()), canary=canary(1, trouble=trouble(fault=False)))
    assert find_interruption(given) is None


def test_a_stable_rollout_that_gave_up_is_taken_back_only_while_promoting() -> None:
    problem = Problem("StableRolloutFailed", "Deployment checkout: exceeded its progress deadline")
    failed = deployment(paused=False, failed=Trouble(problem, fault=True))
    promoting = facts(release(**PHASES["Promoting"]), deployment=failed)
    assert find_interruption(promoting) == ("RolledBack", problem)
    older = deployment(failed=Trouble(problem, fault=True))
    stepping = facts(release(**at_step()), deployment=older)
    assert find_interruption(stepping) is None


def test_a_stable_rollout_that_the_cluster_could_not_carry_is_not_the_versions_fault() -> None:
    problem = Problem("StableRolloutFailed", "exceeded quota: pods")
    failed = deployment(paused=False, failed=Trouble(problem, fault=False))
    promoting = facts(release(**PHASES["Promoting"]), deployment=failed)
    assert find_interruption(promoting) == ("Aborted", problem)


@pytest.mark.parametrize("phase", ["Succeeded", "RolledBack", "Aborted", "Superseded"])
def test_an_ended_release_is_left_alone(phase: str) -> None:
    given = facts(release(abort=ABORT, phase=phase), routes=(route(5),), leaving=LEAVING)
    decision = decide(given, NOW)
    assert decision.actions == ()
    assert decision.status == given.release.status
    assert decision.again_at is None
