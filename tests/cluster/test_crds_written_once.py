"""What may still change in a stored Release: an abort, once, and further orders."""

from collections.abc import Callable

import pytest

from controller.api.release import Order
from controller.kube import kinds
from controller.kube.client import Client
from controller.kube.errors import Invalid
from tests.cluster import chart
from tests.cluster.samples import ABORT, ORDER, RELEASE, Object

WRITTEN_ONCE = "a release is written once; only abort and orders may be added"
SET_ONCE = "abort is set once and stays"
APPEND_ONLY = "orders are append only: those that stand there stay as they are, in their order"


@pytest.fixture(scope="module", autouse=True)
def crds(client: Client) -> None:
    chart.install_crds(client)


@pytest.fixture
def patched(client: Client, namespace: str) -> Callable[[Object], Object]:
    """Return the merge patch of a stored release's spec."""
    client.create(kinds.RELEASE, namespace, RELEASE)

    def patch(spec: Object) -> Object:
        body = {"spec": spec}
        stored = client.merge_patch(kinds.RELEASE, namespace, "checkout-1", body)
        return dict(stored["spec"])

    return patch


@pytest.mark.parametrize(
    "spec",
    [
        {"plan": "other"},
        {"number": 2},
        {"revision": "cccccccccc"},
        {"images": []},
        {"stable": {"replicaSet": "other"}},
        {"rules": {"steps": [{"weight": 90}]}},
        {"rules": {"traffic": {"trackLabel": "other"}}},
        {"template": {"spec": {"hostNetwork": True}}},
        {"template": {"metadata": {"labels": None, "annotations": {"app": "checkout"}}}},
    ],
    ids=str,
)
def test_a_release_is_written_once(patched: Callable[[Object], Object], spec: Object) -> None:
    with pytest.raises(Invalid, match=WRITTEN_ONCE):
        patched(spec)


def test_a_key_of_the_template_cannot_be_exchanged(patched: Callable[[Object], Object]) -> None:
    with pytest.raises(Invalid, match=r"spec\.template\.metadata: Required value"):
        patched({"template": {"metadata": None, "meta": {"labels": {"app": "checkout"}}}})


def test_abort_is_set_once(patched: Callable[[Object], Object]) -> None:
    assert patched({"abort": ABORT})["abort"] == ABORT
    for spec in ({"abort": None}, {"abort": {"reason": "other"}}):
        with pytest.raises(Invalid, match=SET_ONCE):
            patched(spec)


def test_orders_grow_at_their_end_only(patched: Callable[[Object], Object]) -> None:
    second = {**ORDER, "action": "Acknowledge", "by": "bob"}
    assert patched({"orders": [ORDER]})["orders"] == [ORDER]
    assert patched({"orders": [ORDER, second]})["orders"] == [ORDER, second]
    for orders in ([], [ORDER], [second, ORDER], [{**ORDER, "by": "eve"}, second], None):
        with pytest.raises(Invalid, match=APPEND_ONLY):
            patched({"orders": orders})


def test_an_order_may_be_given_and_a_release_aborted_in_one_write(
    patched: Callable[[Object], Object],
) -> None:
    spec = patched({"orders": [ORDER], "abort": ABORT})
    assert Order.model_validate(spec["orders"][0]).by == "ann"
