"""Where nothing holds a change back, the Deployment rests paused and is released all the same."""

import json
from collections.abc import Callable, Iterator

import pytest

from dev.environment import Environment
from dev.reach import kubectl
from tests.cluster.releases.story import Story

BINDING = "mutatingadmissionpolicybinding/gander-hold"
pytestmark = pytest.mark.disruptive


@pytest.fixture
def unguarded(environment: Environment) -> Iterator[Callable[[], None]]:
    """Return a function that takes the guard away; it is put back in the end."""
    binding = json.loads(kubectl(environment, "get", BINDING, "-o", "json"))
    for field in ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"):
        binding["metadata"].pop(field, None)

    def remove() -> None:
        kubectl(environment, "delete", BINDING)

    yield remove
    kubectl(environment, "apply", "--server-side", "-f", "-", stdin=json.dumps(binding))


def test_without_the_guard_a_deployment_rests_paused_and_is_released_all_the_same(
    story: Callable[..., Story], unguarded: Callable[[], None]
) -> None:
    shop = story(replicas=1, steps=[{"weight": 50, "hold": "5s"}])
    assert "Guarded" == shop.plan()["guard"]
    unguarded()
    shop.await_plan("Idle", seconds=60)
    shop._until("guard to be gone", lambda: shop.plan()["guard"] == "AlwaysPaused", 60)
    shop._until(
        "the Deployment to rest paused", lambda: shop.deployment()["spec"].get("paused"), 30
    )
    ready = next(c for c in shop.plan()["conditions"] if c["type"] == "Ready")
    assert "AlwaysPaused" == ready["reason"]
    assert "Argo CD" in ready["message"]

    shop.load(rate=20.0)
    shop.set_image("v3")
    assert "Succeeded" == shop.await_end()["phase"]
    shop.await_plan("Idle")
    shop._until("it to rest paused again", lambda: shop.deployment()["spec"].get("paused"), 30)
    image = shop.deployment()["spec"]["template"]["spec"]["containers"][0]["image"]
    assert shop.images["v3"] == image
