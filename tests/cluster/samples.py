"""Objects of our kinds that a cluster accepts, for tests that change one thing in them."""

import copy
from typing import Any

from controller.api.base import API_VERSION
from controller.api.plan import ReleasePlan
from controller.kube import kinds
from controller.kube.kinds import Kind

Object = dict[str, Any]
Path = tuple[str | int, ...]

METRIC: Object = {
    "apiVersion": API_VERSION,
    "kind": "ReleaseMetric",
    "metadata": {"name": "http-errors"},
    "spec": {
        "counts": {
            "total": 'requests_total{namespace="{{ namespace }}", pod=~"{{ pods }}"}',
            "bad": 'code=~"5.."',
        }
    },
}
LATENCY: Object = {
    "apiVersion": API_VERSION,
    "kind": "ReleaseMetric",
    "metadata": {"name": "http-latency"},
    "spec": {"histogram": {"buckets": 'latency_bucket{pod=~"{{ pods }}"}'}},
}
MEMORY: Object = {
    "apiVersion": API_VERSION,
    "kind": "ReleaseMetric",
    "metadata": {"name": "memory"},
    "spec": {"gauge": {"series": 'memory_bytes{pod=~"{{ pods }}"}', "unit": "Bytes"}},
}
PLAN: Object = {
    "apiVersion": API_VERSION,
    "kind": "ReleasePlan",
    "metadata": {"name": "checkout"},
    "spec": {
        "traffic": {"service": "checkout", "httpRoutes": ["checkout"]},
        "steps": [{"weight": 5}, {"weight": 50}],
        "analysis": {
            "prometheus": {"url": "http://prometheus:9090", "matchers": {"cluster": "eu-1"}},
            "metrics": [{"metric": "http-errors"}],
        },
        "notify": [{"alertmanager": {"urls": ["http://alertmanager:9093"]}}],
    },
}
RELEASE: Object = {
    "apiVersion": API_VERSION,
    "kind": "Release",
    "metadata": {"name": "checkout-1"},
    "spec": {
        "plan": "checkout",
        "number": 1,
        "revision": "aaaaaaaaaa",
        "template": {
            "metadata": {"labels": {"app": "checkout"}},
            "spec": {"containers": [{"name": "app", "image": "checkout:2"}]},
        },
        "images": ["checkout:2"],
        "stable": {"revision": "bbbbbbbbbb", "replicaSet": "checkout-1"},
        "rules": {
            "generation": 1,
            "trackLabel": "track",
            "traffic": PLAN["spec"]["traffic"],
            "steps": PLAN["spec"]["steps"],
            "analysis": PLAN["spec"]["analysis"],
            "metrics": [{"name": "http-errors", "required": True, "spec": METRIC["spec"]}],
        },
    },
}
KINDS: dict[str, tuple[Kind, Object]] = {
    "ReleasePlan": (kinds.RELEASE_PLAN, PLAN),
    "Release": (kinds.RELEASE, RELEASE),
    "ReleaseMetric": (kinds.RELEASE_METRIC, METRIC),
    "ReleaseMetric latency": (kinds.RELEASE_METRIC, LATENCY),
    "ReleaseMetric memory": (kinds.RELEASE_METRIC, MEMORY),
}
ORDER = {"action": "Retry", "by": "ann", "at": "2026-11-21T12:00:00Z", "reason": "fixed"}
ABORT = {"by": "ann", "at": "2026-11-21T12:00:00Z", "reason": "wrong branch"}
PROMETHEUS = ("spec", "analysis", "prometheus")
ALERTMANAGER = ("spec", "notify", 0, "alertmanager")


def changed(item: Object, path: Path, value: Any) -> Object:
    """Return a copy with `value` at `path`; `...` removes what is there."""
    copied = copy.deepcopy(item)
    node: Any = copied
    for part in path[:-1]:
        node = node.setdefault(part, {}) if isinstance(part, str) else node[part]
    if value is ...:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return copied


def full(name: str) -> Object:
    """Return an object with every field there, the optional ones too."""
    _, item = KINDS[name]
    if name == "ReleasePlan":
        item = changed(item, ("spec", "traffic", "trackLabel"), "track")
        item = changed(item, (*PROMETHEUS, "secretRef"), {"name": "token"})
        item = changed(item, (*ALERTMANAGER, "runbookUrl"), "https://wiki/checkout")
        return ReleasePlan.model_validate(item).wire() | {
            "apiVersion": API_VERSION,
            "kind": name,
            "metadata": item["metadata"],
        }
    if name == "Release":
        item = changed(item, ("spec", "orders"), [ORDER])
        return changed(item, ("spec", "abort"), ABORT)
    return changed(item, ("spec", "margin"), {"relative": "0.5", "absolute": "0.01"})
