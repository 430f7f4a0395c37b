"""The alert in a real Alertmanager: fires, is repeated, is resolved, and replicas may be down.

Each test starts its own from Debian's package on loopback, with a webhook that says what people
would have been told; the cluster's Alertmanager stays as it is.
"""

import json
import socket
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from controller.notify.alertmanager import Alertmanager, NotifyError
from controller.notify.message import Alert, rollback_alert
from tests.unit.release.given import release
from tests.waiting import eventually

PROGRAM = "/usr/bin/prometheus-alertmanager"
CAUSE = "http-errors 5.2 % against 1 % (x5.2, between x2.3 and x11.8), 3,120 requests"


class Webhook(BaseHTTPRequestHandler):
    """Keeps what Alertmanager tells people."""

    def do_POST(self) -> None:
        told: list[dict[str, Any]] = getattr(self.server, "told")  # noqa: B009  # set by `people`
        told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Say nothing."""


class People(HTTPServer):
    """A receiver of notifications."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Webhook)
        self.told: list[dict[str, Any]] = []

    def notifications(self) -> list[tuple[str, str]]:
        """Return status and release of every notification, in their order."""
        return [
            (each["status"], alert["labels"]["release"])
            for each in self.told
            for alert in each["alerts"]
        ]


@pytest.fixture
def people() -> Iterator[People]:
    server = People()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def alertmanager(people: People, folder: Path) -> Iterator[str]:
    """Run an Alertmanager that keeps its files in `folder`; give its URL."""
    config = {
        "route": {
            "receiver": "people",
            "group_by": ["..."],
            "group_wait": "100ms",
            "group_interval": "500ms",
            "repeat_interval": "1h",
        },
        "receivers": [
            {
                "name": "people",
                "webhook_configs": [{"url": f"http://127.0.0.1:{people.server_port}/"}],
            }
        ],
    }
    folder.mkdir()
    (folder / "alertmanager.json").write_text(json.dumps(config))
    url = f"http://127.0.0.1:{free_port()}"
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                PROGRAM,
                f"--config.file={folder / 'alertmanager.json'}",
                f"--storage.path={folder / 'data'}",
                f"--web.listen-address={url.removeprefix('http://')}",
                "--cluster.listen-address=",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    def ready() -> bool:
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=2):
                return True
        except OSError:
            return False

    try:
        eventually(ready, within=20, what=f"Alertmanager to be ready; its log is {log}")
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def running(people: People, tmp_path: Path) -> Iterator[str]:
    with alertmanager(people, tmp_path / "one") as url:
        yield url


def active(url: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{url}/api/v2/alerts", timeout=5) as answer:
        found: list[dict[str, Any]] = json.load(answer)
        return found


def the_alert(
    now: datetime, *, number: int = 12, requests: float = 3120, resolved: bool = False
) -> Alert:
    began = now.replace(microsecond=0) - timedelta(seconds=20)
    entry = {"at": began, "phase": "RollingBack", "weight": 5, "reason": "Regressed"}
    return rollback_alert(
        release(
            number=number,
            phase="RolledBack",
            reason="Regressed",
            message=CAUSE,
            step=1,
            traffic_off_at=began + timedelta(seconds=1),
            exposure={"requests": requests, "bad": 162},
            timeline=[{**entry, "message": CAUSE}],
        ),
        labels={"team": "payments", "app.kubernetes.io/name": "checkout", "tier": ""},
        runbook_url="https://runbooks.example/gander",
        now=now,
        resolved=resolved,
    )


def test_what_is_posted_is_what_people_are_told(running: str, people: People) -> None:
    sent = the_alert(datetime.now(UTC))

    failures = Alertmanager([running]).post([sent])

    assert failures == ()
    [found] = active(running)
    assert found["status"]["state"] == "active"
    assert found["labels"] == {
        "alertname": "GanderReleaseRolledBack",
        "namespace": "shop",
        "plan": "checkout",
        "release": "checkout-12",
        "revision": "bbbbbbbbbb",
        "reason": "Regressed",
        "severity": "page",
        "team": "payments",
        "app_kubernetes_io_name": "checkout",
    }
    assert found["annotations"] == sent.annotations
    assert datetime.fromisoformat(found["startsAt"]) == sent.starts_at
    eventually(lambda: bool(people.told), within=10, what="the notification")
    assert people.told[0]["commonAnnotations"]["description"] == sent.annotations["description"]


def test_repeated_it_stays_one_alert_and_one_notification(running: str, people: People) -> None:
    manager, now = Alertmanager([running]), datetime.now(UTC)
    first, later = the_alert(now), the_alert(now, requests=4000)
    later = replace(later, ends_at=later.ends_at + timedelta(minutes=1))

    manager.post([first])
    eventually(lambda: bool(people.told), within=10, what="the notification")
    manager.post([later])
    manager.post([later])
    manager.post([the_alert(now, number=13)])
    eventually(lambda: len(people.told) > 1, within=10, what="the other release's notification")

    found = {each["labels"]["release"]: each for each in active(running)}
    assert found.keys() == {"checkout-12", "checkout-13"}
    assert "4,000 requests" in found["checkout-12"]["annotations"]["exposure"]
    ends = datetime.fromisoformat(found["checkout-12"]["endsAt"])
    assert abs(ends - later.ends_at) < timedelta(seconds=1)
    assert people.notifications() == [("firing", "checkout-12"), ("firing", "checkout-13")]


def test_resolved_it_is_gone_and_people_are_told_once(running: str, people: People) -> None:
    manager = Alertmanager([running])
    manager.post([the_alert(datetime.now(UTC))])
    eventually(lambda: bool(people.told), within=10, what="the notification")

    manager.post([the_alert(datetime.now(UTC), resolved=True)])
    manager.post([the_alert(datetime.now(UTC), resolved=True)])

    eventually(lambda: not active(running), within=10, what="the alert to be gone")
    eventually(lambda: len(people.told) > 1, within=10, what="the second notification")
    assert people.notifications() == [("firing", "checkout-12"), ("resolved", "checkout-12")]


def test_one_replica_is_enough_and_the_other_is_named(running: str) -> None:
    down = f"http://127.0.0.1:{free_port()}"

    failures = Alertmanager([down, running, down]).post([the_alert(datetime.now(UTC))])

    assert failures == (f"Alertmanager {down} cannot be reached",)
    assert len(active(running)) == 1


def test_every_replica_gets_it(running: str, people: People, tmp_path: Path) -> None:
    with alertmanager(people, tmp_path / "other") as other:
        failures = Alertmanager([running, other]).post([the_alert(datetime.now(UTC))])

        assert failures == ()
        assert [len(active(running)), len(active(other))] == [1, 1]


def test_without_any_replica_the_error_names_each_and_no_secret() -> None:
    one, other = free_port(), free_port()
    urls = [f"http://gander:hunter2@127.0.0.1:{one}/am/", f"http://127.0.0.1:{other}"]

    with pytest.raises(NotifyError) as raised:
        Alertmanager(urls).post([the_alert(datetime.now(UTC))])

    assert str(raised.value) == (
        f"Alertmanager http://127.0.0.1:{one}/am cannot be reached; "
        f"Alertmanager http://127.0.0.1:{other} cannot be reached"
    )


def test_a_certificate_that_is_not_trusted_is_called_that(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = f"req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {certificate} -subj /CN=am"
    subprocess.run(["openssl", *words.split()], check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = People()
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with pytest.raises(NotifyError, match="its TLS certificate is not trusted"):
            Alertmanager([f"https://127.0.0.1:{server.server_port}"]).post(
                [the_alert(datetime.now(UTC))]
            )
    finally:
        server.shutdown()
        server.server_close()


def test_what_alertmanager_refuses_is_said_in_its_words(running: str) -> None:
    refused = replace(the_alert(datetime.now(UTC)), labels={"a.b": "c"})

    with pytest.raises(NotifyError, match=r"answered 400: .*invalid label set"):
        Alertmanager([running]).post([refused])


def test_a_replica_that_hangs_costs_one_timeout(running: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        hanging = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        began = time.monotonic()
        failures = Alertmanager([hanging, running], timeout=0.5).post(
            [the_alert(datetime.now(UTC))]
        )
        took = time.monotonic() - began

    assert failures == (f"Alertmanager {hanging} did not answer within 0.5 s",)
    assert took < 5
    assert len(active(running)) == 1
