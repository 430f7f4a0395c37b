"""Stable's pods crash in the middle of a release, alone or together with the canary's."""

import os
import signal
from collections.abc import Callable

from dev.shop.deploy import NAME
from dev.waiting import until
from tests.cluster.releases.installed import Installed, container
from tests.cluster.releases.story import AT_ONCE, Json, Story

CANARY = f"{NAME}-canary"
STEPS = [{"weight": 25, "hold": "1h"}]
SPLIT = {NAME: 75, CANARY: 25}


def crash(shop: Story, installed: Installed, *, canary: bool) -> None:
    """Kill the process of each pod twice; after the second time the kubelet lets them wait."""
    names = kill(shop, installed, canary=canary)
    until("all pods to run again", lambda: run_again(shop, names), seconds=30, explain=shop.told)
    kill(shop, installed, canary=canary)


def kill(shop: Story, installed: Installed, *, canary: bool) -> set[str]:
    """Kill the process of each pod once; return the names of the pods."""
    pods = [p for p in shop.get("pods")["items"] if canary or not of_canary(p)]
    assert pods
    for pod in pods:
        os.kill(installed.process(pod), signal.SIGKILL)
    return {pod["metadata"]["name"] for pod in pods}


def of_canary(pod: Json) -> bool:
    return str(pod["metadata"]["name"]).startswith(CANARY)


def run_again(shop: Story, names: set[str]) -> bool:
    """Tell whether these pods' containers run after a restart."""
    found = [p for p in shop.get("pods")["items"] if p["metadata"]["name"] in names]
    return all(
        container(pod)["restartCount"] > 0 and "running" in container(pod)["state"] for pod in found
    )


def test_stable_is_down_while_the_canary_is_well(
    story: Callable[..., Story], installed: Installed
) -> None:
    shop = story(replicas=2, steps=STEPS, exposure=AT_ONCE)
    shop.load()
    shop.set_image("v3")
    before = shop.await_evidence()

    crash(shop, installed, canary=False)
    held = shop.await_release("Holding", reason="StableDown")
    assert held["message"].startswith(
        "0 of 2 stable pods are ready; 25 % of the requests go to the canary"
    )
    assert "gander.dev/bypass" in held["message"]
    assert "0 of 2 stable pods" in shop.events("Release", f"{NAME}-1")["StableDown"]
    assert SPLIT == shop.shares()

    shop.await_release("Stepping", reason="Collecting")
    after = shop.await_evidence()
    assert after["step"] == 1
    assert after["stepSince"] > before["stepSince"]
    assert SPLIT == shop.shares()


def test_what_crashes_both_rejects_no_version(
    story: Callable[..., Story], installed: Installed
) -> None:
    shop = story(replicas=2, steps=STEPS, exposure=AT_ONCE)
    shop.load()
    shop.set_image("v3")
    shop.await_evidence()

    crash(shop, installed, canary=True)
    held = shop.await_release("Holding", reason="BothArmsCrash")
    assert f"pod {CANARY}-" in held["message"]
    assert "2 of 2 stable pods have crashed since the release began too" in held["message"]
    shop.await_backends({NAME: 1, CANARY: 0})
    assert "BothArmsCrash" in shop.events("Release", f"{NAME}-1")

    shop.await_release("Stepping", reason="Collecting", seconds=180)
    shop.await_evidence()
    assert SPLIT == shop.shares()
    assert [] == shop.plan().get("rejected", [])
