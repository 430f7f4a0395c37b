"""An environment survives the way through variables, and says what it lacks."""

from pathlib import Path

import pytest

from dev.environment import Environment
from dev.errors import DevError

FOREIGN = {
    "KUBECONFIG": "/home/me/config",
    "GANDER_GATEWAY_URL": "http://gateway.example:80/",
    "GANDER_GATEWAY": "infra/public",
    "GANDER_PROMETHEUS_URL": "http://prometheus.example:9090",
    "GANDER_ALERTMANAGER_URL": "http://alertmanager.example:9093",
    "GANDER_REGISTRY": "registry.example:5000",
}


def test_our_cluster_is_found_again_through_its_variables() -> None:
    env = {"GANDER_STATE": "/state"}
    ours = Environment.ours("second", env)
    assert ours.kubeconfig == Path("/state/second/kubeconfig")
    assert ours.namespace_path == Path("/run/netns/second")
    assert Environment.from_variables(env | ours.variables()) == ours


def test_foreign_cluster_has_no_namespace_of_ours() -> None:
    foreign = Environment.from_variables(FOREIGN)
    assert foreign.name is None
    assert foreign.namespace_path is None
    assert (foreign.gateway_namespace, foreign.gateway_name) == ("infra", "public")
    assert foreign.gateway_url == "http://gateway.example:80"


@pytest.mark.parametrize(
    ("told", "url"),
    [
        ("registry.example:5000", "https://registry.example:5000"),
        ("registry.example/team/", "https://registry.example/team"),
        ("http://registry.example:5000", "http://registry.example:5000"),
    ],
)
def test_registry_has_tls_unless_it_says_http(told: str, url: str) -> None:
    environment = Environment.from_variables(FOREIGN | {"GANDER_REGISTRY": told})
    assert environment.registry_url == url
    assert environment.registry == url.partition("://")[2]


@pytest.mark.parametrize("missing", sorted(FOREIGN))
def test_missing_variable_is_named_with_purpose_and_example(missing: str) -> None:
    env = {name: value for name, value in FOREIGN.items() if name != missing}
    with pytest.raises(DevError, match=rf"{missing} is not set: .+, for example {missing}="):
        Environment.from_variables(env)


def test_all_missing_variables_are_told_at_once() -> None:
    with pytest.raises(DevError) as told:
        Environment.from_variables({"KUBECONFIG": "/home/me/config"})
    assert str(told.value).count(" is not set: ") == len(FOREIGN) - 1


@pytest.mark.parametrize("gateway", ["public", "infra/", "/public"])
def test_gateway_needs_a_namespace_and_a_name(gateway: str) -> None:
    with pytest.raises(DevError, match=f"GANDER_GATEWAY={gateway} is not namespace/name"):
        Environment.from_variables(FOREIGN | {"GANDER_GATEWAY": gateway})
