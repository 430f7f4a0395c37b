"""A release can be judged by what the gateway counts per Service, without a metric of the pods."""

from collections.abc import Callable

from tests.cluster.releases.story import Story, judged_by, lost
from tests.cluster.test_metrics_gateway import SPEC


def test_a_release_is_judged_by_the_gateways_counters(story: Callable[..., Story]) -> None:
    shop = story(adopt=False)
    spec = {**SPEC.wire(), "margin": {"relative": "0.5", "absolute": "0.02"}}
    shop.apply(
        {
            "apiVersion": "gander.dev/v1alpha1",
            "kind": "ReleaseMetric",
            "metadata": {"name": "gateway-errors", "namespace": shop.shop.namespace},
            "spec": spec,
        }
    )
    shop.adopt(analysis=judged_by("gateway-errors"))
    load = shop.load()

    shop.set_image("v6")
    status = shop.await_end()
    assert ("RolledBack", "Regressed") == (status["phase"], status["reason"])
    (metric,) = status["metrics"]
    assert (1.0, 0.0) == (metric["canary"], metric["stable"])
    shop.await_plan("Rejected")

    # The next canary has the same Service; what the last one left in its series is not its fault.
    shop.set_image("v3")
    status = shop.await_end(2)
    assert ("Succeeded", "Released") == (status["phase"], status["reason"])
    (metric,) = status["metrics"]
    assert (0.0, 0.0) == (metric["canary"], metric["stable"])
    summary = load.stop()
    assert lost(summary) == 0
    assert 0 < metric["canaryRequests"] <= summary.versions["v3"].requests
