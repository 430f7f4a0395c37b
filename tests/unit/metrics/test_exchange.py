"""One HTTP exchange with what stands where Prometheus should: proxies, strangers, the dead.

The servers here are sockets on loopback that misbehave in ways a real Prometheus never would. How
the real one is read is tested in tests/cluster.
"""

import json
import logging
import socket
import time
from typing import Any
from urllib.parse import parse_qs

import pytest

from controller.metrics import prometheus as module
from controller.metrics.evidence import NoEvidence, Reason, Samples
from controller.metrics.prometheus import Prometheus
from tests.unit.loopback import EMPTY, Answer, answering, with_status


def ask(answer: Answer, timeout: float = 5, **credentials: Any) -> Samples | NoEvidence:
    with answering(answer) as url:
        prometheus = Prometheus(url, timeout=timeout, **credentials)
        try:
            return prometheus.range_samples("up", window=90.2)
        finally:
            prometheus.close()


def test_the_query_goes_in_the_body() -> None:
    requests: list[bytes] = []

    def answer(connection: socket.socket, request: bytes) -> None:
        requests.append(request)
        with_status("200 OK", EMPTY, "Date: Sun, 01 Nov 2026 00:00:10 GMT")(connection, request)

    selector = 'up{pod=~"' + "|".join(f"checkout-{i}" for i in range(5000)) + '"}'
    with answering(answer) as url:
        prometheus = Prometheus(url + "/prometheus/", timeout=5)
        found = prometheus.range_samples(selector, window=90.2)
        past = prometheus.range_samples(selector, window=1, at=1234.5678)
        prometheus.close()
    assert found == Samples((), window=91, answered_at=1_793_491_210.0)
    assert past == Samples((), window=1, answered_at=1234.5678)
    heads = [request.partition(b"\r\n\r\n")[0] for request in requests]
    assert all(head.startswith(b"POST /prometheus/api/v1/query HTTP/1.1\r\n") for head in heads)
    forms = [parse_qs(request.partition(b"\r\n\r\n")[2].decode()) for request in requests]
    assert forms[0] == {"query": [f"{selector}[91s]"], "timeout": ["5s"]}
    assert forms[1] == {"query": [f"{selector}[1s]"], "timeout": ["5s"], "time": ["1234.568"]}


def _short(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nab")
    connection.close()


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        (with_status("503 Unavailable"), "PrometheusUnreachable", "cannot answer now (503)"),
        (
            with_status("503 Unavailable", b'{"status":"error","error":"query timed out"}'),
            "PrometheusUnreachable",
            "cannot answer now (503, query timed out)",
        ),
        (with_status("429 Slow down"), "PrometheusUnreachable", "cannot answer now (429)"),
        (
            with_status("422 No", b'{"status":"error","error":"too many samples"}'),
            "PrometheusRefused",
            "refused the query (422, too many samples)",
        ),
        (with_status("401 No", b"<html>"), "PrometheusRefused", "refused the credentials (401)"),
        (with_status("403 No"), "PrometheusRefused", "see the plan's secretRef"),
        (
            with_status("302 Found", b"", "Location: https://login.example/?state=secret"),
            "PrometheusRefused",
            "redirects to https://login.example/, which is not followed",
        ),
        (with_status("307 Moved", b"", "Location: /elsewhere"), "PrometheusRefused", "/elsewhere"),
        (with_status("404 Not found", b"<html>"), "NotPrometheus", "without /api/v1"),
        (with_status("200 OK", b"<html>Sign in"), "NotPrometheus", "without /api/v1"),
        (with_status("200 OK", EMPTY[:-5]), "NotPrometheus", "does not answer as Prometheus"),
        (lambda c, _: c.sendall(b"SSH-2.0\r\n\r\n"), "PrometheusUnreachable", "broke off"),
        (lambda c, _: c.close(), "PrometheusUnreachable", "broke off"),
        (_short, "PrometheusUnreachable", "broke off before the answer was complete"),
    ],
)
def test_what_is_no_answer_is_no_evidence(answer: Answer, reason: Reason, words: str) -> None:
    found = ask(answer)
    assert isinstance(found, NoEvidence)
    assert found.reason == reason
    assert words in found.message
    assert "http://127.0.0.1:" in found.message


def _dripping(start: bytes) -> Answer:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(start)
        for _i in range(200):
            connection.sendall(b"a")
            time.sleep(0.05)  # a byte now and then is what this server is for

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        lambda c, _: c.recv(1),  # says nothing
        _dripping(b"HTTP/1.1 200 OK\r\nX-Header: "),
        _dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
        _dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ],
    ids=["silence", "headers", "body", "chunk"],
)
def test_no_server_holds_a_thread_for_longer_than_the_timeout(answer: Answer) -> None:
    began = time.monotonic()
    found = ask(answer, timeout=0.5)
    assert isinstance(found, NoEvidence)
    assert found.reason == "PrometheusUnreachable"
    assert "no answer within 0.5 s" in found.message
    assert time.monotonic() - began < 2


def test_a_huge_answer_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 1_000_000)
    sent = 0

    def answer(connection: socket.socket, _: bytes) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        for _i in range(1000):
            connection.sendall(b"x" * 100_000)
            sent += 100_000

    found = ask(answer)
    assert isinstance(found, NoEvidence)
    assert found.reason == "AnswerTooLarge"
    assert "more than 976 KiB" in found.message
    assert sent < 50_000_000


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    found = Prometheus(f"http://127.0.0.1:{port}").range_samples("up", window=1)
    assert found == NoEvidence(
        "PrometheusUnreachable", f"http://127.0.0.1:{port}: connection refused"
    )


def test_every_query_has_its_own_connection() -> None:
    """One that the server closes while the next query is on its way would be a look lost."""
    asked: list[tuple[int, bytes]] = []

    def answer(connection: socket.socket, request: bytes) -> None:
        asked.append((connection.getpeername()[1], request))
        with_status("200 OK", EMPTY, "Connection: close")(connection, request)

    with answering(answer) as url:
        prometheus = Prometheus(url)
        for _ in range(3):
            assert isinstance(prometheus.range_samples("up", window=1), Samples)
        prometheus.close()
    assert len({port for port, _ in asked}) == 3
    assert all(b"Connection: close\r\n" in request for _, request in asked)


@pytest.mark.parametrize(
    ("credentials", "header", "secrets"),
    [
        ({"token": "s3cr3t-token\n"}, "Bearer s3cr3t-token", ["s3cr3t-token"]),
        (
            {"username": "gander", "password": "pässwort\n"},
            "Basic Z2FuZGVyOnDDpHNzd29ydA==",
            ["pässwort", "Z2FuZGVyOnDDpHNzd29ydA=="],
        ),
    ],
)
def test_credentials_are_sent_and_never_repeated(
    credentials: dict[str, Any],
    header: str,
    secrets: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    heads: list[str] = []

    def answer(connection: socket.socket, request: bytes) -> None:
        heads.append(request.decode())
        echo = json.dumps({"status": "error", "error": f"bad: {heads[-1]} {secrets}"})
        with_status("400 Bad", echo.encode())(connection, request)

    found = ask(answer, **credentials)
    assert f"Authorization: {header}\r\n" in heads[0]
    assert isinstance(found, NoEvidence)
    assert "***" in found.message
    shown = found.message + caplog.text + repr(Prometheus("http://p:9090", **credentials))
    for secret in secrets:
        assert secret not in shown


def test_the_environment_adds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert isinstance(ask(with_status("200 OK", EMPTY)), Samples)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"token": "ab\ncd"}, "token is empty or has characters"),
        ({"token": "\n"}, "token is empty"),
        ({"ca_pem": "hello"}, "ca.crt holds no certificate"),
        ({"ca_pem": ""}, "ca.crt holds no certificate"),
    ],
)
def test_what_cannot_be_used_is_refused_without_repeating_it(
    wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        Prometheus("https://p:9090", **wrong)
    assert "cd" not in str(caught.value)
