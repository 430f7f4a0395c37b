"""The keys of objects that need a pass, each at most once and never on two workers at once.

What client-go's rate-limiting queue promises: a key that is added while it waits is one key; added
while a worker has it, it runs once more after `done`; a key that fails comes back after 5 ms, then
10 ms, 20 ms, at most 1000 s, and all such retries together at no more than 10 a second after a
burst of 100. Of several delayed additions of a key the earliest counts. First come, first served.

What it leaves out: what a key means, and draining. After `shutdown` no key is handed out, because
whoever comes next starts from the state of the cluster and not from this queue.
"""

import heapq
import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, Generic, Literal, TypeVar

BASE_DELAY: Final = 0.005  # seconds
MAX_DELAY: Final = 1000.0
RETRIES_PER_SECOND: Final = 10.0
RETRY_BURST: Final = 100.0

K = TypeVar("K", bound=Hashable)

Happening = Literal["added", "waited", "worked", "retried"]
# What happened, and the seconds waited or worked (0 otherwise); must be quick and must not raise.
OnChange = Callable[[Happening, float], None]


def backoff(failures: int) -> float:
    """Return the seconds before the next try after so many failures in a row (0: the first)."""
    # From 2**18 on the cap is passed; a float would overflow long after.
    return min(BASE_DELAY * 2.0 ** min(failures, 32), MAX_DELAY)


class Bucket:
    """A token bucket (`rate` tokens a second, `burst` at most) that is told the time."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at: float | None = None

    def reserve(self, now: float) -> float:
        """Take one token, and return the seconds until it is really there."""
        passed = 0.0 if self._at is None else max(now - self._at, 0.0)
        self._at = now
        self._tokens = min(self._tokens + passed * self._rate, self._burst) - 1.0
        return max(-self._tokens / self._rate, 0.0)


def _ignore(happening: Happening, seconds: float) -> None:
    """Report to nobody."""


class WorkQueue(Generic[K]):
    """A queue of keys for any number of workers, each of which calls `get`, works, calls `done`."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        on_change: OnChange = _ignore,
        longest: float = MAX_DELAY,
    ) -> None:
        """Make an empty queue; no key that fails waits longer than `longest` seconds."""
        self.longest = longest
        self._clock = clock
        self._on_change = on_change
        self._changed = threading.Condition()
        self._ready: OrderedDict[K, float] = OrderedDict()  # key -> since when it waits
        self._running: dict[K, float] = {}  # key -> since when a worker has it
        self._again: set[K] = set()  # added while running
        self._due: dict[K, float] = {}  # key -> when its delayed addition happens
        self._delayed: list[tuple[float, int, K]] = []  # a heap; entries not in _due are void
        self._tie = itertools.count()
        self._failures: dict[K, int] = {}
        self._bucket = Bucket(RETRIES_PER_SECOND, RETRY_BURST)
        self._shut = False

    def add(self, key: K) -> None:
        """Have `key` worked on as soon as a worker is free."""
        with self._changed:
            self._add(key)

    def add_after(self, key: K, seconds: float) -> None:
        """Have `key` added in so many seconds; an earlier addition already planned stays."""
        with self._changed:
            self._add_after(key, seconds)

    def add_rate_limited(self, key: K) -> None:
        """Have `key` tried again after its backoff; `forget` starts it over."""
        with self._changed:
            failures = self._failures.get(key, 0)
            self._failures[key] = failures + 1
            self._on_change("retried", 0.0)
            self._add_after(
                key, max(min(backoff(failures), self.longest), self._bucket.reserve(self._clock()))
            )

    def forget(self, key: K) -> None:
        """Say that `key` went well: its next failure waits 5 ms again."""
        with self._changed:
            self._failures.pop(key, None)

    def failures(self, key: K) -> int:
        """Return how often `key` has failed in a row."""
        with self._changed:
            return self._failures.get(key, 0)

    def get(self, timeout: float | None = None) -> K | None:
        """Wait for a key and take it; None after `timeout` seconds or once the queue is shut."""
        deadline = None if timeout is None else self._clock() + timeout
        with self._changed:
            while not self._shut:
                now = self._clock()
                self._promote(now)
                if self._ready:
                    return self._take(now)
                if deadline is not None and now >= deadline:
                    return None
                self._changed.wait(self._patience(now, deadline))
            return None

    def done(self, key: K) -> None:
        """Give `key` back after `get`; if it was added meanwhile, it waits for its next turn."""
        with self._changed:
            began = self._running.pop(key, None)
            if began is None:
                raise ValueError(f"work queue: {key!r} is done, but no worker had it")
            self._on_change("worked", self._clock() - began)
            if key in self._again:
                self._again.remove(key)
                self._add(key)

    def shutdown(self) -> None:
        """Hand out no more keys, and wake every worker that waits for one."""
        with self._changed:
            self._shut = True
            self._changed.notify_all()

    @property
    def depth(self) -> int:
        """Return how many keys wait for a worker now, delayed ones not counted."""
        with self._changed:
            return len(self._ready)

    def _add(self, key: K) -> None:
        if self._shut or key in self._ready or key in self._again:
            return
        self._on_change("added", 0.0)
        if key in self._running:
            self._again.add(key)
            return
        self._ready[key] = self._clock()
        self._changed.notify()

    def _add_after(self, key: K, seconds: float) -> None:
        if self._shut:
            return
        if seconds <= 0:
            self._add(key)
            return
        due = self._clock() + seconds
        if key in self._due and self._due[key] <= due:
            return
        self._due[key] = due
        heapq.heappush(self._delayed, (due, next(self._tie), key))
        # The worker that sleeps until the next delayed key may now have to wake up earlier.
        self._changed.notify()

    def _promote(self, now: float) -> None:
        while self._delayed and self._delayed[0][0] <= now:
            due, _, key = heapq.heappop(self._delayed)
            if self._due.get(key) == due:
                del self._due[key]
                self._add(key)

    def _take(self, now: float) -> K:
        key, since = self._ready.popitem(last=False)
        self._running[key] = now
        self._on_change("waited", now - since)
        if self._ready or self._delayed:
            # This worker leaves; another one has to wake up for what comes next.
            self._changed.notify()
        return key

    def _patience(self, now: float, deadline: float | None) -> float | None:
        """Return how long to sleep at most, in seconds; None until something is added."""
        times = [] if deadline is None else [deadline]
        if self._delayed:
            times.append(self._delayed[0][0])
        return min(times) - now if times else None
