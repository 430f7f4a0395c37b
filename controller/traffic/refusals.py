"""Why a Deployment and its Service cannot be released by canary.

Each refusal names the object, the field, its value and the way out. Whether the plan is refused for
it is the caller's decision. Leaves out what only other objects know: whether claims that are not
passed exist, and who else uses the Service.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from controller.api.names import RELEASE_LABEL, canary_name
from controller.traffic.canary import canary_labels

Object = Mapping[str, Any]


class Refusal(NamedTuple):
    """One CamelCase word for the cause, and the sentence that people read."""

    reason: str
    message: str


def refusals(
    deployment: Object,
    service: Object,
    track_label: str,
    services_in_namespace: Iterable[Object],
    claims: Mapping[str, Sequence[str]] | None = None,
) -> list[Refusal]:
    """Return what stands in the way of canaries, empty when nothing does.

    `claims` are the access modes of the namespace's PersistentVolumeClaims by name, of which
    `claim_names` says which matter. The template looked at is the one in `deployment`.
    """
    found = [
        *_of_deployment(deployment),
        *_of_claims(deployment, claims or {}),
        *_of_service(deployment, service, track_label),
    ]
    if track_label:
        found += _of_selector(deployment, track_label)
        found += _of_other_services(deployment, service, track_label, services_in_namespace)
    return found


def claim_names(deployment: Object) -> list[str]:
    """Return the PersistentVolumeClaims that the Deployment's pods share."""
    volumes = deployment["spec"]["template"]["spec"].get("volumes") or []
    return [
        volume["persistentVolumeClaim"]["claimName"]
        for volume in volumes
        if "persistentVolumeClaim" in volume
    ]


def refuse_recreate(title: str) -> Refusal:
    """Say what is wrong with strategy Recreate; `title` names the Deployment."""
    return Refusal(
        "RecreateStrategy",
        f"{title}: spec.strategy.type is Recreate, which never runs two versions at once; set "
        "it to RollingUpdate",
    )


def _of_deployment(deployment: Object) -> Iterator[Refusal]:
    title, spec = _title("Deployment", deployment), deployment["spec"]
    pod = spec["template"]["spec"]
    if (spec.get("strategy") or {}).get("type") == "Recreate":
        yield refuse_recreate(title)
    if spec.get("revisionHistoryLimit") == 0:
        yield Refusal(
            "NoRevisionHistory",
            f"{title}: spec.revisionHistoryLimit is 0, so Kubernetes would delete the stable "
            "ReplicaSet while a change is held; set it to 1 or more",
        )
    if pod.get("hostNetwork"):
        yield Refusal(
            "HostNetwork",
            f"{title}: spec.template.spec.hostNetwork is true, so a canary pod would collide with "
            "a stable pod's ports; use a pod network",
        )
        return  # with the host's network every containerPort is a hostPort
    for container in (*(pod.get("initContainers") or []), *pod["containers"]):
        for port in container.get("ports") or []:
            if port.get("hostPort"):
                yield Refusal(
                    "HostPort",
                    f"{title}: container {container['name']} has hostPort {port['hostPort']}, "
                    "which a canary pod cannot have on the same node; remove it and use a Service",
                )


def _of_claims(deployment: Object, claims: Mapping[str, Sequence[str]]) -> Iterator[Refusal]:
    for name in claim_names(deployment):
        modes = claims.get(name, ())
        if modes and not {"ReadWriteMany", "ReadOnlyMany"} & set(modes):
            yield Refusal(
                "ReadWriteOnceClaim",
                f"{_title('Deployment', deployment)}: PersistentVolumeClaim {name} is "
                f"{', '.join(modes)}, so canary and stable pods may not mount it together; use "
                "ReadWriteMany, or a StatefulSet without a plan",
            )


def _of_service(deployment: Object, service: Object, track_label: str) -> Iterator[Refusal]:
    title, spec = _title("Service", service), service["spec"]
    selector, labels = spec.get("selector") or {}, _template_labels(deployment)
    if spec.get("type") == "ExternalName":
        yield Refusal(
            "ServiceIsExternalName",
            f"{title}: spec.type is ExternalName, a name outside of this cluster; name the Service "
            "in front of the Deployment's pods in spec.traffic.service of the plan",
        )
    elif not selector:
        yield Refusal(
            "ServiceWithoutSelector",
            f"{title}: spec.selector is empty, so it finds no pods by itself; add the labels of "
            f"{_title('Deployment', deployment)}'s pods",
        )
    elif not selects(selector, labels):
        differing = ", ".join(
            f"{key}={value} (the pods have {labels.get(key, 'none')})"
            for key, value in selector.items()
            if labels.get(key) != value
        )
        yield Refusal(
            "ServiceSelectsOtherPods",
            f"{title}: spec.selector asks for {differing} in {_title('Deployment', deployment)}; "
            "make selector and pod labels agree",
        )
    elif track_label not in selector:
        yield Refusal(
            "TrackLabelNotSelected",
            f"{title}: spec.selector has no key {track_label}, so it would select canary pods too; "
            f"set spec.traffic.trackLabel of the plan to one of {', '.join(sorted(selector))}",
        )


def _of_selector(deployment: Object, track_label: str) -> Iterator[Refusal]:
    labels = canary_labels(_template_labels(deployment), track_label)
    for expression in deployment["spec"]["selector"].get("matchExpressions") or []:
        if not _holds(expression, labels):
            values = ", ".join(expression.get("values") or [])
            yield Refusal(
                "SelectorExcludesCanary",
                f"{_title('Deployment', deployment)}: spec.selector.matchExpressions asks for "
                f"{expression['key']} {expression['operator']} {values}, but canary pods have "
                f"{expression['key']}={labels.get(expression['key'])}; set "
                "spec.traffic.trackLabel of the plan to another label",
            )


def _of_other_services(
    deployment: Object, service: Object, track_label: str, services: Iterable[Object]
) -> Iterator[Refusal]:
    labels = canary_labels(_template_labels(deployment), track_label)
    mine = canary_name(service["metadata"]["name"])
    for other in services:
        name = other["metadata"]["name"]
        title = _title("Service", other)
        if name == mine and RELEASE_LABEL not in (other["metadata"].get("labels") or {}):
            yield Refusal(
                "CanaryNameTaken",
                f"{title} is not Gander's, but has the name that the canary's Service needs; "
                "rename it",
            )
        elif name not in (mine, service["metadata"]["name"]) and selects(
            other["spec"].get("selector") or {}, labels
        ):
            yield Refusal(
                "CanaryBehindOtherService",
                f"{title} would select canary pods too, so its users would meet the canary at "
                f"weight 0; add {track_label}={_template_labels(deployment).get(track_label, '')} "
                "to its spec.selector, or set spec.traffic.trackLabel of the plan to a label that "
                "both Services select by",
            )


def _template_labels(deployment: Object) -> Mapping[str, str]:
    labels: Mapping[str, str] = deployment["spec"]["template"]["metadata"].get("labels") or {}
    return labels


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Tell whether a Service's selector matches; an empty one matches nothing."""
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def _holds(expression: Object, labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def _title(kind: str, item: Object) -> str:
    return f"{kind} {item['metadata']['namespace']}/{item['metadata']['name']}"
