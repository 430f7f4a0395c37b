"""Uninstalling Gander gives every Deployment back, with its pods serving as they did."""

import json
import os
import signal
from collections.abc import Callable, Iterator

import pytest

from controller.api.names import LEFT_PAUSED_ANNOTATION, PLAN_LABEL
from dev import gander
from dev.environment import Environment
from dev.errors import DevError
from dev.reach import kubectl
from tests.cluster.releases.frozen import frozen
from tests.cluster.releases.installed import Installed
from tests.cluster.releases.story import Story, lost

pytestmark = pytest.mark.disruptive


@pytest.fixture
def reinstalled(environment: Environment) -> Iterator[Callable[[], None]]:
    """Return a function that installs what is installed now; it is called at the end at least."""
    values = json.loads(gander.helm(environment, "get", "values", gander.RELEASE, "--output=json"))
    image = f"{values['image']['repository']}@{values['image']['digest']}"

    def reinstall() -> None:
        gander.install(environment, image)

    yield reinstall
    reinstall()


def pods(story: Story) -> set[str]:
    """Return the uids of the pods that serve stable."""
    items = story.get("pods", "--selector=app=checkout")["items"]
    return {item["metadata"]["uid"] for item in items if "track" not in item["metadata"]["labels"]}


def test_an_uninstall_gives_everything_back(
    story: Callable[..., Story], environment: Environment, reinstalled: Callable[[], None]
) -> None:
    idle, moving = story(), story(steps=[{"weight": 5, "hold": "1h"}])
    loads = [idle.load(rate=20.0), moving.load(rate=20.0)]
    moving.set_image("v3")
    moving.await_release("Stepping")
    before = {each: pods(each) for each in (idle, moving)}

    gander.uninstall(environment)

    for each in (idle, moving):
        assert PLAN_LABEL not in each.deployment()["metadata"]["labels"]
        assert each.backends() == {"checkout": 1}
        assert each.canary() == {}
        assert pods(each) == before[each]
        assert "finalizers" not in each.get("releaseplan", "checkout")["metadata"]
        ready = each.conditions("releaseplan")["Ready"]
        assert ("False", "GanderLeft") == (ready["status"], ready["reason"])
        assert not each.plan().get("guard")
    assert "finalizers" not in moving.get("release", "checkout-1")["metadata"]
    assert not paused(idle)
    assert paused(moving)
    why = moving.deployment()["metadata"]["annotations"][LEFT_PAUSED_ANNOTATION]
    assert "kubectl rollout resume" in why
    assert moving.release()["phase"] == "Aborted"
    left = kubectl(environment, "get", "mutatingadmissionpolicies,crds", "--output=name")
    assert "gander-hold" not in left
    assert "releases.gander.dev" in left

    reinstalled()

    assert idle.await_plan("Idle")["guard"] == "Guarded"
    held = moving.await_plan("Held")
    assert [moving.images["v1"]] == held["stable"]["images"]
    assert paused(moving)
    assert LEFT_PAUSED_ANNOTATION not in moving.deployment()["metadata"]["annotations"]
    assert [lost(load.stop()) for load in loads] == [0, 0]


def test_a_controller_that_died_keeps_nothing_from_being_given_back(
    story: Callable[..., Story],
    environment: Environment,
    reinstalled: Callable[[], None],
    installed: Installed,
) -> None:
    """Its lease runs out first; what it can no longer do, the Job does."""
    shop = story(replicas=1, steps=[{"weight": 5, "hold": "1h"}])
    shop.set_image("v3")
    shop.await_release("Stepping")
    os.kill(installed.process(installed.pod()), signal.SIGKILL)
    gander.uninstall(environment)
    assert shop.backends() == {"checkout": 1}
    assert shop.canary() == {}
    assert PLAN_LABEL not in shop.deployment()["metadata"]["labels"]
    # Nobody is there to take a finalizer off: all of this has to go by itself.
    shop.shop.kubectl("delete", "releaseplan", "checkout", "--timeout=30s")
    shop.shop.kubectl("wait", "--for=delete", "release/checkout-1", "--timeout=30s")
    reinstalled()


def test_an_uninstall_that_cannot_end_leaves_gander_at_work(
    story: Callable[..., Story],
    environment: Environment,
    reinstalled: Callable[[], None],
    installed: Installed,
) -> None:
    """A route that cannot be taken back is no reason to stop caring for the others."""
    gander.helm(
        environment,
        "upgrade",
        gander.RELEASE,
        str(gander.CHART),
        "--reuse-values",
        "--set=leave.deadline=40",
        "--wait",
    )
    stuck = story(replicas=1, steps=[{"weight": 5, "hold": "1h"}])
    stuck.set_image("v3")
    stuck.await_release("Stepping")
    with frozen(stuck, "gateway.networking.k8s.io", "httproutes"):
        with pytest.raises(DevError, match="gander-leave"):
            gander.uninstall(environment)
        installed.await_ready(1)
        assert stuck.release()["phase"] == "RollingBack"
    assert stuck.await_end(seconds=60)["phase"] == "Aborted"
    assert stuck.backends() == {"checkout": 1}
    assert stuck.await_plan("Held")["guard"] == "Guarded"
    reinstalled()


def paused(story: Story) -> bool:
    return bool(story.deployment()["spec"].get("paused", False))
