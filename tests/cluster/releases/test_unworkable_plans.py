"""A plan that cannot work says why and what to change, and keeps no other plan from working.

What the schema can see kubectl apply refuses; what only the cluster can see becomes a condition.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest

from dev.errors import DevError
from dev.shop.deploy import NAME
from dev.waiting import until
from tests.cluster.releases.story import Json, Story

CANARY = f"{NAME}-canary"
SPLIT = {NAME: 950, CANARY: 50}  # 5 %
FAST = [{"weight": 50, "hold": "1s"}]


def deployment(shop: Story, name: str, **spec: Any) -> Json:
    """Return a Deployment like the shop's under another name, without pods."""
    copied = shop.deployment()
    pod = copied["spec"]["template"]["spec"]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": shop.shop.namespace},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {**pod, **spec.pop("pod", {})},
            },
            **spec,
        },
    }


def service(shop: Story, name: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": shop.shop.namespace},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": "http"}]},
    }


def plan(shop: Story, name: str, *, service: str, route: str = NAME, **analysis: Any) -> Json:
    """Return a plan like the shop's for another Deployment."""
    spec = shop.get("releaseplan", NAME)["spec"]
    return {
        "apiVersion": "gander.dev/v1alpha1",
        "kind": "ReleasePlan",
        "metadata": {"name": name, "namespace": shop.shop.namespace},
        "spec": {
            **spec,
            "traffic": {"service": service, "httpRoutes": [route]},
            "analysis": {**spec["analysis"], **analysis},
        },
    }


def await_ready(shop: Story, name: str, reason: str) -> str:
    """Wait until a plan gives a reason for not being ready; return its sentence."""

    def given() -> bool:
        return shop.conditions("releaseplan", name).get("Ready", {}).get("reason") == reason

    until(f"plan {name} to be {reason}", given, seconds=30, explain=shop.told)
    ready = shop.conditions("releaseplan", name)["Ready"]
    assert "False" == ready["status"]
    return str(ready["message"])


def test_a_good_plan_releases_beside_five_that_cannot(story: Callable[..., Story]) -> None:
    shop = story(replicas=1, steps=FAST)
    names = ("b-service", "c-route", "d-metric", "e-shared")
    shop.apply(*(deployment(shop, name) for name in names))
    shop.apply(*(service(shop, name) for name in names[1:3]))
    nothing = [{"metric": "nothing", "required": True}]
    shop.apply(
        plan(shop, "a-deployment", service="a-deployment"),
        plan(shop, "b-service", service="nowhere"),
        plan(shop, "c-route", service="c-route", route="nowhere"),
        plan(shop, "d-metric", service="d-metric", metrics=nothing),
        plan(shop, "e-shared", service=NAME),
    )
    for name, reason, sentence in (
        ("a-deployment", "DeploymentMissing", "there is no Deployment a-deployment in namespace"),
        ("b-service", "ServiceMissing", "Service nowhere does not exist in namespace"),
        ("c-route", "RouteMissing", "HTTPRoute nowhere does not exist in namespace"),
        ("d-metric", "MetricMissing", "ReleaseMetric nothing does not exist in namespace"),
        ("e-shared", "ServiceShared", "Service checkout belongs to the older ReleasePlan checkout"),
    ):
        told = await_ready(shop, name, reason)
        assert told.startswith(sentence)
        assert shop.events("ReleasePlan", name)[reason] == told
        assert "Blocked" == shop.get("releaseplan", name)["status"]["phase"]

    shop.load()
    shop.set_image("v3")
    assert "Succeeded" == shop.await_end()["phase"]
    assert "Idle" == shop.await_plan("Idle")["phase"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"traffic": {"service": NAME}}, "name at least one route in httpRoutes or grpcRoutes"),
        (
            {"steps": [{"weight": 25}, {"weight": 5}]},
            "weights must rise from step to step",
        ),
    ],
    ids=["no route", "falling weights"],
)
def test_a_plan_that_contradicts_itself_is_refused(
    story: Callable[..., Story], change: Json, sentence: str
) -> None:
    shop = story(replicas=1, adopt=False)
    with pytest.raises(DevError, match=sentence):
        shop.apply_plan(**change)


def test_a_deployment_that_cannot_be_released_is_not_adopted(story: Callable[..., Story]) -> None:
    shop = story(replicas=1)
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "disk", "namespace": shop.shop.namespace},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Mi"}},
        },
    }
    volume = {"name": "disk", "persistentVolumeClaim": {"claimName": "disk"}}
    container = shop.deployment()["spec"]["template"]["spec"]["containers"][0]
    on_host = {**container, "ports": [{"name": "http", "containerPort": 8080, "hostPort": 8080}]}
    unreleasable: dict[str, Json] = {
        "recreate": {"strategy": {"type": "Recreate"}},
        "forgetful": {"revisionHistoryLimit": 0},
        "owner": {"pod": {"volumes": [volume]}},
        "host": {"pod": {"containers": [on_host]}},
    }
    shop.apply(claim)
    for name, spec in unreleasable.items():
        shop.apply(
            deployment(shop, name, **spec), service(shop, name), plan(shop, name, service=name)
        )
    for name, reason, sentence, mend in (
        (
            "recreate",
            "RecreateStrategy",
            r"spec.strategy.type is Recreate, .* set it to RollingUpdate",
            [{"op": "replace", "path": "/spec/strategy", "value": {"type": "RollingUpdate"}}],
        ),
        (
            "forgetful",
            "NoRevisionHistory",
            r"spec.revisionHistoryLimit is 0, .* set it to 1 or more",
            [{"op": "replace", "path": "/spec/revisionHistoryLimit", "value": 2}],
        ),
        (
            "owner",
            "ReadWriteOnceClaim",
            r"PersistentVolumeClaim disk is ReadWriteOnce, .* use ReadWriteMany",
            [{"op": "remove", "path": "/spec/template/spec/volumes"}],
        ),
        (
            "host",
            "HostPort",
            r"container checkout has hostPort 8080, .* remove it and use a Service",
            [{"op": "remove", "path": "/spec/template/spec/containers/0/ports/0/hostPort"}],
        ),
    ):
        told = await_ready(shop, name, reason)
        assert re.search(sentence, told), told
        assert "gander.dev/plan" not in shop.get("deployment", name)["metadata"].get("labels", {})
        shop.patch("deployment", mend, name=name, strategy="json")
        assert "has 0 replicas" in await_ready(shop, name, "ZeroReplicas")


def test_without_replicas_a_change_waits_until_there_are_some(story: Callable[..., Story]) -> None:
    shop = story(replicas=1)
    shop.shop.kubectl("scale", "deployment", NAME, "--replicas=0")
    shop.set_image("v3")
    told = await_ready(shop, NAME, "ZeroReplicas")
    assert told == "Deployment checkout has 0 replicas, so nothing can be compared; scale it up"
    assert {} == shop.release()
    shop.shop.kubectl("scale", "deployment", NAME, "--replicas=1")
    shop.load(rate=1.0)  # a pod that is new has counted nothing yet
    shop.await_backends(SPLIT)
    assert [1] == list(shop.replica_sets().values())
