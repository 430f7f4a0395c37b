"""A Deployment that is scaled to 0 in the middle of a release: nothing is let through unjudged."""

from collections.abc import Callable

from dev.shop.deploy import NAME
from tests.cluster.releases.story import Story


def test_the_release_holds_and_judges_once_there_are_pods_again(
    story: Callable[..., Story],
) -> None:
    shop = story(replicas=1)
    before = set(shop.replica_sets())
    shop.set_image("v6")
    shop.await_release("Starting")
    shop.shop.kubectl("scale", "deployment", NAME, "--replicas=0")
    shop.holds("ZeroReplicas", seconds=40)  # longer than stable may be down
    assert shop.deployment()["spec"].get("paused") is True

    shop.shop.kubectl("scale", "deployment", NAME, "--replicas=1")
    shop.load()
    status = shop.await_end()
    assert ("RolledBack", "Regressed") == (status["phase"], status["reason"])
    assert "Promoting" not in {entry["phase"] for entry in status["timeline"]}
    assert before == set(shop.replica_sets())
