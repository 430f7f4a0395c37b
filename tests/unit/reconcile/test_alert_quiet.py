"""When the alert of a release that was taken back goes quiet, and when it does not."""

from typing import Any

import pytest

from controller.api.plan import ReleasePlan
from controller.api.release import Release
from controller.kube import kinds
from controller.reconcile.alert import fires, number_of_last, why_quiet
from tests.unit.reconcile.known import known
from tests.unit.release import given
from tests.unit.release.given import NOW

BAD, STABLE, OTHER = "bbbbbbbbbb", "aaaaaaaaaa", "cccccccccc"
TAKEN_BACK = given.ended(2, "RolledBack", BAD)


def a_plan(*, deleted: bool = False, stable: str = STABLE, **status: Any) -> ReleasePlan:
    serving = {"revision": stable, "replicaSet": "checkout-a"}
    last = {"phase": "Rejected", "last_release": "checkout-2", "last_outcome": "RolledBack"}
    return given.plan(deleted=deleted, **given.guarded(stable=serving, **{**last, **status}))


def quiet(
    plan: ReleasePlan, release: Release = TAKEN_BACK, *, deployed: bool = True, last: int = 2
) -> str:
    return why_quiet(plan, release, deployed=deployed, last=last)


@pytest.mark.parametrize("phase", ["Rejected", "Releasing", "Held", "Blocked", "Adopting"])
@pytest.mark.parametrize("active", ["", "checkout-3"])
def test_it_fires_until_the_plan_is_healthy_again(phase: str, active: str) -> None:
    """Another release that runs is no end of it: what serves is still what served before."""
    assert quiet(a_plan(phase=phase, active_release=active)) == ""


@pytest.mark.parametrize("stable", [STABLE, OTHER])
def test_it_is_resolved_once_the_plan_rests_on_another_revision(stable: str) -> None:
    assert quiet(a_plan(phase="Idle", stable=stable)) == "PlanHealthy"


def test_a_plan_at_rest_on_the_bad_revision_itself_is_not_healthy() -> None:
    """Too late to stop it: stable's own pods run what was found bad."""
    assert quiet(a_plan(phase="Idle", stable=BAD)) == ""


@pytest.mark.parametrize(("order", "why"), [("Acknowledge", "Acknowledged"), ("Retry", "Retried")])
def test_a_persons_order_resolves_it(order: str, why: str) -> None:
    assert quiet(a_plan(), given.ended(2, "RolledBack", BAD, orders=[order])) == why


def test_a_plan_that_is_deleted_resolves_it() -> None:
    assert quiet(a_plan(phase="Leaving", deleted=True)) == "PlanDeleted"


def test_a_deployment_that_is_gone_resolves_it() -> None:
    assert quiet(a_plan(), deployed=False) == "DeploymentGone"


def test_the_alert_of_a_newer_release_takes_its_place() -> None:
    assert quiet(a_plan(), last=3) == "NewerAlert"


@pytest.mark.parametrize("outcome", ["Aborted", "Superseded"])
def test_a_newer_release_without_an_alert_does_not(outcome: str) -> None:
    assert quiet(a_plan(last_outcome=outcome), last=3) == ""


@pytest.mark.parametrize("last", [0, 1])
def test_an_older_rollback_is_no_newer_alert(last: int) -> None:
    """The plan learns of an end by a pass of its own, and may still show the end before."""
    assert quiet(a_plan(), last=last) == ""


@pytest.mark.parametrize(("name", "number"), [("checkout-3", 3), ("checkout-2", 2), ("", 0)])
def test_the_newest_end_is_the_one_that_the_plan_names(name: str, number: int) -> None:
    releases = (TAKEN_BACK, given.ended(3, "Aborted", OTHER))
    world = known(*((kinds.RELEASE, each.wire()) for each in releases))
    assert number_of_last(world, a_plan(last_release=name)) == number


ROLLING_BACK: dict[str, Any] = {"phase": "RollingBack", "finished_at": None}


def test_a_take_down_that_still_runs_keeps_its_alert() -> None:
    under_way = given.release(revision=BAD, outcome="RolledBack", **ROLLING_BACK)
    assert quiet(a_plan(), under_way, last=3) == ""


@pytest.mark.parametrize(
    "release",
    [
        given.release(revision=BAD, outcome="Aborted", **ROLLING_BACK),
        given.release(revision=BAD, **given.at_step()),
        *(given.ended(2, phase, BAD) for phase in ("Aborted", "Superseded", "Succeeded")),
    ],
    ids=lambda release: f"{release.status.phase.value}{release.status.outcome}",
)
def test_a_release_that_was_not_found_bad_has_no_alert(release: Release) -> None:
    assert quiet(a_plan(), release) == "NotRolledBack"


@pytest.mark.parametrize("value", ["True", "False"])
def test_what_was_posted_last_is_read_from_the_record(value: str) -> None:
    """So an end is posted once, and after a restart too."""
    alerted = {"type": "Alerted", "status": value, "reason": "Any", "message": "any"}
    ready = {"type": "Ready", "status": "True", "reason": "Any", "message": "any"}
    times = {"lastTransitionTime": NOW, "observedGeneration": 1}
    conditions = [{**ready, **times}, {**alerted, **times}]
    assert fires(given.ended(2, "RolledBack", BAD, conditions=conditions)) == (value == "True")
    assert not fires(TAKEN_BACK)
