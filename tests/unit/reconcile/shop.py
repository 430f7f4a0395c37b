"""The shop in the middle of a release, as objects on the server of `apiserver`.

Deployment checkout is paused with the next template in it. Its release holds 5 % in two HTTPRoutes,
and canary and stable are well. Every pass is made by a process that has just begun, so nothing in
these tests lives from what a process remembers, but for an `Observer` that a test keeps itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controller.api.names import GUARD_NAME, PLAN_LABEL, RELEASE_LABEL, canonical, revision_of
from controller.api.plan import ReleasePlan
from controller.api.release import Release
from controller.kube import kinds
from controller.kube.client import Client
from controller.metrics.reader import Prometheus
from controller.reconcile.arms import gather_arms
from controller.reconcile.looks import Observer
from controller.reconcile.plan import PlanReconciler
from controller.reconcile.release import ReleaseReconciler
from controller.reconcile.world import World
from controller.traffic.routes import set_weight
from tests.unit.reconcile.apiserver import ApiServer, Json
from tests.unit.release import given
from tests.unit.traffic import objects

NOW = given.NOW
ROUTES = ("checkout", "checkout-eu")
GUARD = (kinds.MUTATING_ADMISSION_POLICY, kinds.MUTATING_ADMISSION_POLICY_BINDING)
NOBODY = "http://127.0.0.1:1"
Wake = Callable[[str, str, float], None]
LABELS = {"app": "checkout", "track": "stable"}


def ignore(_namespace: str, _name: str, _seconds: float) -> None:
    """Wake nobody."""


def template(version: int) -> Json:
    """Return the pod template of a version."""
    containers = [{"name": "app", "image": f"shop:{version}"}]
    return canonical({"metadata": {"labels": LABELS}, "spec": {"containers": containers}})


NEXT, STABLE = revision_of(template(2)), revision_of(template(1))


def owner(kind: str, name: str, uid: str) -> Json:
    return {"apiVersion": "v1", "kind": kind, "name": name, "uid": uid, "controller": True}


RELEASE_OWNER = owner("Release", "checkout-2", "uid-2")


def meta(name: str, *owners: Json, **fields: Any) -> Json:
    made = {"uid": f"uid-of-{name}", "generation": 1, "creationTimestamp": "2026-03-01T10:00:00Z"}
    owned = {"ownerReferences": list(owners)}
    return {"metadata": {"name": name, "namespace": "shop", **made, **owned, **fields}}


def deployment(name: str, version: int, replicas: int, *owners: Json, **spec: Any) -> Json:
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    labels = {PLAN_LABEL: "checkout"} if not owners else {RELEASE_LABEL: "checkout-2"}
    return {
        **meta(name, *owners, labels=labels),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "checkout"}},
            "template": template(version),
            **spec,
        },
        "status": {"observedGeneration": 1, **dict.fromkeys(counts, replicas)},
    }


def replica_set(name: str, of: str, version: int, replicas: int) -> Json:
    counts = {"replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas}
    return {
        **meta(name, owner("Deployment", of, f"uid-of-{of}")),
        "spec": {"replicas": replicas, "template": template(version)},
        "status": {"observedGeneration": 1, **counts},
    }


def pod(name: str, of: str, **status: Any) -> Json:
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-03-01T11:00:00Z"}
    well = {"phase": "Running", "conditions": [ready], "startTime": "2026-03-01T11:00:00Z"}
    return {
        **meta(name, owner("ReplicaSet", of, f"uid-of-{of}")),
        "spec": {},
        "status": well | status,
    }


def route(name: str, weight: int) -> Json:
    plain = objects.defaulted(objects.route([objects.ref()]))
    plain["metadata"] = {**plain["metadata"], "name": name}
    return objects.patched(plain, set_weight(plain, objects.STABLE, objects.CANARY, weight))


def a_release(**status: Any) -> Release:
    """Return the release of the next template, at its first step unless told otherwise."""
    made = given.release(revision=NEXT, **(status or given.at_step()))
    traffic = made.spec.rules.traffic.model_copy(update={"http_routes": ROUTES})
    rules = made.spec.rules.model_copy(update={"traffic": traffic})
    spec = made.spec.model_copy(update={"rules": rules, "template": template(2)})
    return made.model_copy(update={"spec": spec})


@dataclass(frozen=True)
class Shop:
    """The server with the shop on it, and the passes of a controller over it."""

    api: ApiServer
    client: Client

    def __post_init__(self) -> None:
        """Fill the server."""
        put = self.api.put
        held = deployment("checkout", 2, 4, paused=True)
        held["status"]["updatedReplicas"] = 0
        put(kinds.DEPLOYMENT, held)
        put(kinds.REPLICA_SET, replica_set("checkout-a", "checkout", 1, 4))
        put(kinds.DEPLOYMENT, deployment("checkout-canary", 2, 1, RELEASE_OWNER))
        put(kinds.REPLICA_SET, replica_set("canary-b", "checkout-canary", 2, 1))
        for number in range(4):
            put(kinds.POD, pod(f"stable-{number}", "checkout-a"))
        put(kinds.POD, pod("canary-1", "canary-b"))
        put(kinds.SERVICE, {**objects.service(), **meta("checkout")})
        canary = {**objects.service("checkout-canary"), **meta("checkout-canary", RELEASE_OWNER)}
        canary["metadata"]["labels"] = {RELEASE_LABEL: "checkout-2"}
        put(kinds.SERVICE, canary)
        for name in ROUTES:
            put(kinds.HTTP_ROUTE, route(name, 5))
        put(kinds.RELEASE_METRIC, {**meta("http-errors"), "spec": given.METRIC["spec"]})
        guard = [put(kind, {"metadata": {"name": GUARD_NAME}}) for kind in GUARD]
        policy = "/".join(item["metadata"]["resourceVersion"] for item in guard)
        stable = {"revision": STABLE, "replicaSet": "checkout-a", "images": ["shop:1"]}
        self.put_plan(given.plan(**given.guarded(stable=stable, guard_policy=policy)))
        self.put_release(a_release())

    def put_plan(self, plan: ReleasePlan) -> None:
        item, made = plan.wire(), meta(plan.metadata.name)["metadata"]
        self.api.put(kinds.RELEASE_PLAN, {**item, "metadata": {**made, **item["metadata"]}})

    def put_release(self, release: Release) -> None:
        self.api.put(kinds.RELEASE, release.wire())

    def release(self, name: str = "checkout-2") -> Release:
        return Release.model_validate(self.api.get(kinds.RELEASE, name))

    def plan(self) -> ReleasePlan:
        return ReleasePlan.model_validate(self.api.get(kinds.RELEASE_PLAN, "checkout"))

    def weights(self) -> list[int | None]:
        """Return the canary's weight in each route; None where it is no backend."""
        found = [self.api.get(kinds.HTTP_ROUTE, name) for name in ROUTES]
        refs = [dict(objects.refs_of(item)) for item in found if item is not None]
        return [each.get(objects.CANARY) for each in refs]

    def deployment(self) -> Json:
        found = self.api.get(kinds.DEPLOYMENT, "checkout")
        assert found is not None
        return found

    def world(self, now: datetime = NOW) -> World:
        return self.api.world(self.client, now)

    def pass_over_release(
        self, now: datetime = NOW, observer: Observer | None = None
    ) -> float | None:
        """Do one pass; ApiError as the queue sees it."""
        observer = observer or self.observer(now, NOBODY)
        return ReleaseReconciler(self.world(now), observer).reconcile("shop", "checkout-2")

    def observer(self, now: datetime, prometheus: str, wake: Wake = ignore) -> Observer:
        """Return what takes looks at `now`, of what Prometheus says."""
        return Observer(
            workers=1,
            connect=lambda _: Prometheus(prometheus),
            arms=lambda release: gather_arms(self.world(now), release),
            wake=wake,
            clock=lambda: now,
        )

    def pass_over_plan(self, now: datetime = NOW, name: str = "checkout") -> float | None:
        return PlanReconciler(self.world(now)).reconcile("shop", name)
