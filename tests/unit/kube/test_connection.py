"""How the cluster is found, and what is said when it is not."""

import json
import socket
from pathlib import Path

import pytest

from controller.kube.client import Client
from controller.kube.connection import current_namespace, open_connection
from controller.kube.errors import ConfigurationError, Unavailable
from tests.kinds import NAMESPACE
from tests.kubeconfigs import kubeconfig


@pytest.fixture(autouse=True)
def outside_of_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.delenv("KUBECONFIG", raising=False)


def test_kubeconfig_is_found_by_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config"
    path.write_text(kubeconfig("https://192.0.2.7:6443"))
    monkeypatch.setenv("KUBECONFIG", str(path))
    api = open_connection(kubeconfig=None, context=None, user_agent="test/1", pool=3)

    assert api.configuration.host == "https://192.0.2.7:6443"
    assert api.user_agent == "test/1"
    assert api.configuration.connection_pool_maxsize == 3
    assert api.configuration.retries is False
    options = {(level, name): value for level, name, value in api.configuration.socket_options}
    assert options[socket.SOL_SOCKET, socket.SO_KEEPALIVE] == 1
    assert options[socket.IPPROTO_TCP, socket.TCP_NODELAY] == 1
    assert options[socket.IPPROTO_TCP, socket.TCP_KEEPIDLE] == 15


def test_a_missing_kubeconfig_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere"
    with pytest.raises(ConfigurationError, match=f"no way to a cluster through {path}: .*name a"):
        Client.connect(kubeconfig=str(path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", ", while parsing a flow node expected the node content, but found"),
        (b"a:\n\t- b", ", while scanning for the next token found character"),
        (b"hello", "; correct it"),
        (b"[]", "; correct it"),
        (b"\xff\xfe", "; correct it"),
        (kubeconfig("").replace('""', "7").encode(), "; correct it"),
    ],
)
def test_a_malformed_kubeconfig_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, said: str
) -> None:
    path = tmp_path / "config"
    path.write_bytes(content)
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert current_namespace() == "default"
    with pytest.raises(ConfigurationError) as raised:
        Client.connect()
    words = str(raised.value)
    assert f"no way to a cluster through {path}: it is no kubeconfig{said}" in words
    assert "\n" not in words


def test_an_unknown_context_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(kubeconfig("https://192.0.2.7:6443"))
    with pytest.raises(ConfigurationError, match="production"):
        Client.connect(kubeconfig=str(path), context="production")


def test_a_pod_without_its_token_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "198.19.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with pytest.raises(ConfigurationError, match="the pod's ServiceAccount: Service token file"):
        Client.connect()


def test_a_port_that_nobody_listens_on_is_reported_with_the_request(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    path = tmp_path / "config"
    path.write_text(kubeconfig(f"https://127.0.0.1:{port}"))
    calls: list[tuple[str, str, int]] = []
    with (
        Client.connect(
            kubeconfig=str(path),
            on_request=lambda verb, kind, code, _: calls.append((verb, kind, code)),
        ) as client,
        pytest.raises(Unavailable, match="get Namespace default: no answer from https://127"),
    ):
        client.get(NAMESPACE, None, "default")
    assert calls == [("get", "Namespace", 0)]


@pytest.mark.parametrize(
    ("context", "namespace"),
    [(None, "shop"), ("plain", "default"), ("unknown", "default")],
)
def test_the_namespace_is_the_contexts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, context: str | None, namespace: str
) -> None:
    config = json.loads(kubeconfig("https://192.0.2.7:6443"))
    config["contexts"][0]["context"]["namespace"] = "shop"
    config["contexts"].append({"name": "plain", "context": {"cluster": "c", "user": "u"}})
    path = tmp_path / "config"
    path.write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert namespace == current_namespace(context)


def test_without_a_kubeconfig_the_namespace_is_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nowhere"))
    assert current_namespace() == "default"
