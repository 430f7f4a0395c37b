"""Posting the alert of a release that was taken back, to receivers of which some cannot be used."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from controller.api.plan import ReleasePlan
from controller.kube import kinds
from controller.kube.errors import Unavailable
from controller.notify.alertmanager import NotifyError
from controller.reconcile.alert import AlertReconciler
from controller.reconcile.world import World
from tests.unit.loopback import answering, with_status
from tests.unit.reconcile.known import known, told
from tests.unit.reconcile.shop import users_deployment
from tests.unit.release import given

BAD_URL = "http://am:90933"
TAKEN_BACK = given.ended(2, "RolledBack")


def receivers(*urls: str) -> dict[str, Any]:
    return {"notify": [{"alertmanager": {"urls": [url]}} for url in urls]}


def a_world(*urls: str) -> World:
    wire = given.plan().wire()
    plan = ReleasePlan.model_validate({**wire, "spec": {**wire["spec"], **receivers(*urls)}})
    release = {"apiVersion": "gander.dev/v1alpha1", "kind": "Release", **TAKEN_BACK.wire()}
    return known((kinds.RELEASE_PLAN, plan.wire()), (kinds.RELEASE, release), users_deployment())


@contextmanager
def alertmanager(heard: list[Any]) -> Iterator[str]:
    ok = with_status("200 OK")

    def answer(connection: socket.socket, request: bytes) -> None:
        heard.extend(json.loads(request.partition(b"\r\n\r\n")[2]))
        ok(connection, request)

    with answering(answer) as url:
        yield url


@pytest.mark.parametrize("bad_first", [True, False])
def test_a_receiver_whose_url_cannot_be_used_keeps_no_other_from_the_alert(
    *, bad_first: bool
) -> None:
    heard: list[Any] = []
    with alertmanager(heard) as good:
        world = a_world(*([BAD_URL, good] if bad_first else [good, BAD_URL]))
        # That it fires is recorded; there is no API server here to take it.
        with pytest.raises(Unavailable, match="patch Release shop/checkout-2"):
            AlertReconciler(world).reconcile("shop", "checkout-2")
    assert [alert["labels"]["release"] for alert in heard] == ["checkout-2"]
    ((reason, sentence),) = told(world)
    assert reason == "AlertNotSent"
    assert sentence.startswith(f"Alertmanager {BAD_URL} has a URL that cannot be used")


def test_what_nobody_took_is_not_recorded_as_firing() -> None:
    world = a_world(BAD_URL, BAD_URL)
    with pytest.raises(NotifyError, match="has a URL that cannot be used"):
        AlertReconciler(world).reconcile("shop", "checkout-2")
    assert [reason for reason, _ in told(world)] == ["AlertNotSent", "AlertNotSent"]
