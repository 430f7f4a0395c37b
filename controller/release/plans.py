"""The care of one plan: adopt its Deployment, know what is stable, start releases, remember ends.

Promises: a release starts only for a template that the API server holds back; a rejected revision
starts none until a person says retry; what is waiting is let through only when it is stable again.
Leaves out: the release itself (`machine`), and what only the cluster can refuse, which comes in as
`problems`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.api.names import BYPASS_ANNOTATION, FINALIZER
from controller.api.plan import Rejection, ReleasePlan, ReleasePlanStatus, StableVersion
from controller.api.release import ENDED, Phase, Release
from controller.release.facts import Pause, Problem, Unpause
from controller.release.planstatus import report

PROOF_LASTS = timedelta(minutes=10)
DISPROOF_LASTS = timedelta(seconds=30)  # a policy takes a moment until every API server follows it
MAX_REJECTED = 20


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
    rolled_into: str  # the ReplicaSet that all its pods belong to, empty during a rollout
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
class Mark:
    """Say on the Deployment's own status why it does not roll; empty takes it off."""

    message: str


PlanAction = (
    AddFinalizer
    | RemoveFinalizer
    | Adopt
    | Leave
    | ProveGuard
    | CreateRelease
    | DeleteRelease
    | DeleteReplicaSet
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
    plan = facts.plan
    if plan.metadata.deletion_timestamp is not None:
        return _leave(facts, now)
    if FINALIZER not in plan.metadata.finalizers:
        return PlanDecision(plan.status, (AddFinalizer(),))
    status = _remember(facts)
    deployment = facts.deployment
    if deployment is None:
        why = Problem(
            "DeploymentMissing",
            f"there is no Deployment {plan.metadata.name} in namespace {plan.metadata.namespace}; "
            "a plan has the name of the Deployment it releases",
        )
        return PlanDecision(report(plan, status, "Blocked", why, now))
    status = _record_stable(facts, deployment, status)
    wanted_mark = ""
    phase, why, actions = _situation(facts, deployment, status, now)
    if phase == "Rejected":
        wanted_mark = why.message
    if deployment.mark != wanted_mark:
        actions = (*actions, Mark(wanted_mark))
    actions = (*actions, *_tidy(facts, deployment, status))
    again_at = status.guard_proven_at + _proof_lasts(status) if status.guard_proven_at else None
    return PlanDecision(report(plan, status, phase, why, now), actions, again_at)


def _situation(
    facts: PlanFacts, deployment: PlanDeployment, status: ReleasePlanStatus, now: datetime
) -> tuple[str, Problem, tuple[PlanAction, ...]]:
    """Return the plan's phase, why, and what follows from it."""
    name = facts.plan.metadata.name
    active = _active(facts.releases)
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
        return _adopt(facts, deployment)
    if _proof_is_due(facts, status, now):
        why = Problem("ProvingGuard", "finding out whether the API server holds changes back")
        return status.phase or "Adopting", why, (ProveGuard(),)
    stable = _revision_of_stable(facts, status)
    if deployment.revision == stable:
        return _at_rest(deployment, status)
    return _waiting_change(facts, deployment, status)


def _proof_lasts(status: ReleasePlanStatus) -> timedelta:
    return PROOF_LASTS if status.guard == "Guarded" else DISPROOF_LASTS


def _proof_is_due(facts: PlanFacts, status: ReleasePlanStatus, now: datetime) -> bool:
    proven_at = status.guard_proven_at
    stale = status.guard_policy != facts.guard_policy
    return proven_at is None or stale or now - proven_at >= _proof_lasts(status)


def _adopt(
    facts: PlanFacts, deployment: PlanDeployment
) -> tuple[str, Problem, tuple[PlanAction, ...]]:
    name = facts.plan.metadata.name
    if not deployment.rolled_into:
        message = f"waits until the rollout of Deployment {name} is complete; it is not held yet"
        return "Adopting", Problem("RollingOut", message), ()
    why = Problem("Labelling", f"Deployment {name} is rolled out; holding its changes from now on")
    return "Adopting", why, (Adopt(deployment.resource_version),)


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
        message = (
            f"revision {rejection.revision} was taken back by {rejection.release}: "
            f"{rejection.message} Stable serves. Change the template, or try it again with "
            f"kubectl gander retry {rejection.release} -n {namespace}"
        )
        return "Rejected", Problem("RevisionRejected", message), ()
    if status.held == deployment.revision:
        message = (
            f"release {status.last_release} of revision {status.held} was aborted. Stable serves. "
            f"Change the template, or try it again with "
            f"kubectl gander retry {status.last_release} -n {namespace}"
        )
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
    if FINALIZER not in plan.metadata.finalizers:
        return PlanDecision(status)
    active = _active(facts.releases)
    if active is not None:
        why = Problem("Leaving", f"the plan is deleted; release {active.metadata.name} ends first")
        return PlanDecision(report(plan, status, "Leaving", why, now))
    if deployment is None:
        return PlanDecision(status, (RemoveFinalizer(),))
    if deployment.mark:
        return PlanDecision(status, (Mark(""),))
    if deployment.labelled:
        unpause = deployment.revision == _revision_of_stable(facts, status)
        return PlanDecision(status, (Leave(deployment.resource_version, unpause),))
    return PlanDecision(status, (RemoveFinalizer(),))


def _remember(facts: PlanFacts) -> ReleasePlanStatus:
    """Take up what releases have come to: ends, rejections, retries."""
    status = facts.plan.status
    active = _active(facts.releases)
    updates: dict[str, object] = {
        "releases": max((status.releases, *(r.spec.number for r in facts.releases))),
        "active_release": active.metadata.name if active else "",
        "track_label": facts.track_label,
        "rejected": _rejected(facts),
    }
    ended = [r for r in facts.releases if r.status.phase in ENDED]
    newest = max(ended, key=lambda release: release.spec.number, default=None)
    held = status.held
    if newest is not None and newest.metadata.name != status.last_release:
        superseded = newest.status.phase is Phase.SUPERSEDED
        updates["last_release"] = newest.metadata.name
        updates["last_outcome"] = newest.status.phase.value
        updates["superseded_in_a_row"] = status.superseded_in_a_row + 1 if superseded else 0
        held = newest.spec.revision if newest.status.phase is Phase.ABORTED else ""
    template = facts.deployment.revision if facts.deployment else held
    retried = newest is not None and retry_ordered(newest)
    updates["held"] = "" if retried or template != held else held
    return status.model_copy(update=updates)


def _rejected(facts: PlanFacts) -> tuple[Rejection, ...]:
    """Return the revisions that stay out: kept ones and new ones, without those to be retried."""
    known = {r.metadata.name: r for r in facts.releases}
    kept = [
        rejection
        for rejection in facts.plan.status.rejected
        if rejection.release not in known or not retry_ordered(known[rejection.release])
    ]
    listed = {rejection.release for rejection in kept}
    new = [
        Rejection(
            revision=release.spec.revision,
            release=release.metadata.name,
            at=release.status.finished_at or release.status.timeline[-1].at,
            reason=release.status.reason,
            message=release.status.message,
        )
        for release in sorted(facts.releases, key=lambda r: r.spec.number)
        if release.status.phase is Phase.ROLLED_BACK
        and release.metadata.name not in listed
        and not retry_ordered(release)
    ]
    return tuple(kept + new)[-MAX_REJECTED:]


def retry_ordered(release: Release) -> bool:
    """Tell whether a person wants this release's revision to be tried again."""
    return any(order.action == "Retry" for order in release.spec.orders)


def _record_stable(
    facts: PlanFacts, deployment: PlanDeployment, status: ReleasePlanStatus
) -> ReleasePlanStatus:
    """Whatever the Deployment has fully rolled into serves alone, so it is stable."""
    rolled = next((r for r in facts.revisions if r.replica_set == deployment.rolled_into), None)
    if rolled is None or rolled.revision != deployment.revision:
        return status
    stable = StableVersion(
        revision=rolled.revision, replica_set=rolled.replica_set, images=rolled.images
    )
    return status if stable == status.stable else status.model_copy(update={"stable": stable})


def _revision_of_stable(facts: PlanFacts, status: ReleasePlanStatus) -> str:
    """Return stable's identity as this API server would compute it now.

    The recorded one may have been computed by an older server with other defaults.
    """
    if status.stable is None:
        return ""
    name = status.stable.replica_set
    live = next((r.revision for r in facts.revisions if r.replica_set == name), None)
    return live if live is not None else status.stable.revision


def _active(releases: tuple[Release, ...]) -> Release | None:
    running = [r for r in releases if r.status.phase not in ENDED]
    return max(running, key=lambda release: release.spec.number, default=None)


def _tidy(
    facts: PlanFacts, deployment: PlanDeployment, status: ReleasePlanStatus
) -> Iterator[PlanAction]:
    """Drop old records, and empty ReplicaSets that are newer than stable's.

    A paused Deployment that has no pods scales up its newest ReplicaSet, which after a promotion
    that was taken back is the wrong one.
    """
    ended = sorted(
        (r for r in facts.releases if r.status.phase in ENDED), key=lambda r: r.spec.number
    )
    current = {rejection.release for rejection in status.rejected} | {status.last_release}
    for release in ended[: -facts.plan.spec.history]:
        if release.metadata.name not in current or len(ended) > facts.plan.spec.history * 2:
            yield DeleteRelease(release.metadata.name)
    if status.stable is None or not deployment.paused or _active(facts.releases) is not None:
        return
    stable = next((r for r in facts.revisions if r.replica_set == status.stable.replica_set), None)
    for revision in facts.revisions:
        if stable is not None and revision.replicas == 0 and revision.created > stable.created:
            yield DeleteReplicaSet(revision.replica_set)
