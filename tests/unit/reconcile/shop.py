"""The shop in the middle of a release, as the objects that caches hold.

Deployment checkout is paused with the next template in it. Its release holds 5 % in two HTTPRoutes,
and canary and stable are well.
"""

from typing import Any

from controller.api.names import PLAN_LABEL, RELEASE_LABEL, canonical, revision_of
from controller.api.release import Release
from controller.kube import kinds
from controller.traffic.routes import set_weight
from tests.unit.reconcile.known import Item, Json
from tests.unit.release import given
from tests.unit.traffic import objects

ROUTES = ("checkout", "checkout-eu")
COUNTS = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
LABELS = {"app": "checkout", "track": "stable"}


def template(version: int) -> Json:
    """Return the pod template of a version."""
    containers = [{"name": "app", "image": f"shop:{version}"}]
    return canonical({"metadata": {"labels": LABELS}, "spec": {"containers": containers}})


NEXT = revision_of(template(2))


def owner(kind: str, name: str, uid: str) -> Json:
    return {"apiVersion": "v1", "kind": kind, "name": name, "uid": uid, "controller": True}


RELEASE_OWNER = owner("Release", "checkout-2", "uid-2")


def meta(name: str, *owners: Json, **fields: Any) -> Json:
    made = {"uid": f"uid-of-{name}", "generation": 1, "creationTimestamp": "2026-03-01T10:00:00Z"}
    owned = {"ownerReferences": list(owners)}
    return {"metadata": {"name": name, "namespace": "shop", **made, **owned, **fields}}


def users_deployment(*conditions: Json, generation: int = 1, **spec: Any) -> Item:
    """Return the user's Deployment: paused, with the next template and 4 pods of stable."""
    item = {
        **meta("checkout", labels={PLAN_LABEL: "checkout"}, generation=generation),
        "spec": {
            "replicas": 4,
            "selector": {"matchLabels": {"app": "checkout"}},
            "template": template(2),
            "paused": True,
            **spec,
        },
        "status": {
            "observedGeneration": 1,
            **dict.fromkeys(COUNTS, 4),
            "updatedReplicas": 0,
            "conditions": list(conditions),
        },
    }
    return kinds.DEPLOYMENT, item


def canary_deployment() -> Item:
    """Return the canary, of one pod that serves."""
    item = {
        **meta("checkout-canary", RELEASE_OWNER, labels={RELEASE_LABEL: "checkout-2"}),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "checkout"}},
            "template": template(2),
        },
        "status": {"observedGeneration": 1, **dict.fromkeys(COUNTS, 1)},
    }
    return kinds.DEPLOYMENT, item


def replica_set(name: str, version: int, replicas: int, of: str = "checkout") -> Item:
    counts = {"replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas}
    item = {
        **meta(name, owner("Deployment", of, f"uid-of-{of}")),
        "spec": {"replicas": replicas, "template": template(version)},
        "status": {"observedGeneration": 1, **counts},
    }
    return kinds.REPLICA_SET, item


def pod(name: str, of: str, **status: Any) -> Item:
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-03-01T11:00:00Z"}
    well = {"phase": "Running", "conditions": [ready], "startTime": "2026-03-01T11:00:00Z"}
    item = {
        **meta(name, owner("ReplicaSet", of, f"uid-of-{of}")),
        "spec": {},
        "status": well | status,
    }
    return kinds.POD, item


def service(name: str, *owners: Json, **spec: Any) -> Item:
    return kinds.SERVICE, {**objects.service(name, **spec), **meta(name, *owners)}


def canary_service(**spec: Any) -> Item:
    """Return the canary's Service, as it is made of the user's."""
    name, ours = "checkout-canary", {RELEASE_LABEL: "checkout-2"}
    made = objects.service(name, **{"selector": {**LABELS, "track": "stable-canary"}, **spec})
    return kinds.SERVICE, {**made, **meta(name, RELEASE_OWNER, labels=ours)}


def route(name: str, weight: int) -> Item:
    plain = objects.defaulted(objects.route([objects.ref()]))
    plain["metadata"] = {**plain["metadata"], "name": name}
    return kinds.HTTP_ROUTE, objects.patched(
        plain, set_weight(plain, objects.STABLE, objects.CANARY, weight)
    )


def routes(weight: int) -> tuple[Item, ...]:
    """Return both routes, with the canary's weight in percent."""
    return tuple(route(name, weight) for name in ROUTES)


def a_release(**fields: Any) -> Release:
    """Return the release of the next template, at its first step unless told otherwise."""
    made = given.release(revision=NEXT, **{**given.at_step(), **fields})
    traffic = made.spec.rules.traffic.model_copy(update={"http_routes": ROUTES})
    rules = made.spec.rules.model_copy(update={"traffic": traffic})
    spec = made.spec.model_copy(update={"rules": rules, "template": template(2)})
    return made.model_copy(update={"spec": spec})


SHOP: tuple[Item, ...] = (
    users_deployment(),
    replica_set("checkout-a", 1, 4),
    *(pod(f"stable-{number}", "checkout-a") for number in range(4)),
    canary_deployment(),
    replica_set("canary-b", 2, 1, of="checkout-canary"),
    pod("canary-1", "canary-b"),
    service("checkout"),
    canary_service(),
    *routes(5),
    (kinds.RELEASE_PLAN, {**given.plan().wire(), **meta("checkout")}),
)
