"""What is asked of Prometheus, and what is not asked because the answer is plain."""

import socket
from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest

from controller.metrics.arms import Arms
from controller.metrics.reader import NoEvidence, Prometheus, read_look, read_past
from tests.unit.loopback import EMPTY, answering, with_status
from tests.unit.metrics.given import T0, a_pod, a_spec, reason, some_arms

NOBODY = Prometheus("http://127.0.0.1:1", timeout=1)
READY = some_arms(canary=[a_pod("c", ready=-100)])
YOUNG = some_arms(canary=[a_pod("c", ready=-10)])
NO_CANARY = Arms("shop", READY.stable, (), "checkout", "checkout-canary")
NO_STABLE = Arms("shop", (), READY.canary, "checkout", "checkout-canary")


def look(arms: Arms, bad: str = 'code=~"5.."') -> str:
    return reason(read_look(NOBODY, a_spec(bad=bad), arms, {}, T0 - 30, 90, T0))


def test_a_look_that_cannot_be_is_not_asked_for() -> None:
    assert look(READY) == "PrometheusUnreachable"
    assert look(READY, bad='code=~"("') == "MetricInvalid"
    assert look(YOUNG, bad='code=~"("') == "MetricInvalid"
    assert look(YOUNG) == "WarmingUp"
    assert look(NO_CANARY) == "NoPods"


def test_history_needs_stable_pods_only() -> None:
    assert reason(read_past(NOBODY, a_spec(), NO_CANARY, {}, now=T0)) == "PrometheusUnreachable"
    assert reason(read_past(NOBODY, a_spec(), NO_STABLE, {}, now=T0)) == "NoPods"
    wrong = read_past(NOBODY, a_spec(bad='code=~"("'), NO_CANARY, {}, now=T0)
    assert isinstance(wrong, NoEvidence)
    assert wrong.reason == "MetricInvalid"
    assert "spec.counts.bad" in wrong.message


@pytest.fixture
def asked() -> Iterator[tuple[Prometheus, list[dict[str, list[str]]]]]:
    """Return a Prometheus that has nothing, and the forms it is sent."""
    forms: list[dict[str, list[str]]] = []

    def answer(connection: socket.socket, request: bytes) -> None:
        forms.append(parse_qs(request.partition(b"\r\n\r\n")[2].decode()))
        with_status("200 OK", EMPTY)(connection, request)

    with answering(answer) as url:
        prometheus = Prometheus(url)
        yield prometheus, forms
        prometheus.close()


@pytest.mark.parametrize(
    ("since", "window"), [(-15, 165), (-0.5, 151), (-3600, 3750), (-9000, 3750), (10, 150)]
)
def test_a_look_is_one_query_back_to_the_last_look(
    asked: tuple[Prometheus, list[dict[str, list[str]]]], since: float, window: int
) -> None:
    prometheus, forms = asked
    found = read_look(prometheus, a_spec(), READY, {"cluster": "eu"}, T0 + since, 90, T0)
    assert reason(found) == "NoData"
    (form,) = forms
    assert form["query"][0].endswith(f',cluster="eu"}}[{window}s]')
    assert "checkout\\\\-1" in form["query"][0]
    assert "time" not in form


def test_history_ends_when_it_is_told_to(
    asked: tuple[Prometheus, list[dict[str, list[str]]]],
) -> None:
    prometheus, forms = asked
    assert reason(read_past(prometheus, a_spec(), READY, {}, now=T0, seconds=300)) == "NoData"
    (form,) = forms
    assert form["time"] == [f"{T0:.3f}"]
    assert form["query"][0].endswith('pod=~"(?:checkout\\\\-1)"}[450s]')
