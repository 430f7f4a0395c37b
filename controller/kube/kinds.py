"""The kinds of object that Gander reads or writes, and where the API server keeps them.

A `Kind` is a plain value: no discovery is asked, because the set is small and fixed. Whether the
cluster serves a kind shows in the first list of its cache. Pure.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from controller.api.base import GROUP, VERSION


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object in one version of its API group; `group` is empty for the core group."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """Return the `apiVersion` of the objects, such as `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(
        self, namespace: str | None, name: str | None = None, subresource: str | None = None
    ) -> str:
        """Return the URL path of one object, or of the collection where `name` is None.

        `namespace` None means all namespaces, and is the only choice for a kind that has none.
        ValueError where the parts do not make an address.
        """
        if namespace is not None and not self.namespaced:
            raise ValueError(f"{self.kind} has no namespace, and {namespace!r} was given")
        if name is not None and namespace is None and self.namespaced:
            raise ValueError(f"{self.kind} {name!r}: its namespace is missing")
        if subresource is not None and name is None:
            raise ValueError(f"{self.kind}: {subresource!r} is a part of one object, name it")
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if namespace is not None:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part is not None]
        if "" in parts:
            raise ValueError(f"{self.kind}: an empty name or namespace in {'/'.join(parts)!r}")
        return "".join("/" + quote(part, safe=":") for part in parts)


POD: Final = Kind("", "v1", "Pod", "pods")
SERVICE: Final = Kind("", "v1", "Service", "services")
SECRET: Final = Kind("", "v1", "Secret", "secrets")
PERSISTENT_VOLUME_CLAIM: Final = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
DEPLOYMENT: Final = Kind("apps", "v1", "Deployment", "deployments")
REPLICA_SET: Final = Kind("apps", "v1", "ReplicaSet", "replicasets")
CONTROLLER_REVISION: Final = Kind("apps", "v1", "ControllerRevision", "controllerrevisions")
LEASE: Final = Kind("coordination.k8s.io", "v1", "Lease", "leases")
EVENT: Final = Kind("events.k8s.io", "v1", "Event", "events")
HTTP_ROUTE: Final = Kind("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes")
GRPC_ROUTE: Final = Kind("gateway.networking.k8s.io", "v1", "GRPCRoute", "grpcroutes")
MUTATING_ADMISSION_POLICY: Final = Kind(
    "admissionregistration.k8s.io",
    "v1",
    "MutatingAdmissionPolicy",
    "mutatingadmissionpolicies",
    namespaced=False,
)
MUTATING_ADMISSION_POLICY_BINDING: Final = Kind(
    "admissionregistration.k8s.io",
    "v1",
    "MutatingAdmissionPolicyBinding",
    "mutatingadmissionpolicybindings",
    namespaced=False,
)
RELEASE_PLAN: Final = Kind(GROUP, VERSION, "ReleasePlan", "releaseplans")
RELEASE: Final = Kind(GROUP, VERSION, "Release", "releases")
RELEASE_METRIC: Final = Kind(GROUP, VERSION, "ReleaseMetric", "releasemetrics")
