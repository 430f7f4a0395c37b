"""Where the API server keeps each kind."""

import pytest

from controller.kube import kinds
from controller.kube.kinds import Kind
from tests.kinds import NAMESPACE


@pytest.mark.parametrize(
    ("kind", "arguments", "path"),
    [
        (kinds.POD, ("shop", "web-1"), "/api/v1/namespaces/shop/pods/web-1"),
        (kinds.POD, ("shop",), "/api/v1/namespaces/shop/pods"),
        (kinds.POD, (None,), "/api/v1/pods"),
        (NAMESPACE, (None, "shop"), "/api/v1/namespaces/shop"),
        (
            kinds.DEPLOYMENT,
            ("shop", "checkout", "status"),
            "/apis/apps/v1/namespaces/shop/deployments/checkout/status",
        ),
        (
            kinds.RELEASE_PLAN,
            (None,),
            "/apis/gander.dev/v1alpha1/releaseplans",
        ),
        (
            kinds.MUTATING_ADMISSION_POLICY,
            (None, "gander.dev:hold"),
            "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies/gander.dev:hold",
        ),
        (kinds.SECRET, ("shop", "../x?y"), "/api/v1/namespaces/shop/secrets/..%2Fx%3Fy"),
    ],
)
def test_paths(kind: Kind, arguments: tuple[str | None, ...], path: str) -> None:
    assert kind.path(*arguments) == path


@pytest.mark.parametrize(
    ("kind", "arguments", "sentence"),
    [
        (kinds.POD, (None, "web-1"), "Pod 'web-1': its namespace is missing"),
        (NAMESPACE, ("shop", "shop"), "Namespace has no namespace, and 'shop' was given"),
        (kinds.POD, ("shop", None, "log"), "Pod: 'log' is a part of one object, name it"),
        (kinds.POD, ("shop", ""), "Pod: an empty name or namespace in 'api/v1/namespaces/shop"),
        (kinds.POD, ("",), "Pod: an empty name or namespace"),
    ],
)
def test_an_address_that_makes_no_sense_is_refused(
    kind: Kind, arguments: tuple[str | None, ...], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        kind.path(*arguments)


def test_api_versions() -> None:
    assert (kinds.POD.api_version, kinds.HTTP_ROUTE.api_version) == (
        "v1",
        "gateway.networking.k8s.io/v1",
    )
