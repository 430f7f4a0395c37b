"""How a Deployment comes under its plan: new, re-created, and after a break-glass."""

import json
from collections.abc import Callable

from controller.api.names import BYPASS_ANNOTATION, PLAN_LABEL
from dev.shop.deploy import NAME, manifests
from dev.waiting import until
from tests.cluster.releases.story import Json, Story


def test_a_plan_and_a_new_deployment_in_one_apply(story: Callable[..., Story]) -> None:
    shop = story(deployed=False)
    everything = manifests(shop.shop, shop.images["v1"], 2)
    slow(everything)
    shop.apply(*everything, *shop.plan_manifests())
    adopts_after_the_rollout(shop, "v1")
    shop.set_image("v3")
    assert shop.deployment()["spec"]["paused"] is True
    shop.await_release("Starting")


def test_a_deployment_made_again_is_adopted_again(story: Callable[..., Story]) -> None:
    shop = story(replicas=2)
    items = manifests(shop.shop, shop.images["v3"], 2)
    slow(items)
    shop.shop.kubectl("delete", "deployment", NAME)
    shop.apply(*items)
    adopts_after_the_rollout(shop, "v3")
    assert shop.get("releases") == {}


def test_a_deployment_that_goes_is_said_to_be_missing(story: Callable[..., Story]) -> None:
    shop = story(replicas=1)
    shop.shop.kubectl("delete", "deployment", NAME)
    plan = shop.await_plan("Blocked")
    (ready,) = [each for each in plan["conditions"] if each["type"] == "Ready"]
    assert ready["reason"] == "DeploymentMissing"
    assert f"no Deployment {NAME}" in ready["message"]


def test_a_bypass_lets_a_change_roll_and_is_over_when_it_is_taken_off(
    story: Callable[..., Story],
) -> None:
    shop = story(replicas=1)
    shop.shop.kubectl("annotate", "deployment", NAME, f"{BYPASS_ANNOTATION}=incident-1")
    shop.set_image("v3")
    assert "paused" not in shop.deployment()["spec"]
    plan = shop.await_plan("Blocked")
    assert BYPASS_ANNOTATION in shop.conditions("releaseplan")["Ready"]["message"]
    until("v3 to be stable", lambda: stable_images(shop) == [shop.images["v3"]], seconds=60)
    assert plan.get("activeRelease", "") == ""
    shop.shop.kubectl("annotate", "deployment", NAME, f"{BYPASS_ANNOTATION}-")
    assert shop.await_plan("Idle")["guard"] == "Guarded"
    assert shop.get("releases") == {}
    shop.set_image("v1")
    assert shop.deployment()["spec"]["paused"] is True
    shop.await_release("Starting")
    assert shop.get("release", f"{NAME}-1")["spec"]["stable"]["images"] == [shop.images["v3"]]


def slow(items: list[Json]) -> None:
    """Let the rollout take long enough to be met in it."""
    (deployment,) = [item for item in items if item["kind"] == "Deployment"]
    deployment["spec"]["minReadySeconds"] = 10


def adopts_after_the_rollout(shop: Story, version: str) -> None:
    """Assert that the plan waits for the native rollout, unheld, and guards after it."""
    shop.await_plan("Adopting")
    deployment = shop.deployment()
    assert PLAN_LABEL not in deployment["metadata"].get("labels", {}), json.dumps(deployment)
    assert shop.conditions("releaseplan")["Ready"]["reason"] == "RollingOut"
    plan = shop.await_plan("Idle")
    assert plan["guard"] == "Guarded"
    assert plan["stable"]["images"] == [shop.images[version]]
    deployment = shop.deployment()
    assert deployment["metadata"]["labels"][PLAN_LABEL] == NAME
    assert deployment["status"]["availableReplicas"] == 2


def stable_images(shop: Story) -> list[str]:
    """Return the images that the plan holds for stable."""
    images: list[str] = shop.plan()["stable"]["images"]
    return images
