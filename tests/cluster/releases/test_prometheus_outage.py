"""A Prometheus that is away for minutes delays a release, and changes nothing of its verdict."""

import os
from collections.abc import Callable, Iterator

import pytest

from dev import cluster, processes
from dev.environment import Environment
from dev.layout import Layout
from tests.cluster.releases.story import AT_ONCE, ONE_BECOMES_FIVE, Story

pytestmark = pytest.mark.disruptive
AWAY = 120.0  # seconds


@pytest.fixture
def layout(environment: Environment) -> Iterator[Layout]:
    """Return where the cluster of ours is; Prometheus runs in it again at the end."""
    assert environment.name, "stopping Prometheus takes a cluster of ours; unset KUBECONFIG"
    found = Layout.of(environment.name, os.environ)
    yield found
    cluster.start(found, "prometheus", print)


def test_prometheus_is_away_for_two_minutes_in_the_middle(
    story: Callable[..., Story], layout: Layout
) -> None:
    bad, good = story(exposure=AT_ONCE), story(exposure=AT_ONCE)
    loads = {bad: bad.load(mix=ONE_BECOMES_FIVE), good: good.load()}
    bad.set_image("v2")
    good.set_image("v3")
    for shop in (bad, good):
        shop.await_evidence()

    processes.stop(layout, "prometheus")
    bad_before = bad.await_release("Holding", reason="PrometheusUnreachable")
    good_status = good.holds("PrometheusUnreachable", seconds=AWAY)
    bad_status = bad.release()
    for shop, status in ((bad, bad_status), (good, good_status)):
        assert "http://prometheus.monitoring:9090" in status["message"]
        assert {"checkout": 95, "checkout-canary": 5} == shop.shares()
    for name in ("phase", "reason", "step", "weight", "verdict"):
        assert bad_before[name] == bad_status[name]

    cluster.start(layout, "prometheus", print)
    status = bad.await_end()
    assert ("RolledBack", "Regressed") == (status["phase"], status["reason"])
    met = loads[bad].stop().versions["v2"].requests
    # What came while nobody scraped is evidence as well: the counters went on.
    assert status["metrics"][0]["canaryRequests"] > 0.7 * met
    assert "Succeeded" == good.await_end()["phase"]
