"""The care of one plan: adopt its Deployment, know what is stable, start releases, remember ends.

Promises: a release starts only for a template that the API server holds back; a rejected revision
starts none until a person says retry; what is waiting is let through only when it is stable again.
Leaves out: the release itself (`machine`), and what only the cluster can refuse, which comes in as
`problems`.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from controller.api.names import BYPASS_ANNOTATION, FINALIZER
from controller.api.plan import ReleasePlanStatus
from controller.api.release import Phase
from controller.release import stable
from controller.release.facts import Pause, Problem, Unpause
from controller.release.pastreleases import find_active, find_expired, remember
from controller.release.planfacts import (
    UNREADABLE,
    AddFinalizer,
    Adopt,
    CreateRelease,
    DeleteRelease,
    DropCopy,
    Leave,
    Mark,
    PlanAction,
    PlanDecision,
    PlanDeployment,
    PlanFacts,
    ProveGuard,
    RemoveFinalizer,
    RemoveLeftovers,
    RevisionFacts,
)
from controller.release.planstatus import report, say_aborted, say_rejected, warn

PROOF_LASTS = timedelta(minutes=10)
DISPROOF_LASTS = timedelta(seconds=30)  # a policy takes a moment until every API server follows it
PROOF_RETRY = timedelta(seconds=10)


def decide_plan(facts: PlanFacts, now: datetime) -> PlanDecision:
    """Return what to do about a plan now."""
    decision = _decide(facts, now)
    if not facts.leftovers or FINALIZER not in facts.plan.metadata.finalizers:
        return decision
    # First, whatever else there is to do: requests are being lost.
    return replace(decision, actions=(RemoveLeftovers(facts.leftovers), *decision.actions))


def _decide(facts: PlanFacts, now: datetime) -> PlanDecision:
    plan = facts.plan
    if plan.metadata.deletion_timestamp is not None:
        return _leave(facts, now)
    if FINALIZER not in plan.metadata.finalizers:
        return PlanDecision(plan.status, (AddFinalizer(),))
    deployment = facts.deployment
    template = deployment.revision if deployment else ""
    status = warn(remember(plan.status, facts.releases, template), facts.releases, now)
    status = status.model_copy(update={"track_label": facts.track_label})
    if deployment is None:
        why = Problem(
            "DeploymentMissing",
            f"there is no Deployment {plan.metadata.name} in namespace {plan.metadata.namespace}; "
            "a plan has the name of the Deployment it releases",
        )
        return PlanDecision(report(plan, status, "Blocked", why, now))
    status = stable.record(facts, deployment, status)
    phase, why, actions = _situation(facts, deployment, status)
    mark = Mark(why.message, why.reason) if phase in ("Rejected", "Held") else Mark("")
    if deployment.mark != mark.message:
        actions = (*actions, mark)
    expired = find_expired(status, facts.releases, plan.spec.history)
    tidy = (*map(DeleteRelease, expired), *stable.tend(facts, deployment, status))
    actions = (*actions, *tidy)
    due = _proof_due(facts, deployment, status, now)
    if due is not None and due <= now:
        actions = (ProveGuard(), *actions)
        due = now + PROOF_RETRY
    return PlanDecision(report(plan, status, phase, why, now), actions, due)


def _situation(
    facts: PlanFacts, deployment: PlanDeployment, status: ReleasePlanStatus
) -> tuple[str, Problem, tuple[PlanAction, ...]]:
    """Return the plan's phase, why, and what follows from it."""
    name = facts.plan.metadata.name
    active = find_active(facts.releases)
    if facts.problems and active is None:
        return "Blocked", facts.problems[0], _roll_stable(facts, deployment, status)
    if deployment.bypassed:
        return _bypassed(facts, deployment, status)
    loss = stable.find_loss(facts, deployment, status)
    if active is not None:
        runs = Problem("Releasing", f"release {active.metadata.name} runs")
        return "Releasing", loss or runs, ()
    if deployment.paused_by:
        message = (
            f"spec.paused of Deployment {name} is set by {deployment.paused_by}; "
            "take it out of the manifest, Gander sets it while a change waits"
        )
        return "Blocked", Problem("PausedInManifest", message), ()
    if not deployment.labelled or status.stable is None:
        return _adopt(facts, deployment, status)
    if status.guard_proven_at is None:
        why = Problem("ProvingGuard", "finding out whether the API server holds changes back")
        return "Adopting", why, ()
    if deployment.revision == stable.find_revision(facts, status):
        return _at_rest(facts, deployment, status)
    return _waiting_change(facts, deployment, status)


def _proof_due(
    facts: PlanFacts, deployment: PlanDeployment, status: ReleasePlanStatus, now: datetime
) -> datetime | None:
    """Return when the guard must be proven again; None where it does not hold this Deployment."""
    if not deployment.labelled or deployment.bypassed or status.stable is None:
        return None
    proven = status.guard_proven_at
    # A time that is still to come was told by a clock that was ahead.
    if proven is None or proven > now or status.guard_policy != facts.guard_policy:
        return now
    lasts = PROOF_LASTS if status.guard == "Guarded" else DISPROOF_LASTS
    return proven + lasts


def _adopt(
    facts: PlanFacts, deployment: PlanDeployment, status: ReleasePlanStatus
) -> tuple[str, Problem, tuple[PlanAction, ...]]:
    name = facts.plan.metadata.name
    if deployment.replicas == 0 and not deployment.paused:
        message = f"Deployment {name} has 0 replicas, so there is no stable version; scale it up"
        return "Adopting", Problem("ZeroReplicas", message), ()
    if deployment.rolled_into:
        message = f"Deployment {name} is rolled out; holding its changes from now on"
    elif deployment.paused and stable.find_set(facts, status) is not None:
        message = f"Deployment {name} is paused with a change waiting; holding it from now on"
    else:
        message = f"waits until the rollout of Deployment {name} is complete; it is not held yet"
        return "Adopting", Problem("RollingOut", message), ()
    return "Adopting", Problem("Labelling", message), (Adopt(deployment.resource_version),)


def _at_rest(
    facts: PlanFacts, deployment: PlanDeployment, status: ReleasePlanStatus
) -> tuple[str, Problem, tuple[PlanAction, ...]]:
    if status.guard == "AlwaysPaused":
        if stable.find_set(facts, status) is None:
            message = "the ReplicaSet of the stable version is gone; lets the Deployment make it"
            return "Idle", Problem("RestoringStable", message), _unpause(deployment)
        message = (
            "stable serves alone; the API server does not hold changes back, so the Deployment "
            "rests paused: Argo CD shows it as Suspended, Flux and Helm --wait as in progress"
        )
        pause = () if deployment.paused else (Pause(deployment.resource_version),)
        return "Idle", Problem("AlwaysPaused", message), pause
    why = Problem("Guarded", "stable serves alone; the next change is held")
    return "Idle", why, _unpause(deployment)


def _roll_stable(
    facts: PlanFacts, deployment: PlanDeployment, status: ReleasePlanStatus
) -> tuple[Unpause, ...]:
    """Return what lets stable's own template go, in a plan that does not work."""
    if status.stable is None or deployment.revision != stable.find_revision(facts, status):
        return ()
    runs = find_active(facts.releases) is not None
    runs = runs or any(problem.reason == UNREADABLE for problem in facts.problems)
    if runs or deployment.paused_by or status.guard != "Guarded":
        return ()
    return _unpause(deployment)


def _unpause(deployment: PlanDeployment) -> tuple[Unpause, ...]:
    return (Unpause(deployment.resource_version),) if deployment.paused else ()


def _bypassed(
    facts: PlanFacts, deployment: PlanDeployment, status: ReleasePlanStatus
) -> tuple[str, Problem, tuple[PlanAction, ...]]:
    """Leave a Deployment with the break-glass to its people, but for stable's own template.

    An undo is held, and may bring the annotation of an older day with it: nobody meant it to stay.
    """
    name, namespace = facts.plan.metadata.name, facts.plan.metadata.namespace
    message = f"Deployment {name} carries {BYPASS_ANNOTATION}, so changes are not held; remove it"
    unpause = _roll_stable(facts, deployment, status)
    if deployment.paused and not unpause:
        message += (
            ". The Deployment is paused, so its template does not roll out either: kubectl rollout "
            f"resume deployment/{name} -n {namespace} lets it out unjudged"
        )
    return "Blocked", Problem("Bypassed", message), unpause


def _waiting_change(
    facts: PlanFacts, deployment: PlanDeployment, status: ReleasePlanStatus
) -> tuple[str, Problem, tuple[PlanAction, ...]]:
    """Decide about a template other than stable's, while no release runs."""
    name = facts.plan.metadata.name
    if not deployment.paused:
        message = f"Deployment {name} rolls without a release; waits until it is complete"
        return "Adopting", Problem("RollingOut", message), ()
    loss = stable.find_loss(facts, deployment, status)
    serving = stable.say_serving(facts, deployment, status)
    rejection = next((r for r in status.rejected if r.revision == deployment.revision), None)
    if rejection is not None:
        message = say_rejected(rejection, facts, serving)
        return "Rejected", loss or Problem("RevisionRejected", message), ()
    if status.held == deployment.revision:
        message = say_aborted(status, facts, serving)
        return "Held", loss or Problem("ReleaseAborted", message), ()
    if deployment.replicas == 0:
        message = f"Deployment {name} has 0 replicas, so nothing can be compared; scale it up"
        return "Blocked", Problem("ZeroReplicas", message), ()
    if status.stable is None:
        raise AssertionError("a plan without a stable version is adopting")
    unprotected = _retried_alone(facts, deployment, status)
    if unprotected is not None:
        return "Blocked", loss or unprotected, ()
    create = CreateRelease(status.releases + 1, status.stable)
    return "Releasing", Problem("Starting", f"starting release {create.number}"), (create,)


def _retried_alone(
    facts: PlanFacts, deployment: PlanDeployment, status: ReleasePlanStatus
) -> Problem | None:
    """Return why a revision that was taken back before is not tried again now.

    Without a stable pod a release lets its change through, and this one is known to be bad.
    """
    live = stable.find_set(facts, status)
    if live is not None and live.ready:
        return None
    for release in facts.releases:
        taken_back = release.status.phase is Phase.ROLLED_BACK
        if taken_back and release.spec.revision == deployment.revision:
            message = (
                f"revision {deployment.revision} was taken back by {release.metadata.name}, and no "
                "stable pod is ready to compare it with or to go back to: the retry begins when "
                "one is ready; or apply the last good template again"
            )
            return Problem("StableDown", message)
    return None


def _leave(facts: PlanFacts, now: datetime) -> PlanDecision:
    """End on stable, then take everything of ours off the Deployment, then let the plan go."""
    plan, status, deployment = facts.plan, facts.plan.status, facts.deployment
    labelled = deployment is not None and deployment.labelled
    if FINALIZER not in plan.metadata.finalizers and not labelled:
        return PlanDecision(status)
    active = find_active(facts.releases)
    if active is not None:
        why = Problem("Leaving", f"the plan is deleted; release {active.metadata.name} ends first")
        return PlanDecision(report(plan, status, "Leaving", why, now))
    unreadable = next((p for p in facts.problems if p.reason == UNREADABLE), None)
    if unreadable is not None:
        return PlanDecision(report(plan, status, "Leaving", unreadable, now))
    if deployment is None or not (deployment.labelled or deployment.mark):
        return PlanDecision(status, (*map(DropCopy, facts.copies), RemoveFinalizer()))
    status = stable.record(facts, deployment, status)
    action = _give_back(deployment, stable.find_revision(facts, status))
    if isinstance(action, Leave):
        why = Problem("GanderLeft", f"changes of Deployment {plan.metadata.name} are not held back")
        # The plan may stay, without us, and must not claim what nobody proves any more.
        status = status.model_copy(update={"guard": "", "guard_proven_at": None})
        status = report(plan, status, "Blocked", why, now)
    return PlanDecision(status, (action,))


def decide_orphan(deployment: PlanDeployment, revisions: tuple[RevisionFacts, ...]) -> Leave | Mark:
    """Return what gives back a Deployment that is held for a plan that does not exist."""
    serving = stable.find_serving(deployment, revisions)
    return _give_back(deployment, serving.revision if serving else "")


def _give_back(deployment: PlanDeployment, stable_revision: str) -> Leave | Mark:
    """Return what takes our next mark off; what waits and is not stable stays paused."""
    if deployment.mark:
        return Mark("")
    rests = not deployment.paused or deployment.revision == stable_revision
    return Leave(deployment.resource_version, unpause=rests)
