"""A promotion whose rollout gave up: whether it is this one's, and whether the version is to blame.

Kubernetes leaves Progressing=False/ProgressDeadlineExceeded on a Deployment through a pause and
after it, until a new ReplicaSet is made or the rollout gets on.
"""

from datetime import datetime
from typing import Any

import pytest

from controller.kube import kinds
from tests.unit.reconcile.apiserver import Json
from tests.unit.reconcile.shop import NEXT, NOW, Shop, a_release, pod, replica_set
from tests.unit.release.given import SECOND, at_step

DEADLINE = 600 * SECOND
GAVE_UP = NOW + DEADLINE
PROMOTING = at_step(2, phase="Promoting", reason="Earned", phase_since=NOW)
CRASHED = {
    "containerStatuses": [
        {
            "name": "app",
            "restartCount": 3,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
        }
    ]
}
UNSCHEDULED = {
    "phase": "Pending",
    "conditions": [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/3 nodes are available: 3 Insufficient cpu.",
        }
    ],
}
UNPULLED = {
    "phase": "Pending",
    "containerStatuses": [
        {"name": "app", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "gone"}}}
    ],
}
QUOTA = {
    "type": "ReplicaFailure",
    "status": "True",
    "reason": "FailedCreate",
    "message": "pods is forbidden: exceeded quota: pods",
}


def progressing(since: str) -> Json:
    return {
        "type": "Progressing",
        "status": "False",
        "reason": "ProgressDeadlineExceeded",
        "message": 'ReplicaSet "checkout-b" has timed out progressing.',
        "lastTransitionTime": since,
    }


def rolling(shop: Shop, since: str, *conditions: Json, pods: Json | None = None) -> None:
    """Have the promotion under way, with one pod of the next template."""
    shop.put_release(a_release(**PROMOTING))
    found = shop.deployment()
    status = {**found["status"], "conditions": [progressing(since), *conditions]}
    spec = {**found["spec"], "paused": False}
    shop.api.put(kinds.DEPLOYMENT, {**found, "spec": spec, "status": status})
    shop.api.put(kinds.REPLICA_SET, replica_set("checkout-b", "checkout", 2, 1))
    if pods is not None:
        shop.api.put(kinds.POD, pod("next-1", "checkout-b", **pods))


def outcome(shop: Shop, now: datetime = GAVE_UP) -> tuple[str, str, str]:
    shop.pass_over_release(now)
    status = shop.release().status
    return status.phase.value, status.outcome, status.reason


OWN = "2026-03-01T12:10:00Z"


@pytest.mark.parametrize("at", ["2026-03-01T11:59:59Z", "2026-02-01T12:00:00Z"])
def test_a_rollout_that_gave_up_before_this_promotion_rejects_nothing(shop: Shop, at: str) -> None:
    rolling(shop, at, pods={})
    for now in (NOW, GAVE_UP - SECOND):
        assert outcome(shop, now) == ("Promoting", "", "Earned")


@pytest.mark.parametrize("pods", [{}, CRASHED, UNSCHEDULED, None])
def test_one_that_has_not_moved_at_all_since_is_aborted_and_not_rejected(
    shop: Shop, pods: Any
) -> None:
    """Such as a retry whose first pod nobody can make: the condition is never written anew."""
    rolling(shop, "2026-03-01T11:59:59Z", pods=pods)
    assert outcome(shop) == ("RollingBack", "Aborted", "StableRolloutFailed")


def test_what_kubernetes_has_not_yet_seen_unpaused_says_nothing(shop: Shop) -> None:
    rolling(shop, OWN, pods={})
    found = shop.deployment()
    shop.api.put(kinds.DEPLOYMENT, {**found, "metadata": {**found["metadata"], "generation": 2}})
    assert outcome(shop) == ("Promoting", "", "Earned")


def test_a_condition_that_a_pause_has_kept_says_nothing(shop: Shop) -> None:
    rolling(shop, OWN, pods={})
    found = shop.deployment()
    shop.api.put(kinds.DEPLOYMENT, {**found, "spec": {**found["spec"], "paused": True}})
    assert outcome(shop)[0] == "Promoting"


@pytest.mark.parametrize("pods", [{}, CRASHED], ids=["nothing else is wrong", "crashes"])
def test_its_own_rollout_that_gave_up_is_rolled_back(shop: Shop, pods: Json) -> None:
    rolling(shop, OWN, pods=pods)
    assert outcome(shop) == ("RollingBack", "RolledBack", "StableRolloutFailed")
    assert "has timed out progressing" in shop.release().status.message


@pytest.mark.parametrize(
    ("conditions", "pods", "words"),
    [
        ((), UNSCHEDULED, "0/3 nodes are available"),
        ((), UNPULLED, "gone"),
        ((QUOTA,), None, "exceeded quota"),
    ],
    ids=["no node", "no image", "quota"],
)
def test_what_the_cluster_could_not_carry_is_aborted_and_never_rejected(
    shop: Shop, conditions: tuple[Json, ...], pods: Any, words: str
) -> None:
    rolling(shop, OWN, *conditions, pods=pods)
    assert outcome(shop) == ("RollingBack", "Aborted", "StableRolloutFailed")
    assert words in shop.release().status.message

    for second in range(1, 20):
        shop.pass_over_release(GAVE_UP + second * SECOND)
        emptied = shop.api.get(kinds.REPLICA_SET, "checkout-b")
        if emptied is not None and emptied["spec"]["replicas"] == 0:
            shop.api.put(kinds.REPLICA_SET, replica_set("checkout-b", "checkout", 2, 0))
    assert shop.release().status.phase == "Aborted"
    shop.pass_over_plan(GAVE_UP + 20 * SECOND)
    plan = shop.plan().status
    assert (plan.phase, plan.held, plan.rejected) == ("Held", NEXT, ())
