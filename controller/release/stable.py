"""What is stable, and what keeps it so while a change is held.

Promises: what serves alone is stable, whatever waits in the template. A paused Deployment makes no
ReplicaSet, so stable's template is kept apart from the moment stable is recorded, and a ReplicaSet
of stable that somebody deletes meanwhile is made anew, with its name. One copy is kept; the former
is dropped after the new one exists.
Leaves out: what the copy is made of (`controller.reconcile.stablecopy`).
"""

from collections.abc import Iterator

from controller.api.names import short_image
from controller.api.plan import ReleasePlanStatus, StableVersion
from controller.api.release import Phase
from controller.release.facts import Problem
from controller.release.pastreleases import find_active
from controller.release.planfacts import (
    DeleteReplicaSet,
    DropCopy,
    EmptyReplicaSet,
    KeepCopy,
    PlanAction,
    PlanDeployment,
    PlanFacts,
    RestoreStable,
    RevisionFacts,
)

# Phases in which the user's own ReplicaSets are being moved.
MOVING = frozenset({Phase.PROMOTING, Phase.ROLLING_BACK, Phase.FINISHING})


def record(
    facts: PlanFacts, deployment: PlanDeployment, status: ReleasePlanStatus
) -> ReleasePlanStatus:
    """Return the status with what serves alone: it is stable, whatever waits in the template."""
    releasing = find_active(facts.releases) is not None
    # What Kubernetes has scaled up in its place does not become stable.
    replaced = can_restore(facts, deployment, status)
    serving = find_serving(deployment, facts.revisions, rolled_only=releasing or replaced)
    if serving is None:
        return status
    version = StableVersion(
        revision=serving.revision,
        replica_set=serving.replica_set,
        images=serving.images,
        version=short_image(serving.images[0]) if serving.images else "",
    )
    return status if version == status.stable else status.model_copy(update={"stable": version})


def find_serving(
    deployment: PlanDeployment, revisions: tuple[RevisionFacts, ...], *, rolled_only: bool = False
) -> RevisionFacts | None:
    """Return what the Deployment has fully rolled into, or what alone has pods while it waits."""
    serving = next((r for r in revisions if r.replica_set == deployment.rolled_into), None)
    if serving is None and deployment.paused and not rolled_only:
        with_pods = [revision for revision in revisions if revision.replicas > 0]
        return with_pods[0] if len(with_pods) == 1 else None
    return serving


def find_set(facts: PlanFacts, status: ReleasePlanStatus) -> RevisionFacts | None:
    """Return the ReplicaSet that is recorded as stable, if it still exists."""
    name = status.stable.replica_set if status.stable else ""
    return next((r for r in facts.revisions if r.replica_set == name), None)


def find_revision(facts: PlanFacts, status: ReleasePlanStatus) -> str:
    """Return stable's identity as this API server would compute it now.

    The recorded one may have been computed by an older server with other defaults.
    """
    live = find_set(facts, status)
    if live is not None:
        return live.revision
    return status.stable.revision if status.stable else ""


def can_restore(facts: PlanFacts, deployment: PlanDeployment, status: ReleasePlanStatus) -> bool:
    """Tell whether stable's ReplicaSet is gone, nothing else makes it, and its template is kept."""
    if status.stable is None or status.stable.replica_set not in facts.copies:
        return False
    return _lacks_set(facts, deployment, status) and not _is_moving(facts)


def _lacks_set(facts: PlanFacts, deployment: PlanDeployment, status: ReleasePlanStatus) -> bool:
    held = deployment.labelled and deployment.paused and not deployment.bypassed
    return held and deployment.replicas > 0 and find_set(facts, status) is None


def _is_moving(facts: PlanFacts) -> bool:
    """Tell whether a release moves pods between ReplicaSets, or has just stopped to."""
    active = find_active(facts.releases)
    if active is None or active.status.phase not in MOVING:
        return False
    mine = active.spec.revision
    return any(each.revision == mine for each in facts.revisions)


def tend(
    facts: PlanFacts, deployment: PlanDeployment, status: ReleasePlanStatus
) -> Iterator[PlanAction]:
    """Keep stable's template and, while a change is held, its ReplicaSet as the one with pods."""
    live = find_set(facts, status)
    if can_restore(facts, deployment, status) and status.stable is not None:
        yield RestoreStable(status.stable.replica_set)
    if live is None:
        return
    if live.replica_set not in facts.copies:
        yield KeepCopy(live.replica_set)
    else:
        yield from (DropCopy(name) for name in facts.copies if name != live.replica_set)
    active = find_active(facts.releases)
    moving = active is not None and active.status.phase in MOVING
    if not deployment.paused or moving:
        return
    yield from _clear(facts.revisions, live, deployment)


def _clear(
    revisions: tuple[RevisionFacts, ...], live: RevisionFacts, deployment: PlanDeployment
) -> Iterator[PlanAction]:
    """Take away what a held Deployment scales up in stable's place, and what it did scale up.

    Without pods it scales up its newest ReplicaSet, which after an undo or a promotion that was
    taken back is the wrong one. Where stable's own was gone, an older one got its pods: they go as
    soon as stable's are ready, or at once where none of them serves.
    """
    serves = live.ready >= live.replicas > 0
    for each in revisions:
        if each.replicas == 0 and each.created > live.created:
            yield DeleteReplicaSet(each.replica_set, each.uid, each.resource_version)
        stood_in = live.restored and each.replicas > 0 and each.created < live.created
        if stood_in and not deployment.bypassed and (serves or not each.ready):
            yield EmptyReplicaSet(each.replica_set, each.resource_version)


def find_loss(
    facts: PlanFacts, deployment: PlanDeployment, status: ReleasePlanStatus
) -> Problem | None:
    """Return what to say where stable's ReplicaSet is gone for good while a change is held."""
    if status.stable is None or not _lacks_set(facts, deployment, status):
        return None
    if can_restore(facts, deployment, status) or any(each.replicas for each in facts.revisions):
        return None
    message = (
        f"ReplicaSet {status.stable.replica_set} of the stable version was deleted and no copy of "
        "its template is kept, so no pod serves: apply the last good template again; it is let "
        "through, since no stable pod is left to protect"
    )
    return Problem("StableGone", message)


def say_serving(facts: PlanFacts, deployment: PlanDeployment, status: ReleasePlanStatus) -> str:
    """Say in a sentence whether stable serves."""
    live = find_set(facts, status)
    if deployment.replicas == 0:
        return "The Deployment has 0 replicas."
    if live is None and status.stable is not None:
        name = status.stable.replica_set
        return f"ReplicaSet {name} of the stable version was deleted; it is made anew."
    return "Stable serves." if live is not None and live.ready else "No stable pod is ready."
