"""The work queue: order, one worker per key, and when keys come back.

Time is a number that the tests move, so nothing here waits; the last tests use real threads.
"""

import threading
from collections import Counter
from collections.abc import Hashable
from typing import TypeVar

import pytest
from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from controller.kube.queue import Bucket, WorkQueue, backoff
from tests.waiting import eventually

T = TypeVar("T", bound=Hashable)
KEYS = strategies.sampled_from(["shop/checkout", "shop/cart", "bank/ledger", "bank/cards"])


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def take_all(queue: WorkQueue[T]) -> list[T]:
    taken = []
    while (key := queue.get(timeout=0)) is not None:
        taken.append(key)
    return taken


def test_keys_come_out_in_the_order_they_were_added_and_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for key in ("b", "a", "b", "c", "a"):
        queue.add(key)

    assert take_all(queue) == ["b", "a", "c"]


def test_a_key_added_while_it_runs_runs_once_more_afterwards() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    assert queue.get() == "a"

    queue.add("a")
    queue.add("a")

    assert queue.get(timeout=0) is None
    queue.done("a")
    assert queue.get(timeout=0) == "a"
    queue.done("a")
    assert queue.get(timeout=0) is None


def test_done_without_a_worker_is_an_error_that_names_the_key() -> None:
    queue: WorkQueue[str] = WorkQueue()
    with pytest.raises(ValueError, match="'shop/checkout' is done, but no worker had it"):
        queue.done("shop/checkout")


def test_of_several_delayed_additions_the_earliest_counts() -> None:
    clock = Clock()
    queue: WorkQueue[str] = WorkQueue(clock=clock)
    queue.add_after("a", 30.0)
    queue.add_after("a", 10.0)
    queue.add_after("a", 20.0)

    clock.now += 9.9
    assert queue.get(timeout=0) is None
    clock.now += 0.2
    assert queue.get(timeout=0) == "a"
    queue.done("a")
    clock.now += 100.0
    assert queue.get(timeout=0) is None


def test_delayed_keys_come_out_by_due_time() -> None:
    clock = Clock()
    queue: WorkQueue[str] = WorkQueue(clock=clock)
    queue.add_after("late", 3.0)
    queue.add_after("early", 1.0)
    queue.add_after("now", 0.0)

    clock.now += 5.0
    assert take_all(queue) == ["now", "early", "late"]


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0.005), (1, 0.01), (2, 0.02), (10, 5.12), (17, 655.36), (18, 1000.0), (10_000, 1000.0)],
)
def test_the_backoff_doubles_from_5_ms_to_1000_s(failures: int, seconds: float) -> None:
    assert backoff(failures) == pytest.approx(seconds)


def test_a_failing_key_waits_longer_each_time_until_it_is_forgotten() -> None:
    clock = Clock()
    queue: WorkQueue[str] = WorkQueue(clock=clock)
    waits = []
    for _ in range(4):
        queue.add_rate_limited("a")
        began = clock.now
        while queue.get(timeout=0) is None:
            clock.now += 0.001
        waits.append(clock.now - began)
        queue.done("a")
    assert waits == pytest.approx([0.005, 0.01, 0.02, 0.04], abs=0.0015)

    assert queue.failures("a") == 4
    queue.forget("a")
    queue.add_rate_limited("a")
    clock.now += 0.006
    assert queue.get(timeout=0) == "a"


def test_a_key_that_goes_on_failing_never_waits_longer_than_asked() -> None:
    clock = Clock()
    queue: WorkQueue[str] = WorkQueue(clock=clock, longest=10.0)
    waits = []
    for _ in range(14):
        queue.add_rate_limited("a")
        began = clock.now
        while queue.get(timeout=0) is None:
            clock.now += 0.05
        waits.append(clock.now - began)
        queue.done("a")
    assert waits[9:] == pytest.approx([2.56, 5.12, 10.0, 10.0, 10.0], abs=0.1)


def test_all_retries_together_are_limited_to_10_a_second_after_100() -> None:
    clock = Clock()
    queue: WorkQueue[int] = WorkQueue(clock=clock)
    for key in range(130):
        queue.add_rate_limited(key)

    clock.now += 0.05
    assert take_all(queue) == list(range(100))
    clock.now += 1.0
    assert take_all(queue) == list(range(100, 110))
    clock.now += 2.0
    assert take_all(queue) == list(range(110, 130))


def test_a_bucket_fills_up_again_but_never_over_its_burst() -> None:
    bucket = Bucket(rate=10.0, burst=2.0)
    assert [bucket.reserve(0.0) for _ in range(4)] == pytest.approx([0.0, 0.0, 0.1, 0.2])
    assert [bucket.reserve(100.0) for _ in range(3)] == pytest.approx([0.0, 0.0, 0.1])


def test_shutdown_hands_out_nothing_more() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    queue.shutdown()
    queue.add("b")
    assert queue.get() is None
    assert queue.depth == 1


def test_changes_are_reported_with_their_seconds() -> None:
    clock = Clock()
    seen: list[tuple[str, float]] = []
    queue: WorkQueue[str] = WorkQueue(
        clock=clock, on_change=lambda what, seconds: seen.append((what, seconds))
    )
    queue.add("a")
    queue.add("a")
    assert queue.depth == 1
    clock.now += 2.0
    queue.get()
    clock.now += 3.0
    queue.done("a")
    queue.add_rate_limited("a")

    assert seen == [("added", 0.0), ("waited", 2.0), ("worked", 3.0), ("retried", 0.0)]


class QueueModel(RuleBasedStateMachine):
    """Any order of calls, against a plain description of what has to come out."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.queue: WorkQueue[str] = WorkQueue(clock=self.clock)
        self.ready: list[str] = []
        self.running: list[str] = []
        self.again: set[str] = set()
        self.due: dict[str, float] = {}  # in the order in which the times were set

    def expect(self, key: str) -> None:
        if key in self.running:
            self.again.add(key)
        elif key not in self.ready:
            self.ready.append(key)

    @rule(key=KEYS)
    def add(self, key: str) -> None:
        self.queue.add(key)
        self.expect(key)

    @rule(key=KEYS, seconds=strategies.integers(1, 20))
    def add_after(self, key: str, seconds: int) -> None:
        self.queue.add_after(key, seconds)
        due = self.clock.now + seconds
        if due < self.due.get(key, due + 1):
            self.due.pop(key, None)
            self.due[key] = due

    @rule(seconds=strategies.integers(1, 30))
    def pass_time(self, seconds: int) -> None:
        self.clock.now += seconds

    @rule()
    def get(self) -> None:
        for key in sorted(self.due, key=lambda each: self.due[each]):
            if self.due[key] <= self.clock.now:
                del self.due[key]
                self.expect(key)
        expected = self.ready.pop(0) if self.ready else None
        assert self.queue.get(timeout=0) == expected
        if expected is not None:
            self.running.append(expected)

    @precondition(lambda self: self.running)
    @rule(pick=strategies.integers(0, 3))
    def done(self, pick: int) -> None:
        key = self.running.pop(pick % len(self.running))
        self.queue.done(key)
        if key in self.again:
            self.again.remove(key)
            self.expect(key)

    @invariant()
    def no_key_is_ready_and_running(self) -> None:
        assert not set(self.ready) & set(self.running)
        assert len(set(self.running)) == len(self.running)


TestQueueModel = QueueModel.TestCase
TestQueueModel.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)


def test_a_key_is_never_on_two_workers_and_none_is_lost() -> None:
    """Four workers, two thousand additions: each key is run after its last addition, alone."""
    queue: WorkQueue[int] = WorkQueue()
    versions = dict.fromkeys(range(10), 0)
    seen = dict.fromkeys(range(10), 0)
    busy: Counter[int] = Counter()
    twice: list[int] = []
    guard = threading.Lock()

    def work() -> None:
        while (key := queue.get()) is not None:
            with guard:
                busy[key] += 1
                if busy[key] > 1:
                    twice.append(key)
                version = versions[key]
            with guard:
                seen[key] = version
                busy[key] -= 1
            queue.done(key)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for number in range(2000):
        key = number % 10
        with guard:
            versions[key] += 1
        if number % 3:
            queue.add(key)
        else:
            queue.add_after(key, 0.001)
    eventually(lambda: seen == versions, within=20, what="a run after each last addition")
    queue.shutdown()
    for worker in workers:
        worker.join(timeout=10)

    assert twice == []
    assert seen == versions
    assert not any(worker.is_alive() for worker in workers)
