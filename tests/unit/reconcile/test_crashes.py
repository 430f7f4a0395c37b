"""When pods crashed, and whether most of stable's did since the release began."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controller.reconcile.crashes import last_crash, stable_crash
from controller.reconcile.release import gather
from controller.release.facts import StableCrash
from tests.unit.reconcile import shop
from tests.unit.reconcile.known import known

BEGAN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def status(at: datetime | None, ready_at: datetime | None, **state: Any) -> dict[str, Any]:
    """Return the status of a pod whose container ended at one moment and is ready since another."""
    ended = {"exitCode": 137, "reason": "Error", "finishedAt": at.isoformat()} if at else None
    container = {"name": "app", "restartCount": 1 if at else 0, "state": state}
    container["lastState"] = {"terminated": ended} if ended else {}
    ready = {"type": "Ready", "status": "True" if ready_at else "False"}
    since = (ready_at or at or BEGAN).isoformat()
    return {
        "containerStatuses": [container],
        "conditions": [{**ready, "lastTransitionTime": since}],
    }


WELL = status(None, BEGAN - 10 * MINUTE)
LOOPING = status(BEGAN + MINUTE, None, waiting={"reason": "CrashLoopBackOff"})
HEALED = status(BEGAN + MINUTE, BEGAN + 2 * MINUTE)
BEFORE = status(BEGAN - MINUTE, BEGAN - MINUTE / 2)


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        ([WELL, WELL], None),
        ([LOOPING, LOOPING], (2, None)),
        ([HEALED, HEALED], (2, BEGAN + 2 * MINUTE)),
        ([HEALED, LOOPING, WELL], (2, None)),
        ([LOOPING, WELL], None),  # one bad pod is not what the arms share
        ([BEFORE, BEFORE], None),
        ([], None),
    ],
)
def test_stable_crashes_when_most_of_its_pods_did(
    pods: list[dict[str, Any]], expected: tuple[int, datetime | None] | None
) -> None:
    items = [shop.pod(f"stable-{n}", "checkout-a", **each) for n, each in enumerate(pods)]
    world = known(shop.replica_set("checkout-a", 1, 2), *items)
    found = stable_crash(world.pods_of(world.replica_sets.all()), BEGAN)
    assert found == (expected and StableCrash(expected[0], "stable-0", expected[1]))


def test_a_pod_that_has_ended_now_crashed_then() -> None:
    now = {"terminated": {"exitCode": 1, "finishedAt": BEGAN.isoformat()}}
    done = {"terminated": {"exitCode": 0, "finishedAt": (BEGAN + MINUTE).isoformat()}}
    pod = status(BEGAN - MINUTE, None, **now)
    pod["initContainerStatuses"] = [{"name": "init", "state": done}]
    world = known(shop.replica_set("checkout-a", 1, 1), shop.pod("stable-0", "checkout-a", **pod))
    assert last_crash(world.pods.all()) == BEGAN


def test_the_facts_of_a_release_tell_of_both_arms() -> None:
    crashed = [shop.pod(f"stable-{n}", "checkout-a", **LOOPING) for n in range(4)]
    facts = gather(
        known(*shop.SHOP, *crashed, shop.pod("canary-1", "canary-b", **HEALED)), shop.a_release()
    )
    assert facts.stable.crash == StableCrash(4, "stable-0", None)
    assert facts.canary is not None
    assert facts.canary.crashed_at == BEGAN + MINUTE
