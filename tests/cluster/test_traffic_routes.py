"""Patches of routes against the real API server and gateway: what users get is what was asked.

Only about the cluster that `python -m dev up` makes: both versions are small servers at the node's
address, so that no image is needed, behind Services with EndpointSlices of our own.
"""

import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest

from controller.kube import kinds
from controller.kube.client import Client
from controller.kube.errors import Invalid
from controller.kube.kinds import Kind
from controller.traffic.routes import (
    Patch,
    Split,
    last_foreign_manager,
    read_split,
    remove_canary,
    set_weight,
)
from dev.environment import Environment
from dev.layout import NODE_ADDRESS
from tests.kinds import ENDPOINT_SLICE
from tests.waiting import eventually

STABLE, CANARY = "checkout", "checkout-canary"


class Version(BaseHTTPRequestHandler):
    """Answers with the server's name and the header that the user's filter sets."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet: two would wait 40 ms for each other

    def do_GET(self) -> None:
        name = getattr(self.server, "name")  # noqa: B009  # set by `serving`, not part of the type
        body = json.dumps({"version": name, "team": self.headers.get("X-Team")}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Say nothing."""


@dataclass(frozen=True)
class Shop:
    """A namespace with a Service, behind which one server answers, and routes to it."""

    client: Client
    namespace: str
    environment: Environment

    @property
    def host(self) -> str:
        return f"{self.namespace}.example"

    def route(self, kind: Kind = kinds.HTTP_ROUTE) -> dict[str, Any]:
        return self.client.get(kind, self.namespace, "checkout")

    def patch(self, patch: Patch, kind: Kind = kinds.HTTP_ROUTE) -> dict[str, Any]:
        return self.client.json_patch(kind, self.namespace, "checkout", patch)

    def set_weight(self, percent: int, kind: Kind = kinds.HTTP_ROUTE) -> dict[str, Any]:
        return self.patch(set_weight(self.route(kind), STABLE, CANARY, percent), kind)

    def remove_canary(self, kind: Kind = kinds.HTTP_ROUTE) -> dict[str, Any]:
        return self.patch(remove_canary(self.route(kind), STABLE, CANARY), kind)

    def wait(
        self,
        what: str,
        holds: Callable[[Split], bool] = lambda split: split.accepted,
        kind: Kind = kinds.HTTP_ROUTE,
    ) -> Split:
        """Wait until the gateway's answer on the route is as wanted, and return it."""

        def answered() -> Split | None:
            split = read_split(self.route(kind), STABLE, CANARY)
            return split if holds(split) else None

        found = eventually(answered, within=15, what=what)
        assert found is not None
        return found

    def service(self, name: str, port: int) -> None:
        """Make a Service with one endpoint: the server at `port` of the node."""
        ports = [{"name": "http", "port": 80}]
        self.client.create(
            kinds.SERVICE,
            self.namespace,
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}}
            | {"spec": {"ports": ports}},
        )
        self.client.create(
            ENDPOINT_SLICE,
            self.namespace,
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
                "addressType": "IPv4",
                "ports": [{"name": "http", "port": port}],
                "endpoints": [{"addresses": [NODE_ADDRESS], "conditions": {"ready": True}}],
            },
        )

    def start_canary(self, port: int) -> None:
        """Put the canary behind its Service, and into the route at weight 0 until accepted.

        A backend that the gateway does not know yet would be answered with 500 for its share.
        """
        self.service(CANARY, port)
        self.set_weight(0)
        self.wait("weight 0 to be accepted")

    def serves(self) -> bool:
        """Tell whether the gateway has taken the route over; it says so before it does."""
        gateway = urlsplit(self.environment.gateway_url)
        connection = HTTPConnection(gateway.hostname or "", gateway.port or 80, timeout=5)
        connection.request("GET", "/", headers={"Host": self.host})
        status = connection.getresponse().status
        connection.close()
        return status == 200

    def ask(self, path: str = "/", times: int = 1) -> list[dict[str, Any]]:
        """Send requests through the gateway, one after the other, and return the answers."""
        gateway = urlsplit(self.environment.gateway_url)
        connection = HTTPConnection(gateway.hostname or "", gateway.port or 80, timeout=5)
        answers = []
        try:
            for _ in range(times):
                connection.request("GET", path, headers={"Host": self.host})
                answer = connection.getresponse()
                body = answer.read()
                assert answer.status == 200, f"{path}: {answer.status} {body.decode()}"
                answers.append(json.loads(body))
        finally:
            connection.close()
        return answers

    def versions(self, times: int, path: str = "/") -> Counter[str]:
        return Counter(answer["version"] for answer in self.ask(path, times))


@pytest.fixture
def serving() -> Iterator[dict[str, int]]:
    """Start both versions; return the port of each."""
    servers = []
    for name in (STABLE, CANARY):
        server = ThreadingHTTPServer((NODE_ADDRESS, 0), Version)
        server.daemon_threads = True
        server.name = name  # type: ignore[attr-defined]  # read by Version
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
    yield {STABLE: servers[0].server_port, CANARY: servers[1].server_port}
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def shop(client: Client, namespace: str, serving: dict[str, int]) -> Shop:
    environment = Environment.from_variables(os.environ)
    made = Shop(client, namespace, environment)
    made.service(STABLE, serving[STABLE])
    gateway = {"name": environment.gateway_name, "namespace": environment.gateway_namespace}
    for kind, host in ((kinds.HTTP_ROUTE, made.host), (kinds.GRPC_ROUTE, f"grpc.{made.host}")):
        client.create(
            kind,
            namespace,
            {
                "apiVersion": kind.api_version,
                "kind": kind.kind,
                "metadata": {"name": "checkout"},
                "spec": {
                    "parentRefs": [gateway],
                    "hostnames": [host],
                    "rules": [{"backendRefs": [{"name": STABLE, "port": 80}]}],
                },
            },
        )
    made.wait("the HTTPRoute to be accepted")
    eventually(made.serves, within=15, what="the gateway to serve the HTTPRoute")
    return made


def team(value: str) -> list[dict[str, Any]]:
    """Return a user's filter that marks requests."""
    header = {"name": "X-Team", "value": value}
    return [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [header]}}]


def seen(shop: Shop, wanted: Callable[[Counter[str]], bool], what: str) -> None:
    """Wait until a hundred requests are answered as wanted: the gateway takes a moment."""
    eventually(lambda: wanted(shop.versions(100)), within=15, what=what)


def test_users_meet_the_canary_in_its_share_and_never_after_it_is_taken_back(
    shop: Shop, serving: dict[str, int]
) -> None:
    before = shop.route()["spec"]
    shop.start_canary(serving[CANARY])
    at_nothing = shop.versions(200)
    shop.set_weight(5)
    assert shop.wait("5 % to be accepted").weight == 5
    seen(shop, lambda answers: answers[CANARY] > 0, "requests to reach the canary")
    at_five = shop.versions(1000)
    shop.set_weight(50)
    seen(shop, lambda answers: answers[CANARY] > 25, "half of the requests to reach the canary")
    at_half = shop.versions(1000)
    shop.remove_canary()
    shop.wait("the removal to be accepted")
    seen(shop, lambda answers: answers[CANARY] == 0, "the canary to get no more")
    after = shop.versions(200)

    assert at_nothing == {STABLE: 200}
    assert 40 <= at_five[CANARY] <= 60
    assert 450 <= at_half[CANARY] <= 550
    assert after == {STABLE: 200}
    assert shop.route()["spec"] == before


def test_the_same_weight_again_is_no_write(shop: Shop, serving: dict[str, int]) -> None:
    shop.service(CANARY, serving[CANARY])

    stored = shop.set_weight(5)

    assert set_weight(stored, STABLE, CANARY, 5) == []
    assert set_weight(shop.route(), STABLE, CANARY, 5) == []


def test_a_backend_that_does_not_exist_is_refused_with_the_gateways_words(
    shop: Shop, serving: dict[str, int]
) -> None:
    shop.set_weight(0)
    refused = shop.wait("the refusal", lambda split: bool(split.problem))
    shop.service(CANARY, serving[CANARY])
    accepted = shop.wait("the Service to be found")

    assert refused.reason == "RouteRefused"
    assert refused.silent == ()
    assert f"HTTPRoute {shop.namespace}/checkout: is not served by Gateway" in refused.problem
    assert "ResolvedRefs is False, BackendNotFound" in refused.problem
    assert CANARY in refused.problem
    assert (accepted.problem, accepted.weight) == ("", 0)


def test_the_users_edits_in_the_middle_survive_and_the_split_stays(
    shop: Shop, serving: dict[str, int]
) -> None:
    shop.start_canary(serving[CANARY])
    shop.set_weight(50)
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/new"}}],
        "backendRefs": [{"name": STABLE, "port": 80, "filters": team("new")}],
    }
    shop.patch([{"op": "add", "path": "/spec/rules/0/filters", "value": team("old")}])
    shop.patch([{"op": "add", "path": "/spec/rules/0", "value": rule}])

    edited = read_split(shop.route(), STABLE, CANARY)
    shop.set_weight(50)
    shop.wait("both rules to be accepted")

    def answers(path: str) -> set[tuple[str, str | None]]:
        return {(answer["version"], answer["team"]) for answer in shop.ask(path, 40)}

    both = {"/new": {(STABLE, "new"), (CANARY, "new")}, "/": {(STABLE, "old"), (CANARY, "old")}}
    assert "rules[0] is not as written for 50 %" in edited.uneven
    eventually(
        lambda: both == {path: answers(path) for path in both},
        within=15,
        what="both rules to be split, with their filters",
    )

    shop.remove_canary()
    seen(shop, lambda answers: answers[CANARY] == 0, "the canary to get no more")
    assert shop.versions(40, "/new") == {STABLE: 40}
    assert [
        [ref["name"] for ref in each["backendRefs"]] for each in shop.route()["spec"]["rules"]
    ] == [[STABLE], [STABLE]]
    assert shop.route()["spec"]["rules"][1]["filters"] == team("old")


def test_a_patch_made_from_an_older_route_is_refused_whole(shop: Shop) -> None:
    stale = set_weight(shop.route(), STABLE, CANARY, 5)
    rule = {"backendRefs": [{"name": "cart", "port": 80}]}
    shop.patch([{"op": "add", "path": "/spec/rules/0", "value": rule}])
    before = shop.route()["spec"]

    with pytest.raises(Invalid):
        shop.patch(stale)

    assert shop.route()["spec"] == before


def test_a_foreign_write_that_removes_our_backend_is_named(shop: Shop) -> None:
    before = shop.route()["spec"]["rules"]
    shop.set_weight(5)

    path = kinds.HTTP_ROUTE.path(shop.namespace, "checkout")
    shop.client.raw(
        "PATCH",
        path,
        query=(("fieldManager", "deploy-bot"),),
        body={"spec": {"rules": before}},
        content_type="application/merge-patch+json",
    )

    assert read_split(shop.route(), STABLE, CANARY).weight is None
    assert last_foreign_manager(shop.route()) == "deploy-bot"


def test_grpc_routes_are_split_and_restored(shop: Shop, serving: dict[str, int]) -> None:
    shop.service(CANARY, serving[CANARY])
    before = shop.route(kinds.GRPC_ROUTE)["spec"]

    shop.set_weight(25, kinds.GRPC_ROUTE)
    split = shop.wait("the GRPCRoute to be accepted", kind=kinds.GRPC_ROUTE)
    shop.remove_canary(kinds.GRPC_ROUTE)

    assert (split.rules, split.weight, split.uneven) == (1, 25, "")
    assert shop.route(kinds.GRPC_ROUTE)["spec"] == before
