"""The few fields of Kubernetes objects that Gander keeps, one small struct per kind.

A cluster has thousands of pods and each is some kilobytes of JSON, so caches hold these projections
instead: no managedFields, no copy of the last `kubectl apply`, no volumes. Read only: a projection
has lost fields and must never be written back. Pod templates stay as the bytes that the API server
sent (`template`), to be decoded by whoever needs one. A count that the server left out is 0.

Each `decode_` function takes the bytes of one object and raises msgspec.DecodeError where a field
has another type than Kubernetes promises; the error names its path. Pure.
"""

import sys
from datetime import datetime
from typing import Any, Final

import msgspec

from controller.kube import wire
from controller.kube.parts import (
    Condition,
    Meta,
    OwnerReference,
    Requirement,
    Selector,
    ServicePort,
    condition,
)

__all__ = [
    "Condition",
    "ContainerState",
    "Deployment",
    "Meta",
    "OwnerReference",
    "Pod",
    "ReplicaSet",
    "Requirement",
    "Selector",
    "Service",
    "ServicePort",
    "condition",
    "decode_deployment",
    "decode_json",
    "decode_meta",
    "decode_pod",
    "decode_replica_set",
    "decode_service",
]

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_MAX_MESSAGE: Final = 1024  # characters of a container's message


class Deployment(msgspec.Struct, frozen=True):
    """A Deployment. `strategy` is its type; `paused_by` and `template_by` name who owns fields.

    They are field managers: those of `spec.paused`, and those of anything in `spec.template`.
    """

    meta: Meta
    replicas: int
    paused: bool
    selector: Selector
    template: msgspec.Raw
    strategy: str
    revision_history_limit: int
    progress_deadline_seconds: int
    observed_generation: int
    status_replicas: int
    updated_replicas: int
    available_replicas: int
    conditions: tuple[Condition, ...]
    paused_by: tuple[str, ...]
    template_by: tuple[str, ...]


class ReplicaSet(msgspec.Struct, frozen=True):
    """A ReplicaSet: `replicas` is what it should have, the others what it has."""

    meta: Meta
    replicas: int
    template: msgspec.Raw
    observed_generation: int
    status_replicas: int
    ready_replicas: int
    available_replicas: int

    def template_dict(self) -> dict[str, Any]:
        """Decode the pod template, which carries a `pod-template-hash`; a new dict each time."""
        decoded: dict[str, Any] = msgspec.json.decode(self.template)
        return decoded


class ContainerState(msgspec.Struct, frozen=True):
    """One container of a pod, as the kubelet reports it.

    `waiting_*` and `terminated_*` are set while it is in that state, `last_terminated_*` tell how
    the run before ended. An exit code is None where the container has not ended. Messages are cut
    to 1024 characters.
    """

    name: str
    image: str
    image_id: str
    ready: bool
    started: bool
    restart_count: int
    waiting_reason: str = ""
    waiting_message: str = ""
    terminated_reason: str = ""
    terminated_exit_code: int | None = None
    terminated_message: str = ""
    terminated_at: datetime | None = None
    last_terminated_reason: str = ""
    last_terminated_exit_code: int | None = None
    last_terminated_message: str = ""
    last_terminated_at: datetime | None = None


class Pod(msgspec.Struct, frozen=True):
    """A pod; `ready_since` is None unless it is ready.

    `resources` are the requests and limits of the pod and its containers as text, equal for equal
    ones: the API server writes quantities and the order of fields in one way only.
    """

    meta: Meta
    phase: str
    reason: str
    message: str
    ready: bool
    ready_since: datetime | None
    start_time: datetime | None
    node: str
    conditions: tuple[Condition, ...]
    containers: tuple[ContainerState, ...]
    init_containers: tuple[ContainerState, ...]
    resources: str = ""


class Service(msgspec.Struct, frozen=True):
    """A Service. What the server left out has the server's default."""

    meta: Meta
    type: str
    selector: dict[str, str]
    ports: tuple[ServicePort, ...]
    session_affinity: str
    session_affinity_config: dict[str, Any]
    publish_not_ready_addresses: bool
    internal_traffic_policy: str
    traffic_distribution: str


def decode_json(data: bytes) -> dict[str, Any]:
    """Decode a whole object as a plain dict, without managedFields.

    For kinds of which there are few and whose patches need all of it. Objects of built-in kinds
    come without apiVersion and kind when they were listed.
    """
    item: dict[str, Any] = _JSON.decode(data)
    item["metadata"].pop("managedFields", None)
    return item


def decode_meta(data: bytes) -> Meta:
    """Decode nothing but the metadata, of an object of any kind."""
    return _meta(_BARE.decode(data).metadata)


def decode_deployment(data: bytes) -> Deployment:
    """Decode a Deployment."""
    shape = _DEPLOYMENT.decode(data)
    spec, status = shape.spec, shape.status
    managed = _MANAGERS.decode(shape.metadata).managed
    return Deployment(
        meta=_meta(shape.metadata),
        replicas=spec.replicas,
        paused=spec.paused,
        selector=spec.selector,
        template=spec.template.copy(),
        strategy=spec.strategy.type,
        revision_history_limit=spec.revision_history_limit,
        progress_deadline_seconds=spec.progress_deadline_seconds,
        observed_generation=status.observed_generation,
        status_replicas=status.replicas,
        updated_replicas=status.updated_replicas,
        available_replicas=status.available_replicas,
        conditions=status.conditions,
        paused_by=tuple(m.manager for m in managed if m.fields.spec.paused is not msgspec.UNSET),
        template_by=tuple(
            m.manager for m in managed if m.fields.spec.template is not msgspec.UNSET
        ),
    )


def decode_replica_set(data: bytes) -> ReplicaSet:
    """Decode a ReplicaSet."""
    shape = _REPLICA_SET.decode(data)
    return ReplicaSet(
        meta=_meta(shape.metadata),
        replicas=shape.spec.replicas,
        template=shape.spec.template.copy(),
        observed_generation=shape.status.observed_generation,
        status_replicas=shape.status.replicas,
        ready_replicas=shape.status.ready_replicas,
        available_replicas=shape.status.available_replicas,
    )


def decode_pod(data: bytes) -> Pod:
    """Decode a Pod."""
    shape = _POD.decode(data)
    status = shape.status
    ready = condition(status.conditions, "Ready")
    is_ready = ready is not None and ready.status == "True"
    return Pod(
        meta=_meta(shape.metadata),
        phase=status.phase,
        reason=status.reason,
        message=status.message,
        ready=is_ready,
        ready_since=ready.last_transition_time if ready is not None and is_ready else None,
        start_time=status.start_time,
        node=shape.spec.node_name,
        conditions=status.conditions,
        containers=tuple(map(_container, status.container_statuses)),
        init_containers=tuple(map(_container, status.init_container_statuses)),
        resources=_resources(shape.spec),
    )


def decode_service(data: bytes) -> Service:
    """Decode a Service."""
    shape = _SERVICE.decode(data)
    spec = shape.spec
    return Service(
        meta=_meta(shape.metadata),
        type=spec.type,
        selector=spec.selector,
        ports=spec.ports,
        session_affinity=spec.session_affinity,
        session_affinity_config=spec.session_affinity_config,
        publish_not_ready_addresses=spec.publish_not_ready_addresses,
        internal_traffic_policy=spec.internal_traffic_policy,
        traffic_distribution=spec.traffic_distribution,
    )


_JSON: Final = msgspec.json.Decoder(dict[str, Any])
_BARE: Final = msgspec.json.Decoder(wire.BareJson)
_DEPLOYMENT: Final = msgspec.json.Decoder(wire.DeploymentJson)
_REPLICA_SET: Final = msgspec.json.Decoder(wire.ReplicaSetJson)
_POD: Final = msgspec.json.Decoder(wire.PodJson)
_SERVICE: Final = msgspec.json.Decoder(wire.ServiceJson)
_META: Final = msgspec.json.Decoder(Meta)
_MANAGERS: Final = msgspec.json.Decoder(wire.Managers)


def _meta(data: msgspec.Raw) -> Meta:
    meta = _META.decode(data)
    # Often larger than all the rest, and a copy of it.
    meta.annotations.pop(LAST_APPLIED, None)
    return meta


def _resources(spec: wire.PodSpec) -> str:
    each = [("pod", spec.resources), *((one.name, one.resources) for one in spec.containers)]
    text = ", ".join(f"{name} {bytes(raw).decode()}" for name, raw in each if bytes(raw) != b"{}")
    # The pods of one template share it.
    return sys.intern(text)


def _container(status: wire.ContainerStatus) -> ContainerState:
    now, before = status.state, status.last_state
    return ContainerState(
        name=status.name,
        image=status.image,
        image_id=status.image_id,
        ready=status.ready,
        started=status.started,
        restart_count=status.restart_count,
        waiting_reason=now.waiting.reason,
        waiting_message=now.waiting.message[:_MAX_MESSAGE],
        terminated_reason=now.terminated.reason,
        terminated_exit_code=now.terminated.exit_code,
        terminated_message=now.terminated.message[:_MAX_MESSAGE],
        terminated_at=now.terminated.finished_at,
        last_terminated_reason=before.terminated.reason,
        last_terminated_exit_code=before.terminated.exit_code,
        last_terminated_message=before.terminated.message[:_MAX_MESSAGE],
        last_terminated_at=before.terminated.finished_at,
    )
