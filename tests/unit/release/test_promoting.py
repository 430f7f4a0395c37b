"""Promotion: stable rolls with the user's own strategy while the canary keeps its share."""

from dataclasses import replace

import pytest

from controller.release.facts import (
    EmptyRevision,
    Pause,
    Problem,
    RemoveBackend,
    SetWeight,
    StableFacts,
    Unpause,
)
from controller.release.machine import decide
from tests.unit.release.given import (
    NOW,
    SECOND,
    assert_settled,
    at_step,
    canary,
    deployment,
    entry,
    facts,
    judged,
    release,
    route,
    seen,
    trouble,
)

PROMOTING = at_step(2, phase="Promoting", reason="Earned", timeline=[entry("Promoting", "Earned")])
PODS = canary(2, 2)
ROLLING = deployment(paused=False, started_rolling=True)
UNFIT = Problem("RecreateStrategy", "Deployment checkout: set it to RollingUpdate")
ABORT = {"by": "ann", "at": "2026-03-01T11:59:00Z"}


def test_unpausing_carries_the_version_of_the_object_that_was_judged() -> None:
    given = facts(release(**PROMOTING), routes=(route(50),), canary=PODS)
    assert decide(given, NOW).actions == (Unpause("7"),)


def test_a_rollout_under_way_is_only_watched() -> None:
    given = facts(release(**PROMOTING), routes=(route(50),), canary=PODS, deployment=ROLLING)
    assert_settled(seen(given, decide(given, NOW), NOW), NOW + SECOND)


def test_a_rollout_that_the_api_server_paused_goes_on() -> None:
    paused = deployment(paused=True, started_rolling=True)
    given = facts(release(**PROMOTING), routes=(route(50),), canary=PODS, deployment=paused)
    assert decide(given, NOW).actions == (Unpause("7"),)


@pytest.mark.parametrize("started", [False, True])
def test_a_rollout_that_a_person_paused_stays_so_and_says_the_way_out(*, started: bool) -> None:
    paused = deployment(paused=True, started_rolling=started, paused_by="kubectl-rollout")
    given = facts(release(**PROMOTING), routes=(route(50),), canary=PODS, deployment=paused)
    decision = decide(given, NOW)
    assert decision.actions == ()
    assert (decision.status.phase, decision.status.reason) == ("Promoting", "RolloutPaused")
    assert decision.status.message == (
        "kubectl-rollout paused Deployment checkout, so no more pods are replaced; kubectl rollout "
        "resume deployment checkout lets it go on, kubectl gander abort checkout-2 takes it back"
    )
    given = seen(given, decision, NOW)
    assert_settled(given, NOW + SECOND)
    resumed = decide(replace(given, deployment=ROLLING), NOW)
    assert (resumed.status.phase, resumed.status.reason) == ("Promoting", "Earned")
    assert resumed.actions == ()


def test_a_share_that_nobody_serves_goes_to_stable_while_a_person_has_paused() -> None:
    paused = deployment(paused=True, started_rolling=True, paused_by="kubectl-rollout")
    given = facts(release(**PROMOTING), routes=(route(50),), canary=None, deployment=paused)
    assert decide(given, NOW).actions == (SetWeight(0),)


def test_an_abort_takes_back_what_a_person_has_paused() -> None:
    paused = deployment(paused=True, started_rolling=True, paused_by="kubectl-rollout")
    given = facts(
        release(abort=ABORT, **PROMOTING), routes=(route(50),), canary=PODS, deployment=paused
    )
    assert decide(given, NOW).actions == (RemoveBackend(), EmptyRevision())


def test_a_deployment_that_would_take_all_its_pods_at_once_is_not_let_go() -> None:
    given = facts(
        release(**PROMOTING), routes=(route(50),), canary=PODS, deployment=deployment(unfit=UNFIT)
    )
    decision = decide(given, NOW)
    assert decision.actions == ()
    assert (decision.status.phase, decision.status.reason) == ("Promoting", UNFIT.reason)
    assert decision.status.message == UNFIT.message
    given = seen(given, decision, NOW)
    assert_settled(given, NOW + SECOND)
    mended = decide(replace(given, deployment=deployment()), NOW)
    assert mended.actions == (Unpause("7"),)
    assert mended.status.reason == "Earned"


def test_what_has_no_pod_that_serves_is_let_go_with_any_strategy() -> None:
    unprotected = release(phase="Promoting", reason="StableDown")
    down = StableFacts(replicas=4, ready=0)
    given = facts(unprotected, stable=down, deployment=deployment(unfit=UNFIT))
    decision = decide(given, NOW)
    assert decision.actions == (Unpause("7"),)
    assert decision.status.reason == "StableDown"


def test_a_stable_of_0_replicas_says_what_its_promotion_waits_for() -> None:
    none = StableFacts(replicas=0, ready=0)
    rolling = deployment(paused=False)
    given = facts(
        release(**PROMOTING), routes=(route(50),), canary=PODS, stable=none, deployment=rolling
    )
    decision = decide(given, NOW)
    assert decision.actions == ()
    assert (decision.status.phase, decision.status.reason) == ("Promoting", "ZeroReplicas")
    assert decision.status.message == (
        "Deployment checkout has 0 replicas, so there is nothing to roll; scaled up it starts with "
        "this revision, and the release ends when all its pods are available"
    )
    given = seen(given, decision, NOW)
    assert_settled(given, NOW + SECOND)
    scaled = replace(given, stable=StableFacts(replicas=4, ready=0), deployment=ROLLING)
    assert decide(scaled, NOW).status.reason == "Earned"


def test_a_look_that_regresses_before_the_roll_takes_it_back() -> None:
    given = facts(
        release(**PROMOTING), routes=(route(50),), canary=PODS, judged=judged("Regressed")
    )
    decision = decide(given, NOW)
    assert decision.actions == (RemoveBackend(),)
    assert decision.status.outcome == "RolledBack"


def test_blind_looks_do_not_stop_the_roll() -> None:
    blind = judged("Safe", Problem("PrometheusUnreachable", "does not answer"))
    given = facts(
        release(**PROMOTING), routes=(route(50),), canary=PODS, deployment=ROLLING, judged=blind
    )
    assert decide(given, NOW).status.phase == "Promoting"


def test_a_weight_above_the_last_steps_is_brought_back_while_rolling() -> None:
    given = facts(release(**PROMOTING), routes=(route(90),), canary=PODS, deployment=ROLLING)
    assert decide(given, NOW).actions == (SetWeight(50),)


@pytest.mark.parametrize(
    "missing",
    [
        {"canary": None},
        {"canary": canary(0, 2)},
        {"has_canary_service": False},
        {"service_differs": "spec.selector"},
        {"routes": (route(50, problem=Problem("RouteRefused", "ResolvedRefs is False")),)},
    ],
)
def test_a_share_that_nobody_serves_goes_to_stable_while_rolling(
    missing: dict[str, object],
) -> None:
    healthy = {"routes": (route(50),), "canary": PODS, "deployment": ROLLING}
    given = facts(release(**PROMOTING), **(healthy | missing))
    assert decide(given, NOW).actions == (SetWeight(0),)


def test_a_share_that_was_lost_is_not_raised_again_while_rolling() -> None:
    for weight in (None, 0, 5):
        lowered = route(weight, last_writer="argocd")
        given = facts(release(**PROMOTING), routes=(lowered,), canary=PODS, deployment=ROLLING)
        assert decide(given, NOW).actions == ()


def test_a_stable_that_is_fully_rolled_takes_its_traffic_back_next() -> None:
    rolled = deployment(paused=False, started_rolling=True, rolled=True)
    given = facts(release(**PROMOTING), routes=(route(50),), canary=PODS, deployment=rolled)
    decision = decide(given, NOW)
    assert (decision.status.phase, decision.status.reason) == ("Finishing", "Promoted")
    assert decision.status.weight.wanted == 0
    assert decision.actions == ()
    assert decide(seen(given, decision, NOW), NOW).actions == (RemoveBackend(),)


def test_an_abort_that_comes_after_the_roll_is_a_success() -> None:
    rolled = deployment(paused=False, started_rolling=True, rolled=True)
    given = facts(release(abort=ABORT, **PROMOTING), deployment=rolled)
    assert decide(given, NOW).status.phase == "Finishing"


def test_an_abort_stops_the_roll_and_empties_the_new_revision() -> None:
    given = facts(
        release(abort=ABORT, **PROMOTING), routes=(route(50),), canary=PODS, deployment=ROLLING
    )
    decision = decide(given, NOW)
    assert decision.actions == (RemoveBackend(), Pause("7"))
    paused = deployment(paused=True, started_rolling=True)
    given = seen(given, decision, NOW, deployment=paused, routes=(route(),))
    assert decide(given, NOW).actions == (EmptyRevision(),)


def test_a_release_does_not_end_before_the_new_revision_is_empty() -> None:
    off = at_step(
        2,
        phase="RollingBack",
        reason="AbortedByPerson",
        outcome="Aborted",
        traffic_off_at=NOW - 60 * SECOND,
        weight={"wanted": 0, "confirmed": 0},
    )
    gone = {"canary": None, "has_canary_service": False}
    paused = deployment(paused=True, started_rolling=True)
    given = facts(release(**off), deployment=paused, **gone)
    assert decide(given, NOW).status.phase == "RollingBack"
    assert decide(facts(release(**off), **gone), NOW).status.phase == "Aborted"


def test_a_newer_template_gives_stable_its_pods_back() -> None:
    newer = deployment(holds_release=False, paused=True, started_rolling=True)
    given = facts(release(**PROMOTING), routes=(route(50),), canary=PODS, deployment=newer)
    decision = decide(given, NOW)
    assert decision.actions == (RemoveBackend(), EmptyRevision())
    assert decision.status.outcome == "Superseded"


def test_a_newer_template_leaves_the_pods_where_stable_has_none_ready() -> None:
    newer = deployment(holds_release=False, paused=True, started_rolling=True)
    down = StableFacts(replicas=4, ready=0)
    given = facts(release(**PROMOTING), routes=(route(50),), stable=down, deployment=newer)
    assert decide(given, NOW).actions == (RemoveBackend(),)


@pytest.mark.parametrize("outcome", ["Aborted", "Superseded"])
def test_a_stop_that_comes_too_late_is_a_success_that_says_so(outcome: str) -> None:
    stopping = {"phase": "RollingBack", "reason": "AbortedByPerson", "message": "ann aborted"}
    for late in ({"rolled": True}, {"stable_gone": True}):
        given = facts(
            release(**at_step(2, **stopping, outcome=outcome)),
            canary=None,
            has_canary_service=False,
            deployment=deployment(started_rolling=True, **late),
        )
        decision = decide(given, NOW)
        assert (decision.status.phase, decision.status.reason) == ("Finishing", "TooLate")
        assert decision.actions == ()
        now = NOW + 5 * SECOND
        given = seen(given, decide(seen(given, decision, NOW), NOW), NOW)
        decision = decide(given, now)
        assert (decision.status.phase, decision.status.reason) == ("Succeeded", "TooLate")
        assert decision.status.message == (
            "ann aborted; too late to stop it: stable runs this revision by now, "
            "going back is a new release"
        )


def test_a_bad_version_that_stable_runs_already_stays_rejected_and_says_so() -> None:
    stopping = {
        "phase": "RollingBack",
        "reason": "OOMKilled",
        "message": "out of memory.",
        "outcome": "RolledBack",
        "traffic_off_at": NOW - 60 * SECOND,
    }
    given = facts(
        release(**at_step(2, **stopping)),
        canary=None,
        has_canary_service=False,
        deployment=deployment(started_rolling=True, stable_gone=True),
    )
    decision = decide(given, NOW)
    assert decision.actions == ()
    assert decision.status.phase == "RolledBack"
    assert decision.status.message.startswith("out of memory; too late to stop it")


def test_a_crash_while_rolling_is_taken_back() -> None:
    crashing = canary(1, 2, trouble=trouble(fault=True, reason="CrashLoop"))
    given = facts(release(**PROMOTING), routes=(route(50),), canary=crashing, deployment=ROLLING)
    decision = decide(given, NOW)
    assert decision.actions == (RemoveBackend(), Pause("7"))
    assert decision.status.outcome == "RolledBack"


def test_a_lost_rollback_lets_nothing_roll_before_the_evidence_is_read_again() -> None:
    given = facts(release(**PROMOTING), routes=(route(None),), canary=PODS)
    decision = decide(given, NOW)
    assert decision.actions == ()
    assert (decision.status.phase, decision.status.reason) == ("Promoting", "Rejudging")
    assert decision.status.weight.confirmed == 50  # what a look needs
    given = seen(given, decision, NOW)
    assert_settled(given, NOW + SECOND)
    assert decide(replace(given, judged=judged("Regressed")), NOW).status.outcome == "RolledBack"
    cleared = decide(replace(given, judged=judged("Safe")), NOW)
    assert cleared.actions == (Unpause("7"),)
    assert decide(seen(given, cleared, NOW), NOW).actions == (Unpause("7"),)


def test_a_lost_rollback_of_a_roll_under_way_is_aborted() -> None:
    given = facts(release(**PROMOTING), routes=(route(None),), canary=PODS, deployment=ROLLING)
    decision = decide(given, NOW)
    assert decision.actions == (RemoveBackend(), Pause("7"))
    assert (decision.status.outcome, decision.status.reason) == ("Aborted", "RecordLost")


def test_a_backend_that_somebody_took_out_does_not_stop_the_roll() -> None:
    given = facts(release(**PROMOTING), routes=(route(last_writer="argocd"),), canary=PODS)
    assert decide(given, NOW).actions == (Unpause("7"),)
