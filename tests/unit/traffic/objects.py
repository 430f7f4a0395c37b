"""Kubernetes objects for the traffic tests, as the API server would return them.

`defaulted` and `patched` do what the API server does with backendRefs and with the two JSON patch
operations that routes use (RFC 6902, `test` and `replace`); tests/cluster holds them to the truth.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

STABLE, CANARY = "checkout", "checkout-canary"
REF_DEFAULTS = {"group": "", "kind": "Service", "weight": 1}


def ref(name: str = STABLE, weight: int | None = None, **fields: Any) -> dict[str, Any]:
    weights = {} if weight is None else {"weight": weight}
    return {"name": name, "port": 80, **weights, **fields}


def route(*rules: Sequence[Mapping[str, Any]], kind: str = "HTTPRoute") -> dict[str, Any]:
    """Return an accepted route; each rule is given by its backendRefs."""
    parent = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "gw"}
    parent["namespace"] = "gateway"
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": "checkout", "namespace": "shop", "generation": 3},
        "spec": {
            "parentRefs": [parent],
            "rules": [
                {"matches": [{"path": {"value": f"/{index}"}}], "backendRefs": list(refs)}
                for index, refs in enumerate(rules)
            ],
        },
        "status": {"parents": [answer(parent)]},
    }


def answer(parent: Mapping[str, Any], *conditions: dict[str, Any]) -> dict[str, Any]:
    """Return what one controller says of a route's parent, all well unless told otherwise."""
    return {
        "parentRef": dict(parent),
        "controllerName": "example.com/gateway",
        "conditions": list(conditions) or [condition("Accepted"), condition("ResolvedRefs")],
    }


def condition(
    kind: str, status: str = "True", *, generation: int = 3, reason: str = "", message: str = ""
) -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "observedGeneration": generation,
        "reason": reason or kind,
        "message": message,
    }


def defaulted(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the route as it is stored: backendRefs with their defaults."""
    stored = copy.deepcopy(dict(item))
    for rule in stored["spec"]["rules"]:
        if "backendRefs" in rule:
            rule["backendRefs"] = [REF_DEFAULTS | each for each in rule["backendRefs"]]
    return stored


def patched(item: Mapping[str, Any], patch: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the stored route after a JSON patch; LookupError where a test does not hold."""
    stored = defaulted(item)
    for operation in patch:
        _, *parents, last = operation["path"].split("/")
        target: Any = stored
        for part in parents:
            target = target[int(part) if isinstance(target, list) else part]
        if operation["op"] == "replace":
            target[last] = operation["value"]
        elif operation["op"] != "test" or target.get(last) != operation["value"]:
            raise LookupError(f"{operation['path']} is {target.get(last)}")
    return defaulted(stored)


def refs_of(item: Mapping[str, Any], rule: int = 0) -> list[tuple[str, int]]:
    """Return name and weight of each backend of one rule."""
    found = item["spec"]["rules"][rule].get("backendRefs", [])
    return [(each["name"], each.get("weight", 1)) for each in found]


def deployment(**spec: Any) -> dict[str, Any]:
    """Return a Deployment of two labels, which selects by one of them."""
    template = {
        "metadata": {"labels": {"app": "checkout", "track": "stable"}},
        "spec": {"containers": [{"name": "app", "image": "registry/checkout@sha256:1"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "checkout", "namespace": "shop", "uid": "d-1"},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "checkout"}},
            "template": template,
            **spec,
        },
    }


def service(name: str = STABLE, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "198.19.0.7",
            "selector": {"app": "checkout", "track": "stable"},
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}],
            **spec,
        },
    }
