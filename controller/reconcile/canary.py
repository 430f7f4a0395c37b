"""Which pods are a release's own: those of the template that Gander built, and no others.

The identity of that template, as the API server stored it, stands on the canary Deployment in an
annotation. It is written from the answer to the creation, or while the Deployment is still of
generation 1, so no template that came later is ever taken for it.
"""

from controller.api.names import CANARY_TEMPLATE_ANNOTATION, FIELD_MANAGER, revision_of
from controller.kube.objects import Deployment, Pod
from controller.reconcile.crashes import last_crash
from controller.reconcile.pods import find_trouble, is_running
from controller.reconcile.world import Json, World, revision_of_raw
from controller.release.facts import CanaryFacts


def mark_for(canary: Json) -> Json | None:
    """Return the patch that marks a canary with its template, or None where it is too late."""
    if canary["metadata"]["generation"] != 1:
        return None
    mark = {CANARY_TEMPLATE_ANNOTATION: revision_of(canary["spec"]["template"])}
    return {"metadata": {"annotations": mark}}


def is_changed(canary: Deployment) -> bool:
    """Tell whether the template is another than the one that Gander built, or may be."""
    return revision_of_raw(bytes(canary.template)) != _built(canary)


def own_pods(world: World, canary: Deployment) -> list[Pod]:
    """Return the pods of the template that Gander built."""
    built = _built(canary)
    sets = world.replica_sets_of(canary)
    return world.pods_of(s for s in sets if revision_of_raw(bytes(s.template)) == built)


def canary_facts(world: World, canary: Deployment) -> CanaryFacts:
    """Return what a release must know about its canary."""
    pods = own_pods(world, canary)
    images = {c.image_id for pod in pods for c in pod.containers if c.image_id}
    changed = is_changed(canary)
    others = [name for name in canary.template_by if name != FIELD_MANAGER]
    return CanaryFacts(
        replicas=canary.replicas,
        ready=sum(pod.ready for pod in pods),
        running=sum(is_running(pod) for pod in pods),
        images=tuple(sorted(images)),
        trouble=find_trouble(pods, canary),
        changed=changed,
        changed_by=others[-1] if changed and others else "",
        crashed_at=last_crash(pods),
    )


def _built(canary: Deployment) -> str:
    """Return the identity of the template that Gander built; empty where nobody knows it."""
    mark = canary.meta.annotations.get(CANARY_TEMPLATE_ANNOTATION, "")
    if not mark and canary.meta.generation == 1:
        return revision_of_raw(bytes(canary.template))
    return mark
