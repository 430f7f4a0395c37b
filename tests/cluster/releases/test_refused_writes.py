"""What the cluster refuses to have written keeps nothing else from going on, and is said."""

from collections.abc import Callable

from dev.shop.deploy import NAME
from dev.waiting import until
from tests.cluster.releases.frozen import FREEZE, frozen
from tests.cluster.releases.story import Story
from tests.cluster.releases.test_broken_routes import again

CANARY = f"{NAME}-canary"
SPLIT = {NAME: 950, CANARY: 50}  # 5 %
OTHER = "checkout-other"


def test_a_route_that_cannot_be_written_keeps_no_other_on_the_canary(
    story: Callable[..., Story],
) -> None:
    shop = story(replicas=1, adopt=False)
    route = again(shop.get("httproute", NAME))
    other = {**route, "metadata": {**route["metadata"], "name": OTHER}}
    shop.apply({**other, "spec": {**other["spec"], "hostnames": [f"other-{shop.shop.hostname}"]}})
    shop.adopt(traffic={"service": NAME, "httpRoutes": [NAME, OTHER]})
    shop.set_image("v3")
    shop.await_backends(SPLIT)
    shop.await_backends(SPLIT, route=OTHER)
    # Named first in the plan, so it is written before the other.
    with frozen(shop, "gateway.networking.k8s.io", "httproutes"):
        shop.gander("abort", "checkout-1")
        shop.await_backends({NAME: 1}, route=OTHER, seconds=10)
        assert SPLIT == shop.backends()
        status = shop.await_release("RollingBack", reason="AbortedByPerson")
        assert status["weight"]["confirmed"] > 0
        until("an Event on it", lambda: "ClusterRefused" in events(shop), seconds=10)
        assert FREEZE in events(shop)["ClusterRefused"]
        # Users still get there.
        assert 1 == shop.canary()["status"]["readyReplicas"]
    assert "Aborted" == shop.await_end(seconds=30)["phase"]
    assert {NAME: 1} == shop.backends()
    assert {} == shop.canary()


def test_traffic_is_off_though_nothing_can_be_recorded(story: Callable[..., Story]) -> None:
    shop = story(replicas=1)
    shop.set_image("v3")
    shop.await_backends(SPLIT)
    shop.await_release("Stepping", reason="Collecting")
    with frozen(shop, "gander.dev", "releases", name="checkout-1", part="status"):
        before = shop.release()
        shop.gander("abort", "checkout-1")
        shop.await_backends({NAME: 1}, seconds=15)
        assert before == shop.release()
    status = shop.await_end(seconds=90)
    assert ("Aborted", "AbortedByPerson") == (status["phase"], status["reason"])
    assert {} == shop.canary()


def test_a_deployment_that_cannot_be_written_blocks_its_plan_and_no_other(
    story: Callable[..., Story],
) -> None:
    shop = story(replicas=1, adopt=False)
    with frozen(shop, "apps", "deployments"):
        shop.apply_plan()
        shop.await_plan("Blocked")
        ready = shop.conditions("releaseplan")["Ready"]
        assert ("False", "ClusterRefused") == (ready["status"], ready["reason"])
        assert FREEZE in ready["message"]
        assert FREEZE in shop.events("ReleasePlan", NAME)["ClusterRefused"]
        story(replicas=1)  # is adopted meanwhile
    shop.await_plan("Idle", seconds=60)
    assert "Guarded" == shop.plan()["guard"]


def test_what_has_the_canarys_name_and_is_not_ours_is_left_alone(
    story: Callable[..., Story],
) -> None:
    shop = story(replicas=1)
    shop.set_image("v3")
    shop.await_backends(SPLIT)
    disown = {"metadata": {"ownerReferences": None, "labels": {"gander.dev/release": None}}}
    shop.patch("service", disown, name=CANARY)
    shop.await_release("Holding", reason="CanaryBehindOtherService")
    words = f"Service {CANARY} exists and is not Gander's, and its users meet the canary; rename or"
    assert words in shop.release()["message"]
    assert words in events(shop)["CanaryBehindOtherService"]
    assert [] == owners(shop)

    shop.shop.kubectl("delete", "service", CANARY)
    until("a Service of ours", lambda: owners(shop) == ["Release"], seconds=30, explain=shop.told)
    shop.await_backends(SPLIT)


def owners(shop: Story) -> list[str]:
    """Return the kinds of what owns the canary's Service."""
    metadata = shop.get("service", CANARY).get("metadata", {})
    return [owner["kind"] for owner in metadata.get("ownerReferences", [])]


def events(shop: Story) -> dict[str, str]:
    """Return what the Events of the first release say, by reason."""
    return shop.events("Release", "checkout-1")
