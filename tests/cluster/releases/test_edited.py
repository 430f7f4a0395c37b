"""An adopted plan that is edited into nonsense, or whose Deployment is, says so at rest."""

from collections.abc import Callable
from typing import Any

import pytest

from dev.shop.deploy import NAME
from dev.waiting import until
from tests.cluster.releases.story import Story

RECREATE = {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}
ROLLING = {"spec": {"strategy": {"type": "RollingUpdate"}}}


@pytest.mark.parametrize(
    ("kind", "edit", "mend", "reason"),
    [
        (
            "releaseplan",
            {"spec": {"traffic": {"trackLabel": "nonsense"}}},
            {"spec": {"traffic": {"trackLabel": None}}},
            "TrackLabelNotSelected",
        ),
        ("deployment", RECREATE, ROLLING, "RecreateStrategy"),
    ],
    ids=["track label", "strategy"],
)
def test_it_is_not_ready_until_that_is_mended(
    story: Callable[..., Story], kind: str, edit: Any, mend: Any, reason: str
) -> None:
    shop = story(replicas=1)

    def told() -> str:
        return str(shop.conditions("releaseplan")["Ready"]["reason"])

    shop.patch(kind, edit)
    until(f"the plan to be {reason}", lambda: told() == reason, seconds=30, explain=shop.told)
    assert "Blocked" == shop.plan()["phase"]
    assert reason in shop.events("ReleasePlan", NAME)
    shop.patch(kind, mend)
    shop.await_plan("Idle", seconds=30)
