"""Posting to what stands where an Alertmanager should, and misbehaves as a real one never would.

How the real one takes alerts is tested in tests/cluster.
"""

import socket
import time
from datetime import UTC, datetime

import pytest

from controller.notify.alertmanager import Alertmanager, NotifyError
from controller.notify.message import Alert
from tests.unit.loopback import Answer, answering, with_status

NOW = datetime(2026, 11, 1, tzinfo=UTC)
LABELS = {"alertname": "GanderReleaseRolledBack"}
ALERT = Alert(key="checkout-7/Regressed", labels=LABELS, annotations={}, starts_at=NOW, ends_at=NOW)


def refusal(answer: Answer, timeout: float = 5) -> str:
    with answering(answer) as url:
        with pytest.raises(NotifyError) as raised:
            Alertmanager([url], timeout=timeout).post([ALERT])
        return str(raised.value).replace(url, "URL")


def _dripping(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Header: ")
    for _i in range(200):
        connection.sendall(b"a")
        time.sleep(0.05)  # a byte now and then is what this server is for


def test_a_server_that_drips_its_answer_holds_no_worker() -> None:
    began = time.monotonic()
    said = refusal(_dripping, timeout=0.5)
    assert said == "Alertmanager URL did not answer within 0.5 s"
    assert time.monotonic() - began < 3


def test_replicas_that_hang_are_waited_for_side_by_side() -> None:
    began = time.monotonic()
    with answering(_dripping) as one, answering(_dripping) as two, answering(_dripping) as three:
        with pytest.raises(NotifyError, match=r"within 1 s; .*within 1 s; .*within 1 s$"):
            Alertmanager([one, two, three], timeout=1).post([ALERT])
        took = time.monotonic() - began
    assert took < 2.9  # one after the other it would be 3


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (with_status("503 Unavailable", b"<p>away\n soon"), "URL answered 503: <p>away soon"),
        (with_status("302 Found", b"", "Location: /login"), "URL answered 302: nothing"),
        (with_status("500 No", b"x" * 200_000), "URL answered with more than 64 KiB"),
        (lambda c, _: c.close(), "URL cannot be reached"),
    ],
)
def test_what_is_no_alertmanager_is_named(answer: Answer, words: str) -> None:
    assert words in refusal(answer)


@pytest.mark.parametrize(
    "bad", ["http://am:90933", "http://[::1:9093", "http://%zz", "http://a..b", "http://am:9x"]
)
def test_a_url_that_is_none_is_that_replicas_failure_alone(bad: str) -> None:
    with answering(with_status("200 OK")) as good:
        (said,) = Alertmanager([bad, good]).post([ALERT])
    assert said == (
        f"Alertmanager {bad} has a URL that cannot be used; correct it in the plan's notify"
    )


def test_what_a_url_may_keep_secret_is_not_told() -> None:
    with pytest.raises(NotifyError) as raised:
        Alertmanager(["http://u:p4ss@am:90933/path/?token=s3cret#f"]).post([ALERT])
    assert "Alertmanager http://am:90933/path has a URL" in str(raised.value)


def test_the_environment_adds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    with answering(with_status("200 OK")) as url:
        assert Alertmanager([url]).post([ALERT]) == ()
