"""The shop's manifests: an example for readers, and any number of shops side by side."""

import json
from typing import Any

import pytest
from kubernetes_validate.utils import validate

from dev.environment import Environment
from dev.shop.deploy import Shop, manifests

IMAGE = "192.0.2.1:5000/shop/checkout@sha256:" + 64 * "0"
SHOP = Shop(Environment.ours("gander", {}), namespace="shop-7", hostname="seven.example")


@pytest.fixture
def objects() -> dict[str, Any]:
    return {item["kind"]: item for item in manifests(SHOP, IMAGE, replicas=2)}


def test_the_namespace_comes_first() -> None:
    assert manifests(SHOP, IMAGE, 1)[0]["kind"] == "Namespace"


def test_everything_is_in_the_namespace(objects: dict[str, Any]) -> None:
    metadata = {kind: item["metadata"] for kind, item in objects.items()}
    assert metadata.pop("Namespace")["name"] == "shop-7"
    assert set(metadata) == {"Deployment", "Service", "HTTPRoute"}
    assert {entry["namespace"] for entry in metadata.values()} == {"shop-7"}


def test_image_size_and_host_are_the_shops_own(objects: dict[str, Any]) -> None:
    deployment, route = objects["Deployment"]["spec"], objects["HTTPRoute"]["spec"]
    assert deployment["template"]["spec"]["containers"][0]["image"] == IMAGE
    assert deployment["replicas"] == 2
    assert route["hostnames"] == ["seven.example"]
    assert route["parentRefs"] == [{"name": "gw", "namespace": "gateway"}]


def test_kubernetes_takes_them(objects: dict[str, Any]) -> None:
    for kind in ("Namespace", "Deployment", "Service"):
        validate(objects[kind], "1.36", strict=True)


def test_the_service_selects_the_pods_and_reaches_a_port_of_theirs(
    objects: dict[str, Any],
) -> None:
    service, template = objects["Service"]["spec"], objects["Deployment"]["spec"]["template"]
    assert service["selector"].items() <= template["metadata"]["labels"].items()
    ports = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
    assert service["ports"][0]["targetPort"] in ports


def test_prometheus_is_told_of_a_port_that_the_container_has(objects: dict[str, Any]) -> None:
    template = objects["Deployment"]["spec"]["template"]
    ports = [port["containerPort"] for port in template["spec"]["containers"][0]["ports"]]
    assert int(template["metadata"]["annotations"]["prometheus.io/port"]) in ports


def test_the_example_itself_stays_as_it_is(objects: dict[str, Any]) -> None:
    other = Shop(SHOP.environment)
    assert "shop-7" not in json.dumps(manifests(other, IMAGE, 3))
    assert objects["Namespace"]["metadata"]["name"] == "shop-7"
