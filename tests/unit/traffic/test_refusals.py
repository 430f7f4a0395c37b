"""What cannot be released by canary is refused with a sentence that says what to change."""

from typing import Any

import pytest

from controller.traffic.refusals import claim_names, refusals
from tests.unit.traffic.objects import deployment, service


def pod(**spec: Any) -> dict[str, Any]:
    made = deployment()
    made["spec"]["template"]["spec"].update(spec)
    return made


def other(name: str, selector: dict[str, str], **metadata: Any) -> dict[str, Any]:
    made = service(name, selector=selector)
    made["metadata"].update(metadata)
    return made


CLAIMED = pod(
    volumes=[
        {"name": "tmp", "emptyDir": {}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "carts"}},
    ]
)
PORTS = [{"name": "app", "ports": [{"containerPort": 80, "hostPort": 8080}]}]
TRACK_IN = {"key": "track", "operator": "In", "values": ["stable", "beta"]}


def test_an_ordinary_workload_is_not_refused() -> None:
    others = [
        service(),
        other("checkout-canary", {"track": "stable-canary"}, labels={"gander.dev/release": "c-1"}),
        other("checkout-stable-too", {"app": "checkout", "track": "stable"}),
        other("cart", {"app": "cart"}),
        service("outside", type="ExternalName", selector=None),
    ]

    assert refusals(deployment(), service(), "track", others, {"carts": ["ReadWriteOnce"]}) == []


@pytest.mark.parametrize(
    ("item", "reason", "words"),
    [
        (
            deployment(strategy={"type": "Recreate"}),
            "RecreateStrategy",
            "spec.strategy.type is Recreate",
        ),
        (deployment(revisionHistoryLimit=0), "NoRevisionHistory", "spec.revisionHistoryLimit is 0"),
        (pod(hostNetwork=True), "HostNetwork", "hostNetwork is true"),
        (pod(hostNetwork=True, containers=PORTS), "HostNetwork", "hostNetwork is true"),
        (pod(containers=PORTS), "HostPort", "container app has hostPort 8080"),
        (pod(initContainers=PORTS), "HostPort", "container app has hostPort 8080"),
        (
            deployment(selector={"matchExpressions": [TRACK_IN]}),
            "SelectorExcludesCanary",
            "asks for track In stable, beta, but canary pods have track=stable-canary",
        ),
        (
            deployment(
                selector={
                    "matchExpressions": [
                        {"key": "track", "operator": "NotIn", "values": ["stable-canary"]},
                        {"key": "app", "operator": "Exists"},
                        {"key": "team", "operator": "DoesNotExist"},
                    ]
                }
            ),
            "SelectorExcludesCanary",
            "asks for track NotIn stable-canary",
        ),
    ],
)
def test_deployments_that_are_refused(item: dict[str, Any], reason: str, words: str) -> None:
    [(found, message)] = refusals(item, service(), "track", [])

    assert reason == found
    assert message.startswith("Deployment shop/checkout: ")
    assert words in message


@pytest.mark.parametrize(
    ("modes", "refused"),
    [
        (["ReadWriteOnce"], True),
        (["ReadWriteOncePod"], True),
        (["ReadWriteOnce", "ReadWriteMany"], False),
        (["ReadOnlyMany"], False),
    ],
)
def test_claims_that_only_one_node_can_mount_are_refused(
    *, modes: list[str], refused: bool
) -> None:
    found = refusals(CLAIMED, service(), "track", [], {"carts": modes})

    assert claim_names(CLAIMED) == ["carts"]
    assert (["ReadWriteOnceClaim"] if refused else []) == [each.reason for each in found]
    assert refusals(CLAIMED, service(), "track", []) == [], "a claim that nobody looked up"


@pytest.mark.parametrize(
    ("item", "reason", "words"),
    [
        (
            service(type="ExternalName", externalName="shop.example", selector=None),
            "ServiceIsExternalName",
            "spec.type is ExternalName",
        ),
        (service(selector=None), "ServiceWithoutSelector", "spec.selector is empty"),
        (
            service(selector={"app": "cart", "zone": "a"}),
            "ServiceSelectsOtherPods",
            "asks for app=cart (the pods have checkout), zone=a (the pods have none)",
        ),
        (
            service(selector={"app": "checkout"}),
            "TrackLabelNotSelected",
            "set spec.traffic.trackLabel of the plan to one of app",
        ),
    ],
)
def test_services_that_are_refused(item: dict[str, Any], reason: str, words: str) -> None:
    [(found, message)] = refusals(deployment(), item, "track", [item])

    assert reason == found
    assert message.startswith("Service shop/checkout: ")
    assert words in message


def test_an_empty_track_label_adds_nothing_to_the_empty_selector() -> None:
    [(found, _)] = refusals(deployment(), service(selector={}), "", [])

    assert found == "ServiceWithoutSelector"


def test_another_service_that_would_select_the_canary_is_named() -> None:
    [(reason, message)] = refusals(
        deployment(), service(), "track", [service(), other("checkout-admin", {"app": "checkout"})]
    )

    assert reason == "CanaryBehindOtherService"
    assert message.startswith("Service shop/checkout-admin would select canary pods too")
    assert "add track=stable to its spec.selector" in message


def test_somebody_elses_service_of_the_canarys_name_is_not_taken_over() -> None:
    [(reason, message)] = refusals(
        deployment(), service(), "track", [other("checkout-canary", {"app": "other"})]
    )

    assert reason == "CanaryNameTaken"
    assert message.startswith("Service shop/checkout-canary is not Gander's")
