"""What a Secret gives to the connection to Prometheus, and what is said of one that is no use."""

import base64
import socket
from datetime import UTC, datetime

import pytest

from controller.api.release import Release
from controller.metrics.reader import Prometheus
from controller.reconcile.looks import Observer, take_look
from controller.reconcile.prometheus import PrometheusPool, read_credentials
from controller.release.facts import Judged, Problem
from tests.unit.loopback import answering
from tests.unit.metrics.given import T0, some_arms
from tests.unit.reconcile.known import known
from tests.unit.release import given
from tests.unit.release.given import LOOK, NOW
from tests.waiting import eventually


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


@pytest.mark.parametrize("secret", [None, {"name": "prom-auth"}])
def test_a_url_that_an_older_rule_let_in_is_told_as_the_urls_fault(
    secret: dict[str, str] | None,
) -> None:
    wire = given.release(**given.at_step()).wire()
    source = wire["spec"]["rules"]["analysis"]["prometheus"]
    source |= {"url": "http://[::1:9090"} | ({"secretRef": secret} if secret else {})
    pool = PrometheusPool(known())

    def look(release: Release, now: datetime) -> Judged | None:
        return take_look(release, some_arms(), pool.of(release), now)

    observer = Observer(workers=1, look=look, wake=lambda *_: None)
    facts = given.facts(Release.model_validate(wire), routes=(given.route(5),))
    judged = eventually(lambda: observer.judged(facts, NOW + LOOK), within=10, what="the look")
    observer.stop()
    assert judged is not None
    assert judged.problem == Problem(
        "PrometheusUrlInvalid",
        "spec.analysis.prometheus.url is 'http://[::1:9090', to which no request can go; correct "
        "it in ReleasePlan checkout and abort this release",
    )


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
