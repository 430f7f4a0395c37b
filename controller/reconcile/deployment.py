"""The user's Deployment in the care of a plan: what it is now, and what is written on it.

Label, pause, and why it stands are all that a plan's pass writes. Each write names the version it
was decided on, but for the mark: that is a condition that nobody else owns.
"""

from datetime import UTC, datetime
from typing import Any

from controller.api.names import (
    BYPASS_ANNOTATION,
    FIELD_MANAGER,
    LEFT_PAUSED_ANNOTATION,
    PLAN_LABEL,
    RESTORED_ANNOTATION,
)
from controller.kube import kinds
from controller.kube.objects import Deployment, ReplicaSet
from controller.reconcile.rollout import is_rolled, paused_by
from controller.reconcile.world import World, images_of, revision_of_raw
from controller.release.facts import Pause, Unpause
from controller.release.planfacts import Adopt, Leave, Mark, PlanDeployment, RevisionFacts

UNKNOWN_TIME = datetime.min.replace(tzinfo=UTC)

LEFT_PAUSED = (
    "Gander left this Deployment paused: its template was not released yet, or was taken back. "
    "kubectl rollout resume lets it out; to drop it, apply the former template before you resume."
)
DeploymentAction = Adopt | Leave | Pause | Unpause | Mark


def read_deployment(world: World, deployment: Deployment) -> PlanDeployment:
    """Return the Deployment as far as its plan cares."""
    revision = revision_of_raw(bytes(deployment.template))
    rolled = ""
    if is_rolled(deployment):
        rolled = next(
            (s.meta.name for s in world.replica_sets_of(deployment) if _is(s, revision)), ""
        )
    mark = next((c.message for c in deployment.conditions if c.type == "Stalled"), "")
    return PlanDeployment(
        resource_version=deployment.meta.resource_version,
        revision=revision,
        labelled=PLAN_LABEL in deployment.meta.labels,
        bypassed=BYPASS_ANNOTATION in deployment.meta.annotations,
        paused=deployment.paused,
        paused_by=paused_by(deployment),
        replicas=deployment.replicas,
        rolled_into=rolled,
        mark=mark,
    )


def read_revisions(world: World, deployment: Deployment) -> tuple[RevisionFacts, ...]:
    """Return the ReplicaSets of the Deployment."""
    return tuple(
        RevisionFacts(
            replica_set=replica_set.meta.name,
            revision=revision_of_raw(bytes(replica_set.template)),
            created=replica_set.meta.creation_timestamp or UNKNOWN_TIME,
            replicas=replica_set.replicas,
            ready=replica_set.ready_replicas,
            images=images_of(bytes(replica_set.template)),
            uid=replica_set.meta.uid,
            resource_version=replica_set.meta.resource_version,
            restored=RESTORED_ANNOTATION in replica_set.meta.annotations,
        )
        for replica_set in world.replica_sets_of(deployment)
    )


def _is(replica_set: ReplicaSet, revision: str) -> bool:
    return revision_of_raw(bytes(replica_set.template)) == revision


def write_deployment(world: World, namespace: str, name: str, action: DeploymentAction) -> None:
    """Do one action. Raises what the API server answers (controller.kube.errors)."""
    body: dict[str, Any]
    match action:
        case Adopt(resource_version):
            marks = {"labels": {PLAN_LABEL: name}, "annotations": {LEFT_PAUSED_ANNOTATION: None}}
            body = {"metadata": marks}
        case Leave(resource_version, unpause=True):
            body = {"metadata": {"labels": {PLAN_LABEL: None}}, "spec": {"paused": None}}
        case Leave(resource_version):
            annotations = {LEFT_PAUSED_ANNOTATION: LEFT_PAUSED}
            body = {"metadata": {"labels": {PLAN_LABEL: None}, "annotations": annotations}}
        case Pause(resource_version):
            body = {"spec": {"paused": True}}
        case Unpause(resource_version):
            body = {"spec": {"paused": None}}
        case Mark(message, reason):
            _mark(world, namespace, name, message, reason)
            return
    answer = world.client.merge_patch(
        kinds.DEPLOYMENT, namespace, name, body, resource_version=resource_version
    )
    world.deployments.observe(answer)


def _mark(world: World, namespace: str, name: str, message: str, reason: str) -> None:
    """Own one condition of the Deployment's status, or own none any more."""
    conditions = []
    if message:
        time = world.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
        conditions = [
            {
                "type": "Stalled",
                "status": "True",
                "reason": reason,
                "message": message,
                "lastUpdateTime": time,
                "lastTransitionTime": time,
            }
        ]
    manifest = {
        "apiVersion": kinds.DEPLOYMENT.api_version,
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "status": {"conditions": conditions},
    }
    answer = world.client.apply(
        kinds.DEPLOYMENT, namespace, manifest, field_manager=FIELD_MANAGER, subresource="status"
    )
    world.deployments.observe(answer)
