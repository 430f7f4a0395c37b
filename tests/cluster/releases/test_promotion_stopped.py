"""A promotion that the cluster refuses, or that a person pauses, waits with words and goes on."""

import time
from collections.abc import Callable

from controller.kube.client import Client
from dev.shop.deploy import NAME
from dev.waiting import until
from tests.cluster.releases.frozen import FREEZE, frozen
from tests.cluster.releases.history import recorded
from tests.cluster.releases.story import Story, lost

FIRST = ("release", f"{NAME}-1")
PASSES = [{"weight": 50, "hold": "0s"}]
LONG = 20.0  # seconds
# One for each look, and some for what it says; a loop without a pause makes a hundred.
WRITES = 20


def test_one_that_the_cluster_refuses_is_tried_again_without_haste(
    story: Callable[..., Story], client: Client
) -> None:
    shop = story(replicas=1, steps=PASSES)
    load = shop.load()
    shop.set_image("v3")
    shop.await_release("Stepping")
    with frozen(shop, "apps", "deployments"):
        held = shop.await_release("Promoting", reason="ClusterRefused", seconds=180)
        assert FREEZE in held["message"]
        assert FREEZE in shop.events("Release", f"{NAME}-1")["ClusterRefused"]
        with recorded(client, shop.shop.namespace) as history:
            over = time.monotonic() + LONG
            until("the freeze to last", lambda: time.monotonic() > over, seconds=LONG + 10)
        written = [item for _, item in history.writes if item["kind"] == "Release"]
        assert {"Promoting"} == {item["status"]["phase"] for item in [*written, shop.get(*FIRST)]}
        assert len(written) <= WRITES
        until(
            "a look to be stored meanwhile",
            lambda: looks(shop.release()) > looks(held),
            seconds=60,
            explain=shop.told,
        )
    status = shop.await_end(seconds=120)
    assert ("Succeeded", "Released") == (status["phase"], status["reason"])
    assert lost(load.stop()) == 0


def test_one_that_a_person_pauses_stays_paused_until_it_is_resumed(
    story: Callable[..., Story],
) -> None:
    shop = story(replicas=2, steps=PASSES)
    # A rollout that takes long enough to be met in it.
    shop.patch("deployment", {"spec": {"minReadySeconds": 10}})
    load = shop.load()
    shop.set_image("v3")
    shop.await_release("Promoting", seconds=180)
    until("stable to roll", lambda: "paused" not in shop.deployment()["spec"], seconds=30)
    shop.shop.kubectl("rollout", "pause", f"deployment/{NAME}")
    status = shop.await_release("Promoting", reason="RolloutPaused", seconds=30)
    assert "kubectl-rollout paused Deployment" in status["message"]
    over = time.monotonic() + LONG

    def stays() -> bool:
        assert shop.deployment()["spec"]["paused"] is True
        return time.monotonic() > over

    until("the pause to last", stays, seconds=LONG + 30)
    assert "kubectl rollout resume" in shop.events("Release", f"{NAME}-1")["RolloutPaused"]
    shop.shop.kubectl("rollout", "resume", f"deployment/{NAME}")
    status = shop.await_end(seconds=120)
    assert ("Succeeded", "Released") == (status["phase"], status["reason"])
    assert lost(load.stop()) == 0


def looks(status: dict[str, object]) -> int:
    """Return how many looks that had data a release's status knows of."""
    metrics = status["metrics"]
    assert isinstance(metrics, list)
    return sum(metric["looks"] for metric in metrics)
