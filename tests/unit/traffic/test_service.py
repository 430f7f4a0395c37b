"""The canary's Service is compared in what Gander sets, and mended in place."""

from typing import Any

import msgspec
import pytest

from controller.kube.objects import Service, decode_service
from controller.traffic.canary import build_canary_service
from controller.traffic.service import canary_service_patch, differences
from tests.unit.traffic.objects import service

DEFAULTS = {
    "sessionAffinity": "None",
    "internalTrafficPolicy": "Cluster",
    "ipFamilies": ["IPv4"],
    "ipFamilyPolicy": "SingleStack",
}
CLIENT_IP = {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}}}
HTTPS = {"name": "https", "port": 443, "protocol": "TCP", "targetPort": 8443}

USERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "headless": {"clusterIP": "None"},
    "for users outside": {
        "type": "LoadBalancer",
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": "http", "nodePort": 30080}],
        "externalTrafficPolicy": "Local",
    },
    "with everything": {
        "ports": [{**HTTPS, "appProtocol": "h2c"}],
        "sessionAffinity": "ClientIP",
        **CLIENT_IP,
        "publishNotReadyAddresses": True,
        "internalTrafficPolicy": "Local",
        "trafficDistribution": "PreferClose",
    },
}


def users(**spec: Any) -> dict[str, Any]:
    """Return the user's Service as the API server stores it."""
    return service(**{**DEFAULTS, **spec})


def manifest(of: dict[str, Any]) -> dict[str, Any]:
    return build_canary_service(of, release="checkout-2", release_uid="r-1", track_label="track")


def made(of: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """Return the canary's Service as the API server stores it, after a change by hand."""
    built = manifest(of)
    stored = {**DEFAULTS, "clusterIP": "198.19.0.9", "clusterIPs": ["198.19.0.9"], **built["spec"]}
    return {**built, "spec": {**stored, **spec}}


def merged(stored: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Return a value after a merge patch (RFC 7386)."""
    kept = {key: value for key, value in stored.items() if key not in patch}
    for key, value in patch.items():
        if isinstance(value, dict):
            kept[key] = merged(stored.get(key) or {}, value)
        elif value is not None:
            kept[key] = value
    return kept


def projected(item: dict[str, Any]) -> Service:
    metadata = {"uid": "s-1", "resourceVersion": "7", **item["metadata"]}
    return decode_service(msgspec.json.encode({**item, "metadata": metadata}))


def differ(of: dict[str, Any], canary: dict[str, Any]) -> tuple[str, ...]:
    return differences(projected(of), projected(canary), "track")


@pytest.mark.parametrize("spec", USERS.values(), ids=USERS)
def test_one_that_was_just_made_does_not_differ(spec: dict[str, Any]) -> None:
    of = users(**spec)
    assert differ(of, made(of)) == ()


@pytest.mark.parametrize("spec", USERS.values(), ids=USERS)
def test_what_the_server_and_other_controllers_fill_in_is_no_difference(
    spec: dict[str, Any],
) -> None:
    of = users(**spec)
    filled = made(of, ipFamilies=["IPv6"], ipFamilyPolicy="PreferDualStack", clusterIP="fd00::9")
    filled["metadata"] |= {"annotations": {"cloud.example/neg-status": "{}"}, "labels": {}}
    assert differ(of, filled) == ()
    del of["spec"]["sessionAffinity"], of["spec"]["internalTrafficPolicy"]
    bare = made(of)
    del bare["spec"]["sessionAffinity"], bare["spec"]["internalTrafficPolicy"]
    if spec.get("sessionAffinity") is None:
        assert differ(of, bare) == ()


EDITS: dict[str, dict[str, Any]] = {
    "spec.selector": {"selector": {"app": "nobody", "tier": "web"}},
    "spec.ports": {"ports": [HTTPS]},
    "spec.type": {"type": "NodePort"},
    "spec.sessionAffinity": {"sessionAffinity": "ClientIP"},
    "spec.sessionAffinityConfig": CLIENT_IP,
    "spec.publishNotReadyAddresses": {"publishNotReadyAddresses": True},
    "spec.internalTrafficPolicy": {"internalTrafficPolicy": "Local"},
    "spec.trafficDistribution": {"trafficDistribution": "PreferClose"},
}


@pytest.mark.parametrize(("field", "edit"), EDITS.items(), ids=EDITS)
def test_an_edit_by_hand_is_named_and_one_patch_undoes_it(field: str, edit: dict[str, Any]) -> None:
    of = users()
    edited = made(of, **edit)
    assert differ(of, edited) == (field,)
    mended = {**edited, "spec": merged(edited, canary_service_patch(manifest(of), edited))["spec"]}
    assert differ(of, mended) == ()
    assert mended["spec"]["selector"] == {"app": "checkout", "track": "stable-canary"}
    assert mended["spec"]["clusterIP"] == "198.19.0.9"


@pytest.mark.parametrize("spec", USERS.values(), ids=USERS)
@pytest.mark.parametrize("before", USERS.values(), ids=USERS)
def test_it_follows_the_users_service_in_one_patch(
    before: dict[str, Any], spec: dict[str, Any]
) -> None:
    old, of = made(users(**before)), users(**spec)
    mended = {**old, "spec": merged(old, canary_service_patch(manifest(of), old))["spec"]}
    assert differ(of, mended) == ()
    assert mended["spec"]["ports"] == manifest(of)["spec"]["ports"]
    assert mended["spec"]["clusterIP"] == old["spec"]["clusterIP"]  # cannot be changed


def test_it_stays_as_it_is_while_the_users_service_does_not_tell_the_versions_apart() -> None:
    assert differ(users(selector={"tier": "web"}), made(users())) == ()
