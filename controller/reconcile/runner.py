"""Workers that take keys from the queue and run passes.

Promises: one object's failure never stops another's passes; a conflict is a new decision, a 429
waits as told, everything else backs off per key; `stop` lets passes under way finish.
"""

import threading
import time
from collections.abc import Callable, Mapping

import structlog

from controller.kube.errors import ApiError, Conflict, TooManyRequests
from controller.kube.queue import WorkQueue
from controller.reconcile.triggers import PLAN, Key
from controller.telemetry import RECONCILE_SECONDS, RECONCILES

log = structlog.get_logger()
Reconcile = Callable[[str, str], float | None]
STUCK_AFTER = 120.0  # seconds in one pass
ASK_AGAIN = 1.0  # seconds until a replica that may not work looks whether it may


class Runner:
    """Runs passes on `workers` threads. `may_work` is asked before each pass (leadership)."""

    def __init__(
        self,
        name: str,
        queue: WorkQueue[Key],
        reconcilers: Mapping[str, Reconcile],
        *,
        workers: int,
        may_work: Callable[[], bool],
    ) -> None:
        self._name = name
        self._queue = queue
        self._reconcilers = reconcilers
        self._may_work = may_work
        self._stopping = False
        self._busy: dict[str, tuple[Key, float]] = {}
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True)
            for number in range(workers)
        ]

    def start(self) -> None:
        """Start the workers."""
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float) -> None:
        """Take no more keys; wait up to `seconds` for the passes under way."""
        self._stopping = True
        self._queue.shutdown()
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    def stuck(self) -> str | None:
        """Name the pass that does not end, or the worker that died; None while all is well."""
        now = time.monotonic()
        for worker, (key, since) in list(self._busy.items()):
            if now - since > STUCK_AFTER:
                return f"worker {worker} is at {'/'.join(key)} for {now - since:.0f}s"
        dead = [t.name for t in self._threads if t.ident is not None and not t.is_alive()]
        return f"worker {dead[0]} has died" if dead and not self._stopping else None

    def _work(self) -> None:
        worker = threading.current_thread().name
        while (key := self._queue.get()) is not None:
            self._busy[worker] = (key, time.monotonic())
            try:
                self._once(key)
            finally:
                self._busy.pop(worker, None)
                self._queue.done(key)

    def _once(self, key: Key) -> None:
        controller, namespace, name = key
        if not self._may_work():
            # A renewal under way may still keep the lease; the key must not be lost by then.
            self._queue.add_after(key, ASK_AGAIN)
            return
        subject = "plan" if controller == PLAN else "release"
        with structlog.contextvars.bound_contextvars(
            controller=controller, namespace=namespace, **{subject: name}
        ):
            try:
                with RECONCILE_SECONDS.labels(controller).time():
                    again = self._reconcilers[controller](namespace, name)
            except Conflict as error:
                log.debug("decides again", error=str(error))
                result = "conflict"
                self._queue.add_rate_limited(key)
            except TooManyRequests as error:
                result = "throttled"
                self._queue.add_after(key, error.retry_after or 1.0)
            except ApiError as error:
                log.warning("pass failed", error=str(error))
                result = "error"
                self._queue.add_rate_limited(key)
            except Exception:
                log.exception("pass failed")
                result = "error"
                self._queue.add_rate_limited(key)
            else:
                result = "success"
                self._queue.forget(key)
                if again is not None:
                    self._queue.add_after(key, again)
        RECONCILES.labels(controller, result).inc()
