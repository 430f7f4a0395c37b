"""A version whose pods start and fail is taken back before any user could have met it.

No metric is needed for that: Kubernetes reports crashes, lack of memory and readiness. What it
reports is told in words wherever people look.
"""

import re
from collections.abc import Callable

import pytest

from dev.shop.deploy import NAME
from tests.cluster.releases.instruments import await_alert, watching
from tests.cluster.releases.story import Story, lost

# Version, reason, the cause in words.
FAILING = [
    ("v5", "CrashLoop", r"container checkout exits with code 1 \(\d+ restarts?\): KeyError: "),
    ("oom", "OOMKilled", r"container checkout ran out of memory and was killed"),
    ("never-ready", "NeverReady", r"1 of 1 canary pods run but did not get ready within 15s"),
]


@pytest.mark.parametrize(("version", "reason", "cause"), FAILING, ids=[f[0] for f in FAILING])
def test_taken_back_before_its_weight_rises(
    story: Callable[..., Story], version: str, reason: str, cause: str
) -> None:
    shop = story(replicas=1)
    shop.patch("deployment", {"spec": {"progressDeadlineSeconds": 15}})
    load = shop.load(rate=10.0)
    with watching(shop.shop) as route:
        shop.set_image(version)
        status = shop.await_end()
        plan = shop.await_plan("Rejected")
    summary = load.stop()

    assert ("RolledBack", reason) == (status["phase"], status["reason"])
    assert {0} == {weights.get(f"{NAME}-canary", 0) for _, weights in route.seen}
    assert {0} == {entry["weight"] for entry in status["timeline"]}
    assert "Raising" not in {entry["reason"] for entry in status["timeline"]}
    assert ["v1"] == list(summary.versions)
    assert 0 == lost(summary)

    assert ["checkout-1"] == [rejection["release"] for rejection in plan["rejected"]]
    alert = await_alert(shop.shop)
    assert reason == alert["labels"]["reason"]
    marks = shop.conditions("deployment")
    for told in (
        status["message"],
        plan["rejected"][0]["message"],
        shop.conditions("releaseplan")["Stalled"]["message"],
        marks["Stalled"]["message"],
        alert["annotations"]["cause"],
    ):
        assert re.search(cause, told), told
    assert {} == shop.canary()
    assert {NAME: 1} == shop.backends()
