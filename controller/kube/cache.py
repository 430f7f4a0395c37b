"""A copy of all objects of one kind in memory, kept fresh by one list and one watch.

Promises: after `synced` it holds every object; a change arrives within the time of one watch event;
what disappeared while the connection was down is reported as deleted; a lost watch goes on from
where it was, and lists again only when the server no longer knows that place (410). Errors make it
wait, longer each time with jitter, and never end its thread. An object that cannot be decoded is
logged and skipped: its former state stays.

What it cannot promise is to be up to date: it lags behind the server by some milliseconds, or by an
outage. Therefore each write names the version it was decided on. To read one's own writes, hand the
server's answer to `observe` right after the write; it is stored only if it is newer than what the
watch has already brought, so it never brings back something that was deleted since:

    answer = client.merge_patch(DEPLOYMENT, "shop", "checkout", body, resource_version=version)
    deployments.observe(answer)

Answers of dry runs are not states of the object and must not be observed.
"""

import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeVar

import structlog

from controller.kube.client import WATCH_IDLE, Client
from controller.kube.errors import ApiError, Expired, NotFound
from controller.kube.kinds import Kind
from controller.kube.mirror import Callback, Mirror
from controller.kube.store import Index, Key

T = TypeVar("T")

FIRST_PAUSE: Final = 0.5  # seconds after the first error
LONGEST_PAUSE: Final = 10.0
STEADY: Final = 10.0  # a watch that lasted this long makes the next error the first again
# Longer than any wait in here: a dead watch's silence, connecting, and what a server tells to wait.
STUCK: Final = WATCH_IDLE + 90.0

log = structlog.get_logger()


def pause(failures: int, share: float) -> float:
    """Return the seconds to wait after so many errors in a row; `share` in [0, 1) spreads them."""
    whole = min(FIRST_PAUSE * 2.0 ** min(failures - 1, 16), LONGEST_PAUSE)
    return whole * (0.5 + 0.5 * share)


class Cache(Generic[T]):
    """The objects of one kind, in one namespace or in all, decoded by `decode`.

    `labels` is a label selector; `indexes` name functions from an object to the values under which
    `by` finds it. `start` begins to read; before that the cache is empty.
    """

    def __init__(
        self,
        client: Client,
        kind: Kind,
        decode: Callable[[bytes], T],
        *,
        namespace: str | None = None,
        labels: str | None = None,
        indexes: Mapping[str, Index[T]] | None = None,
        clock: Callable[[], float] = time.monotonic,
        share: Callable[[], float] = random.random,
    ) -> None:
        self.kind = kind
        self._log = log.bind(kind=kind.kind, namespace=namespace or "")
        self._client = client
        self._namespace = namespace
        self._labels = labels
        self._clock = clock
        self._share = share
        self._mirror = Mirror(decode, indexes or {}, selective=labels is not None, log=self._log)
        self._listed = threading.Event()
        self._served = True
        self._trouble = ""  # what was logged last, to say it once
        self._sign_of_life = clock()
        self._thread: threading.Thread | None = None

    def start(self, stop: threading.Event) -> None:
        """Read on a thread of its own until `stop`.

        A watch that is quiet notices `stop` at the next bookmark, within a minute;
        `Client.close` makes it notice at once.
        """
        if self._thread is not None:
            raise RuntimeError(f"the cache of {self.kind.kind} has been started already")
        self._sign_of_life = self._clock()
        self._thread = threading.Thread(
            target=self._run, args=(stop,), name=f"cache-{self.kind.plural}", daemon=True
        )
        self._thread.start()

    def get(self, namespace: str | None, name: str) -> T | None:
        """Return one object, or None."""
        return self._mirror.store.get((namespace or "", name))

    def all(self) -> list[T]:
        """Return every object."""
        return self._mirror.store.all()

    def by(self, index: str, value: str) -> list[T]:
        """Return the objects that an index files under `value`. KeyError: no such index."""
        return self._mirror.store.by(index, value)

    def subscribe(self, callback: Callback[T]) -> None:
        """Have `callback(old, new)` called for every change.

        `old` is None for a new object, `new` for one that is gone. The callback runs on the
        cache's thread, or on the one that calls `observe`, while other changes wait: it must be
        quick, such as adding a key to a queue. Objects known already are told at once. An
        exception in it is logged.
        """
        self._mirror.subscribe(callback)

    @property
    def synced(self) -> bool:
        """Whether a whole list has been read since the start, or the cluster lacks the kind."""
        return self._listed.is_set()

    @property
    def served(self) -> bool:
        """Whether the cluster knows the kind; one that it does not know has no objects."""
        return self._served

    def healthy(self, now: float) -> str | None:
        """Return None, or what is stuck. `now` is a time of the clock that the cache uses.

        A server that is away or refuses is no reason: the cache keeps trying, and a restart of
        this process would not bring it back.
        """
        if self._thread is None:
            return f"the cache of {self.kind.kind} has not been started"
        if not self._thread.is_alive():
            return f"the thread of the cache of {self.kind.kind} has ended"
        silent = now - self._sign_of_life
        if silent > STUCK:
            return f"the cache of {self.kind.kind} has done nothing for {silent:.0f} s"
        return None

    def observe(self, answer: Mapping[str, Any]) -> None:
        """Store the server's answer to a write of ours, if it is newer than what the watch brought.

        Never the answer of a dry run. With a label selector it updates known objects only.
        """
        self._mirror.observe(answer)

    def _run(self, stop: threading.Event) -> None:
        failures = 0
        while not stop.is_set():
            began = self._clock()
            self._sign_of_life = began
            wait = 0.0
            try:
                if not self._mirror.place:
                    self._list()
                self._watch(stop)
            except ApiError as error:
                wait = error.retry_after or 0.0
                if not stop.is_set():
                    self._lost(error)
            except Exception:  # noqa: BLE001 - a cache without a thread is worse than any error
                self._mirror.place = ""
                self._log.exception("cache failed, lists again")
            self._sign_of_life = self._clock()
            steady = self._sign_of_life - began >= STEADY
            failures = 0 if steady else failures + 1
            stop.wait(max(wait, pause(max(failures, 1), self._share())))

    def _lost(self, error: ApiError) -> None:
        """Decide where to go on after an error."""
        if isinstance(error, Expired):
            self._mirror.place = ""
        elif isinstance(error, NotFound):
            # What is known stays: instances are deleted, one by one, before their definition goes.
            self._mirror.place = ""
            self._served = False
            self._listed.set()
        if error.message != self._trouble:
            self._trouble = error.message
            self._log.warning("watch interrupted, tries again", error=error.message)

    def _list(self) -> None:
        """Read the whole collection; there is a place to go on from only if all of it was read."""
        version = ""
        found: set[Key] = set()
        for page in self._client.pages(self.kind, self._namespace, labels=self._labels):
            self._sign_of_life = self._clock()
            if not version:
                version = page.resource_version
                self._mirror.begin_list(int(version))
            found.update(self._mirror.listed(item) for item in page.items)
        self._mirror.end_list(found, version)
        self._served = True
        self._listed.set()

    def _watch(self, stop: threading.Event) -> None:
        with self._client.watch(
            self.kind, self._namespace, resource_version=self._mirror.place, labels=self._labels
        ) as watch:
            self._trouble = ""
            for kind, item in watch:
                self._sign_of_life = self._clock()
                self._mirror.event(kind, item)
                if stop.is_set():
                    return
