"""An analysis that cannot work is found before any user meets the canary."""

from collections.abc import Callable
from typing import Any

from dev.shop.deploy import NAME
from tests.cluster.releases.story import Json, Story, judged_by

CANARY = f"{NAME}-canary"
UNMET = {NAME: 1, CANARY: 0}


def analysis(**prometheus: Any) -> Json:
    judged = judged_by("http-errors")
    return {**judged, "prometheus": {**judged["prometheus"], **prometheus}}


def test_a_secret_that_nobody_made(story: Callable[..., Story]) -> None:
    shop = story(replicas=1, analysis=analysis(secretRef={"name": "nope"}))
    shop.set_image("v3")
    held = shop.holds("SecretUnusable", seconds=10)
    assert "make Secret nope in namespace" in held["message"]
    assert "prometheusSecrets" in held["message"]
    assert (0, 0) == (held["step"], held["weight"]["confirmed"])
    assert UNMET == shop.backends()


def test_a_prometheus_that_is_not_there_yet(story: Callable[..., Story]) -> None:
    shop = story(replicas=1, adopt=False)
    namespace = shop.shop.namespace
    shop.adopt(analysis=analysis(url=f"http://metrics.{namespace}:9090"))
    shop.load(rate=10.0)
    shop.set_image("v3")
    held = shop.holds("PrometheusUnreachable", seconds=10)
    assert f"http-errors: http://metrics.{namespace}:9090" in held["message"]
    assert UNMET == shop.backends()

    shop.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "metrics", "namespace": namespace},
            "spec": {
                "type": "ExternalName",
                "externalName": "prometheus.monitoring.svc.cluster.local",
            },
        }
    )
    shop.await_evidence()
