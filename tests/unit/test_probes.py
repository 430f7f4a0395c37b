"""What /healthz, /readyz and /metrics answer, over HTTP."""

import http.client
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from controller.telemetry import Probes


@contextmanager
def serving(
    live: Callable[[], str | None] = lambda: None, ready: Callable[[], str | None] = lambda: None
) -> Iterator[Probes]:
    probes = Probes(0, live=(lambda: None, live), ready=(ready,))
    probes.start()
    try:
        yield probes
    finally:
        probes.stop()


def get(probes: Probes, path: str, host: str = "127.0.0.1") -> tuple[int, str]:
    connection = http.client.HTTPConnection(host, probes.port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_all_is_well() -> None:
    with serving() as probes:
        assert get(probes, "/healthz") == (200, "ok\n")
        assert get(probes, "/readyz") == (200, "ok\n")


def test_a_pod_without_ipv4_is_reached() -> None:
    with serving() as probes:
        assert get(probes, "/healthz", host="::1") == (200, "ok\n")


def test_what_is_stuck_is_named_and_makes_it_unhealthy_only() -> None:
    with serving(live=lambda: "worker gander-0 has died") as probes:
        assert get(probes, "/healthz") == (503, "worker gander-0 has died\n")
        assert get(probes, "/readyz") == (200, "ok\n")


def test_what_is_missing_is_named_and_makes_it_unready_only() -> None:
    with serving(ready=lambda: "pods are not listed yet") as probes:
        assert get(probes, "/readyz") == (503, "pods are not listed yet\n")
        assert get(probes, "/healthz") == (200, "ok\n")


def test_metrics_are_prometheus_text() -> None:
    with serving() as probes:
        status, text = get(probes, "/metrics")
    assert status == 200
    assert "# TYPE controller_runtime_reconcile_total counter" in text
    assert "# TYPE workqueue_depth gauge" in text


def test_any_other_path_says_what_there_is() -> None:
    with serving() as probes:
        assert get(probes, "/") == (404, "there is /metrics, /healthz and /readyz\n")


def test_a_client_that_stalls_keeps_nobody_waiting() -> None:
    with serving() as probes, socket.create_connection(("127.0.0.1", probes.port)) as stalled:
        stalled.sendall(b"GET /metrics HTTP/1.1\r\n")
        assert get(probes, "/healthz") == (200, "ok\n")
