"""A release that does not validate any more: left alone while it stays, taken down once deleted."""

from typing import Any

import pytest

from controller.api.names import FINALIZER
from controller.api.release import Phase, Release
from controller.kube import kinds
from controller.kube.errors import Unavailable
from controller.reconcile.looks import Observer
from controller.reconcile.release import ReleaseReconciler, gather
from controller.reconcile.unreadable import read_release
from controller.reconcile.world import World
from controller.release.facts import RemoveBackend
from controller.release.machine import decide
from tests.unit.reconcile.known import Json, known, told
from tests.unit.reconcile.shop import SHOP, a_release, meta
from tests.unit.release.given import NOW, at_step

DELETED = "2026-03-01T12:00:00Z"
BAD_STATUS = {"timeline": [{"at": "soon"}]}
BAD_SPEC = {"number": "two"}


def broken(*, deleted: bool, phase: str = "Stepping", **spec: Any) -> Json:
    """Return the stored release in the middle of its work, with a status that does not validate."""
    wire = a_release(**at_step(phase=phase)).wire()
    marks = {"deletionTimestamp": DELETED} if deleted else {}
    return {
        **wire,
        **meta("checkout-2", uid="uid-2", finalizers=[FINALIZER], **marks),
        "apiVersion": "gander.dev/v1alpha1",
        "kind": "Release",
        "spec": {**wire["spec"], **spec},
        "status": {**wire["status"], **BAD_STATUS},
    }


def reconciler(world: World) -> ReleaseReconciler:
    observer = Observer(workers=1, look=lambda *_: None, wake=lambda *_: None)
    return ReleaseReconciler(world, observer)


def test_one_that_stays_is_left_alone_with_an_event_on_it() -> None:
    world = known(*SHOP, (kinds.RELEASE, broken(deleted=False)))
    assert reconciler(world).reconcile("shop", "checkout-2") is None
    ((reason, sentence),) = told(world)
    assert reason == "ReleaseUnreadable"
    assert sentence.startswith("Release checkout-2: status.timeline.0.at: ")
    assert sentence.endswith("; correct the field, or delete the release")


def test_one_that_is_deleted_is_taken_down_by_its_spec() -> None:
    world = known(*SHOP, (kinds.RELEASE, broken(deleted=True)))
    release = read_release(world, broken(deleted=True))
    assert isinstance(release, Release)
    decision = decide(gather(world, release), NOW)
    assert decision.actions == (RemoveBackend(),)
    status = decision.status
    assert (status.phase, status.reason, status.outcome) == (
        Phase.ROLLING_BACK,
        "ReleaseDeleted",
        "Aborted",
    )
    assert told(world) == []


@pytest.mark.parametrize("phase", ["Succeeded", "RolledBack", "Aborted", "Superseded"])
def test_what_has_ended_is_not_taken_down_again(phase: str) -> None:
    release = read_release(known(), broken(deleted=True, phase=phase))
    assert isinstance(release, Release)
    assert release.status.phase == phase


def test_one_whose_spec_cannot_be_read_either_is_let_go_and_says_what_it_leaves() -> None:
    world = known(*SHOP, (kinds.RELEASE, broken(deleted=True, **BAD_SPEC)))
    with pytest.raises(Unavailable, match="patch Release shop/checkout-2"):
        reconciler(world).reconcile("shop", "checkout-2")
    ((reason, sentence),) = told(world)
    assert reason == "ReleaseUnreadable"
    assert sentence.startswith("Release checkout-2: spec.number: ")
    assert "could not be taken out of its routes" in sentence
