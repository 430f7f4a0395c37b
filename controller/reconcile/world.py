"""All that a pass can look at: one cache per kind, the client, the event recorder.

Reads come from the caches; they may lag behind by some milliseconds, which every decision tolerates
because each write names the version it was decided on, or is idempotent.
"""

import hashlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from controller.api.names import PLAN_LABEL, RELEASE_LABEL, revision_of
from controller.kube import kinds, objects
from controller.kube.cache import Cache
from controller.kube.client import Client
from controller.kube.events import Recorder
from controller.kube.kinds import Kind
from controller.kube.objects import Deployment, Meta, Pod, ReplicaSet, Service

Json = dict[str, Any]
Clock = Callable[[], datetime]
ROUTE_KINDS = (kinds.HTTP_ROUTE, kinds.GRPC_ROUTE)


def utc_now() -> datetime:
    """Return the time; the one clock that passes use."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class World:
    """The cluster as this process knows it."""

    client: Client
    recorder: Recorder
    plans: Cache[Json]
    releases: Cache[Json]
    metrics: Cache[Json]
    deployments: Cache[Deployment]
    replica_sets: Cache[ReplicaSet]
    copies: Cache[Meta]  # the ControllerRevisions in which plans keep stable's template
    pods: Cache[Pod]
    services: Cache[Service]
    routes: dict[Kind, Cache[Json]]
    guards: tuple[Cache[Json], ...]
    connect: Callable[[], Client]  # a client with connections of its own
    leaving: bool = False  # Gander is being removed: every plan is treated as if it were deleted
    clock: Clock = utc_now

    def caches(self) -> Iterable[Cache[Any]]:
        """Every cache, to start and to watch over."""
        yield from (self.plans, self.releases, self.metrics, *self.routes.values(), *self.guards)
        yield self.deployments
        yield self.replica_sets
        yield self.copies
        yield self.pods
        yield self.services

    def replica_sets_of(self, deployment: Deployment) -> list[ReplicaSet]:
        """Return the ReplicaSets that a Deployment owns."""
        return self.replica_sets.by("owner", deployment.meta.uid)

    def pods_of(self, replica_sets: Iterable[ReplicaSet]) -> list[Pod]:
        """Return the pods of these ReplicaSets that are not being deleted."""
        return [
            pod
            for replica_set in replica_sets
            for pod in self.pods.by("owner", replica_set.meta.uid)
            if pod.meta.deletion_timestamp is None
        ]

    def releases_of(self, namespace: str, plan: str) -> list[Json]:
        """Return all releases of a plan."""
        return self.releases.by("plan", f"{namespace}/{plan}")

    def release_uids(self, namespace: str, plan: str) -> set[str]:
        """Return what the owner references of a plan's canaries name."""
        return {release["metadata"]["uid"] for release in self.releases_of(namespace, plan)}


@dataclass(frozen=True, slots=True)
class _Template:
    revision: str
    images: tuple[str, ...]


# By a digest of the JSON, not by the JSON itself: a template may have a megabyte.
_templates: dict[bytes, _Template] = {}
_templates_lock = threading.Lock()
MOST_TEMPLATES = 8192


def revision_of_raw(template: bytes) -> str:
    """Return the identity of a pod template from its JSON; the same bytes are decoded once."""
    return _read_template(template).revision


def images_of(template: bytes) -> tuple[str, ...]:
    """Return the images of a pod template's containers, in order."""
    return _read_template(template).images


def _read_template(template: bytes) -> _Template:
    digest = hashlib.sha256(template).digest()
    known = _templates.get(digest)
    if known is not None:
        return known
    decoded = msgspec.json.decode(template)
    containers = (decoded.get("spec") or {}).get("containers") or []
    images = tuple(container.get("image", "") for container in containers)
    read = _Template(revision_of(decoded), images)
    with _templates_lock:
        while len(_templates) >= MOST_TEMPLATES:
            del _templates[next(iter(_templates))]
        _templates[digest] = read
    return read


def connect_world(
    connect: Callable[[], Client],
    client: Client,
    recorder: Recorder,
    *,
    namespace: str | None = None,
    leaving: bool = False,
) -> World:
    """Make the caches; nothing is read until they are started."""

    def raw(kind: Kind, *, scoped: bool = True, **indexes: Any) -> Cache[Json]:
        return Cache(
            client,
            kind,
            objects.decode_json,
            namespace=namespace if scoped else None,
            indexes=indexes,
        )

    owner = {"owner": _owners}
    return World(
        client=client,
        recorder=recorder,
        connect=connect,
        leaving=leaving,
        plans=raw(kinds.RELEASE_PLAN),
        releases=raw(kinds.RELEASE, plan=_plans),
        metrics=raw(kinds.RELEASE_METRIC),
        deployments=Cache(client, kinds.DEPLOYMENT, objects.decode_deployment, namespace=namespace),
        replica_sets=Cache(
            client,
            kinds.REPLICA_SET,
            objects.decode_replica_set,
            namespace=namespace,
            indexes=owner,
        ),
        copies=Cache(
            client,
            kinds.CONTROLLER_REVISION,
            objects.decode_meta,
            namespace=namespace,
            labels=PLAN_LABEL,
            indexes={"owner": lambda meta: [owner.uid for owner in meta.owner_references]},
        ),
        pods=Cache(client, kinds.POD, objects.decode_pod, namespace=namespace, indexes=owner),
        services=Cache(
            client,
            kinds.SERVICE,
            objects.decode_service,
            namespace=namespace,
            indexes={"namespace": lambda service: [service.meta.namespace]},
        ),
        routes={kind: raw(kind) for kind in ROUTE_KINDS},
        guards=(
            raw(kinds.MUTATING_ADMISSION_POLICY, scoped=False),
            raw(kinds.MUTATING_ADMISSION_POLICY_BINDING, scoped=False),
        ),
    )


def _owners(item: ReplicaSet | Pod) -> Iterable[str]:
    return [owner.uid for owner in item.meta.owner_references]


def _plans(release: Json) -> Iterable[str]:
    plan = release.get("spec", {}).get("plan", "")
    return [f"{release['metadata']['namespace']}/{plan}"]


def name_taken(kind: Kind, name: str) -> str:
    """Return what to say of an object that has the canary's name and that no release owns."""
    return f"{kind.kind} {name} exists and is not Gander's; rename or delete it"


def release_of(deployment: Deployment) -> str:
    """Return the release whose canary this Deployment is, or an empty string."""
    return deployment.meta.labels.get(RELEASE_LABEL, "")
