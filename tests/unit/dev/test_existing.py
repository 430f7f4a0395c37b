"""A cluster that exists is asked for what the demo needs, and all that is missing is told."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from dev.environment import SETTINGS
from dev.existing import Seen, findings, look

ENV = {
    "KUBECONFIG": "/home/me/config",
    "GANDER_GATEWAY_URL": "http://gateway.example:80",
    "GANDER_GATEWAY": "infra/public",
    "GANDER_PROMETHEUS_URL": "http://prometheus.example:9090",
    "GANDER_ALERTMANAGER_URL": "http://alertmanager.example:9093",
    "GANDER_REGISTRY": "registry.example:5000",
}
ALL = Seen(frozenset({"kubectl", "helm"}), {})


class Answers(BaseHTTPRequestHandler):
    """Serves as a Prometheus does, asks for a password as a registry may, and knows no more."""

    def do_GET(self) -> None:
        known = {"/prom/api/v1/query?query=1": 200, "/v2/": 401}
        self.send_response(known.get(self.path, 404))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answers) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


def test_nothing_is_missing_where_all_is_there() -> None:
    assert findings(ENV, ALL) == ()


def test_commands_are_named_with_the_way_to_get_them() -> None:
    found = findings(ENV, Seen(frozenset(), {}))
    assert [finding.lacks for finding in found] == ["helm in PATH", "kubectl in PATH"]
    assert all("python -m dev programs" in finding.remedy for finding in found)


def test_everything_is_told_at_once() -> None:
    env = {"KUBECONFIG": "/home/me/config", "GANDER_REGISTRY": "registry.example:5000"}
    seen = Seen(frozenset({"kubectl"}), {"GANDER_REGISTRY": "connection refused"})
    text = "\n".join(map(str, findings(env, seen)))
    assert text.count("is not set") == 4
    assert "helm in PATH" in text
    assert "GANDER_REGISTRY=registry.example:5000 cannot be used: connection refused" in text


def test_what_serves_is_not_refused(server: str) -> None:
    env = {
        "GANDER_PROMETHEUS_URL": f"{server}/prom",
        "GANDER_REGISTRY": f"{server}/team",
        # A gateway without a route for us answers 404.
        "GANDER_GATEWAY_URL": server,
    }
    assert look(env).refusals == {}


def test_what_is_something_else_is_refused_with_its_answer(server: str) -> None:
    refusals = look({"GANDER_ALERTMANAGER_URL": server, "GANDER_PROMETHEUS_URL": server}).refusals
    assert set(refusals) == {"GANDER_ALERTMANAGER_URL", "GANDER_PROMETHEUS_URL"}
    assert refusals["GANDER_ALERTMANAGER_URL"] == f"{server}/api/v2/status answers 404"


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "http://127.0.0.1:none", "nonsense://x"])
def test_what_cannot_be_reached_is_refused_with_the_reason(address: str) -> None:
    refusals = look({"GANDER_GATEWAY_URL": address}).refusals
    assert refusals["GANDER_GATEWAY_URL"].startswith(f"{address}/: ")


def test_a_kubeconfig_that_is_not_there_is_refused(tmp_path: Path) -> None:
    env = {"KUBECONFIG": str(tmp_path / "config"), "GANDER_GATEWAY": "infra/public"}
    assert look(env).refusals == {"KUBECONFIG": "there is no such file"}


def test_every_setting_is_described_for_people() -> None:
    text = (Path(__file__).parents[3] / "CONTRIBUTING.md").read_text()
    assert [setting.name for setting in SETTINGS if f"`{setting.name}`" not in text] == []
