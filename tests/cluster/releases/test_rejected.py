"""A revision that was taken back stays out, whoever applies it again, until a person says retry."""

from collections.abc import Callable

import pytest

from dev import gander
from dev.environment import Environment
from dev.reach import kubectl
from dev.shop.deploy import NAME
from dev.waiting import until
from tests.cluster.releases.instruments import await_alert, await_no_alert
from tests.cluster.releases.story import Json, Story


def reject(shop: Story) -> Json:
    """Have v5 taken back; return the plan's status."""
    shop.set_image("v5")
    assert "RolledBack" == shop.await_end()["phase"]
    return shop.await_plan("Rejected")


def release_names(shop: Story) -> list[str]:
    return [item["metadata"]["name"] for item in shop.get("releases")["items"]]


def assert_says_how_to_retry(shop: Story) -> None:
    way_out = f"try it again with kubectl gander retry checkout-1 -n {shop.shop.namespace}"
    assert way_out in shop.conditions("releaseplan")["Stalled"]["message"]
    mark = shop.conditions("deployment")["Stalled"]
    assert ("True", "RevisionRejected") == (mark["status"], mark["reason"])
    assert way_out in mark["message"]


def test_the_same_image_again_is_no_new_release(story: Callable[..., Story]) -> None:
    shop = story(replicas=1)
    first = reject(shop)["rejected"]
    await_alert(shop.shop)
    assert_says_how_to_retry(shop)
    stable = shop.replica_sets()

    shop.set_image("v1")
    shop.await_plan("Idle")
    await_no_alert(shop.shop)
    assert "Stalled" not in shop.conditions("deployment")
    assert not shop.deployment()["spec"].get("paused", False)
    assert stable == shop.replica_sets()

    shop.set_image("v5")
    again = shop.await_plan("Rejected")
    assert shop.deployment()["spec"]["paused"]
    assert first == again["rejected"]
    assert ["checkout-1"] == release_names(shop)
    assert_says_how_to_retry(shop)
    assert {} == shop.canary()


def test_a_retry_is_a_new_release_of_the_same_revision(story: Callable[..., Story]) -> None:
    shop = story(replicas=1)
    rejected = reject(shop)["rejected"]
    alert = await_alert(shop.shop)
    assert "checkout-1" == alert["labels"]["release"]
    shop.gander("retry", "checkout-1", "--reason=the setting is there now")
    assert "RolledBack" == shop.await_end(2)["phase"]
    revisions = [item["spec"]["revision"] for item in shop.get("releases")["items"]]
    assert [rejected[0]["revision"]] * 2 == revisions
    again = shop.await_plan("Rejected")["rejected"]
    assert ["checkout-2"] == [rejection["release"] for rejection in again]
    assert "checkout-2" == await_alert(shop.shop)["labels"]["release"]


@pytest.mark.disruptive
def test_a_controller_that_starts_anew_keeps_it_out(
    story: Callable[..., Story], environment: Environment
) -> None:
    shop = story(replicas=1)
    reject(shop)
    alert = await_alert(shop.shop)
    words = (f"--namespace={gander.NAMESPACE}", "rollout")
    kubectl(environment, *words, "restart", "deployment/gander")
    kubectl(environment, *words, "status", "deployment/gander", "--timeout=90s", seconds=95)
    # A pass of the new controller has looked at everything once the plan's change is observed.
    shop.patch("releaseplan", {"spec": {"history": 11}})
    generation = shop.get("releaseplan", NAME)["metadata"]["generation"]
    until(
        "the new controller to look at the plan",
        lambda: shop.plan()["observedGeneration"] == generation,
        seconds=60,
        explain=shop.told,
    )
    assert "Rejected" == shop.plan()["phase"]
    assert ["checkout-1"] == release_names(shop)
    assert_says_how_to_retry(shop)
    assert alert["fingerprint"] == await_alert(shop.shop)["fingerprint"]
