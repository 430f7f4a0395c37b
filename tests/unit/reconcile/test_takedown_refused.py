"""A take-down that the cluster refuses in part, and one that a kill interrupts.

All that can be done is done, what is recorded says so, and the rest is tried again soon.
"""

from contextlib import suppress
from datetime import timedelta

import pytest

from controller.api.release import Abort, Phase
from controller.kube import kinds
from controller.kube.errors import ApiError
from tests.unit.reconcile.shop import NEXT, NOW, ROUTES, STABLE, Shop, a_release, replica_set, route
from tests.unit.release.given import SECOND, at_step

ABORT = Abort(by="ann", at=NOW, reason="looks odd")
REGRESSED = at_step(
    phase="RollingBack",
    reason="Regressed",
    message="errors 1.0 % became 5.0 %.",
    outcome="RolledBack",
    verdict="Regressed",
    step_since=None,
    weight={"wanted": 0, "confirmed": 5},
)


def promoting_and_aborted(shop: Shop) -> None:
    """Put a release on the server whose promotion a person has just aborted."""
    release = a_release(**at_step(2, phase="Promoting", reason="Earned"))
    spec = release.spec.model_copy(update={"abort": ABORT})
    shop.put_release(release.model_copy(update={"spec": spec}))
    for name in ROUTES:
        shop.api.put(kinds.HTTP_ROUTE, route(name, 50))
    rolling = shop.deployment()
    shop.api.put(kinds.DEPLOYMENT, {**rolling, "spec": {**rolling["spec"], "paused": False}})


@pytest.mark.parametrize("status", [400, 403, 409, 422, 429, 500])
def test_what_one_refusal_leaves_to_do_is_done_recorded_and_tried_again(
    shop: Shop, status: int
) -> None:
    promoting_and_aborted(shop)
    for name in ROUTES:
        shop.api.refuse("PATCH", kinds.HTTP_ROUTE, name, *[status] * 8)
    before = shop.weights()

    assert shop.pass_over_release() == 0.0  # its status has changed

    assert shop.weights() == before
    assert shop.deployment()["spec"]["paused"] is True
    status_now = shop.release().status
    assert (status_now.phase, status_now.outcome) == (Phase.ROLLING_BACK, "Aborted")
    assert status_now.message == "ann aborted the release: looks odd"

    assert shop.pass_over_release() == pytest.approx(2.0)
    shop.api.refusals.clear()
    shop.pass_over_release(NOW + 2 * SECOND)
    assert shop.weights() == [None, None]


def test_a_stop_that_fails_is_recorded_too_and_traffic_is_off(shop: Shop) -> None:
    promoting_and_aborted(shop)
    stop = shop.api.refuse("PATCH", kinds.DEPLOYMENT, "checkout", 409)

    shop.pass_over_release()

    assert stop in shop.api.writes
    assert shop.weights() == [None, None]
    assert shop.release().status.phase is Phase.ROLLING_BACK
    shop.pass_over_release()
    assert shop.deployment()["spec"]["paused"] is True


def test_only_this_releases_pods_are_taken_out_of_the_users_deployment(shop: Shop) -> None:
    promoting_and_aborted(shop)
    for name, version, pods in (("checkout-a", 1, 3), ("checkout-b", 2, 1), ("checkout-0", 0, 0)):
        shop.api.put(kinds.REPLICA_SET, replica_set(name, "checkout", version, pods))

    for second in range(3):
        shop.pass_over_release(NOW + second * SECOND)

    assert shop.deployment()["spec"]["paused"] is True
    sets = [shop.api.get(kinds.REPLICA_SET, f"checkout-{name}") for name in "0ab"]
    assert [found["spec"]["replicas"] for found in sets if found] == [0, 3, 0]


def follow_to_its_end(shop: Shop) -> int:
    """Do passes a second apart until the release has ended; return how often they were killed."""
    kills = 0
    for second in range(1, 30):
        now = NOW + second * SECOND
        with suppress(ApiError):
            shop.pass_over_release(now)
        if shop.api.dies_after == 0:
            shop.api.dies_after, kills = None, kills + 1  # a new process begins
        if shop.release().status.finished_at is not None:
            return kills
    raise AssertionError(f"it does not end: {shop.release().status}")


def test_no_write_of_a_take_down_is_left_out_below(shop: Shop) -> None:
    shop.put_release(a_release(**REGRESSED))
    assert follow_to_its_end(shop) == 0
    assert len(shop.api.writes) == WRITES


# Both routes, weight confirmed, traffic seen off, Deployment and Service deleted, the end.
WRITES = 7


@pytest.mark.parametrize("carried_out", range(WRITES))
def test_a_kill_between_any_two_writes_changes_no_outcome(shop: Shop, carried_out: int) -> None:
    shop.put_release(a_release(**REGRESSED))
    shop.api.dies_after = carried_out

    assert follow_to_its_end(shop) == 1

    status = shop.release().status
    assert (status.phase, status.reason) == (Phase.ROLLED_BACK, "Regressed")
    assert status.message.startswith("errors 1.0 % became 5.0 %; ")
    assert shop.weights() == [None, None]
    assert shop.api.get(kinds.DEPLOYMENT, "checkout-canary") is None
    assert shop.api.get(kinds.SERVICE, "checkout-canary") is None

    shop.pass_over_plan(NOW + timedelta(minutes=1))
    plan = shop.plan().status
    assert plan.phase == "Rejected"
    assert [(r.revision, r.reason) for r in plan.rejected] == [(NEXT, "Regressed")]
    assert plan.stable is not None
    assert plan.stable.revision == STABLE
