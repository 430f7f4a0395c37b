"""A canary that somebody gives another image: its pods prove nothing for the release."""

from collections.abc import Callable

from dev.shop.deploy import NAME
from tests.cluster.releases.story import Story

CANARY = f"{NAME}-canary"


def test_the_version_itself_is_judged(story: Callable[..., Story]) -> None:
    shop = story()
    before = set(shop.replica_sets())
    load = shop.load()
    shop.set_image("v6")
    shop.await_release("Stepping")
    first = shop.canary()["metadata"]["uid"]
    shop.shop.kubectl("set", "image", f"deployment/{CANARY}", f"{NAME}={shop.images['v3']}")
    held = shop.await_release("Holding", reason="CanaryChanged")
    assert f"kubectl-set changed the template of Deployment {CANARY}" in held["message"]

    shop.await_release("Stepping")
    assert first != shop.canary()["metadata"]["uid"]
    status = shop.await_end()
    assert ("RolledBack", "Regressed") == (status["phase"], status["reason"])
    assert 1 == status["step"]
    assert before == set(shop.replica_sets())
    assert {"v1", "v6"} == set(load.stop().versions)  # v3 met no user
