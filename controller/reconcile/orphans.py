"""Deployments that are held for a plan that does not exist: copied YAML, a finalizer torn off.

Promises: such a Deployment is given back as the end of a plan gives one back, with an Event that
says so, once its releases have ended. The API server is asked before: a cache may not have the plan
yet, and a Deployment that was just adopted must not be let go.
"""

from controller.api.names import LEFT_PAUSED_ANNOTATION, PLAN_LABEL
from controller.api.release import ENDED
from controller.kube import kinds
from controller.kube.objects import Deployment
from controller.reconcile.deployment import read_deployment, read_revisions, write_deployment
from controller.reconcile.world import World
from controller.release.planfacts import Leave
from controller.release.plans import decide_orphan


def give_back(world: World, namespace: str, name: str) -> None:
    """Take our next mark off a Deployment that has our label and no plan of its name."""
    deployment = world.deployments.get(namespace, name)
    if deployment is None or PLAN_LABEL not in deployment.meta.labels:
        return
    releases = world.releases_of(namespace, name)
    if any(each.get("status", {}).get("phase", "") not in ENDED for each in releases):
        return
    if world.client.list(kinds.RELEASE_PLAN, namespace, fields=f"metadata.name={name}"):
        return
    action = decide_orphan(read_deployment(world, deployment), read_revisions(world, deployment))
    write_deployment(world, namespace, name, action)
    if isinstance(action, Leave):
        _tell(world, deployment, action)


def _tell(world: World, deployment: Deployment, left: Leave) -> None:
    namespace, name = deployment.meta.namespace, deployment.meta.name
    value = deployment.meta.labels[PLAN_LABEL]
    message = (
        f"label {PLAN_LABEL}={value} held changes of Deployment {name}, but there is no "
        f"ReleasePlan {name} in namespace {namespace} to release them: took the label off"
    )
    if not left.unpause:
        message += f"; it stays paused, see its annotation {LEFT_PAUSED_ANNOTATION}"
    about = {
        "apiVersion": kinds.DEPLOYMENT.api_version,
        "kind": kinds.DEPLOYMENT.kind,
        "namespace": namespace,
        "name": name,
        "uid": deployment.meta.uid,
    }
    world.recorder.event(about, "Warning", "PlanMissing", message)
