"""A Deployment with our label and no plan is given back: nobody would ever release its changes."""

from collections.abc import Callable

import pytest

from controller.api.names import LEFT_PAUSED_ANNOTATION, PLAN_LABEL
from dev.shop.deploy import NAME
from dev.waiting import until
from tests.cluster.releases.installed import Installed
from tests.cluster.releases.story import Json, Story, lost

COPY = "spare"


def labels(shop: Story, name: str) -> Json:
    """Return the labels of a Deployment."""
    found: Json = shop.get("deployment", name)["metadata"].get("labels", {})
    return found


@pytest.mark.parametrize("value", [NAME, COPY])
def test_a_copy_of_the_deployment_can_be_changed(story: Callable[..., Story], value: str) -> None:
    """Its label names the plan of the original, or a plan that nobody has made."""
    shop = story(replicas=1)
    spec = shop.deployment()["spec"]
    spec["selector"]["matchLabels"]["app"] = COPY
    spec["template"]["metadata"]["labels"]["app"] = COPY
    metadata = {"name": COPY, "namespace": shop.shop.namespace, "labels": {PLAN_LABEL: value}}
    shop.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})

    until("the label to go", lambda: PLAN_LABEL not in labels(shop, COPY), seconds=15)

    shop.shop.kubectl("set", "image", f"deployment/{COPY}", f"*={shop.images['v2']}")
    shop.shop.kubectl("rollout", "status", f"deployment/{COPY}", "--timeout=60s", seconds=70)
    assert "no ReleasePlan spare" in shop.events("Deployment", COPY)["PlanMissing"]
    assert labels(shop, NAME)[PLAN_LABEL] == NAME
    assert shop.plan()["phase"] == "Idle"


@pytest.mark.disruptive
def test_a_plan_whose_finalizer_was_torn_off_leaves_nothing_held(
    story: Callable[..., Story], installed: Installed
) -> None:
    shop = story(replicas=1, steps=[{"weight": 5, "hold": "1h"}])
    load = shop.load(rate=20.0)
    shop.set_image("v3")
    shop.await_release("Stepping")
    with installed.stopped():
        shop.patch("releaseplan", {"metadata": {"finalizers": None}})
        shop.shop.kubectl("delete", "releaseplan", NAME, "--timeout=30s")
        assert labels(shop, NAME)[PLAN_LABEL] == NAME

    # The release ends first, and drains its canary for a minute.
    until("the label to go", lambda: PLAN_LABEL not in labels(shop, NAME), seconds=120)

    assert shop.backends() == {NAME: 1}
    assert shop.canary() == {}
    deployment = shop.deployment()
    assert deployment["spec"].get("paused") is True
    assert "kubectl" in deployment["metadata"]["annotations"][LEFT_PAUSED_ANNOTATION]
    assert "stays paused" in shop.events("Deployment", NAME)["PlanMissing"]
    assert lost(load.stop()) == 0
    shop.apply_plan()
    shop.await_release("Starting", "Stepping")
