"""What a Secret gives to the connection to Prometheus, and what is said of one that is no use."""

import base64
import socket
from datetime import UTC, datetime

import pytest

from controller.metrics.reader import Prometheus
from controller.reconcile.looks import take_look
from controller.reconcile.prometheus import read_credentials
from tests.unit.loopback import answering
from tests.unit.metrics.given import T0, some_arms
from tests.unit.release import given


def test_each_field_has_its_place() -> None:
    fields = {"token": "t", "username": "u", "password": "p", "ca.crt": "c", "other": "o"}
    data = {name: base64.b64encode(text.encode()).decode() for name, text in fields.items()}
    found = read_credentials(data)
    assert found == {"token": "t", "username": "u", "password": "p", "ca_pem": "c"}


@pytest.mark.parametrize("field", ["token", "username", "password", "ca.crt"])
def test_what_is_no_text_is_named_and_not_repeated(field: str) -> None:
    secret = base64.b64encode(b"TopS3cret-\xe9-Pa55").decode()
    with pytest.raises(ValueError, match="is no text in UTF-8") as raised:
        read_credentials({field: secret})
    chain = f"{raised.value!r} {raised.value.__cause__!r}"
    assert str(raised.value) == f"{field} is no text in UTF-8"
    assert "S3cret" not in chain


def test_a_server_that_does_not_answer_is_asked_once_a_look() -> None:
    asked: list[bytes] = []

    def answer(connection: socket.socket, request: bytes) -> None:
        asked.append(request)
        connection.close()

    one = given.release(**given.at_step())
    (rule,) = one.spec.rules.metrics
    rules = tuple(rule.model_copy(update={"name": name}) for name in ("a", "b", "c"))
    spec = one.spec.model_copy(
        update={"rules": one.spec.rules.model_copy(update={"metrics": rules})}
    )
    now = datetime.fromtimestamp(T0 + 600, UTC)
    with answering(answer) as url:
        judged = take_look(one.model_copy(update={"spec": spec}), some_arms(), Prometheus(url), now)
    assert len(asked) == 1
    assert judged is not None
    assert judged.problem is not None
    assert judged.problem.reason == "PrometheusUnreachable"
    assert [metric.name for metric in judged.metrics] == ["a", "b", "c"]
