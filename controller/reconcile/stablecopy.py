"""The copy of stable's pod template, and the ReplicaSet that is made anew from it.

The copy is a ControllerRevision with the name of the ReplicaSet, owned by the plan: gone with it,
and no controller of Kubernetes takes it for its own. The ReplicaSet gets the name, the labels and
the template hash that it had, and the Deployment as owner, so the Deployment controller finds in it
the one that it made itself, scales it, and the release that runs still knows its name.
"""

from contextlib import suppress

from controller.api.base import API_VERSION
from controller.api.names import PLAN_LABEL, RESTORED_ANNOTATION, TEMPLATE_HASH_LABEL
from controller.api.plan import ReleasePlan
from controller.kube import kinds
from controller.kube.errors import AlreadyExists, NotFound
from controller.kube.objects import ReplicaSet
from controller.reconcile.world import Json, World

KUBERNETES = "deployment.kubernetes.io/"  # what the Deployment controller notes on a ReplicaSet


def build_copy(plan: ReleasePlan, replica_set: ReplicaSet) -> Json:
    """Return the ControllerRevision that keeps a ReplicaSet's template for a plan."""
    noted = {k: v for k, v in replica_set.meta.annotations.items() if k.startswith(KUBERNETES)}
    return {
        "apiVersion": kinds.CONTROLLER_REVISION.api_version,
        "kind": kinds.CONTROLLER_REVISION.kind,
        "metadata": {
            "name": replica_set.meta.name,
            "namespace": replica_set.meta.namespace,
            "labels": {PLAN_LABEL: plan.metadata.name},
            "annotations": noted,
            "ownerReferences": [
                {
                    "apiVersion": API_VERSION,
                    "kind": "ReleasePlan",
                    "name": plan.metadata.name,
                    "uid": plan.metadata.uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "revision": 1,
        "data": {"template": replica_set.template_dict()},
    }


def build_replica_set(copy: Json, deployment: Json) -> Json:
    """Return the ReplicaSet that a copy was made of, with all the Deployment's replicas."""
    template, spec = copy["data"]["template"], deployment["spec"]
    labels = (template.get("metadata") or {}).get("labels") or {}
    hashed = {TEMPLATE_HASH_LABEL: labels[TEMPLATE_HASH_LABEL]}
    selector = spec["selector"]
    noted = copy["metadata"].get("annotations") or {}
    return {
        "apiVersion": kinds.REPLICA_SET.api_version,
        "kind": kinds.REPLICA_SET.kind,
        "metadata": {
            "name": copy["metadata"]["name"],
            "namespace": copy["metadata"]["namespace"],
            "labels": labels,
            "annotations": {**noted, RESTORED_ANNOTATION: "true"},
            "ownerReferences": [
                {
                    "apiVersion": kinds.DEPLOYMENT.api_version,
                    "kind": kinds.DEPLOYMENT.kind,
                    "name": deployment["metadata"]["name"],
                    "uid": deployment["metadata"]["uid"],
                    # Without blockOwnerDeletion, which needs a right on deployments/finalizers.
                    "controller": True,
                }
            ],
        },
        "spec": {
            "replicas": spec["replicas"],
            "minReadySeconds": spec.get("minReadySeconds", 0),
            "selector": {
                **selector,
                "matchLabels": {**(selector.get("matchLabels") or {}), **hashed},
            },
            "template": template,
        },
    }


def keep_copy(world: World, plan: ReleasePlan, name: str) -> None:
    """Write the copy of one ReplicaSet's template; one that is there already stays."""
    namespace = plan.metadata.namespace
    replica_set = world.replica_sets.get(namespace, name)
    if replica_set is None:
        return
    with suppress(AlreadyExists):
        copy = build_copy(plan, replica_set)
        world.copies.observe(world.client.create(kinds.CONTROLLER_REVISION, namespace, copy))


def restore(world: World, plan: ReleasePlan, name: str) -> None:
    """Make a ReplicaSet of the plan's Deployment anew, and say so in an Event.

    Not where the Deployment is not paused any more: then Kubernetes makes what it needs.
    """
    namespace = plan.metadata.namespace
    try:
        copy = world.client.get(kinds.CONTROLLER_REVISION, namespace, name)
        deployment = world.client.get(kinds.DEPLOYMENT, namespace, plan.metadata.name)
    except NotFound:
        return
    if not deployment["spec"].get("paused"):
        return
    try:
        made = build_replica_set(copy, deployment)
        answer = world.client.create(kinds.REPLICA_SET, namespace, made)
    except AlreadyExists:
        return
    world.replica_sets.observe(answer)
    about = {"apiVersion": API_VERSION, "kind": "ReleasePlan", **plan.metadata.wire()}
    message = (
        f"ReplicaSet {name} of the stable version was deleted while a change is held; made it "
        f"anew with {deployment['spec']['replicas']} pods from the copy of its template"
    )
    world.recorder.event(about, "Warning", "StableRestored", message)
