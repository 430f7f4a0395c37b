"""A controller that is killed anywhere continues where it was, and no weight is above its step's.

Killed means SIGKILL to the process, with the release's traffic flowing and nobody to clean up.
"""

import os
import signal
from collections.abc import Callable

import pytest

from controller.kube.client import Client
from dev.shop.deploy import NAME
from tests.cluster.releases.history import recorded
from tests.cluster.releases.installed import Installed
from tests.cluster.releases.story import Story, lost

pytestmark = pytest.mark.disruptive


def killed_in(installed: Installed, story: Story, phase: str, reason: str | None = None) -> None:
    """Kill the controller as soon as the release is in a phase; wait until one leads again."""
    pod = installed.pod()
    process = installed.process(pod)
    story.await_release(phase, reason=reason)
    os.kill(process, signal.SIGKILL)
    assert story.release()["phase"] == phase
    installed.replace(pod)
    installed.await_ready()


def test_a_good_version_goes_out_whenever_the_controller_is_killed(
    story: Callable[..., Story], client: Client, installed: Installed
) -> None:
    shop = story(
        replicas=2,
        steps=[{"weight": 5, "hold": "10s"}, {"weight": 50, "hold": "0s"}],
        traffic={"service": NAME, "httpRoutes": [NAME], "drain": "20s"},
    )
    # A rollout of stable that takes long enough to be met in it.
    shop.patch("deployment", {"spec": {"minReadySeconds": 10}})
    load = shop.load()
    with recorded(client, shop.shop.namespace) as history:
        shop.set_image("v3")
        killed_in(installed, shop, "Starting")
        shop.await_release("Stepping", reason="Collecting")
        assert shop.shares()[f"{NAME}-canary"] == 5
        killed_in(installed, shop, "Stepping")
        only_stable = {"backendRefs": [{"name": NAME, "port": 80}]}
        shop.patch("httproute", {"spec": {"rules": [only_stable]}})
        killed_in(installed, shop, "Holding", "RouteOverwritten")
        killed_in(installed, shop, "Promoting")
        killed_in(installed, shop, "Finishing")
        status = shop.await_end()
    assert (status["phase"], status["reason"]) == ("Succeeded", "Released")
    assert shop.canary() == {}
    assert shop.backends() == {NAME: 1}
    weights = history.weights()
    assert [pair for pair in weights if pair[0] > pair[1]] == []
    assert {5, 50} <= {percent for percent, _ in weights}
    assert lost(load.stop()) == 0


def test_a_rollback_goes_on_when_the_controller_was_killed_in_it(
    story: Callable[..., Story], client: Client, installed: Installed
) -> None:
    shop = story(
        replicas=2,
        steps=[{"weight": 5, "hold": "1h"}],
        traffic={"service": NAME, "httpRoutes": [NAME], "drain": "20s"},
    )
    load = shop.load()
    with recorded(client, shop.shop.namespace) as history:
        shop.set_image("v3")
        shop.await_release("Stepping", reason="Collecting")
        shop.gander("abort", f"{NAME}-1")
        killed_in(installed, shop, "RollingBack")
        status = shop.await_end()
    assert (status["phase"], status["reason"]) == ("Aborted", "AbortedByPerson")
    assert shop.canary() == {}
    assert shop.backends() == {NAME: 1}
    assert [pair for pair in history.weights() if pair[0] > pair[1]] == []
    assert shop.await_plan("Held")["lastOutcome"] == "Aborted"
    assert lost(load.stop()) == 0
