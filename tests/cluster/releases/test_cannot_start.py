"""What keeps pods from starting is the cluster's fault, and no version is rejected for it.

The release holds with the cluster's own words, goes on by itself when the cause is gone, and gives
up after three progress deadlines.
"""

import re
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from dev.reach import inside, kubectl
from dev.shop.deploy import NAME
from tests.cluster.releases.story import Story

CANARY = f"{NAME}-canary"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
# No step is earned without requests, so a release that goes on stays at its first weight.
FIRST_WEIGHT = {CANARY: 50, NAME: 950}


@dataclass(frozen=True)
class Cause:
    """What keeps pods from starting: how it comes, what the cluster says of it, how it goes."""

    words: str
    begin: Callable[[Story], None]
    heal: Callable[[Story], None]


def change_template(shop: Story, container: dict[str, Any], **pod: Any) -> None:
    containers = [{"name": NAME, **container}]
    template = {"spec": {"template": {"spec": {"containers": containers, **pod}}}}
    shop.patch("deployment", template, strategy="strategic")


def limit_pods(shop: Story, number: int) -> None:
    shop.apply(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "pods", "namespace": shop.shop.namespace},
            "spec": {"hard": {"pods": str(number)}},
        }
    )


def want_other_node(shop: Story) -> None:
    change_template(shop, {}, nodeSelector={shop.shop.namespace: "here"})


def label_node(shop: Story) -> None:
    environment = shop.shop.environment
    node = kubectl(environment, "get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
    kubectl(environment, "label", "node", node, f"{shop.shop.namespace}=here")


def unpushed(shop: Story) -> tuple[str, str, str]:
    """Return the repository of the shop's images, a tag that it lacks, and the digest of v3."""
    name, _, digest = shop.images["v3"].partition("@")
    return name.removeprefix(f"{shop.shop.environment.registry}/"), shop.shop.namespace, digest


def want_unpushed_image(shop: Story) -> None:
    repository, tag, _ = unpushed(shop)
    image = f"{shop.shop.environment.registry}/{repository}:{tag}"
    change_template(shop, {"image": image})


def push_image(shop: Story) -> None:
    """Give v3 another tag, by the registry's own interface."""
    repository, tag, digest = unpushed(shop)
    url = f"http://{shop.shop.environment.registry}/v2/{repository}/manifests"
    accepted = {"Accept": f"{MANIFEST}, application/vnd.docker.distribution.manifest.v2+json"}
    with inside(shop.shop.environment):
        read = urllib.request.Request(f"{url}/{digest}", headers=accepted)
        with urllib.request.urlopen(read, timeout=10) as answer:
            manifest, kind = answer.read(), answer.headers["Content-Type"]
        headers = {"Content-Type": kind}
        write = urllib.request.Request(f"{url}/{tag}", manifest, headers, method="PUT")
        urllib.request.urlopen(write, timeout=10).close()


def want_settings(shop: Story) -> None:
    change_template(shop, {"envFrom": [{"configMapRef": {"name": "settings"}}]})


def apply_settings(shop: Story) -> None:
    shop.shop.kubectl("create", "configmap", "settings", "--from-literal=SHOP_DRAIN_SECONDS=5")


def new_version(shop: Story) -> None:
    shop.set_image("v3")


def quota(shop: Story) -> None:
    limit_pods(shop, 1)
    new_version(shop)


CAUSES = {
    "quota": Cause(
        r"exceeded quota: pods, requested: pods=1, used: pods=1, limited: pods=1 \(FailedCreate\)",
        quota,
        lambda shop: limit_pods(shop, 10),
    ),
    "unschedulable": Cause(
        r"pod checkout-canary-\S+: 0/\d+ nodes are available: .*node affinity/selector.*"
        r"\(Unschedulable\)",
        want_other_node,
        label_node,
    ),
    "image": Cause(
        r"pod checkout-canary-\S+, container checkout: .*not found.* \((ErrImagePull|ImagePull)",
        want_unpushed_image,
        push_image,
    ),
    "setting": Cause(
        r'container checkout: configmap "settings" not found \(CreateContainerConfigError\)',
        want_settings,
        apply_settings,
    ),
}


@pytest.fixture(params=CAUSES)
def cause(request: pytest.FixtureRequest) -> Cause:
    """Return each cause in turn."""
    return CAUSES[request.param]


@pytest.fixture
def unlabelled(story: Callable[..., Story]) -> Iterator[Callable[..., Story]]:
    """Tell stories, and take the labels that they put on nodes off again."""
    told: list[Story] = []

    def tell(**words: Any) -> Story:
        told.append(story(**words))
        return told[-1]

    yield tell
    for each in told:
        kubectl(each.shop.environment, "label", "nodes", "--all", f"{each.shop.namespace}-")


def test_holds_with_the_clusters_words_and_goes_on_when_healed(
    unlabelled: Callable[..., Story], cause: Cause
) -> None:
    shop = unlabelled(replicas=1)
    cause.begin(shop)
    shop.await_release("Holding", reason="CanaryCannotStart")
    shop.await_message(cause.words)
    assert {NAME: 1} == shop.backends()
    assert re.search(cause.words, shop.events("Release", "checkout-1")["CanaryCannotStart"])

    cause.heal(shop)
    shop.await_backends(FIRST_WEIGHT)
    assert [] == shop.plan().get("rejected", [])


def test_given_up_after_three_deadlines_and_not_rejected(story: Callable[..., Story]) -> None:
    shop = story(replicas=1)
    shop.patch("deployment", {"spec": {"progressDeadlineSeconds": 10}})
    want_other_node(shop)
    status = shop.await_end()
    assert ("Aborted", "CanaryCannotStart") == (status["phase"], status["reason"])
    assert status["message"].startswith("given up after 3 times 10s: pod checkout-canary-")
    plan = shop.await_plan("Held")
    assert [] == plan.get("rejected", [])
    stalled = shop.conditions("releaseplan")["Stalled"]
    assert ("True", "ReleaseAborted") == (stalled["status"], stalled["reason"])
    assert "nodes are available" in stalled["message"]
    assert f"kubectl gander retry checkout-1 -n {shop.shop.namespace}" in stalled["message"]
    assert {} == shop.canary()
    assert {NAME: 1} == shop.backends()

    # The template is still the one that could not start; only a person tries it again.
    assert shop.deployment()["spec"]["paused"]
    shop.gander("retry", "checkout-1")
    shop.await_release("Holding", number=2, reason="CanaryCannotStart")
