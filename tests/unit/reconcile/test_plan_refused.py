"""What the cluster refuses to a plan: a condition with its words, another try, nothing claimed."""

import pytest

from controller.api.base import Condition
from controller.kube import kinds
from controller.kube.errors import Unavailable
from tests.unit.reconcile.apiserver import Json
from tests.unit.reconcile.shop import NOW, Shop
from tests.unit.release.given import SECOND


@pytest.fixture
def waiting(shop: Shop) -> Shop:
    """Return the shop with a change that waits and no release yet."""
    for kind, name in (
        (kinds.RELEASE, "checkout-2"),
        (kinds.DEPLOYMENT, "checkout-canary"),
        (kinds.SERVICE, "checkout-canary"),
    ):
        del shop.api.objects[kind.path("shop", name)]
    return shop


def conditions(shop: Shop) -> dict[str, Condition]:
    return {each.type: each for each in shop.plan().status.conditions}


def stored_plan(shop: Shop) -> Json:
    found = shop.api.get(kinds.RELEASE_PLAN, "checkout")
    assert found is not None
    return found


@pytest.mark.parametrize("status", [403, 422])
def test_a_release_that_may_not_be_made_blocks_the_plan_with_the_clusters_words(
    waiting: Shop, status: int
) -> None:
    waiting.api.refuse("POST", kinds.RELEASE, None, status)

    assert waiting.pass_over_plan() == 0.0  # its status has changed

    assert waiting.plan().status.phase == "Blocked"
    stalled = conditions(waiting)["Stalled"]
    assert (stalled.status, stalled.reason) == ("True", "ClusterRefused")
    assert "by the test" in stalled.message
    assert waiting.api.get(kinds.RELEASE, "checkout-2") is None


def test_it_is_tried_again_in_10_seconds_without_a_write_in_between(waiting: Shop) -> None:
    waiting.api.refuse("POST", kinds.RELEASE, None, *[403] * 3)
    waiting.pass_over_plan()
    blocked = stored_plan(waiting)

    for second in (0, 10):
        assert waiting.pass_over_plan(NOW + second * SECOND) == 10.0
        assert stored_plan(waiting) == blocked

    waiting.pass_over_plan(NOW + 20 * SECOND)
    assert waiting.api.get(kinds.RELEASE, "checkout-2") is not None
    assert waiting.plan().status.phase == "Releasing"
    assert conditions(waiting)["Stalled"].status == "False"


def test_a_guard_that_may_not_be_tried_is_not_claimed(waiting: Shop) -> None:
    waiting.pass_over_plan()
    assert waiting.plan().status.guard == "Guarded"
    hours = 3600 * SECOND
    waiting.api.refuse("PATCH", kinds.DEPLOYMENT, "checkout", 403)

    waiting.pass_over_plan(NOW + hours)

    status = waiting.plan().status
    assert (status.phase, status.guard, status.guard_proven_at) == ("Blocked", "", None)
    assert conditions(waiting)["Stalled"].reason == "ClusterRefused"


def test_one_refused_action_keeps_no_other_from_being_done(waiting: Shop) -> None:
    """A change waits that is marked as rejected: the mark goes although no release may be made."""
    found = waiting.deployment()
    mark = {"type": "Stalled", "status": "True", "reason": "RevisionRejected", "message": "old"}
    status = {**found["status"], "conditions": [mark]}
    waiting.api.put(kinds.DEPLOYMENT, {**found, "status": status})
    waiting.api.refuse("POST", kinds.RELEASE, None, 403)

    waiting.pass_over_plan()

    assert waiting.deployment()["status"]["conditions"] == []
    assert waiting.plan().status.phase == "Blocked"


def test_a_server_that_is_away_is_no_refusal(waiting: Shop) -> None:
    waiting.api.refuse("POST", kinds.RELEASE, None, 500)
    before = stored_plan(waiting)
    with pytest.raises(Unavailable):
        waiting.pass_over_plan()
    assert stored_plan(waiting) == before


def test_other_plans_go_on(waiting: Shop) -> None:
    waiting.api.refuse("POST", kinds.RELEASE, None, 403)
    other = stored_plan(waiting)
    spec = {**other["spec"], "traffic": {**other["spec"]["traffic"], "service": "cart"}}
    head = {**other["metadata"], "name": "cart", "uid": "uid-of-cart"}
    waiting.api.put(kinds.RELEASE_PLAN, {**other, "metadata": head, "spec": spec})

    waiting.pass_over_plan()
    waiting.pass_over_plan(name="cart")

    cart = waiting.api.get(kinds.RELEASE_PLAN, "cart")
    assert cart is not None
    reasons = {each["reason"] for each in cart["status"]["conditions"]}
    assert reasons == {"DeploymentMissing"}
