"""What a promotion must know of the user's Deployment, read from the object itself."""

from typing import Any

import pytest

from controller.reconcile.release import gather
from controller.release.facts import DeploymentFacts, Problem
from tests.unit.reconcile.known import Json, known
from tests.unit.reconcile.shop import SHOP, a_release, routes, users_deployment
from tests.unit.release.given import at_step

OWNS: Json = {"f:spec": {"f:paused": {}}}
OTHER: Json = {"f:spec": {"f:replicas": {}}}


def read(*writers: tuple[str, Json], **spec: Any) -> DeploymentFacts:
    """Return what is read of the Deployment of a promotion, with these writers of its fields."""
    kind, item = users_deployment(**spec)
    entries = [
        {"manager": manager, "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": fields}
        for manager, fields in writers
    ]
    item = {**item, "metadata": {**item["metadata"], "managedFields": entries}}
    release = a_release(**at_step(2, phase="Promoting", reason="Earned"))
    facts = gather(known(*SHOP, *routes(50), (kind, item)), release).deployment
    assert facts is not None
    return facts


@pytest.mark.parametrize(
    ("writers", "by"),
    [
        ((), ""),
        ((("gander", OWNS), ("kubectl-scale", OTHER)), ""),
        ((("gander", OWNS), ("kubectl-rollout", OWNS)), "kubectl-rollout"),
        (
            (("kubectl-rollout", OWNS), ("argocd-controller", OWNS)),
            "kubectl-rollout, argocd-controller",
        ),
    ],
)
def test_a_pause_is_a_persons_where_another_than_gander_owns_it(
    writers: tuple[tuple[str, Json], ...], by: str
) -> None:
    assert read(*writers).paused_by == by


def test_only_a_strategy_that_takes_all_pods_at_once_is_unfit() -> None:
    assert read().unfit is None
    assert read(strategy={"type": "RollingUpdate"}).unfit is None
    assert read(strategy={"type": "Recreate"}).unfit == Problem(
        "RecreateStrategy",
        "Deployment shop/checkout: spec.strategy.type is Recreate, which never runs two versions "
        "at once; set it to RollingUpdate",
    )
