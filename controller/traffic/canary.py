"""The canary Deployment and its Service, built from the user's own as manifests.

Canary pods differ from stable pods in exactly one label, so that everything else which selects
pods keeps working, and the user's Service does not select them. Both objects belong to the Release
by owner reference. They carry the user's labels and annotations without the marks by which other
tools know what is theirs: a tool that finds its mark on an object it never made deletes it.

Left out: `gander.dev/plan`, by which the API server would hold the canary back.
"""

from collections.abc import Mapping
from typing import Any

from controller.api.base import API_VERSION
from controller.api.names import RELEASE_LABEL, canary_name, shorten

Object = Mapping[str, Any]

_SUFFIX = "-canary"

# Domains of the labels and annotations that say who manages an object or what was applied last,
# and of external-dns, which would send users to the canary by name.
_MARKS = (
    "gander.dev",
    "kubectl.kubernetes.io",
    "deployment.kubernetes.io",
    "applyset.kubernetes.io",
    "argocd.argoproj.io",
    "toolkit.fluxcd.io",
    "helm.sh",
    "config.k8s.io",
    "objectset.rio.cattle.io",
    "fleet.cattle.io",
    "kapp.k14s.io",
    "external-dns.alpha.kubernetes.io",
    "app.kubernetes.io/managed-by",
)
_SERVICE_FIELDS = (
    "sessionAffinity",
    "sessionAffinityConfig",
    "publishNotReadyAddresses",
    "internalTrafficPolicy",
    "trafficDistribution",
    "ipFamilies",
    "ipFamilyPolicy",
)
_PORT_FIELDS = ("name", "protocol", "port", "targetPort", "appProtocol")


def default_track_label(service_selector: Mapping[str, str], deployment_selector: Object) -> str:
    """Return the label in which canary pods differ where the plan names none.

    A key of the Service's selector that the Deployment's `spec.selector` does not use if there is
    one, else any; the first in alphabetical order, empty if the Service selects nothing.
    """
    used = set(deployment_selector.get("matchLabels") or {})
    used |= {each["key"] for each in deployment_selector.get("matchExpressions") or []}
    keys = sorted(service_selector)
    return next((key for key in keys if key not in used), keys[0] if keys else "")


def canary_value(stable_value: str) -> str:
    """Return the canary's value of the track label."""
    return shorten(stable_value, _SUFFIX) if stable_value else _SUFFIX.lstrip("-")


def canary_labels(template_labels: Mapping[str, str], track_label: str) -> dict[str, str]:
    """Return the labels of canary pods: the template's, with another value of one label."""
    return {**template_labels, track_label: canary_value(template_labels.get(track_label, ""))}


def build_canary(
    deployment: Object,
    *,
    release: str,
    release_uid: str,
    template: Object,
    track_label: str,
    replicas: int,
) -> dict[str, Any]:
    """Return the canary Deployment of a release, to be created, and scaled by patch from then on.

    `deployment` is the user's, `template` the release's own pod template. Server-side apply would
    refuse templates that are valid and common, such as those that set one variable twice.
    """
    spec = deployment["spec"]
    metadata = template.get("metadata") or {}
    labels = canary_labels(metadata.get("labels") or {}, track_label)
    kept = ("labels", "annotations")
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(deployment, release, release_uid),
        "spec": {
            "replicas": replicas,
            "selector": canary_selector(spec["selector"], labels, track_label),
            "strategy": {"type": "RollingUpdate"},
            **{
                key: spec[key]
                for key in ("minReadySeconds", "progressDeadlineSeconds")
                if key in spec
            },
            "template": {
                "metadata": {
                    **{key: metadata[key] for key in kept if metadata.get(key)},
                    "labels": labels,
                },
                "spec": template["spec"],
            },
        },
    }


def canary_selector(
    stable_selector: Object, labels: Mapping[str, str], track_label: str
) -> dict[str, Any]:
    """Return the canary's `spec.selector`: stable's, narrowed to the canary by the track label."""
    match = {**(stable_selector.get("matchLabels") or {}), track_label: labels[track_label]}
    expressions = stable_selector.get("matchExpressions")
    return {"matchLabels": match, **({"matchExpressions": expressions} if expressions else {})}


def build_canary_service(
    service: Object, *, release: str, release_uid: str, track_label: str
) -> dict[str, Any]:
    """Return the Service in front of the canary, to be created or applied.

    It has the ports of the user's Service, no node ports, and an address of its own inside the
    cluster; headless where the user's is.
    """
    spec = service["spec"]
    selector = spec["selector"]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(service, release, release_uid),
        "spec": {
            "type": "ClusterIP",
            **({"clusterIP": "None"} if spec.get("clusterIP") == "None" else {}),
            "selector": {**selector, track_label: canary_value(selector[track_label])},
            "ports": [
                {key: port[key] for key in _PORT_FIELDS if key in port}
                for port in spec.get("ports") or []
            ],
            **{key: spec[key] for key in _SERVICE_FIELDS if key in spec},
        },
    }


def _metadata(original: Object, release: str, release_uid: str) -> dict[str, Any]:
    metadata = original["metadata"]
    annotations = _without_marks(metadata.get("annotations") or {})
    return {
        "name": canary_name(metadata["name"]),
        "namespace": metadata["namespace"],
        "labels": {**_without_marks(metadata.get("labels") or {}), RELEASE_LABEL: release},
        **({"annotations": annotations} if annotations else {}),
        "ownerReferences": [
            {
                "apiVersion": API_VERSION,
                "kind": "Release",
                "name": release,
                "uid": release_uid,
                "controller": True,
            }
        ],
    }


def _without_marks(items: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in items.items() if not _is_mark(key)}


def _is_mark(key: str) -> bool:
    domain = key.partition("/")[0]
    return any(mark in (key, domain) or domain.endswith("." + mark) for mark in _MARKS)
