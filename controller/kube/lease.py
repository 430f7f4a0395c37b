"""Which one of several replicas may write: leader election on a Lease.

Promises: at any moment at most one replica's `leads` is true, also when a process is stopped and
goes on later, because a leader counts 10 s from before its last successful renewal and another
replica 15 s from after it saw that renewal, each on its own clock. Refused connections, errors and
foreign writes never end `run`; on `stop` the lease is given back, so that the next one starts at
once.

What no lease can promise: a write that was sent before the deadline may arrive after it. Therefore
writes also name the resourceVersion they were decided on.

Give it a client of its own (`Client.connect(pool=2)`), so that renewals never wait behind others.
"""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import structlog

from controller.kube.client import Client
from controller.kube.clock import boot_clock, micro_time, utc_now
from controller.kube.errors import AlreadyExists, ApiError, Conflict, NotFound
from controller.kube.kinds import LEASE

DURATION: Final = 15.0  # seconds without a renewal after which others may take the lease
RENEW_WITHIN: Final = 10.0  # seconds without a renewal after which the leader stops leading
RETRY: Final = 2.0  # seconds between two attempts

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Record:
    """What the Lease says: its version, who holds it ("" for nobody) and for how many seconds."""

    version: str
    holder: str
    duration: float
    transitions: int


def read_record(lease: dict[str, Any]) -> Record:
    """Return what a Lease object says; fields that are missing mean that nobody holds it."""
    spec = lease.get("spec") or {}
    return Record(
        version=lease["metadata"]["resourceVersion"],
        holder=spec.get("holderIdentity") or "",
        duration=float(spec.get("leaseDurationSeconds") or 0),
        transitions=int(spec.get("leaseTransitions") or 0),
    )


def claim(record: Record, identity: str, unchanged: float) -> Literal["renew", "take", "wait"]:
    """Decide what a replica may do with a lease that it has seen unchanged for so many seconds."""
    if record.holder == identity:
        return "renew"
    if not record.holder or unchanged > record.duration:
        return "take"
    return "wait"


class Lease:
    """One replica's part in the election for the lease `namespace/name`.

    `identity` must be this process's own, such as the name of its pod. Times are in seconds.
    """

    def __init__(
        self,
        client: Client,
        namespace: str,
        name: str,
        identity: str,
        *,
        duration: float = DURATION,
        renew_within: float = RENEW_WITHIN,
        retry: float = RETRY,
        clock: Callable[[], float] = boot_clock,
        now: Callable[[], datetime] = utc_now,
        share: Callable[[], float] = random.random,
    ) -> None:
        if not retry < renew_within < duration:
            raise ValueError(
                f"lease {name}: retry {retry} s, renew_within {renew_within} s and duration "
                f"{duration} s must grow in this order"
            )
        # Half of the deadline each: a hanging request leaves time for a second one.
        self._client = client.within(renew_within / 2)
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._duration = duration
        self._renew_within = renew_within
        self._retry = retry
        self._clock = clock
        self._now = now
        self._share = share
        self._until = float("-inf")  # leads before this time
        self._seen: Record | None = None
        self._seen_at = 0.0
        self._log = log.bind(lease=f"{namespace}/{name}", identity=identity)

    def leads(self) -> bool:
        """Tell whether this replica may write now; ask again before every write."""
        return self._clock() < self._until

    def run(
        self,
        on_started: Callable[[], None],
        on_stopped: Callable[[], None],
        stop: threading.Event,
    ) -> None:
        """Take part in the election until `stop`; blocks.

        `on_started` is called when this replica begins to lead, `on_stopped` once when it no longer
        does, with `leads` false already. Both run on this thread: renewals wait for `on_started`,
        and giving the lease back waits for `on_stopped`, which is to end the work under way.
        """
        while not stop.is_set():
            if self._attempt():
                self._lead(on_started, on_stopped, stop)
            else:
                # Candidates that started together must not ask together for ever.
                stop.wait(self._retry * (1.0 + 0.2 * self._share()))

    def _lead(
        self,
        on_started: Callable[[], None],
        on_stopped: Callable[[], None],
        stop: threading.Event,
    ) -> None:
        self._log.info("leads")
        try:
            on_started()
            # Looked at again after the wait: if the process was stopped meanwhile, another replica
            # may have led, so this one has to stop first, even if it could renew.
            while self.leads() and not stop.wait(self._retry) and self.leads():
                self._attempt()
        finally:
            self._until = float("-inf")
            self._log.info("leads no more")
            on_stopped()
        if stop.is_set():
            self._give_back()

    def _attempt(self) -> bool:
        """Try once to get or keep the lease; False where it is another's, or nothing is known."""
        began = self._clock()
        try:
            record = self._read()
            if record is None:
                self._create()
            else:
                held = claim(record, self._identity, self._clock() - self._seen_at)
                if held == "wait":
                    self._until = float("-inf")
                    return False
                self._write(record, taken=held == "take")
        except (Conflict, AlreadyExists):
            # Another replica was faster; the next attempt reads who it was.
            return False
        except ApiError as error:
            self._log.warning("lease not renewed", error=error.message)
            return False
        self._until = began + self._renew_within
        return self.leads()

    def _read(self) -> Record | None:
        try:
            record = read_record(self._client.get(LEASE, self._namespace, self._name))
        except NotFound:
            return None
        if record != self._seen:
            self._seen = record
            self._seen_at = self._clock()
        return record

    def _create(self) -> None:
        body = {"metadata": {"name": self._name}, "spec": self._spec(taken=True, transitions=0)}
        self._client.create(LEASE, self._namespace, body)

    def _write(self, record: Record, *, taken: bool) -> None:
        spec = self._spec(taken=taken, transitions=record.transitions + taken)
        self._patch(spec, record.version)

    def _spec(self, *, taken: bool, transitions: int) -> dict[str, Any]:
        now = micro_time(self._now())
        spec = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(self._duration),
            "renewTime": now,
            "leaseTransitions": transitions,
        }
        return {**spec, "acquireTime": now} if taken else spec

    def _patch(self, spec: dict[str, Any], version: str) -> None:
        self._client.merge_patch(
            LEASE, self._namespace, self._name, {"spec": spec}, resource_version=version
        )

    def _give_back(self) -> None:
        """Let the next replica lead at once; if this fails it waits for the lease to run out."""
        try:
            record = self._read()
            if record is not None and record.holder == self._identity:
                self._patch({"holderIdentity": None, "leaseDurationSeconds": 1}, record.version)
        except ApiError as error:
            self._log.warning("lease not given back", error=error.message)
