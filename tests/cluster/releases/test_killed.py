"""A controller that is killed anywhere continues where it was, and no weight is above its step's.

Killed means SIGKILL to the process, with the release's traffic flowing and nobody to clean up.
"""

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from controller.kube.client import Client
from dev import cluster, processes
from dev.environment import Environment
from dev.layout import Layout
from dev.shop.deploy import NAME
from dev.waiting import until
from tests.cluster.releases.frozen import frozen
from tests.cluster.releases.history import recorded
from tests.cluster.releases.installed import Installed
from tests.cluster.releases.instruments import await_alert
from tests.cluster.releases.story import Story, lost

pytestmark = pytest.mark.disruptive
CANARY = f"{NAME}-canary"
READY = {NAME: 1, CANARY: 0}  # in place, and no user meets it


@pytest.fixture
def layout(environment: Environment) -> Iterator[Layout]:
    """Return where the cluster of ours is; Alertmanager runs in it again at the end."""
    assert environment.name, "stopping Alertmanager takes a cluster of ours; unset KUBECONFIG"
    found = Layout.of(environment.name, os.environ)
    yield found
    cluster.start(found, "alertmanager", print)


def killed_in(
    installed: Installed, story: Story, phase: str, reason: str | None = None, *, number: int = 1
) -> None:
    """Kill the controller as soon as the release is in a phase; wait until one leads again.

    A release is Pending until a status of it is stored; the caller sees to it that it stays so.
    """
    pod = installed.pod()
    process = installed.process(pod)
    if phase != "Pending":
        story.await_release(phase, number=number, reason=reason)
    os.kill(process, signal.SIGKILL)
    assert story.release(number).get("phase", "Pending") == phase
    installed.replace(pod)
    installed.await_ready()


def test_a_release_of_which_nothing_is_recorded_yet_goes_on(
    story: Callable[..., Story], client: Client, installed: Installed
) -> None:
    """It is Pending for as long as its status cannot be written, whatever was done for it."""
    shop = story(replicas=2, steps=[{"weight": 5, "hold": "1h"}])
    first, second = f"{NAME}-1", f"{NAME}-2"
    shop.set_image("v3")
    shop.await_release("Starting")
    shop.gander("abort", first)
    shop.await_end()
    shop.await_plan("Held")
    load = shop.load()

    def refused() -> bool:
        """Tell whether the controller that runs now has tried to record something."""
        counted = installed.samples(installed.pod())
        return counted.get(("controller_runtime_reconcile_total", ("release", "error")), 0.0) > 0

    with recorded(client, shop.shop.namespace) as history:
        # That a policy is in force shows on an object that is there, so the first is named, too.
        with frozen(shop, "gander.dev", "releases", name=first, also=(second,), part="status"):
            shop.gander("retry", first)
            shop.await_backends(READY)
            killed_in(installed, shop, "Pending", number=2)
            until("the next controller to be refused", refused, seconds=30, explain=shop.told)
            assert shop.get("release", second).get("status", {}) == {}
            assert shop.backends() == READY
        shop.await_release("Stepping", number=2, reason="Collecting")
    assert shop.shares() == {NAME: 95, CANARY: 5}
    weights = history.weights()
    assert [pair for pair in weights if pair[0] > pair[1]] == []
    assert (0, 0) in weights
    assert lost(load.stop()) == 0


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


def test_what_the_judge_took_back_is_rejected_and_told_when_the_controller_was_killed(
    story: Callable[..., Story], client: Client, installed: Installed, layout: Layout
) -> None:
    shop = story(replicas=2, traffic={"service": NAME, "httpRoutes": [NAME], "drain": "20s"})
    load = shop.load()
    # Nobody can be told before the controller is killed, so whoever is told hears it of the next.
    processes.stop(layout, "alertmanager")
    with recorded(client, shop.shop.namespace) as history:
        shop.set_image("v6")
        killed_in(installed, shop, "RollingBack", "Regressed")
        cluster.start(layout, "alertmanager", print)
        alert = await_alert(shop.shop)
        status = shop.await_end()
    assert (status["phase"], status["reason"]) == ("RolledBack", "Regressed")
    assert alert["labels"].items() >= {"release": f"{NAME}-1", "reason": "Regressed"}.items()
    for told in (alert["annotations"]["cause"], status["message"]):
        assert told.startswith("http-errors 100 % against 0 % ")
    rejected = shop.await_plan("Rejected")["rejected"]
    assert [rejection["release"] for rejection in rejected] == [f"{NAME}-1"]
    assert shop.canary() == {}
    assert shop.backends() == {NAME: 1}
    assert [pair for pair in history.weights() if pair[0] > pair[1]] == []
    assert lost(load.stop()) == 0


def test_a_release_without_evidence_goes_on_holding_when_the_controller_was_killed(
    story: Callable[..., Story], client: Client, installed: Installed
) -> None:
    shop = story(replicas=2, steps=[{"weight": 5, "hold": "10s"}, {"weight": 50, "hold": "1h"}])
    load = shop.load()
    with recorded(client, shop.shop.namespace) as history:
        shop.set_image("v3")
        before = shop.await_evidence()
        assert lost(load.stop()) == 0
        killed_in(installed, shop, "Holding", "NoTraffic")
        held = shop.holds("NoTraffic", seconds=20)  # four looks
        assert held["step"] == 1
        (known,), (kept,) = before["metrics"], held["metrics"]
        assert kept["canaryRequests"] >= known["canaryRequests"] > 0
        load = shop.load()
        shop.await_step(2)
    assert [pair for pair in history.weights() if pair[0] > pair[1]] == []
    assert lost(load.stop()) == 0
