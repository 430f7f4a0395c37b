"""What tests on a real cluster share: a client, a namespace that goes away, a way to wait.

The cluster is the one that KUBECONFIG names; `python -m dev run -- pytest tests/cluster` names the
development cluster. Tests share it, so each works in a namespace of its own.
"""

import json
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from controller.kube.client import Client
from tests.counting import Requests
from tests.kinds import NAMESPACE
from tests.proxy import Proxy
from tests.waiting import eventually as wait_until


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that may take longest: at the end all others would wait for them."""

    def allowed(item: pytest.Item) -> float:
        marker = item.get_closest_marker("timeout")
        return float(marker.args[0]) if marker is not None else 0.0

    items.sort(key=allowed, reverse=True)


@pytest.fixture(scope="session")
def kubeconfig() -> str:
    """Return the path of the cluster's kubeconfig."""
    path = os.environ.get("KUBECONFIG", "")
    if not path:
        pytest.fail("KUBECONFIG is not set; run with: python -m dev run -- pytest tests/cluster")
    return path


@pytest.fixture(scope="session")
def client(kubeconfig: str) -> Iterator[Client]:
    """Connect to the cluster as its administrator."""
    with Client.connect(kubeconfig=kubeconfig, user_agent="gander-tests") as connected:
        yield connected


@pytest.fixture
def namespace(client: Client) -> Iterator[str]:
    """Make a fresh namespace; its deletion is begun after the test and not waited for."""
    name = f"test-{secrets.token_hex(4)}"
    client.create(NAMESPACE, None, {"metadata": {"name": name}})
    yield name
    client.delete(NAMESPACE, None, name)


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """Return the poll with a deadline: `eventually(fn, within=seconds, what="...")`."""
    return wait_until


@pytest.fixture
def proxy(kubeconfig: str) -> Iterator[Proxy]:
    """Put a relay in front of the API server, to break connections of one client only."""
    server = urlsplit(_config(kubeconfig)["clusters"][0]["cluster"]["server"])
    with Proxy((server.hostname or "", server.port or 443)) as relay:
        yield relay


@pytest.fixture
def proxied_kubeconfig(kubeconfig: str, proxy: Proxy, tmp_path: Path) -> str:
    """Write a kubeconfig that leads through `proxy`."""
    config = _config(kubeconfig)
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{proxy.port}"
    path = tmp_path / "kubeconfig"
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))
    return str(path)


@pytest.fixture
def requests() -> Requests:
    """Count the requests of `relayed`."""
    return Requests()


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    """Stop what the test has started."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def relayed(proxied_kubeconfig: str, requests: Requests, stop: threading.Event) -> Iterator[Client]:
    """Connect through `proxy`; when the test ends its caches end too."""
    with Client.connect(kubeconfig=proxied_kubeconfig, on_request=requests) as connected:
        yield connected
        stop.set()


def _config(path: str) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(Path(path).read_text())
    return config
