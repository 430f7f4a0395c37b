"""Which pods are the canary's: those of the template that Gander built, and no others."""

from typing import Any

import pytest

from controller.api.names import CANARY_TEMPLATE_ANNOTATION, RELEASE_LABEL
from controller.kube import kinds
from controller.reconcile.arms import gather_arms
from controller.reconcile.canary import mark_for
from controller.reconcile.release import gather
from controller.release.facts import CanaryFacts
from tests.unit.reconcile.known import Item, known
from tests.unit.reconcile.shop import (
    NEXT,
    RELEASE_OWNER,
    SHOP,
    a_release,
    canary_deployment,
    meta,
    pod,
    replica_set,
    template,
)

MARK = {CANARY_TEMPLATE_ANNOTATION: NEXT}
FOREIGN = (replica_set("canary-c", 1, 1, of="checkout-canary"), pod("canary-2", "canary-c"))


def written(version: int, generation: int, marks: dict[str, str]) -> Item:
    """Return the canary after its template was written by gander, and by kubectl-set."""
    kind, item = canary_deployment()
    owned: dict[str, Any] = {"f:spec": {"f:template": {"f:spec": {}}}}
    managers = [{"manager": m, "fieldsV1": owned} for m in ("gander", "kubectl-set")]
    metadata = meta(
        "checkout-canary",
        RELEASE_OWNER,
        labels={RELEASE_LABEL: "checkout-2"},
        annotations=marks,
        generation=generation,
        managedFields=managers,
    )
    return kind, {**item, **metadata, "spec": {**item["spec"], "template": template(version)}}


def read(*items: Item) -> tuple[CanaryFacts, list[str]]:
    """Return what a release is told of its canary, and the pods that are compared."""
    world = known(*SHOP, *items)
    found = gather(world, a_release()).canary
    assert found is not None
    return found, [each.name for each in gather_arms(world, a_release()).canary]


@pytest.mark.parametrize("marks", [MARK, {}], ids=["marked", "unmarked"])
def test_another_template_is_told_with_who_wrote_it_and_gives_no_evidence(
    marks: dict[str, str],
) -> None:
    found, compared = read(written(1, 3, marks), *FOREIGN)
    assert (found.changed, found.changed_by) == (True, "kubectl-set")
    assert found.ready == len(marks)  # the pod of our own template is known by the mark only
    assert compared == []


def test_pods_of_another_template_do_not_count_while_they_go_away() -> None:
    found, compared = read(written(2, 5, MARK), *FOREIGN)
    assert (found.changed, found.changed_by) == (False, "")
    assert (found.ready, found.running) == (1, 1)
    assert compared == ["canary-1"]


def test_a_canary_that_nobody_wrote_to_since_its_creation_is_our_own() -> None:
    found, compared = read(written(2, 1, {}))
    assert not found.changed
    assert compared == ["canary-1"]


def test_a_template_that_nobody_can_vouch_for_is_another() -> None:
    found, compared = read(written(2, 2, {}))
    assert (found.changed, found.ready) == (True, 0)
    assert compared == []


def test_the_mark_is_of_the_template_as_it_was_created() -> None:
    kind, created = written(2, 1, {})
    assert kind is kinds.DEPLOYMENT
    assert mark_for(created) == {"metadata": {"annotations": MARK}}
    _, later = written(1, 2, {})
    assert mark_for(later) is None
