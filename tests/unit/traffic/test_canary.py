"""The canary is the user's workload in everything but one label, and belongs to the release."""

from typing import Any

import pytest

from controller.traffic.canary import (
    build_canary,
    build_canary_service,
    canary_labels,
    default_track_label,
)
from tests.unit.traffic.objects import deployment, service

OWNER = {
    "apiVersion": "gander.dev/v1alpha1",
    "kind": "Release",
    "name": "checkout-12",
    "uid": "r-1",
    "controller": True,
}
MARKS = {
    "gander.dev/plan": "checkout",
    "kubectl.kubernetes.io/last-applied-configuration": "{}",
    "deployment.kubernetes.io/revision": "7",
    "argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/checkout",
    "kustomize.toolkit.fluxcd.io/name": "shop",
    "helm.toolkit.fluxcd.io/name": "shop",
    "meta.helm.sh/release-name": "shop",
    "helm.sh/chart": "shop-1.2.3",
    "app.kubernetes.io/managed-by": "Helm",
    "applyset.kubernetes.io/part-of": "applyset-1",
    "external-dns.alpha.kubernetes.io/hostname": "shop.example",
}


def canary(of: dict[str, Any], **changes: Any) -> dict[str, Any]:
    inputs = {
        "release": "checkout-12",
        "release_uid": "r-1",
        "template": of["spec"]["template"],
        "track_label": "track",
        "replicas": 2,
    }
    return build_canary(of, **(inputs | changes))


def canary_service(of: dict[str, Any]) -> dict[str, Any]:
    return build_canary_service(of, release="checkout-12", release_uid="r-1", track_label="track")


@pytest.mark.parametrize(
    ("service_selector", "deployment_selector", "label"),
    [
        ({"app": "checkout", "track": "stable"}, {"matchLabels": {"app": "checkout"}}, "track"),
        ({"app": "checkout", "zone": "a"}, {"matchLabels": {"app": "x", "zone": "a"}}, "app"),
        ({"b": "1", "a": "1"}, {"matchExpressions": [{"key": "a", "operator": "Exists"}]}, "b"),
        ({"c": "1", "b": "1", "a": "1"}, {}, "a"),
        ({}, {"matchLabels": {"app": "checkout"}}, ""),
    ],
)
def test_the_track_label_is_one_that_the_deployment_does_not_select_by(
    service_selector: dict[str, str], deployment_selector: dict[str, Any], label: str
) -> None:
    assert label == default_track_label(service_selector, deployment_selector)


def test_canary_labels_differ_in_the_track_label_only() -> None:
    labels = {"app": "checkout", "track": "stable"}

    assert canary_labels(labels, "track") == {"app": "checkout", "track": "stable-canary"}


@pytest.mark.parametrize("value", ["", "s", "s" * 56, "s" * 57, "a" * 63])
def test_the_canarys_value_is_a_label_value_of_its_own(value: str) -> None:
    made = canary_labels({"track": value}, "track")["track"]

    assert value != made
    assert 0 < len(made) <= 63
    assert made[0].isalnum()
    assert made.endswith("canary")


def test_two_long_values_give_two_canary_values() -> None:
    one, other = (canary_labels({"track": "v" * 60 + end}, "track") for end in "ab")

    assert one != other


def test_the_canary_runs_the_releases_template_beside_stable() -> None:
    stable = deployment(minReadySeconds=3, progressDeadlineSeconds=90, revisionHistoryLimit=5)
    template = {
        "metadata": {
            "labels": {"app": "checkout", "track": "stable"},
            "annotations": {"prometheus.io/scrape": "true"},
            "creationTimestamp": None,
        },
        "spec": {"containers": [{"name": "app", "image": "registry/checkout@sha256:2"}]},
    }

    made = canary(stable, template=template)

    assert (made["apiVersion"], made["kind"]) == ("apps/v1", "Deployment")
    assert made["metadata"]["name"] == "checkout-canary"
    assert made["metadata"]["namespace"] == "shop"
    assert made["metadata"]["ownerReferences"] == [OWNER]
    assert {
        "replicas": 2,
        "minReadySeconds": 3,
        "progressDeadlineSeconds": 90,
        "strategy": {"type": "RollingUpdate"},
        "selector": {"matchLabels": {"app": "checkout", "track": "stable-canary"}},
        "template": {
            "metadata": {
                "labels": {"app": "checkout", "track": "stable-canary"},
                "annotations": {"prometheus.io/scrape": "true"},
            },
            "spec": template["spec"],
        },
    } == made["spec"]


def test_a_track_label_in_the_deployments_selector_is_replaced_there() -> None:
    expressions = [{"key": "team", "operator": "DoesNotExist"}]
    stable = deployment(
        selector={"matchLabels": {"track": "stable"}, "matchExpressions": expressions}
    )

    selector = canary(stable)["spec"]["selector"]

    assert {
        "matchLabels": {"track": "stable-canary"},
        "matchExpressions": expressions,
    } == selector


@pytest.mark.parametrize("field", ["labels", "annotations"])
def test_the_marks_of_other_tools_stay_behind(field: str) -> None:
    stable, exposed = deployment(), service()
    for item in (stable, exposed):
        item["metadata"][field] = {**MARKS, "team": "shop", "app.kubernetes.io/instance": "shop"}

    kept = {"team": "shop", "app.kubernetes.io/instance": "shop"}
    kept |= {"gander.dev/release": "checkout-12"} if field == "labels" else {}

    assert kept == canary(stable)["metadata"][field]
    assert kept == canary_service(exposed)["metadata"][field]


def test_the_canarys_service_has_the_ports_and_selects_the_canary() -> None:
    stable = service(
        type="LoadBalancer",
        externalIPs=["192.0.2.7"],
        sessionAffinity="ClientIP",
        sessionAffinityConfig={"clientIP": {"timeoutSeconds": 60}},
        ports=[
            {
                "name": "grpc",
                "port": 80,
                "targetPort": "web",
                "protocol": "TCP",
                "appProtocol": "kubernetes.io/h2c",
                "nodePort": 30_080,
            }
        ],
    )

    made = canary_service(stable)

    assert (made["apiVersion"], made["kind"]) == ("v1", "Service")
    assert made["metadata"]["name"] == "checkout-canary"
    assert made["metadata"]["ownerReferences"] == [OWNER]
    assert made["spec"] == {
        "type": "ClusterIP",
        "selector": {"app": "checkout", "track": "stable-canary"},
        "sessionAffinity": "ClientIP",
        "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}},
        "ports": [
            {
                "name": "grpc",
                "port": 80,
                "targetPort": "web",
                "protocol": "TCP",
                "appProtocol": "kubernetes.io/h2c",
            }
        ],
    }


def test_a_headless_service_has_a_headless_canary() -> None:
    assert canary_service(service(clusterIP="None"))["spec"]["clusterIP"] == "None"
    assert "clusterIP" not in canary_service(service())["spec"]
