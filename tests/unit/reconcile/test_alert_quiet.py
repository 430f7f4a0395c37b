"""When the alert of a release that was taken back goes quiet, and when it does not."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from controller.api.base import Condition
from controller.api.plan import ReleasePlan
from controller.api.release import Release
from controller.kube import kinds
from controller.reconcile.alert import REPEAT, AlertReconciler
from tests.unit.loopback import answering, with_status
from tests.unit.reconcile.shop import NEXT, NOW, STABLE, Shop
from tests.unit.release import given
from tests.unit.release.given import SECOND

Json = dict[str, Any]
OTHER = "cccccccccc"
FIRING = Condition(
    type="Alerted",
    status="True",
    reason="Firing",
    message="the alert fires in Alertmanager",
    last_transition_time=NOW,
    observed_generation=1,
)


@dataclass(frozen=True)
class Duty:
    """The shop, whose plan tells an Alertmanager, and what that was told."""

    shop: Shop
    url: str
    told: list[Json]

    def put_release(self, number: int = 2, revision: str = NEXT, **fields: Any) -> None:
        """Store a release that was taken back and whose alert fires."""
        fields = {"phase": "RolledBack", "conditions": [FIRING.model_dump()], **fields}
        ended = given.ended(number, fields.pop("phase"), revision, **fields)
        self.shop.put_release(ended)

    def put_plan(self, *, deleted: bool = False, stable: str = STABLE, **status: Any) -> None:
        serving = {"revision": stable, "replicaSet": "checkout-a"}
        last = {"last_release": "checkout-2", "last_outcome": "RolledBack", **status}
        plan = given.plan(deleted=deleted, **given.guarded(stable=serving, **last)).wire()
        receivers = [{"alertmanager": {"urls": [self.url]}}]
        plan["spec"]["notify"] = receivers
        self.shop.put_plan(ReleasePlan.model_validate(plan))

    def alerted(self, now: datetime = NOW) -> tuple[float | None, str]:
        """Do one pass; return when it wants another, and the reason of what is recorded."""
        again = AlertReconciler(self.shop.world(now)).reconcile("shop", "checkout-2")
        found = [c.reason for c in self.release().status.conditions if c.type == "Alerted"]
        return again, "".join(found)

    def release(self) -> Release:
        return self.shop.release()

    def fires(self, now: datetime = NOW) -> bool:
        """Tell whether the last alert that was posted is one that fires."""
        return datetime.fromisoformat(self.told[-1]["endsAt"]) > now


@pytest.fixture
def duty(shop: Shop) -> Iterator[Duty]:
    told: list[Json] = []

    def take(connection: socket.socket, request: bytes) -> None:
        told.extend(json.loads(request.partition(b"\r\n\r\n")[2]))
        with_status("200 OK", b"", "Connection: close")(connection, request)

    with answering(take) as url:
        made = Duty(shop, url, told)
        made.put_release()
        made.put_plan(phase="Rejected")
        yield made


@pytest.mark.parametrize("phase", ["Rejected", "Releasing", "Held", "Blocked", "Adopting"])
def test_it_fires_until_the_plan_is_healthy_again(duty: Duty, phase: str) -> None:
    duty.put_plan(phase=phase)
    for second in (0, 60):
        now = NOW + second * SECOND
        assert duty.alerted(now) == (REPEAT, "Firing")
        assert duty.fires(now)
    assert len(duty.told) == 2


def test_another_template_in_the_deployment_is_no_end_of_it(duty: Duty) -> None:
    """What serves is still what served before; only a plan at rest says that all is well."""
    found = duty.shop.deployment()
    duty.shop.api.put(kinds.DEPLOYMENT, {**found, "spec": {**found["spec"], "template": {}}})
    duty.put_plan(phase="Releasing", active_release="checkout-3")
    assert duty.alerted() == (REPEAT, "Firing")


@pytest.mark.parametrize("stable", [STABLE, OTHER])
def test_it_is_resolved_once_the_plan_rests_on_another_revision(duty: Duty, stable: str) -> None:
    duty.put_plan(phase="Idle", stable=stable)
    assert duty.alerted() == (None, "PlanHealthy")
    assert not duty.fires()
    assert duty.alerted() == (None, "PlanHealthy")
    assert len(duty.told) == 1


def test_a_plan_at_rest_on_the_bad_revision_itself_is_not_healthy(duty: Duty) -> None:
    """Too late to stop it: stable's own pods run what was found bad."""
    duty.put_plan(phase="Idle", stable=NEXT)
    assert duty.alerted() == (REPEAT, "Firing")


@pytest.mark.parametrize(("order", "why"), [("Acknowledge", "Acknowledged"), ("Retry", "Retried")])
def test_a_persons_order_resolves_it(duty: Duty, order: str, why: str) -> None:
    duty.put_release(orders=[order])
    assert duty.alerted() == (None, why)
    assert not duty.fires()


def test_a_plan_that_is_deleted_resolves_it(duty: Duty) -> None:
    duty.put_plan(phase="Leaving", deleted=True)
    assert duty.alerted() == (None, "PlanDeleted")
    assert not duty.fires()


def test_a_deployment_that_is_gone_resolves_it(duty: Duty) -> None:
    del duty.shop.api.objects[kinds.DEPLOYMENT.path("shop", "checkout")]
    assert duty.alerted() == (None, "DeploymentGone")


def put_other(duty: Duty, number: int, phase: str) -> None:
    duty.put_release(number, OTHER, phase=phase)
    name = f"checkout-{number}"
    duty.put_plan(phase="Rejected", last_release=name, last_outcome=phase, releases=3)


def test_the_alert_of_a_newer_release_takes_its_place(duty: Duty) -> None:
    put_other(duty, 3, "RolledBack")
    assert duty.alerted() == (None, "NewerAlert")
    assert not duty.fires()


@pytest.mark.parametrize("phase", ["Aborted", "Superseded"])
def test_a_newer_release_without_an_alert_does_not(duty: Duty, phase: str) -> None:
    put_other(duty, 3, phase)
    assert duty.alerted() == (REPEAT, "Firing")


def test_an_older_rollback_is_no_newer_alert(duty: Duty) -> None:
    """The plan learns of an end by a pass of its own, and may still show the end before."""
    put_other(duty, 1, "RolledBack")
    assert duty.alerted() == (REPEAT, "Firing")
    assert duty.fires()


def test_a_take_down_that_still_runs_keeps_its_alert(duty: Duty) -> None:
    put_other(duty, 3, "RolledBack")
    duty.put_release(phase="RollingBack", outcome="RolledBack", finished_at=None)
    assert duty.alerted() == (REPEAT, "Firing")
