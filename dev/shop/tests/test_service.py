"""The service as a process: what it answers, what it counts, and how it ends."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

DEADLINE_SECONDS = 20.0
DRAIN_SECONDS = 0.5


@dataclass(frozen=True)
class Service:
    """A running service, and how to talk to it."""

    process: subprocess.Popen[str]
    port: int
    metrics_port: int

    @contextmanager
    def connected(self) -> Iterator[http.client.HTTPConnection]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_SECONDS)
        with closing(connection):
            yield connection

    def get(self, path: str) -> tuple[int, str]:
        with self.connected() as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def post(self, document: Any) -> tuple[int, Any]:
        with self.connected() as connection:
            connection.request("POST", "/price", json.dumps(document))
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def metrics(self) -> str:
        with closing(http.client.HTTPConnection("127.0.0.1", self.metrics_port)) as connection:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running(drain_seconds: float = DRAIN_SECONDS) -> Iterator[Service]:
    port, metrics_port = free_port(), free_port()
    settings = {
        "SHOP_VERSION": "v0",
        "SHOP_HOST": "127.0.0.1",
        "SHOP_PORT": str(port),
        "SHOP_METRICS_PORT": str(metrics_port),
        "SHOP_DRAIN_SECONDS": str(drain_seconds),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "app"],
        env={**os.environ, **settings},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        service = Service(process, port, metrics_port)
        await_answer(service, (200, "ready"))
        yield service
    finally:
        process.kill()
        process.communicate()


def await_answer(service: Service, wanted: tuple[int, str]) -> None:
    """Ask /readyz until it answers as wanted."""

    def answers() -> bool:
        try:
            return service.get("/readyz") == wanted
        except ConnectionError:
            return False

    until(f"/readyz answers {wanted}", answers)


def await_refusal(service: Service) -> None:
    """Wait until the service accepts no connection any more."""

    def refuses() -> bool:
        try:
            service.get("/readyz")
        except ConnectionError:
            return True
        return False

    until("connections are refused", refuses)


def until(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running() as started:
        yield started


def test_a_basket_is_priced(service: Service) -> None:
    assert service.post({"items": [{"sku": "mug", "quantity": 2}], "coupon": "FIVE"}) == (
        200,
        {"subtotal": 2300, "discount": 500, "total": 1800},
    )


def test_suppliers_set_the_price_of_their_goods(service: Service) -> None:
    status, receipt = service.post({"items": [{"sku": "honey"}, {"sku": "biscuits"}]})
    assert (status, receipt["total"]) == (200, 890 + 450)


def test_a_supplier_without_an_answer_is_a_failure_of_ours(service: Service) -> None:
    assert service.post({"items": [{"sku": "kettle"}]}) == (
        503,
        {"error": "supplier harbour gave no price"},
    )


def test_a_basket_that_cannot_be_read_is_the_callers_mistake(service: Service) -> None:
    assert service.get("/price?items=cup") == (400, '{"error":"no product \'cup\'"}')


def test_responses_name_the_version(service: Service) -> None:
    with service.connected() as connection:
        connection.request("GET", "/price?items=mug")
        assert connection.getresponse().headers["x-shop-version"] == "v0"


def test_requests_are_counted_and_probes_are_not() -> None:
    with running() as service:
        service.get("/price?items=mug")
        service.get("/price?items=cup")
        service.get("/invented")
        # A request is counted once its answer has gone out.
        until("three are counted", lambda: sum(requests_of(service).values()) >= 3)
        assert requests_of(service) == {
            'http_requests_total{code="200",method="GET",path="/price"}': 1,
            'http_requests_total{code="400",method="GET",path="/price"}': 1,
            'http_requests_total{code="404",method="GET",path="other"}': 1,
        }


def requests_of(service: Service) -> dict[str, float]:
    """Return the counted requests by their series."""
    return {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in service.metrics().splitlines()
        if line.startswith("http_requests_total")
    }


def test_it_serves_on_while_it_drains() -> None:
    with running(drain_seconds=600) as service, service.connected() as pooled:
        pooled.request("GET", "/price?items=mug")
        pooled.getresponse().read()
        service.process.send_signal(signal.SIGTERM)
        await_answer(service, (503, "draining"))
        # A connection from the gateway's pool still works, and is then given up.
        pooled.request("GET", "/price?items=mug")
        response = pooled.getresponse()
        assert (response.status, response.headers["connection"]) == (200, "close")


def test_it_ends_when_it_has_drained() -> None:
    with running() as service:
        began = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(DEADLINE_SECONDS) == 0
        assert time.monotonic() - began >= DRAIN_SECONDS


def test_a_request_in_flight_is_answered_before_the_end() -> None:
    body = b'{"items": [{"sku": "mug"}]}'
    with running() as service, service.connected() as connection:
        connection.putrequest("POST", "/price")
        connection.putheader("content-length", str(len(body)))
        connection.endheaders(body[:5])
        service.process.send_signal(signal.SIGTERM)
        await_refusal(service)
        connection.send(body[5:])
        assert connection.getresponse().status == 200
        assert service.process.wait(DEADLINE_SECONDS) == 0
