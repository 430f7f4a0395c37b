"""A release that has ended keeps its finalizer until its plan's stored status says how it ended."""

from typing import Any

import pytest

from controller.api.names import FINALIZER
from controller.kube import kinds
from controller.kube.errors import ApiError
from controller.reconcile.ends import is_remembered
from controller.reconcile.looks import Observer
from controller.reconcile.release import ReleaseReconciler
from controller.reconcile.triggers import Key, Triggers
from tests.unit.reconcile.known import Item, Json, known
from tests.unit.reconcile.shop import a_release, meta, owner
from tests.unit.release import given

OWNER = owner("ReleasePlan", "checkout", "uid-of-checkout")
REJECTION = {
    "revision": "b",
    "release": "checkout-2",
    "at": "2026-03-01T12:00:00Z",
    "reason": "CrashLoop",
    "message": "exits",
}


def ended(*owners: Json, **changes: Any) -> Json:
    """Return the stored release 2, taken back and being deleted."""
    wire = a_release(phase="RolledBack").wire()
    fields = {"finalizers": [FINALIZER], "deletionTimestamp": "2026-03-01T12:00:00Z"}
    return {**wire, **meta("checkout-2", *(owners or (OWNER,)), **fields), **changes}


def the_plan(status: Json, **fields: Any) -> Item:
    return kinds.RELEASE_PLAN, {
        **given.plan().wire(),
        **meta("checkout", **fields),
        "status": status,
    }


@pytest.mark.parametrize(
    "status",
    [{}, {"releases": 2, "activeRelease": "checkout-2"}, {"releases": 2, "lastRelease": "x-1"}],
    ids=["knows nothing", "knows it as running", "knows the one before"],
)
def test_it_is_kept_while_the_plan_does_not_know(status: Json) -> None:
    assert not is_remembered(known(the_plan(status)), ended())


@pytest.mark.parametrize(
    "status",
    [
        {"releases": 2, "lastRelease": "checkout-2"},
        {"releases": 2, "rejected": [REJECTION]},
        {"releases": 3},
    ],
    ids=["the last", "rejected", "a newer one runs"],
)
def test_it_goes_once_the_plan_knows(status: Json) -> None:
    assert is_remembered(known(the_plan(status)), ended())


def test_it_goes_where_nobody_will_know() -> None:
    going = the_plan({}, deletionTimestamp="2026-03-01T12:00:00Z")
    of_another = ended(owner("ReleasePlan", "checkout", "uid-of-the-former"))
    assert is_remembered(known(), ended())
    assert is_remembered(known(going), ended())
    assert is_remembered(known(the_plan({})), of_another)
    assert is_remembered(known(the_plan({})), ended(status={"phase": "RolledBack", "step": "?"}))


def test_the_plans_word_wakes_it() -> None:
    world = known(the_plan({}), (kinds.RELEASE, ended()))
    keys: list[Key] = []
    Triggers(world, lambda key, _seconds: keys.append(key)).connect()
    keys.clear()
    _, plan = the_plan({"releases": 2, "lastRelease": "checkout-2"}, resourceVersion="9")
    world.plans.observe(plan)
    assert ("release", "shop", "checkout-2") in keys


@pytest.mark.parametrize("knows", [False, True])
def test_a_pass_takes_the_finalizer_off_only_then(*, knows: bool) -> None:
    plan = the_plan({"releases": 2, "lastRelease": "checkout-2"} if knows else {})
    world = known(plan, (kinds.RELEASE, ended()))
    observer = Observer(workers=1, look=lambda *_: None, wake=lambda *_: None)
    reconciler = ReleaseReconciler(world, observer)
    if not knows:
        assert reconciler.reconcile("shop", "checkout-2") is None
        return
    with pytest.raises(ApiError):  # nobody answers the write that takes it off
        reconciler.reconcile("shop", "checkout-2")
