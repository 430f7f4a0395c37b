"""Which passes a change in the cluster calls for.

Promises: whatever a pass looks at wakes it when it changes. A wake-up too many costs a pass that
writes nothing; one too few would cost a release its progress, so ownership is followed to the end.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from controller.api.names import FINALIZER, PLAN_LABEL
from controller.api.release import ENDED
from controller.kube.objects import Deployment, Meta, Pod, ReplicaSet, Service
from controller.reconcile.world import Json, World, release_of

Key = tuple[str, str, str]  # controller, namespace, name
PLAN, RELEASE, ALERT = "plan", "release", "alert"
GUARD_SETTLES = 3.0  # seconds until every API server follows a changed admission policy


@dataclass(frozen=True, slots=True)
class Triggers:
    """Turns changes into keys and hands them to `add` (key, seconds to wait)."""

    world: World
    add: Callable[[Key, float], None]

    def connect(self) -> None:
        """Listen to every cache."""
        world = self.world
        world.plans.subscribe(self._each(self._plan))
        world.releases.subscribe(self._each(self._release))
        world.metrics.subscribe(self._each(self._namespaced))
        world.deployments.subscribe(self._each(self._deployment))
        world.replica_sets.subscribe(self._each(self._owned))
        world.copies.subscribe(self._each(self._copy))
        world.pods.subscribe(self._each(self._pod))
        world.services.subscribe(self._each(self._service))
        for cache in world.routes.values():
            cache.subscribe(self._each(self._namespaced))
        for cache in world.guards:
            cache.subscribe(self._each(self._guard))

    def _each(self, of: Callable[[Any], Iterable[Key]]) -> Callable[[Any, Any], None]:
        def changed(old: Any, new: Any) -> None:
            delay = GUARD_SETTLES if of == self._guard else 0.0
            item = new if new is not None else old
            for key in of(item):
                self.add(key, delay)

        return changed

    def _plan(self, plan: Json) -> Iterable[Key]:
        namespace, name = plan["metadata"]["namespace"], plan["metadata"]["name"]
        yield PLAN, namespace, name
        yield from _unfinished(self.world.releases_of(namespace, name))
        yield from self._alerts(namespace, name)
        service = plan.get("spec", {}).get("traffic", {}).get("service")
        for other in self.world.plans.all():
            if other["metadata"]["namespace"] == namespace and (
                other.get("spec", {}).get("traffic", {}).get("service") == service
            ):
                yield PLAN, namespace, other["metadata"]["name"]

    def _release(self, release: Json) -> Iterable[Key]:
        namespace, name = release["metadata"]["namespace"], release["metadata"]["name"]
        yield RELEASE, namespace, name
        yield ALERT, namespace, name
        yield PLAN, namespace, release.get("spec", {}).get("plan", "")

    def _namespaced(self, item: Json) -> Iterable[Key]:
        yield from self._all_in(item["metadata"]["namespace"])

    def _service(self, service: Service) -> Iterable[Key]:
        yield from self._all_in(service.meta.namespace)

    def _all_in(self, namespace: str) -> Iterable[Key]:
        """Yield the plans of a namespace and what runs in it, also where its plan is gone."""
        for plan in self.world.plans.all():
            if plan["metadata"]["namespace"] == namespace:
                yield PLAN, namespace, plan["metadata"]["name"]
        yield from _running(
            release
            for release in self.world.releases.all()
            if release["metadata"]["namespace"] == namespace
        )

    def _deployment(self, deployment: Deployment) -> Iterable[Key]:
        namespace, name = deployment.meta.namespace, deployment.meta.name
        release = release_of(deployment)
        if release:
            yield RELEASE, namespace, release
        labelled = PLAN_LABEL in deployment.meta.labels
        if labelled or self.world.plans.get(namespace, name) is not None:
            yield PLAN, namespace, name
            yield from _running(self.world.releases_of(namespace, name))

    def _owned(self, replica_set: ReplicaSet) -> Iterable[Key]:
        for owner in replica_set.meta.owner_references:
            deployment = self.world.deployments.get(replica_set.meta.namespace, owner.name)
            if deployment is not None and deployment.meta.uid == owner.uid:
                yield from self._deployment(deployment)

    def _copy(self, copy: Meta) -> Iterable[Key]:
        yield PLAN, copy.namespace, copy.labels[PLAN_LABEL]

    def _pod(self, pod: Pod) -> Iterable[Key]:
        for owner in pod.meta.owner_references:
            replica_set = self.world.replica_sets.get(pod.meta.namespace, owner.name)
            if replica_set is not None and replica_set.meta.uid == owner.uid:
                yield from self._owned(replica_set)

    def _guard(self, _policy: Json) -> Iterable[Key]:
        for plan in self.world.plans.all():
            yield PLAN, plan["metadata"]["namespace"], plan["metadata"]["name"]

    def _alerts(self, namespace: str, plan: str) -> Iterable[Key]:
        for release in self.world.releases_of(namespace, plan):
            yield ALERT, namespace, release["metadata"]["name"]


def _running(releases: Iterable[Json]) -> Iterable[Key]:
    for release in releases:
        if release.get("status", {}).get("phase", "") not in ENDED:
            yield RELEASE, release["metadata"]["namespace"], release["metadata"]["name"]


def _unfinished(releases: Iterable[Json]) -> Iterable[Key]:
    """Yield what runs, and what has ended and waits until its plan knows how."""
    for release in releases:
        metadata = release["metadata"]
        ended = release.get("status", {}).get("phase", "") in ENDED
        if not ended or FINALIZER in (metadata.get("finalizers") or []):
            yield RELEASE, metadata["namespace"], metadata["name"]
