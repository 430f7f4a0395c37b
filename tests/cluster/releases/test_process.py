"""The controller's process: probes, logs, an orderly end, and who leads when one is killed."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dev.environment import Environment
from dev.layout import NODE_ADDRESS
from dev.reach import inside
from dev.shop.deploy import NAME
from dev.waiting import until
from tests.cluster.releases.installed import Installed, Json, container
from tests.cluster.releases.story import Story

pytestmark = pytest.mark.disruptive
ENDS_WITHIN = 10.0  # seconds after SIGTERM


def test_it_says_how_it_is(installed: Installed) -> None:
    installed.await_ready()  # and leading, which takes a moment longer than being ready
    pod = installed.pod()
    assert installed.answer(pod, "/healthz") == (200, "ok\n")
    assert installed.answer(pod, "/readyz") == (200, "ok\n")
    samples = installed.samples(pod)
    assert samples["leader_election_master_status", ("gander",)] == 1
    assert ("workqueue_depth", ("passes",)) in samples
    assert any(name == "controller_runtime_reconcile_total" for name, _ in samples)
    assert any(name == "rest_client_requests_total" for name, _ in samples)


def test_sigterm_in_the_middle_of_a_release(
    story: Callable[..., Story], installed: Installed
) -> None:
    shop = story(replicas=1, steps=[{"weight": 5, "hold": "1h"}])
    shop.load(rate=20.0)
    shop.set_image("v3")
    shop.await_release("Stepping", reason="Collecting")
    shop.await_backends({NAME: 950, f"{NAME}-canary": 50})
    pod = installed.pod()
    terminated = terminate(installed, pod)
    assert terminated["exitCode"] == 0
    installed.await_ready()
    lines = logs(installed, pod["metadata"]["name"], "--previous")
    assert "leads no more" in {line["event"] for line in lines}
    mine = [line for line in lines if line["event"] == "release moved"]
    mine = [line for line in mine if line["namespace"] == shop.shop.namespace]
    assert {line["release"] for line in mine} == {f"{NAME}-1"}
    assert {"Starting", "Stepping"} <= {line["phase"] for line in mine}
    assert shop.release()["phase"] == "Stepping", shop.told()
    shop.await_backends({NAME: 950, f"{NAME}-canary": 50})


def test_a_scale_to_none_gives_the_lease_back(installed: Installed) -> None:
    assert installed.holder() == installed.pod()["metadata"]["name"]
    with installed.stopped():
        assert installed.holder() == ""


def test_sigterm_while_prometheus_answers_nothing(
    story: Callable[..., Story], installed: Installed, environment: Environment
) -> None:
    with silent_server(environment) as (url, asked):
        analysis = {
            "prometheus": {"url": url},
            "look": "5s",
            "warmUp": "0s",
            "metrics": [{"metric": "http-errors"}],
        }
        shop = story(replicas=1, analysis=analysis)
        shop.set_image("v3")
        shop.await_release("Stepping", "Holding")
        asked.clear()
        assert asked.wait(60), "no look was taken"
        terminated = terminate(installed, installed.pod())
    assert terminated["exitCode"] == 0
    installed.await_ready()


def test_another_replica_takes_over_when_the_leader_is_killed(
    story: Callable[..., Story], installed: Installed
) -> None:
    shop = story(replicas=1, steps=[{"weight": 5, "hold": "1h"}])
    installed.scale(2)
    try:
        leader = installed.holder()
        killed = next(pod for pod in installed.pods() if pod["metadata"]["name"] == leader)
        shop.set_image("v3")
        os.kill(installed.process(killed), signal.SIGKILL)
        installed.replace(killed)
        # The one that waited, or the one that is made anew: whichever asks first.
        until("another to lead", lambda: installed.holder() not in ("", leader), seconds=30)
        shop.await_release("Stepping")
        (leading,) = [p for p in installed.pods() if p["metadata"]["name"] == installed.holder()]
        assert installed.samples(leading)["leader_election_master_status", ("gander",)] == 1
    finally:
        installed.scale(1)


def terminate(installed: Installed, pod: Json) -> Json:
    """Send SIGTERM, and return how the container ended; it is started again."""
    name, process = pod["metadata"]["name"], installed.process(pod)
    before = container(pod)["restartCount"]
    began = time.monotonic()
    os.kill(process, signal.SIGTERM)
    until("the process to end", lambda: not runs(process), seconds=ENDS_WITHIN)
    assert time.monotonic() - began < ENDS_WITHIN

    def restarted() -> bool:
        (now,) = [each for each in installed.pods() if each["metadata"]["name"] == name]
        return bool(container(now)["restartCount"] > before)

    until("the container to start again", restarted, seconds=60)
    return dict(container(installed.pod())["lastState"]["terminated"])


def runs(process: int) -> bool:
    """Tell whether a process is there and has not ended."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def logs(installed: Installed, pod: str, *words: str) -> list[Json]:
    """Return the lines that a pod logged, each of which has to be a JSON object."""
    return [json.loads(line) for line in installed.kubectl("logs", pod, *words).splitlines()]


@contextmanager
def silent_server(environment: Environment) -> Iterator[tuple[str, threading.Event]]:
    """Serve nothing: connections are taken and never answered. The event says that one came."""
    asked, connections = threading.Event(), []
    with inside(environment):
        listener = socket.create_server((NODE_ADDRESS, 0))

    def accept() -> None:
        while True:
            try:
                connections.append(listener.accept()[0])
            except OSError:
                return
            asked.set()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://{NODE_ADDRESS}:{listener.getsockname()[1]}", asked
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        for connection in connections:
            connection.close()
