"""Deleting a plan in the middle of a release: traffic on stable, everything of ours gone."""

from collections.abc import Callable

import pytest

from controller.api.names import LEFT_PAUSED_ANNOTATION, PLAN_LABEL
from dev.shop.deploy import NAME
from dev.waiting import until
from tests.cluster.releases.story import Story, lost

WAITS = [{"weight": 50, "hold": "1h"}]
PASSES = [{"weight": 50, "hold": "0s"}]


@pytest.mark.parametrize(
    ("phase", "steps"), [("Starting", WAITS), ("Stepping", WAITS), ("Promoting", PASSES)]
)
def test_a_release_ends_on_stable(
    story: Callable[..., Story], phase: str, steps: list[dict[str, object]]
) -> None:
    shop = story(replicas=2, steps=steps)
    # A rollout of stable that takes long enough to be met in it.
    shop.patch("deployment", {"spec": {"minReadySeconds": 10}})
    (stable,) = shop.replica_sets()
    load = shop.load()
    shop.set_image("v3")
    shop.await_release(phase)
    shop.shop.kubectl("delete", "releaseplan", NAME, "--timeout=90s", seconds=100)
    assert shop.backends() == {NAME: 1}
    assert shop.canary() == {}
    assert shop.get("service", f"{NAME}-canary") == {}
    until("the releases to go", lambda: shop.get("releases") == {}, seconds=30)
    deployment = shop.deployment()
    assert deployment["spec"]["paused"] is True
    assert "kubectl" in deployment["metadata"]["annotations"][LEFT_PAUSED_ANNOTATION]
    assert PLAN_LABEL not in deployment["metadata"]["labels"]
    assert "Stalled" not in shop.conditions("deployment")
    until("the pods to be stable's", lambda: with_pods(shop) == {stable: 2}, seconds=60)
    assert lost(load.stop()) == 0


def with_pods(shop: Story) -> dict[str, int]:
    """Return the ReplicaSets of the user's Deployment that have pods, and how many are ready."""
    items = shop.get("replicasets")["items"]
    return {
        item["metadata"]["name"]: item["status"].get("readyReplicas", 0)
        for item in items
        if item["status"]["replicas"]
    }


def test_a_rejection_leaves_no_mark_behind(story: Callable[..., Story]) -> None:
    shop = story(replicas=1)
    shop.set_image("v5")
    shop.await_plan("Rejected", seconds=120)
    until("the mark", lambda: "Stalled" in shop.conditions("deployment"), seconds=10)
    shop.shop.kubectl("delete", "releaseplan", NAME, "--timeout=60s", seconds=70)
    assert "Stalled" not in shop.conditions("deployment")
    assert shop.deployment()["spec"]["paused"] is True
    until("the releases to go", lambda: shop.get("releases") == {}, seconds=30)


@pytest.mark.parametrize("cascade", ["background", "foreground"])
def test_a_plan_made_again_takes_over_what_was_left(
    story: Callable[..., Story], cascade: str
) -> None:
    shop = story(replicas=1, steps=WAITS)
    shop.set_image("v3")
    shop.await_release("Stepping")
    words = (f"--cascade={cascade}", "--timeout=90s")
    shop.shop.kubectl("delete", "releaseplan", NAME, *words, seconds=100)
    shop.apply_plan(steps=WAITS)
    shop.await_release("Stepping")
    deployment = shop.deployment()
    assert LEFT_PAUSED_ANNOTATION not in deployment["metadata"]["annotations"]
    assert deployment["spec"]["paused"] is True
    assert shop.plan()["stable"]["images"] == [shop.images["v1"]]


def test_a_namespace_goes_in_the_middle_of_a_release(story: Callable[..., Story]) -> None:
    shop = story(replicas=1, steps=WAITS)
    shop.set_image("v3")
    shop.await_release("Stepping")
    shop.shop.kubectl("delete", "namespace", shop.shop.namespace, "--timeout=120s", seconds=130)
    assert shop.get("namespace", shop.shop.namespace) == {}
