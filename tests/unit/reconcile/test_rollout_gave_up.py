"""A promotion whose rollout gave up: whether it is this one's, and whether the version is to blame.

Kubernetes leaves Progressing=False/ProgressDeadlineExceeded on a Deployment through a pause and
after it, until a new ReplicaSet is made or the rollout gets on. Here from the objects as they are
read to what is decided.
"""

from datetime import datetime
from typing import Any

import pytest

from controller.api.release import ReleaseStatus
from controller.reconcile.release import gather
from controller.release.machine import decide
from tests.unit.reconcile.known import Item, Json, known
from tests.unit.reconcile.shop import SHOP, a_release, pod, replica_set, routes, users_deployment
from tests.unit.release.given import NOW, SECOND, at_step

DEADLINE = 600 * SECOND
GAVE_UP = NOW + DEADLINE
PROMOTING = a_release(**at_step(2, phase="Promoting", reason="Earned", phase_since=NOW))
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
UNREADY = {"conditions": [{"type": "Ready", "status": "False"}]}
# The kubelet mounts first, and until then says no more than this.
UNMOUNTED = {
    "phase": "Pending",
    "conditions": [{"type": "Ready", "status": "False"}],
    "containerStatuses": [{"name": "app", "state": {"waiting": {"reason": "ContainerCreating"}}}],
}
QUOTA = {
    "type": "ReplicaFailure",
    "status": "True",
    "reason": "FailedCreate",
    "message": "pods is forbidden: exceeded quota: pods",
}
BEFORE = "2026-03-01T11:59:59Z"
OWN = "2026-03-01T12:10:00Z"


def progressing(since: str) -> Json:
    return {
        "type": "Progressing",
        "status": "False",
        "reason": "ProgressDeadlineExceeded",
        "message": 'ReplicaSet "checkout-b" has timed out progressing.',
        "lastTransitionTime": since,
    }


def next_pod(status: Json | None) -> tuple[Item, ...]:
    """Return the pod of the next template in the user's Deployment, if there is one."""
    return () if status is None else (pod("next-1", "checkout-b", **status),)


def outcome(
    deployment: Item, pods: Json | None, now: datetime = GAVE_UP
) -> tuple[ReleaseStatus, tuple[str, str, str]]:
    """Decide about the promotion; return its status, and in short phase, outcome and reason."""
    moved = (deployment, replica_set("checkout-b", 2, 1), *next_pod(pods))
    facts = gather(known(*SHOP, *routes(50), *moved, now=now), PROMOTING)
    status = decide(facts, now).status
    return status, (status.phase.value, status.outcome, status.reason)


@pytest.mark.parametrize("at", [BEFORE, "2026-02-01T12:00:00Z"])
@pytest.mark.parametrize("now", [NOW, GAVE_UP - SECOND])
def test_a_rollout_that_gave_up_before_this_promotion_rejects_nothing(
    at: str, now: datetime
) -> None:
    rolling = users_deployment(progressing(at), paused=False)
    assert outcome(rolling, {}, now)[1] == ("Promoting", "", "Earned")


@pytest.mark.parametrize("pods", [{}, CRASHED, UNSCHEDULED, None])
def test_one_that_has_not_moved_at_all_since_is_aborted_and_not_rejected(pods: Any) -> None:
    """Such as a retry whose first pod nobody can make: the condition is never written anew."""
    rolling = users_deployment(progressing(BEFORE), paused=False)
    assert outcome(rolling, pods)[1] == ("RollingBack", "Aborted", "StableRolloutFailed")


def test_what_kubernetes_has_not_yet_seen_unpaused_says_nothing() -> None:
    unseen = users_deployment(progressing(OWN), paused=False, generation=2)
    assert outcome(unseen, {})[1] == ("Promoting", "", "Earned")


def test_a_condition_that_a_pause_has_kept_says_nothing() -> None:
    assert outcome(users_deployment(progressing(OWN)), {})[1] == ("Promoting", "", "Earned")


@pytest.mark.parametrize("pods", [UNREADY, CRASHED], ids=["never gets ready", "crashes"])
def test_its_own_rollout_that_gave_up_is_rolled_back(pods: Json) -> None:
    status, short = outcome(users_deployment(progressing(OWN), paused=False), pods)
    assert short == ("RollingBack", "RolledBack", "StableRolloutFailed")
    assert "has timed out progressing" in status.message


@pytest.mark.parametrize(
    ("conditions", "pods", "words"),
    [
        ((), UNSCHEDULED, "0/3 nodes are available"),
        ((), UNPULLED, "gone"),
        ((QUOTA,), None, "exceeded quota"),
        ((), UNMOUNTED, "Not started yet: next-1; kubectl describe pod says what is missing"),
        ((), {}, "has timed out progressing"),
    ],
    ids=["no node", "no image", "quota", "no volume", "its pod is ready"],
)
def test_what_the_cluster_could_not_carry_is_aborted(
    conditions: tuple[Json, ...], pods: Any, words: str
) -> None:
    """An aborted revision is held and not rejected; see the plan's tests."""
    rolling = users_deployment(progressing(OWN), *conditions, paused=False)
    status, short = outcome(rolling, pods)
    assert short == ("RollingBack", "Aborted", "StableRolloutFailed")
    assert words in status.message
