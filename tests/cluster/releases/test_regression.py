"""A version that is worse is taken back, its revision stays out, and people are told why."""

from collections.abc import Callable

from dev.shop.baskets import Mix
from tests.cluster.releases.story import Story, lost


def test_one_percent_errors_become_five(story: Callable[..., Story]) -> None:
    shop = story()
    load = shop.load(mix=Mix(samples=0.04, suppliers=0.0, flaky=0.01))
    shop.set_image("v2")
    status = shop.await_end()
    assert ("RolledBack", "Regressed") == (status["phase"], status["reason"])
    metric = status["metrics"][0]
    assert metric["canary"] > metric["stable"]
    assert shop.backends() == {"checkout": 1}
    assert shop.canary() == {}
    plan = shop.await_plan("Rejected")
    assert ["checkout-1"] == [rejection["release"] for rejection in plan["rejected"]]
    assert lost(load.stop()) == 0
