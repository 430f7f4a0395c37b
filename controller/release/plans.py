"""The care of one plan: adopt its Deployment, know what is stable, start releases, remember ends.

Promises: a release starts only for a template that the API server holds back; a rejected revision
starts none until a person says retry; what is waiting is let through only when it is stable again.
Leaves out: the release itself (`machine`), and what only the cluster can refuse, which comes in as
`problems`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from controller.api.names import BYPASS_ANNOTATION, FINALIZER, short_image
from controller.api.plan import ReleasePlan, ReleasePlanStatus, StableVersion
from controller.api.release import Phase, Release
from controller.release.facts import Pause, Problem, Unpause
from controller.release.pastreleases import find_active, find_expired, remember
from controller.release.planstatus import report, say_aborted, say_rejected

PROOF_LASTS = timedelta(minutes=10)
DISPROOF_LASTS = timedelta(seconds=30)  # a policy takes a moment until every API server follows it
PROOF_RETRY = timedelta(seconds=10)

UNREADABLE = "ReleaseUnreadable"  # a release that may be moving traffic; only a person can tell

# Phases in which the user's own ReplicaSets are being moved.
MOVING = frozenset({Phase.PROMOTING, Phase.ROLLING_BACK, Phase.FINISHING})


@dataclass(frozen=True, slots=True)
class RevisionFacts:
    """A ReplicaSet of the user's Deployment."""

    replica_set: str
    revision: str
    created: datetime
    replicas: int
    images: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlanDeployment:
    """The user's Deployment, as far as its plan cares."""

    resource_version: str
    revision: str  # of the template it has now
    labelled: bool
    bypassed: bool
    paused: bool
    paused_by: str  # field manager that owns spec.paused, if it is neither Gander nor admission
    replicas: int
    rolled_into: str  # the ReplicaSet that alone has pods, all available; else empty
    mark: str  # message of the Stalled condition that Gander put on it, else empty


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """Everything about one plan at one moment."""

    plan: ReleasePlan
    deployment: PlanDeployment | None
    revisions: tuple[RevisionFacts, ...]
    releases: tuple[Release, ...]
    track_label: str
    guard_policy: str  # version of the admission policy that holds changes back
    problems: tuple[Problem, ...] = ()
    leftovers: tuple[str, ...] = ()  # routes with a backendRef of ours that no release needs


@dataclass(frozen=True, slots=True)
class AddFinalizer:
    """Put our finalizer on the plan, before anything else of ours is put anywhere."""


@dataclass(frozen=True, slots=True)
class RemoveFinalizer:
    """Let the plan go."""


@dataclass(frozen=True, slots=True)
class Adopt:
    """Put the plan's label on the Deployment; from then on the API server holds it."""

    resource_version: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Take the label off; with `unpause` let it roll, else say on it why it stays paused."""

    resource_version: str
    unpause: bool


@dataclass(frozen=True, slots=True)
class ProveGuard:
    """Try a template change as a dry run and see whether the API server pauses it."""


@dataclass(frozen=True, slots=True)
class CreateRelease:
    """Start release `number` for the template that waits."""

    number: int
    stable: StableVersion


@dataclass(frozen=True, slots=True)
class DeleteRelease:
    """Drop a release beyond the plan's history."""

    name: str


@dataclass(frozen=True, slots=True)
class DeleteReplicaSet:
    """Delete an empty ReplicaSet that a held Deployment would scale up by mistake."""

    name: str


@dataclass(frozen=True, slots=True)
class RemoveLeftovers:
    """Take backendRefs of ours out of these routes: nothing stands behind them any more."""

    routes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """Say on the Deployment's own status why it does not roll; empty takes it off."""

    message: str
    reason: str = "RevisionRejected"


PlanAction = (
    AddFinalizer
    | RemoveFinalizer
    | Adopt
    | Leave
    | ProveGuard
    | CreateRelease
    | DeleteRelease
    | DeleteReplicaSet
    | RemoveLeftovers
    | Mark
    | Pause
    | Unpause
)


@dataclass(frozen=True, slots=True)
class PlanDecision:
    """What to do now, what to write, and when to look again at the latest."""

    status: ReleasePlanStatus
    actions: tuple[PlanAction, ...] = ()
    again_at: datetime | None = None


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
    status = remember(plan.status, facts.releases, template)
    status = status.model_copy(update={"track_label": facts.track_label})
    if deployment is None:
        why = Problem(
            "DeploymentMissing",
            f"there is no Deployment {plan.metadata.name} in namespace {plan.metadata.namespace}; "
            "a plan has the name of the Deployment it releases",
        )
        return PlanDecision(report(plan, status, "Blocked", why, now))
    status = _record_stable(facts, deployment, status)
    phase, why, actions = _situation(facts, deployment, status)
    mark = Mark(why.message, why.reason) if phase in ("Rejected", "Held") else Mark("")
    if deployment.mark != mark.message:
        actions = (*actions, mark)
    actions = (*actions, *_tidy(facts, deployment, status))
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
        return "Blocked", facts.problems[0], ()
    if deployment.bypassed:
        message = (
            f"Deployment {name} carries {BYPASS_ANNOTATION}, so changes are not held; remove it"
        )
        return "Blocked", Problem("Bypassed", message), ()
    if active is not None:
        return "Releasing", Problem("Releasing", f"release {active.metadata.name} runs"), ()
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
    stable = _revision_of_stable(facts, status)
    if deployment.revision == stable:
        return _at_rest(deployment, status)
    return _waiting_change(facts, deployment, status)


def _proof_due(
    facts: PlanFacts, deployment: PlanDeployment, status: ReleasePlanStatus, now: datetime
) -> datetime | None:
    """Return when the guard must be proven again; None where it does not hold this Deployment."""
    if not deployment.labelled or deployment.bypassed or status.stable is None:
        return None
    if status.guard_proven_at is None or status.guard_policy != facts.guard_policy:
        return now
    lasts = PROOF_LASTS if status.guard == "Guarded" else DISPROOF_LASTS
    return status.guard_proven_at + lasts


def _adopt(
    facts: PlanFacts, deployment: PlanDeployment, status: ReleasePlanStatus
) -> tuple[str, Problem, tuple[PlanAction, ...]]:
    name = facts.plan.metadata.name
    if deployment.replicas == 0 and not deployment.paused:
        message = f"Deployment {name} has 0 replicas, so there is no stable version; scale it up"
        return "Adopting", Problem("ZeroReplicas", message), ()
    if deployment.rolled_into:
        message = f"Deployment {name} is rolled out; holding its changes from now on"
    elif deployment.paused and _stable_set(facts, status) is not None:
        message = f"Deployment {name} is paused with a change waiting; holding it from now on"
    else:
        message = f"waits until the rollout of Deployment {name} is complete; it is not held yet"
        return "Adopting", Problem("RollingOut", message), ()
    return "Adopting", Problem("Labelling", message), (Adopt(deployment.resource_version),)


def _at_rest(
    deployment: PlanDeployment, status: ReleasePlanStatus
) -> tuple[str, Problem, tuple[PlanAction, ...]]:
    if status.guard == "AlwaysPaused":
        message = (
            "stable serves alone; the API server does not hold changes back, so the Deployment "
            "rests paused: Argo CD shows it as Suspended, Flux and Helm --wait as in progress"
        )
        pause = () if deployment.paused else (Pause(deployment.resource_version),)
        return "Idle", Problem("AlwaysPaused", message), pause
    unpause = (Unpause(deployment.resource_version),) if deployment.paused else ()
    return "Idle", Problem("Guarded", "stable serves alone; the next change is held"), unpause


def _waiting_change(
    facts: PlanFacts, deployment: PlanDeployment, status: ReleasePlanStatus
) -> tuple[str, Problem, tuple[PlanAction, ...]]:
    """Decide about a template other than stable's, while no release runs."""
    name, namespace = facts.plan.metadata.name, facts.plan.metadata.namespace
    if not deployment.paused:
        message = f"Deployment {name} rolls without a release; waits until it is complete"
        return "Adopting", Problem("RollingOut", message), ()
    rejection = next((r for r in status.rejected if r.revision == deployment.revision), None)
    if rejection is not None:
        message = say_rejected(rejection, facts.releases, namespace)
        return "Rejected", Problem("RevisionRejected", message), ()
    if status.held == deployment.revision:
        message = say_aborted(status, facts.releases, namespace)
        return "Held", Problem("ReleaseAborted", message), ()
    if deployment.replicas == 0:
        message = f"Deployment {name} has 0 replicas, so nothing can be compared; scale it up"
        return "Blocked", Problem("ZeroReplicas", message), ()
    if status.stable is None:
        raise AssertionError("a plan without a stable version is adopting")
    create = CreateRelease(status.releases + 1, status.stable)
    return "Releasing", Problem("Starting", f"starting release {create.number}"), (create,)


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
        return PlanDecision(status, (RemoveFinalizer(),))
    status = _record_stable(facts, deployment, status)
    action = _give_back(deployment, _revision_of_stable(facts, status))
    if isinstance(action, Leave):
        why = Problem("GanderLeft", f"changes of Deployment {plan.metadata.name} are not held back")
        # The plan may stay, without us, and must not claim what nobody proves any more.
        status = status.model_copy(update={"guard": "", "guard_proven_at": None})
        status = report(plan, status, "Blocked", why, now)
    return PlanDecision(status, (action,))


def decide_orphan(deployment: PlanDeployment, revisions: tuple[RevisionFacts, ...]) -> Leave | Mark:
    """Return what gives back a Deployment that is held for a plan that does not exist."""
    serving = _find_serving(deployment, revisions)
    return _give_back(deployment, serving.revision if serving else "")


def _give_back(deployment: PlanDeployment, stable: str) -> Leave | Mark:
    """Return what takes our next mark off; what waits and is not stable stays paused."""
    if deployment.mark:
        return Mark("")
    rests = not deployment.paused or deployment.revision == stable
    return Leave(deployment.resource_version, unpause=rests)


def _record_stable(
    facts: PlanFacts, deployment: PlanDeployment, status: ReleasePlanStatus
) -> ReleasePlanStatus:
    """Return the status with what serves alone: it is stable, whatever waits in the template."""
    releasing = find_active(facts.releases) is not None
    serving = _find_serving(deployment, facts.revisions, releasing=releasing)
    if serving is None:
        return status
    stable = StableVersion(
        revision=serving.revision,
        replica_set=serving.replica_set,
        images=serving.images,
        version=short_image(serving.images[0]) if serving.images else "",
    )
    return status if stable == status.stable else status.model_copy(update={"stable": stable})


def _find_serving(
    deployment: PlanDeployment, revisions: tuple[RevisionFacts, ...], *, releasing: bool = False
) -> RevisionFacts | None:
    """Return what the Deployment has fully rolled into, or what alone has pods while it waits."""
    serving = next((r for r in revisions if r.replica_set == deployment.rolled_into), None)
    if serving is None and deployment.paused and not releasing:
        with_pods = [revision for revision in revisions if revision.replicas > 0]
        return with_pods[0] if len(with_pods) == 1 else None
    return serving


def _stable_set(facts: PlanFacts, status: ReleasePlanStatus) -> RevisionFacts | None:
    """Return the ReplicaSet that is recorded as stable, if it still exists."""
    name = status.stable.replica_set if status.stable else ""
    return next((r for r in facts.revisions if r.replica_set == name), None)


def _revision_of_stable(facts: PlanFacts, status: ReleasePlanStatus) -> str:
    """Return stable's identity as this API server would compute it now.

    The recorded one may have been computed by an older server with other defaults.
    """
    live = _stable_set(facts, status)
    if live is not None:
        return live.revision
    return status.stable.revision if status.stable else ""


def _tidy(
    facts: PlanFacts, deployment: PlanDeployment, status: ReleasePlanStatus
) -> Iterator[PlanAction]:
    """Drop old records, and empty ReplicaSets that are newer than stable's.

    A held Deployment that has no pods scales up its newest ReplicaSet, which after an undo or a
    promotion that was taken back is the wrong one.
    """
    for name in find_expired(status, facts.releases, facts.plan.spec.history):
        yield DeleteRelease(name)
    active, stable = find_active(facts.releases), _stable_set(facts, status)
    moving = active is not None and active.status.phase in MOVING
    if stable is None or not deployment.paused or moving:
        return
    for revision in facts.revisions:
        if revision.replicas == 0 and revision.created > stable.created:
            yield DeleteReplicaSet(revision.replica_set)
