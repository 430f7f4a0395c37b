"""The objects that a fresh cluster holds besides Kubernetes' own. Pure.

Rights of the parts that run outside of the cluster, the gateway, and names in the cluster for
Prometheus and Alertmanager.
"""

from collections.abc import Sequence
from typing import Any

from dev.layout import (
    ALERTMANAGER_PORT,
    GATEWAY_CLASS,
    GATEWAY_NAME,
    GATEWAY_NAMESPACE,
    GATEWAY_PORT,
    MONITORING_NAMESPACE,
    NODE_ADDRESS,
    PROMETHEUS_PORT,
)

_READ = ("get", "list", "watch")
_GATEWAY_API = "gateway.networking.k8s.io"


def rights() -> list[dict[str, Any]]:
    """Return what coredns, traefik and prometheus may do, and no more."""
    services = (("", ("services", "namespaces")), ("discovery.k8s.io", ("endpointslices",)))
    return [
        *_reader("coredns", (*services, ("", ("pods",)))),
        *_reader("prometheus", (("", ("pods", "namespaces")),)),
        *_reader(
            "traefik",
            (*services, ("", ("configmaps", "secrets", "nodes")), (_GATEWAY_API, ("*",))),
            writes=(_GATEWAY_API, ("*/status",)),
        ),
    ]


def gateway() -> list[dict[str, Any]]:
    """Return the gateway's class and one Gateway that takes routes from every namespace."""
    listener = {
        "name": "web",
        "protocol": "HTTP",
        "port": GATEWAY_PORT,
        "allowedRoutes": {"namespaces": {"from": "All"}},
    }
    version = f"{_GATEWAY_API}/v1"
    return [
        _namespace(GATEWAY_NAMESPACE),
        {
            "apiVersion": version,
            "kind": "GatewayClass",
            "metadata": {"name": GATEWAY_CLASS},
            "spec": {"controllerName": "traefik.io/gateway-controller"},
        },
        {
            "apiVersion": version,
            "kind": "Gateway",
            "metadata": {"name": GATEWAY_NAME, "namespace": GATEWAY_NAMESPACE},
            "spec": {"gatewayClassName": GATEWAY_CLASS, "listeners": [listener]},
        },
    ]


def monitoring() -> list[dict[str, Any]]:
    """Return Services without selector, so that http://prometheus.monitoring:9090 works in pods."""
    return [
        _namespace(MONITORING_NAMESPACE),
        *_outside("prometheus", PROMETHEUS_PORT),
        *_outside("alertmanager", ALERTMANAGER_PORT),
    ]


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _outside(name: str, port: int) -> list[dict[str, Any]]:
    """Return a Service whose one endpoint is a process at the node's address."""
    metadata = {"name": name, "namespace": MONITORING_NAMESPACE}
    ports = [{"name": "http", "port": port, "protocol": "TCP"}]
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}},
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": metadata | {"labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "ports": ports,
            "endpoints": [{"addresses": [NODE_ADDRESS], "conditions": {"ready": True}}],
        },
    ]


def _reader(
    user: str,
    reads: Sequence[tuple[str, Sequence[str]]],
    writes: tuple[str, Sequence[str]] | None = None,
) -> list[dict[str, Any]]:
    """Return a ClusterRole for (group, resources) pairs, bound to a user of our PKI."""
    rules = [{"apiGroups": [g], "resources": list(r), "verbs": list(_READ)} for g, r in reads]
    if writes:
        group, resources = writes
        rules.append({"apiGroups": [group], "resources": list(resources), "verbs": ["update"]})
    version = "rbac.authorization.k8s.io/v1"
    group = version.partition("/")[0]
    metadata = {"name": f"gander-dev:{user}"}
    return [
        {"apiVersion": version, "kind": "ClusterRole", "metadata": metadata, "rules": rules},
        {
            "apiVersion": version,
            "kind": "ClusterRoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": metadata["name"]},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        },
    ]
