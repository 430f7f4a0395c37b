"""Looks at what a real gateway counts per Service, through the cluster's own Prometheus.

Only about the cluster that `python -m dev up` makes: both versions are small servers at the node's
address behind Services with EndpointSlices of our own.
"""

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from controller.api.metric import ReleaseMetricSpec
from controller.kube import kinds
from controller.kube.client import Client
from controller.metrics.reader import ArmLook, Arms, Look, NoEvidence, PodRef, Prometheus, read_look
from dev.environment import Environment
from dev.layout import NODE_ADDRESS
from tests.kinds import ENDPOINT_SLICE
from tests.waiting import eventually

SPEC = ReleaseMetricSpec.model_validate(
    {
        "counts": {
            "total": (
                "traefik_service_requests_total{service=~"
                '".*-svc-{{ namespace }}-{{ service }}-[0-9]+@kubernetesgateway"}'
            ),
            "bad": 'code=~"5.."',
        },
        "per": "Service",
    }
)
VERSIONS = {"checkout": 200, "checkout-canary": 500}


class Version(BaseHTTPRequestHandler):
    """Answers with the status of its version."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(getattr(self.server, "status"))  # noqa: B009  # set by `shop`, not part of the type
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Say nothing."""


@dataclass(frozen=True)
class Shop:
    """A host name behind the gateway whose requests go to both versions."""

    namespace: str
    environment: Environment

    def ask(self, times: int) -> list[int]:
        """Send requests through the gateway and return the statuses."""
        gateway = urlsplit(self.environment.gateway_url)
        connection = HTTPConnection(gateway.hostname or "", gateway.port or 80, timeout=5)
        statuses = []
        for _ in range(times):
            connection.request("GET", "/", headers={"Host": f"{self.namespace}.example"})
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        connection.close()
        return statuses

    def look(self, since: float) -> Look | NoEvidence:
        pod = PodRef("any", ready_since=since - 100, started_at=since - 100)
        arms = Arms(self.namespace, (pod,), (pod,), *VERSIONS)
        prometheus = Prometheus(self.environment.prometheus_url)
        try:
            return read_look(prometheus, SPEC, arms, {}, since, 0, time.time())
        finally:
            prometheus.close()


@pytest.fixture
def shop(client: Client, namespace: str) -> Iterator[Shop]:
    environment = Environment.from_variables(os.environ)
    servers = []
    for name, status in VERSIONS.items():
        server = ThreadingHTTPServer((NODE_ADDRESS, 0), Version)
        server.daemon_threads = True
        server.status = status  # type: ignore[attr-defined]  # read by Version
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        _service(client, namespace, name, server.server_port)
    _route(client, namespace, environment)
    made = Shop(namespace, environment)
    eventually(
        lambda: set(made.ask(20)) == {200, 500},
        within=30,
        what="the gateway to send requests to both versions",
    )
    yield made
    for server in servers:
        server.shutdown()
        server.server_close()


def _service(client: Client, namespace: str, name: str, port: int) -> None:
    client.create(
        kinds.SERVICE,
        namespace,
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"ports": [{"name": "http", "port": 80}]},
        },
    )
    client.create(
        ENDPOINT_SLICE,
        namespace,
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": port}],
            "endpoints": [{"addresses": [NODE_ADDRESS], "conditions": {"ready": True}}],
        },
    )


def _route(client: Client, namespace: str, environment: Environment) -> None:
    gateway = {"name": environment.gateway_name, "namespace": environment.gateway_namespace}
    backends = [{"name": name, "port": 80, "weight": 50} for name in VERSIONS]
    client.create(
        kinds.HTTP_ROUTE,
        namespace,
        {
            "apiVersion": kinds.HTTP_ROUTE.api_version,
            "kind": kinds.HTTP_ROUTE.kind,
            "metadata": {"name": "checkout"},
            "spec": {
                "parentRefs": [gateway],
                "hostnames": [f"{namespace}.example"],
                "rules": [{"backendRefs": backends}],
            },
        },
    )


@dataclass
class Looks:
    """One look after the other, from `since` on."""

    shop: Shop
    since: float

    def next(self) -> Look | NoEvidence:
        outcome = self.shop.look(self.since)
        if isinstance(outcome, Look):
            self.since = outcome.end
        return outcome

    def is_idle(self) -> bool:
        outcome = self.next()
        return isinstance(outcome, NoEvidence) and outcome.reason == "NoTraffic"


def test_the_gateways_series_tell_the_versions_apart(shop: Shop) -> None:
    looks = Looks(shop, since=time.time() - 60)
    eventually(looks.is_idle, within=60, what="Prometheus to have seen the fixture's requests")
    statuses = shop.ask(300)
    good, bad = statuses.count(200), statuses.count(500)
    assert min(good, bad) > 100
    seen: list[Look] = []

    def everything_is_seen() -> bool:
        outcome = looks.next()
        seen.extend([outcome] if isinstance(outcome, Look) else [])
        return sum(look.canary.met + look.stable.met for look in seen) >= len(statuses)

    eventually(everything_is_seen, within=60, what="300 requests in Prometheus")
    assert _sum([look.canary for look in seen]) == ArmLook(bad, bad, bad, bad)
    assert _sum([look.stable for look in seen]) == ArmLook(0, good, good, 0)


def _sum(looks: list[ArmLook]) -> ArmLook:
    return ArmLook(
        bad=sum(look.bad for look in looks),
        total=sum(look.total for look in looks),
        met=sum(look.met for look in looks),
        met_bad=sum(look.met_bad for look in looks),
    )
