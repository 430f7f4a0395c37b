"""The event recorder against a real API server, which checks every field."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from controller.kube import kinds
from controller.kube.client import Client
from controller.kube.events import CONTROLLER, Recorder
from tests.counting import Requests
from tests.kinds import CONFIG_MAP
from tests.proxy import Proxy

Json = dict[str, Any]
Eventually = Callable[..., Any]


@pytest.fixture
def thing(client: Client, namespace: str) -> Json:
    """Make an object that Events can be about."""
    made = client.create(CONFIG_MAP, namespace, {"metadata": {"name": "checkout"}})
    return {"apiVersion": "v1", "kind": "ConfigMap", **made}


@pytest.fixture
def recorder(relayed: Client, stop: threading.Event) -> Iterator[Recorder]:
    made = Recorder(relayed, instance="gander-0")
    made.start(stop)
    yield made
    stop.set()
    made.flush(5.0)


def events(client: Client, namespace: str) -> list[Json]:
    found = client.list(kinds.EVENT, namespace)
    return sorted(
        (each for each in found if each.get("reportingController") == CONTROLLER),
        key=lambda each: str(each["eventTime"]),
    )


def test_an_event_is_shown_where_people_look(
    client: Client, namespace: str, thing: Json, recorder: Recorder, eventually: Eventually
) -> None:
    recorder.event(thing, "Warning", "Regressed", "5.1 % of 1204 requests failed", "RollBack")
    [made] = eventually(lambda: events(client, namespace), within=10, what="the Event")

    assert made["regarding"] == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "namespace": namespace,
        "name": "checkout",
        "uid": thing["metadata"]["uid"],
    }
    told = [made[key] for key in ("type", "reason", "action", "note", "reportingInstance")]
    assert told == [
        "Warning",
        "Regressed",
        "RollBack",
        "5.1 % of 1204 requests failed",
        "gander-0",
    ]
    # What `kubectl describe` asks for.
    path = f"/api/v1/namespaces/{namespace}/events"
    query = (("fieldSelector", f"involvedObject.uid={thing['metadata']['uid']}"),)
    assert b"5.1 % of 1204 requests failed" in client.raw("GET", path, query=query)


def test_repeats_are_counted_in_one_event_when_the_recorder_ends(
    client: Client,
    relayed: Client,
    requests: Requests,
    namespace: str,
    thing: Json,
    stop: threading.Event,
) -> None:
    recorder = Recorder(relayed, instance="gander-0")
    for _ in range(5):
        recorder.event(thing, "Normal", "Holding", "no answer from Prometheus")
    recorder.start(stop)
    recorder.flush(10.0)

    [made] = events(client, namespace)
    assert made["series"]["count"] == 5
    assert made["series"]["lastObservedTime"] > made["eventTime"]
    assert requests.count() == {("create", 201): 1, ("patch", 200): 1}


def test_notes_that_differ_too_often_are_combined(
    client: Client, relayed: Client, namespace: str, thing: Json, stop: threading.Event
) -> None:
    recorder = Recorder(relayed, instance="gander-0")
    for number in range(14):
        recorder.event(thing, "Normal", "Stepping", f"weight {number}")
    recorder.start(stop)
    recorder.flush(10.0)

    made = events(client, namespace)
    assert [each["note"] for each in made] == [
        *(f"weight {number}" for number in range(10)),
        "(combined from similar events): weight 10",
    ]
    assert made[-1]["series"]["count"] == 4


def test_a_long_note_is_accepted(
    client: Client, namespace: str, thing: Json, recorder: Recorder, eventually: Eventually
) -> None:
    recorder.event(thing, "Warning", "CrashLoop", "ü" * 5000)
    [made] = eventually(lambda: events(client, namespace), within=10, what="the Event")
    assert made["note"] == "ü" * 510 + "..."


def test_events_are_sent_later_when_the_server_was_away(
    client: Client,
    namespace: str,
    thing: Json,
    recorder: Recorder,
    proxy: Proxy,
    requests: Requests,
    eventually: Eventually,
) -> None:
    proxy.refuse()
    began = time.monotonic()
    recorder.event(thing, "Normal", "Stepping", "weight 5")
    assert time.monotonic() - began < 0.1
    eventually(lambda: requests.count()["create", 0] >= 1, within=5, what="a refused attempt")
    proxy.resume()
    eventually(lambda: events(client, namespace), within=20, what="the Event")


def test_an_event_that_is_refused_is_dropped_and_the_next_one_is_sent(
    client: Client, namespace: str, thing: Json, recorder: Recorder, eventually: Eventually
) -> None:
    with capture_logs() as logged:
        recorder.event(thing, "Normal", "x" * 200, "its reason is too long")
        recorder.event(thing, "Normal", "Stepping", "weight 5")
        eventually(lambda: events(client, namespace), within=10, what="the second Event")
    assert recorder.dropped == 1
    assert [each["event"] for each in logged] == ["event dropped"]
    assert "reason" in logged[0]["error"]


def test_an_event_that_was_deleted_is_made_again(
    client: Client,
    namespace: str,
    thing: Json,
    relayed: Client,
    stop: threading.Event,
    eventually: Eventually,
) -> None:
    now = [0.0]
    recorder = Recorder(relayed, instance="gander-0", clock=lambda: now[0])
    recorder.start(stop)

    def hold() -> None:
        recorder.event(thing, "Normal", "Holding", "no answer from Prometheus")

    hold()
    [first] = eventually(lambda: events(client, namespace), within=10, what="the Event")
    client.delete(kinds.EVENT, namespace, first["metadata"]["name"])
    now[0] = 61.0
    hold()
    hold()
    [second] = eventually(lambda: events(client, namespace), within=10, what="a new Event")
    assert second["metadata"]["name"] != first["metadata"]["name"]
    recorder.flush(5.0)


def test_too_many_events_are_dropped_and_the_caller_goes_on(relayed: Client, thing: Json) -> None:
    recorder = Recorder(relayed, instance="gander-0")
    began = time.monotonic()
    with capture_logs() as logged:
        for number in range(1005):
            recorder.event(thing, "Normal", "Stepping", f"weight {number}")
    assert time.monotonic() - began < 2.0
    assert recorder.dropped == 5
    assert [each["error"] for each in logged] == ["too many wait"] * 5
