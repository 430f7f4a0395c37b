"""What the user's Deployment is doing, read from it and its ReplicaSets."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from controller.api.names import FIELD_MANAGER, revision_of
from controller.api.release import Release
from controller.kube.objects import Deployment, Pod, ReplicaSet, condition
from controller.reconcile.pods import find_trouble, is_running
from controller.reconcile.world import World, revision_of_raw
from controller.release.facts import DeploymentFacts, Problem, Trouble
from controller.traffic.refusals import refuse_recreate


def deployment_facts(world: World, deployment: Deployment, release: Release) -> DeploymentFacts:
    """Return what a running release must know about its Deployment."""
    wanted = revision_of(release.spec.template)
    holds = revision_of_raw(bytes(deployment.template)) == wanted
    mine = find_revision(world, deployment, wanted)
    pods = world.pods_of([mine] if mine else [])
    stable = release.spec.stable.replica_set
    kept = any(s.replicas for s in world.replica_sets_of(deployment) if s.meta.name == stable)
    return DeploymentFacts(
        resource_version=deployment.meta.resource_version,
        paused=deployment.paused,
        holds_release=holds,
        started_rolling=mine is not None and (mine.replicas > 0 or mine.status_replicas > 0),
        rolled=holds and is_rolled(deployment),
        failed=gave_up(deployment, pods, release, world.clock()) if holds else None,
        stable_gone=deployment.replicas > 0 and not kept,
        paused_by=paused_by(deployment),
        unfit=_unfit(deployment),
    )


def paused_by(deployment: Deployment) -> str:
    """Return the field managers of spec.paused but Gander; what admission sets has none."""
    return ", ".join(manager for manager in deployment.paused_by if manager != FIELD_MANAGER)


def _unfit(deployment: Deployment) -> Problem | None:
    """Return why the Deployment would take all its pods at once; None where it would not."""
    if deployment.strategy != "Recreate":
        return None
    refusal = refuse_recreate(f"Deployment {deployment.meta.namespace}/{deployment.meta.name}")
    return Problem(refusal.reason, refusal.message)


def find_revision(world: World, deployment: Deployment, revision: str) -> ReplicaSet | None:
    """Return the Deployment's ReplicaSet of a revision."""
    return next(
        (
            replica_set
            for replica_set in world.replica_sets_of(deployment)
            if revision_of_raw(bytes(replica_set.template)) == revision
        ),
        None,
    )


def find_pods_to_empty(world: World, release: Release) -> ReplicaSet | None:
    """Return the ReplicaSet in which the user's Deployment has pods of this release."""
    deployment = world.deployments.get(release.metadata.namespace, release.spec.plan)
    mine = find_revision(world, deployment, release.spec.revision) if deployment else None
    return mine if mine is not None and mine.replicas else None


def is_rolled(deployment: Deployment) -> bool:
    """Tell whether every pod, and nothing else, is of the present template and available."""
    return (
        deployment.observed_generation >= deployment.meta.generation
        and deployment.replicas > 0
        and deployment.updated_replicas == deployment.replicas
        and deployment.status_replicas == deployment.replicas
        and deployment.available_replicas == deployment.replicas
    )


def gave_up(
    deployment: Deployment, pods: Sequence[Pod], release: Release, now: datetime
) -> Trouble | None:
    """Return why this very promotion's rollout gave up, and whether the version is to blame.

    `pods` are the Deployment's of this release's template. It is to blame where its containers run
    and do not get ready; what has not started waits for a mount, an image or a node.

    Kubernetes keeps the condition of an older rollout while the Deployment is paused, and after
    that until the new one gets on. So one from before the promotion says nothing, unless it stands
    for a whole deadline more: then nothing has moved, which is no proof against the version.
    """
    if deployment.paused or deployment.observed_generation < deployment.meta.generation:
        return None
    since = release.status.phase_since
    progressing = condition(deployment.conditions, "Progressing")
    if progressing is None or progressing.reason != "ProgressDeadlineExceeded":
        return None
    changed = progressing.last_transition_time
    if since is None or changed is None:
        return None
    older = changed < since
    if older and now < since + timedelta(seconds=deployment.progress_deadline_seconds):
        return None
    message = f"Deployment {deployment.meta.name}: {progressing.message}"
    cause = find_trouble(pods, deployment)
    if cause is not None:
        words = f"{message} {cause.problem.message}"
        return Trouble(Problem("StableRolloutFailed", words), fault=cause.fault and not older)
    unready = [pod for pod in pods if not pod.ready]
    waiting = ", ".join(pod.meta.name for pod in unready if not is_running(pod))
    if waiting:
        message += f" Not started yet: {waiting}; kubectl describe pod says what is missing."
    runs = any(is_running(pod) for pod in unready)
    return Trouble(Problem("StableRolloutFailed", message), fault=runs and not older)
