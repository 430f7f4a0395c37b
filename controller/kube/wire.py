"""The JSON of Kubernetes objects, as far as it is read, in its own nesting. For `objects` only.

Fields that are not named here are skipped without being looked at, which is what makes decoding
fast. Defaults are what the API server means when it leaves a field out.
"""

# ruff: noqa: D101 - each class is one level of JSON, named as in the API reference of Kubernetes

from datetime import datetime
from typing import Any

import msgspec

from controller.kube.parts import Condition, Selector, ServicePort


class StrategyJson(msgspec.Struct):
    type: str = "RollingUpdate"


class DeploymentSpec(msgspec.Struct, rename="camel"):
    selector: Selector
    template: msgspec.Raw
    replicas: int = 1
    paused: bool = False
    strategy: StrategyJson = msgspec.field(default_factory=StrategyJson)
    revision_history_limit: int = 10
    progress_deadline_seconds: int = 600


class DeploymentStatus(msgspec.Struct, rename="camel"):
    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    available_replicas: int = 0
    conditions: tuple[Condition, ...] = ()


class BareJson(msgspec.Struct):
    metadata: msgspec.Raw


class DeploymentJson(msgspec.Struct):
    metadata: msgspec.Raw
    spec: DeploymentSpec
    status: DeploymentStatus = msgspec.field(default_factory=DeploymentStatus)


class ReplicaSetSpec(msgspec.Struct):
    template: msgspec.Raw
    replicas: int = 1


class ReplicaSetStatus(msgspec.Struct, rename="camel"):
    observed_generation: int = 0
    replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0


class ReplicaSetJson(msgspec.Struct):
    metadata: msgspec.Raw
    spec: ReplicaSetSpec
    status: ReplicaSetStatus = msgspec.field(default_factory=ReplicaSetStatus)


class Waiting(msgspec.Struct):
    reason: str = ""
    message: str = ""


class Terminated(msgspec.Struct, rename="camel"):
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    finished_at: datetime | None = None


class State(msgspec.Struct):
    waiting: Waiting = msgspec.field(default_factory=Waiting)
    terminated: Terminated = msgspec.field(default_factory=Terminated)


class ContainerStatus(msgspec.Struct, rename={"image_id": "imageID"}):
    name: str
    image: str = ""
    image_id: str = ""
    ready: bool = False
    started: bool = False
    restart_count: int = msgspec.field(name="restartCount", default=0)
    state: State = msgspec.field(default_factory=State)
    last_state: State = msgspec.field(name="lastState", default_factory=State)


class ContainerSpec(msgspec.Struct):
    name: str
    resources: msgspec.Raw = msgspec.Raw(b"{}")


class PodSpec(msgspec.Struct, rename="camel"):
    node_name: str = ""
    containers: tuple[ContainerSpec, ...] = ()
    resources: msgspec.Raw = msgspec.Raw(b"{}")


class PodStatus(msgspec.Struct, rename="camel"):
    phase: str = ""
    reason: str = ""
    message: str = ""
    start_time: datetime | None = None
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()


class PodJson(msgspec.Struct):
    metadata: msgspec.Raw
    spec: PodSpec
    status: PodStatus = msgspec.field(default_factory=PodStatus)


class ServiceSpec(msgspec.Struct, rename="camel"):
    type: str = "ClusterIP"
    selector: dict[str, str] = {}
    ports: tuple[ServicePort, ...] = ()
    session_affinity: str = "None"
    session_affinity_config: dict[str, Any] = {}
    publish_not_ready_addresses: bool = False
    internal_traffic_policy: str = "Cluster"
    traffic_distribution: str = ""


class ServiceJson(msgspec.Struct):
    metadata: msgspec.Raw
    spec: ServiceSpec


class SpecFields(msgspec.Struct):
    paused: msgspec.Raw | msgspec.UnsetType = msgspec.field(name="f:paused", default=msgspec.UNSET)
    template: msgspec.Raw | msgspec.UnsetType = msgspec.field(
        name="f:template", default=msgspec.UNSET
    )


class OwnedFields(msgspec.Struct):
    spec: SpecFields = msgspec.field(name="f:spec", default_factory=SpecFields)


class ManagedField(msgspec.Struct, rename={"fields": "fieldsV1"}):
    manager: str = ""
    fields: OwnedFields = msgspec.field(default_factory=OwnedFields)


class Managers(msgspec.Struct):
    managed: tuple[ManagedField, ...] = msgspec.field(name="managedFields", default=())
