"""A look at a gauge asks Prometheus once, and the first one for stable's past too."""

import json
import socket
from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest

from controller.judge import GaugeEvidence
from controller.metrics.arms import Arms, PodRef
from controller.metrics.reader import Prometheus
from controller.reconcile.arms import gather_arms
from controller.reconcile.looks import take_look
from controller.reconcile.rehearsal import rehearse
from tests.unit.loopback import answering, with_status
from tests.unit.reconcile.known import known
from tests.unit.reconcile.shop import SHOP, pod
from tests.unit.reconcile.shop import a_release as a_shops_release
from tests.unit.reconcile.test_gauges import MEMORY, a_release
from tests.unit.release.given import NOW, SECOND

STABLE = {f"checkout-{n}": 300.0 + n for n in range(6)}
CANARY = {"canary-1": 500.0, "canary-2": 510.0}
BEGAN = NOW.timestamp() - 1000


def refs(pods: dict[str, float]) -> tuple[PodRef, ...]:
    return tuple(PodRef(name, BEGAN, BEGAN) for name in pods)


ARMS = Arms("shop", refs(STABLE), refs(CANARY), "checkout", "checkout-canary")


@pytest.fixture
def asked() -> Iterator[tuple[Prometheus, list[dict[str, list[str]]]]]:
    """Return a Prometheus that has scraped each pod every 5 s, and the forms it is sent."""
    forms: list[dict[str, list[str]]] = []

    def answer(connection: socket.socket, request: bytes) -> None:
        form = parse_qs(request.partition(b"\r\n\r\n")[2].decode())
        forms.append(form)
        end = NOW.timestamp() + 60 if "time" not in form else float(form["time"][0])
        pods = STABLE | (CANARY if "canary" in form["query"][0] else {})
        times = [end - 5 * n for n in range(200, -1, -1)]
        containers = ("app", "proxy") if "container_bytes" in form["query"][0] else ("app",)
        result = [
            {
                "metric": {"__name__": "memory_bytes", "pod": name, "container": container},
                "values": [[at, str(value + at % 2)] for at in times],
            }
            for name, value in pods.items()
            for container in containers
        ]
        data = {"resultType": "matrix", "result": result}
        body = json.dumps({"status": "success", "data": data}).encode()
        with_status("200 OK", body)(connection, request)

    with answering(answer) as url:
        prometheus = Prometheus(url)
        yield prometheus, forms
        prometheus.close()


def test_the_first_look_at_a_gauge_learns_from_stables_quarter_of_an_hour(
    asked: tuple[Prometheus, list[dict[str, list[str]]]],
) -> None:
    prometheus, forms = asked
    judged = take_look(a_release([], MEMORY), ARMS, prometheus, NOW + 60 * SECOND)
    assert judged is not None
    (metric,) = judged.metrics
    assert (metric.canary, metric.stable) == pytest.approx((505.5, 303), abs=0.2)
    assert (metric.canary_pods, metric.stable_pods) == (2, 6)
    assert metric.until == NOW.timestamp() + 60
    history = GaugeEvidence.unpack(metric.evidence).question.history
    assert (history.pods, history.looks, history.seconds) == (6, 60, 15)
    assert history.level == pytest.approx(303, abs=0.2)
    assert [form.get("time") for form in forms] == [None, [f"{NOW.timestamp():.3f}"]]
    assert forms[1]["query"][0].endswith("[1050s]")

    release = a_release([metric.wire()], MEMORY)
    assert take_look(release, ARMS, prometheus, NOW + 60 * SECOND) is None  # no new sample
    assert len(forms) == 3


def test_a_gauge_is_tried_on_stable_before_any_user_meets_the_canary(
    asked: tuple[Prometheus, list[dict[str, list[str]]]],
) -> None:
    prometheus, forms = asked
    judged = rehearse(a_release([], MEMORY), ARMS, lambda: prometheus, NOW)
    assert judged.problem is None
    assert "canary" not in forms[0]["query"][0]
    counter = {**MEMORY, "spec": {"gauge": {"series": 'x_total{pod=~"{{ pods }}"}'}}}
    judged = rehearse(a_release([], counter), ARMS, lambda: prometheus, NOW)
    assert judged.problem is not None
    assert judged.problem.reason == "MetricInvalid"
    assert "memory: spec.gauge.series: x_total is a counter" in judged.problem.message
    both = {**MEMORY, "spec": {"gauge": {"series": 'container_bytes{pod=~"{{ pods }}"}'}}}
    judged = rehearse(a_release([], both), ARMS, lambda: prometheus, NOW)
    assert judged.problem is not None
    assert judged.problem.reason == "SeveralSeries"


def test_pods_are_compared_with_their_requests_and_limits() -> None:
    kind, item = pod("stable-0", "checkout-a")
    container = {"name": "app", "resources": {"limits": {"memory": "256Mi"}}}
    world = known(*SHOP, (kind, {**item, "spec": {"containers": [container]}}))
    stable = {ref.name: ref.resources for ref in gather_arms(world, a_shops_release()).stable}
    assert stable["stable-0"] == 'app {"limits":{"memory":"256Mi"}}'
    assert stable["stable-1"] == ""
