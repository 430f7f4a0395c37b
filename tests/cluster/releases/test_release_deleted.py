"""A release that a person deletes: its plan remembers how it ended, whatever is written meanwhile.

Somebody who writes the plan all the time keeps Gander from writing its status for a while. The
release stays until that has been done; else the same template would start again by itself.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from controller.kube import kinds
from controller.kube.client import Client
from dev.shop.deploy import NAME
from tests.cluster.releases.story import Story

WAITS = [{"weight": 5, "hold": "30m"}]
BETWEEN_WRITES = 0.005  # seconds


@contextmanager
def writing(client: Client, shop: Story) -> Iterator[None]:
    """Write the shop's plan without a pause, as a tool gone wild does."""
    over = threading.Event()

    def write() -> None:
        number = 0
        while not over.wait(BETWEEN_WRITES):
            number += 1
            note = {"metadata": {"annotations": {"example.com/note": str(number)}}}
            client.merge_patch(kinds.RELEASE_PLAN, shop.shop.namespace, NAME, note)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


@pytest.mark.parametrize(
    ("version", "phases"),
    [("v3", ("Stepping",)), ("v5", ("Starting", "RollingBack", "RolledBack"))],
    ids=["good", "crashing"],
)
def test_the_same_template_does_not_start_again(
    story: Callable[..., Story], client: Client, version: str, phases: tuple[str, ...]
) -> None:
    shop = story(replicas=1, steps=WAITS)
    shop.set_image(version)
    with writing(client, shop):
        shop.await_release(*phases)
        shop.shop.kubectl("delete", "release", f"{NAME}-1", "--timeout=120s", seconds=130)
        status = shop.plan()
    waiting = {rejection["revision"] for rejection in status.get("rejected", [])}
    assert 1 == len(waiting | {status["held"]} - {""})
    shop.await_plan("Rejected" if waiting else "Held", seconds=30)
    assert 1 == shop.plan()["releases"]
    assert {} == shop.get("releases")
    message = shop.conditions("releaseplan")["Stalled"]["message"]
    assert f"kubectl rollout restart deployment/{NAME}" in message
    assert "kubectl gander retry" not in message
