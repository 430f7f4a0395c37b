"""With no controller running changes are held all the same, and nothing is forgotten."""

from collections.abc import Callable

import pytest

from controller.api.names import LEFT_PAUSED_ANNOTATION, PLAN_LABEL
from dev.shop.deploy import NAME
from dev.waiting import until
from tests.cluster.releases.installed import Installed
from tests.cluster.releases.story import Story

pytestmark = pytest.mark.disruptive


def test_a_change_waits_and_is_released_once_the_controller_is_back(
    story: Callable[..., Story], installed: Installed
) -> None:
    shop = story(replicas=1, steps=[{"weight": 5, "hold": "1h"}])
    before = shop.replica_sets()
    with installed.stopped():
        shop.set_image("v3")
        assert shop.deployment()["spec"]["paused"] is True
        shop.shop.kubectl("scale", "deployment", NAME, "--replicas=2")
        until("stable to scale", lambda: ready(shop) == 2, seconds=60)
        assert list(shop.replica_sets()) == list(before)
        assert shop.release() == {}
    status = shop.await_release("Stepping", reason="Collecting")
    assert shop.get("release", f"{NAME}-1")["spec"]["images"] == [shop.images["v3"]]
    assert status["weight"]["wanted"] == 5
    assert sorted(shop.replica_sets()) == sorted(before)


def test_a_plan_deleted_meanwhile_lets_go_once_the_controller_is_back(
    story: Callable[..., Story], installed: Installed
) -> None:
    """What waits is stable's own template again, so there is nothing to keep paused."""
    shop = story(replicas=1)
    with installed.stopped():
        shop.set_image("v3")
        shop.set_image("v1")
        assert shop.deployment()["spec"]["paused"] is True
        shop.shop.kubectl("delete", "releaseplan", NAME, "--wait=false")
        assert shop.get("releaseplan", NAME)["metadata"]["deletionTimestamp"]
    until("the plan to go", lambda: shop.get("releaseplan", NAME) == {}, seconds=60)
    deployment = shop.deployment()
    assert "paused" not in deployment["spec"]
    assert LEFT_PAUSED_ANNOTATION not in deployment["metadata"]["annotations"]
    assert PLAN_LABEL not in deployment["metadata"]["labels"]


def ready(shop: Story) -> int:
    """Return how many pods the user's Deployment has ready."""
    return int(shop.deployment()["status"].get("readyReplicas", 0))
