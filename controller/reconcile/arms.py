"""Which pods are the two arms of a comparison now."""

from controller.api.names import canary_name
from controller.api.release import Release
from controller.kube.objects import Pod
from controller.metrics.arms import Arms, PodRef
from controller.reconcile.canary import is_changed, own_pods
from controller.reconcile.routes import services_of
from controller.reconcile.world import World


def gather_arms(world: World, release: Release) -> Arms:
    """Return the canary's pods and those of the stable ReplicaSet.

    A canary that somebody gave another template has none that could be compared.
    """
    namespace, plan = release.metadata.namespace, release.spec.plan
    deployment = world.deployments.get(namespace, plan)
    canary = world.deployments.get(namespace, canary_name(plan))
    stable_sets = world.replica_sets_of(deployment) if deployment else []
    wanted = release.spec.stable.replica_set
    stable = world.pods_of(s for s in stable_sets if s.meta.name == wanted)
    own = own_pods(world, canary) if canary and not is_changed(canary) else []
    service, canary_service = services_of(release)
    return Arms(
        namespace=namespace,
        stable=tuple(_ref(pod) for pod in stable),
        canary=tuple(_ref(pod) for pod in own),
        stable_service=service,
        canary_service=canary_service,
    )


def _ref(pod: Pod) -> PodRef:
    started = pod.start_time or pod.meta.creation_timestamp
    return PodRef(
        name=pod.meta.name,
        ready_since=pod.ready_since.timestamp() if pod.ready_since else None,
        started_at=started.timestamp() if started else 0.0,
        resources=pod.resources,
    )
