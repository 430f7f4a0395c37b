"""Tells people what happened to an object, where `kubectl describe` and `kubectl events` show it.

Promises: `event` returns at once and never fails, whatever the API server does; repeats are counted
as `series` describes; what could not be sent after some tries is dropped and logged. An Event is
news and not a record: what must not be lost is in the status of the object.
"""

import contextlib
import functools
import itertools
import queue
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import structlog

from controller.kube.client import Client
from controller.kube.clock import micro_time, utc_now
from controller.kube.errors import ApiError, NotFound, TooManyRequests, Unavailable
from controller.kube.kinds import EVENT
from controller.kube.series import Counted, EventType, Occurrence, Regarding, Series

CONTROLLER: Final = "gander.dev/controller"
WAITING: Final = 1000  # occurrences that may wait to be sent
TRIES: Final = 5
FIRST_PAUSE: Final = 1.0  # seconds before the second try; doubles

log = structlog.get_logger()


class Recorder:
    """Sends Events on a thread of its own. `instance` names this process, such as its pod."""

    def __init__(
        self,
        client: Client,
        instance: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._client = client
        self._instance = instance[:128]
        self._clock = clock
        self._now = now
        self._queue: queue.Queue[Occurrence | None] = queue.Queue(WAITING)
        self._stop = threading.Event()
        self._ending = False
        self._numbers = itertools.count(time.time_ns())
        self._series = Series(self._name_event)
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)
        self.dropped = 0  # occurrences that nobody will see

    def start(self, stop: threading.Event) -> None:
        """Begin to send; what was recorded before is sent first.

        After `stop` nothing is tried twice any more; end with `flush`.
        """
        self._stop = stop
        self._thread.start()

    def event(
        self,
        regarding: dict[str, Any],
        type: EventType,  # noqa: A002 - the field's name in the API
        reason: str,
        message: str,
        action: str = "",
    ) -> None:
        """Record that something happened to an object.

        `regarding` is the object or a reference to it, with apiVersion, kind, namespace, name and
        uid. `reason` is one CamelCase word for the cause and `action` one for what was done
        (default: the same); `message` is a sentence, cut to 1024 bytes.
        """
        occurrence = Occurrence(
            Regarding.of(regarding), type, reason, action or reason, message, self._now()
        )
        try:
            self._queue.put_nowait(occurrence)
        except queue.Full:
            self._drop(occurrence, "too many wait")

    def flush(self, seconds: float) -> None:
        """Send what waits, write the counts, and end; give up after `seconds`."""
        self._ending = True
        # Wakes the thread; a full queue has it awake already.
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(None)
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            try:
                occurrence = self._next()
                if occurrence is not None:
                    made = self._series.take(occurrence, self._clock())
                    if made is not None:
                        self._create(made)
                elif self._ending and self._queue.empty():
                    self._write_counts(everything=True)
                    return
                self._write_counts()
            except Exception:
                log.exception("event not sent")

    def _next(self) -> Occurrence | None:
        patience = 0.0 if self._ending else self._series.next_due(self._clock())
        try:
            return self._queue.get(timeout=patience)
        except queue.Empty:
            return None

    def _create(self, made: Counted) -> None:
        try:
            self._patiently(lambda: self._client.create(EVENT, made.namespace, self._body(made)))
        except ApiError as error:
            self._series.forget(made.key)
            self._drop(made.occurrence, error.message)

    def _write_counts(self, *, everything: bool = False) -> None:
        for each in self._series.take_due(self._clock(), everything=everything):
            try:
                self._patiently(functools.partial(self._write_count, each))
            except NotFound:
                # The API server keeps Events for an hour; the next occurrence makes a new one.
                self._series.forget(each.key)
            except ApiError as error:
                self._drop(each.occurrence, error.message)

    def _write_count(self, each: Counted) -> None:
        series = {"count": each.count, "lastObservedTime": micro_time(each.last)}
        self._client.merge_patch(EVENT, each.namespace, each.name, {"series": series})

    def _patiently(self, send: Callable[[], object]) -> None:
        """Call `send`, again after a while if the server is away or busy; not after `stop`."""
        for attempt in itertools.count():
            try:
                send()
            except (TooManyRequests, Unavailable) as error:
                pause = max(FIRST_PAUSE * 2**attempt, error.retry_after or 0.0)
                if attempt + 1 >= TRIES or self._stop.wait(pause):
                    raise
            else:
                return

    def _name_event(self, regarding: Regarding) -> str:
        return f"{regarding.name[:220]}.{next(self._numbers):x}"

    def _body(self, made: Counted) -> dict[str, Any]:
        occurrence, about = made.occurrence, made.occurrence.regarding
        return {
            "metadata": {"name": made.name},
            "eventTime": micro_time(occurrence.at),
            "type": occurrence.type,
            "reason": occurrence.reason,
            "action": occurrence.action,
            "note": occurrence.note,
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance,
            "regarding": {
                "apiVersion": about.api_version,
                "kind": about.kind,
                "namespace": about.namespace,
                "name": about.name,
                "uid": about.uid,
            },
        }

    def _drop(self, occurrence: Occurrence, why: str) -> None:
        self.dropped += 1
        log.warning(
            "event dropped",
            regarding=f"{occurrence.regarding.namespace}/{occurrence.regarding.name}",
            reason=occurrence.reason,
            note=occurrence.note,
            error=why,
        )
