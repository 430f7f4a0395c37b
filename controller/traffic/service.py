"""Whether the canary's Service is still what the user's Service makes it, and what mends it.

Promises: only what Gander itself sets is compared, and what the server left out counts as its
default, so that a Service that was just made or mended never differs. Left out: labels and
annotations, in which other controllers keep what they know of one Service; addresses and their
families, which are chosen once.
"""

from collections.abc import Mapping
from typing import Any

from controller.kube.objects import Service
from controller.traffic.canary import canary_value

_CHOSEN_ONCE = ("clusterIP", "ipFamilies", "ipFamilyPolicy")
_COPIED = {
    "ports": "ports",
    "session_affinity": "sessionAffinity",
    "session_affinity_config": "sessionAffinityConfig",
    "publish_not_ready_addresses": "publishNotReadyAddresses",
    "internal_traffic_policy": "internalTrafficPolicy",
    "traffic_distribution": "trafficDistribution",
}


def differences(users: Service, canary: Service, track_label: str) -> tuple[str, ...]:
    """Return the fields in which the canary's Service is not what would be made of the user's now.

    Empty where the user's does not select by the track label: no canary Service can be made of it.
    """
    if track_label not in users.selector:
        return ()
    selector = users.selector | {track_label: canary_value(users.selector[track_label])}
    found = [
        ("spec.type", canary.type != "ClusterIP"),
        ("spec.selector", canary.selector != selector),
        *(
            (f"spec.{field}", getattr(users, name) != getattr(canary, name))
            for name, field in _COPIED.items()
        ),
    ]
    return tuple(field for field, differs in found if differs)


def canary_service_patch(manifest: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the merge patch that makes the stored Service what the manifest says."""
    wanted = {key: value for key, value in manifest["spec"].items() if key not in _CHOSEN_ONCE}
    gone = dict.fromkeys(field for field in _COPIED.values() if field not in wanted)
    others = dict.fromkeys(found["spec"].get("selector") or {})
    return {"spec": {**gone, **wanted, "selector": {**others, **manifest["spec"]["selector"]}}}
