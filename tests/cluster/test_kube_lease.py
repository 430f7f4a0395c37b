"""The election on a real API server, with replicas that are stopped, cut off and killed."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from controller.kube import kinds
from controller.kube.client import Client
from controller.kube.clock import boot_clock
from controller.kube.lease import Lease
from tests.proxy import Proxy

Eventually = Callable[..., Any]

DURATION, RENEW_WITHIN, RETRY = 6.0, 4.0, 0.5  # seconds; the proportions of 15, 10 and 2


def lease(client: Client, namespace: str, identity: str) -> Lease:
    return Lease(
        client,
        namespace,
        "test",
        identity,
        duration=DURATION,
        renew_within=RENEW_WITHIN,
        retry=RETRY,
    )


class Replica:
    """A candidate on a thread of this process, and what it was told and when."""

    def __init__(self, client: Client, namespace: str, identity: str) -> None:
        self.lease = lease(client, namespace, identity)
        self.told: list[tuple[str, float]] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        self.lease.run(lambda: self._tell("started"), lambda: self._tell("stopped"), self.stop)

    def _tell(self, what: str) -> None:
        self.told.append((what, boot_clock()))
        assert self.lease.leads() is (what == "started")

    def words(self) -> list[str]:
        return [what for what, _ in self.told]

    def end(self) -> None:
        self.stop.set()
        self.thread.join(10)
        assert not self.thread.is_alive()


@contextmanager
def process(namespace: str, identity: str, heard: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Run a candidate as a process of its own; `heard` grows with what it prints."""
    command = [sys.executable, "-m", "tests.cluster.candidate", namespace, identity]
    with subprocess.Popen(
        [*command, str(DURATION), str(RENEW_WITHIN), str(RETRY)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as running:
        output = running.stdout
        assert output is not None
        reader = threading.Thread(
            target=lambda: heard.extend(line.strip() for line in output), daemon=True
        )
        reader.start()
        try:
            yield running
        finally:
            running.send_signal(signal.SIGCONT)
            running.kill()
            running.wait(10)
            reader.join(10)


def holder(client: Client, namespace: str) -> str:
    spec = client.get(kinds.LEASE, namespace, "test")["spec"]
    return str(spec.get("holderIdentity", ""))


def test_one_leads_and_gives_the_lease_back_so_that_the_next_starts_at_once(
    client: Client, namespace: str, eventually: Eventually
) -> None:
    first = Replica(client, namespace, "first")
    eventually(first.lease.leads, within=10, what="the first to lead")
    second = Replica(client, namespace, "second")
    third = Replica(client, namespace, "third")
    eventually(lambda: holder(client, namespace) == "first", within=5, what="the record")
    assert not second.lease.leads()

    began = time.monotonic()
    first.end()
    assert first.words() == ["started", "stopped"]
    eventually(
        lambda: second.lease.leads() + third.lease.leads() == 1, within=10, what="the next leader"
    )
    assert time.monotonic() - began < DURATION - RETRY
    assert client.get(kinds.LEASE, namespace, "test")["spec"]["leaseTransitions"] >= 1
    second.end()
    third.end()
    assert holder(client, namespace) == ""


def test_a_replica_that_was_stopped_and_goes_on_knows_at_once_that_it_no_longer_leads(
    client: Client, namespace: str, eventually: Eventually
) -> None:
    heard: list[str] = []
    with process(namespace, "frozen", heard) as frozen:
        eventually(lambda: heard == ["started"], within=20, what="the process to lead")
        other = Replica(client, namespace, "other")
        frozen.send_signal(signal.SIGSTOP)
        eventually(other.lease.leads, within=DURATION + 5, what="the other to take over")

        frozen.send_signal(signal.SIGCONT)
        eventually(lambda: len(heard) >= 3, within=10, what="the process to notice")
        assert sorted(heard[1:]) == ["resumed False", "stopped"]
        assert other.lease.leads()
        assert holder(client, namespace) == "other"
        other.end()


def test_a_replica_that_was_stopped_for_too_long_starts_over_even_if_nobody_took_over(
    client: Client, namespace: str, eventually: Eventually
) -> None:
    heard: list[str] = []
    with process(namespace, "frozen", heard) as frozen:
        eventually(lambda: heard == ["started"], within=20, what="the process to lead")
        frozen.send_signal(signal.SIGSTOP)
        at = boot_clock()
        eventually(lambda: boot_clock() - at > RENEW_WITHIN + RETRY, within=30, what="the time")
        frozen.send_signal(signal.SIGCONT)
        eventually(lambda: len(heard) == 4, within=10, what="the process to lead again")
        assert heard.index("resumed False") < heard.index("started", 1)
        assert [each for each in heard if "resumed" not in each] == [
            "started",
            "stopped",
            "started",
        ]
        assert holder(client, namespace) == "frozen"


def test_a_leader_that_is_killed_is_replaced_after_its_time(
    client: Client, namespace: str, eventually: Eventually
) -> None:
    heard: list[str] = []
    with process(namespace, "killed", heard) as killed:
        eventually(lambda: heard == ["started"], within=20, what="the process to lead")
        other = Replica(client, namespace, "other")
        killed.kill()
        at = boot_clock()
        eventually(other.lease.leads, within=DURATION + 5, what="the other to take over")
        # It may have renewed just before the signal, and the other may have seen that later.
        assert DURATION - 2 * RETRY < other.told[0][1] - at < DURATION + 3 * RETRY
        other.end()


def test_a_leader_that_is_cut_off_stops_before_another_starts_and_comes_back(
    client: Client,
    relayed: Client,
    proxy: Proxy,
    namespace: str,
    eventually: Eventually,
) -> None:
    with capture_logs() as logged:
        cut = Replica(relayed, namespace, "cut")
        eventually(cut.lease.leads, within=10, what="the one to be cut off to lead")
        other = Replica(client, namespace, "other")
        proxy.refuse()
        eventually(other.lease.leads, within=DURATION + 8, what="the other to take over")
        assert cut.words() == ["started", "stopped"]
        assert cut.told[1][1] < other.told[0][1]

        proxy.resume()
        other.end()
        eventually(cut.lease.leads, within=10, what="the one that was cut off to lead again")
        assert cut.words() == ["started", "stopped", "started"]
        cut.end()
    refused = [each for each in logged if each["event"] == "lease not renewed"]
    assert all("get Lease" in each["error"] for each in refused)
    assert len(refused) >= 3


def test_a_server_that_hangs_does_not_make_a_leader_stay(
    relayed: Client, proxy: Proxy, namespace: str, eventually: Eventually
) -> None:
    replica = Replica(relayed, namespace, "patient")
    eventually(replica.lease.leads, within=10, what="a leader")
    proxy.silence()
    at = boot_clock()
    eventually(lambda: not replica.lease.leads(), within=RENEW_WITHIN + 1, what="the deadline")
    assert boot_clock() - at <= RENEW_WITHIN + 0.2
    eventually(lambda: len(replica.told) == 2, within=DURATION, what="to be told")
    assert replica.told[1][1] - at < DURATION
    proxy.resume()
    replica.end()


def test_a_lease_that_somebody_took_by_force_is_not_led_any_more(
    client: Client, namespace: str, eventually: Eventually
) -> None:
    replica = Replica(client, namespace, "robbed")
    eventually(replica.lease.leads, within=10, what="a leader")
    change = {"spec": {"holderIdentity": "thief", "leaseDurationSeconds": 3600}}
    client.merge_patch(kinds.LEASE, namespace, "test", change)
    eventually(lambda: not replica.lease.leads(), within=3 * RETRY, what="the loss")
    eventually(lambda: replica.words() == ["started", "stopped"], within=2, what="to be told")
    replica.end()
    assert holder(client, namespace) == "thief"
