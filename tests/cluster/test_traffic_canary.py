"""The canary as the API server stores it, with real pods: beside stable, behind its own Service.

Left out: who deletes the canary. The owner does not exist here, and Kubernetes would clean up
after it, so the reference is checked by a dry run only.
"""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from controller.kube import kinds
from controller.kube.client import Client
from controller.kube.errors import ApiError
from controller.kube.kinds import Kind
from controller.traffic.canary import build_canary, build_canary_service, default_track_label
from controller.traffic.refusals import refusals
from dev.node import PAUSE_IMAGE
from tests.kinds import ENDPOINT_SLICE
from tests.waiting import eventually

LABELS = {"app": "checkout", "track": "stable"}
CONTAINER = {"name": "app", "image": PAUSE_IMAGE, "imagePullPolicy": "IfNotPresent"}
RELEASE = {"release": "checkout-1", "release_uid": "0f8fad5b-d9cb-469f-a165-70867728950e"}


@dataclass(frozen=True)
class Shop:
    """A namespace with the user's Deployment and Service, as the API server stored them."""

    client: Client
    namespace: str
    deployment: dict[str, Any]
    service: dict[str, Any]

    def list(self, kind: Kind) -> list[dict[str, Any]]:
        answer = json.loads(self.client.raw("GET", kind.path(self.namespace)))
        items: list[dict[str, Any]] = answer["items"]
        return items

    def canary(self, track_label: str, **container: Any) -> dict[str, Any]:
        """Return the canary of a template that differs from stable's in one container's fields."""
        template = json.loads(json.dumps(self.deployment["spec"]["template"]))
        template["spec"]["containers"][0].update(container)
        return build_canary(
            self.deployment, **RELEASE, template=template, track_label=track_label, replicas=1
        )

    def canary_service(self, track_label: str) -> dict[str, Any]:
        return build_canary_service(self.service, **RELEASE, track_label=track_label)

    def behind(self, service: str) -> set[str]:
        """Return the names of the pods behind a Service."""
        return {
            endpoint["targetRef"]["name"]
            for each in self.list(ENDPOINT_SLICE)
            if each["metadata"]["labels"]["kubernetes.io/service-name"] == service
            for endpoint in each.get("endpoints") or []
            if endpoint["conditions"]["ready"]
        }

    def pods(self) -> dict[str, dict[str, str]]:
        """Return the labels of the pods by name, without the ReplicaSet's own."""
        return {
            pod["metadata"]["name"]: {
                key: value
                for key, value in pod["metadata"]["labels"].items()
                if key != "pod-template-hash"
            }
            for pod in self.list(kinds.POD)
        }


def start(client: Client, namespace: str, selector: dict[str, str]) -> Shop:
    """Make a Deployment with two pods that selects by `selector`, and a Service in front."""
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "checkout", "labels": {"app": "checkout"}},
        "spec": {
            "replicas": 2,
            "minReadySeconds": 1,
            "selector": {"matchLabels": selector},
            "template": {
                "metadata": {"labels": LABELS},
                "spec": {"containers": [CONTAINER], "terminationGracePeriodSeconds": 0},
            },
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "checkout"},
        "spec": {
            "type": "NodePort",
            "selector": LABELS,
            "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
        },
    }
    return Shop(
        client,
        namespace,
        client.create(kinds.DEPLOYMENT, namespace, deployment),
        client.create(kinds.SERVICE, namespace, service),
    )


def without_owner(manifest: dict[str, Any]) -> dict[str, Any]:
    metadata = {k: v for k, v in manifest["metadata"].items() if k != "ownerReferences"}
    return {**manifest, "metadata": metadata}


@pytest.mark.parametrize(
    ("selector", "track_label"),
    [({"app": "checkout"}, "track"), ({"app": "checkout", "track": "stable"}, "app")],
)
def test_the_canary_stands_beside_stable_and_behind_its_own_service_only(
    client: Client, namespace: str, selector: dict[str, str], track_label: str
) -> None:
    shop = start(client, namespace, selector)
    eventually(lambda: len(shop.behind("checkout")) == 2, within=60, what="two stable pods")
    stable = shop.behind("checkout")
    found = default_track_label(LABELS, shop.deployment["spec"]["selector"])

    client.apply(kinds.DEPLOYMENT, namespace, without_owner(shop.canary(found)))
    client.apply(kinds.SERVICE, namespace, without_owner(shop.canary_service(found)))
    eventually(lambda: len(shop.behind("checkout-canary")) == 1, within=60, what="one canary pod")

    pods = shop.pods()
    [canary] = shop.behind("checkout-canary")
    assert found == track_label
    assert shop.behind("checkout") == stable
    assert pods.keys() == stable | {canary}
    for name in stable:
        assert pods[name].keys() == pods[canary].keys()
        assert [key for key in LABELS if pods[name][key] != pods[canary][key]] == [track_label]
    assert refusals(shop.deployment, shop.service, found, shop.list(kinds.SERVICE)) == []


def test_the_manifests_with_their_owner_are_valid(client: Client, namespace: str) -> None:
    shop = start(client, namespace, {"app": "checkout"})

    deployment = client.create(kinds.DEPLOYMENT, namespace, shop.canary("track"), dry_run=True)
    service = client.create(kinds.SERVICE, namespace, shop.canary_service("track"), dry_run=True)

    for stored in (deployment, service):
        [owner] = stored["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["controller"]) == (
            "Release",
            "checkout-1",
            True,
        )
    assert service["spec"]["type"] == "ClusterIP"
    assert "nodePort" not in service["spec"]["ports"][0]
    assert service["spec"]["ports"][0]["targetPort"] == 8080


def test_a_variable_that_is_set_twice_can_be_created_but_not_applied(
    client: Client, namespace: str
) -> None:
    """Such templates are common and valid; this is why a canary is created, never applied."""
    shop = start(client, namespace, {"app": "checkout"})
    twice = shop.canary("track", env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}])

    with pytest.raises(ApiError, match="duplicate entries for key"):
        client.apply(kinds.DEPLOYMENT, namespace, twice, dry_run=True)
    stored = client.create(kinds.DEPLOYMENT, namespace, twice, dry_run=True)

    assert len(stored["spec"]["template"]["spec"]["containers"][0]["env"]) == 2
