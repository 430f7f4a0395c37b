"""Workers on a real queue: what each error means for its key, and how they end."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import structlog
from structlog.testing import capture_logs

from controller.kube.errors import Conflict, TooManyRequests, Unavailable
from controller.kube.queue import WorkQueue
from controller.reconcile import runner as module
from controller.reconcile.runner import Runner
from controller.reconcile.triggers import PLAN, RELEASE, Key
from controller.telemetry import RECONCILES
from tests.waiting import eventually

CHECKOUT: Key = (RELEASE, "shop", "checkout-1")
CART: Key = (RELEASE, "shop", "cart-1")


class Passes:
    """Notes each pass, and does in it what the test says, in turn; then nothing more."""

    def __init__(self, *does: Callable[[], float | None]) -> None:
        self.seen: list[tuple[str, float]] = []
        self._does = list(does)

    def __call__(self, namespace: str, name: str) -> float | None:
        self.seen.append((f"{namespace}/{name}", time.monotonic()))
        return self._does.pop(0)() if self._does else None

    def names(self) -> list[str]:
        return [name for name, _ in self.seen]

    def waited(self) -> float:
        """Return the seconds between the first two passes."""
        return self.seen[1][1] - self.seen[0][1]


def fails(error: BaseException) -> Callable[[], float | None]:
    def fail() -> float | None:
        raise error

    return fail


@contextmanager
def running(
    passes: Callable[[str, str], float | None],
    *,
    workers: int = 1,
    may_work: Callable[[], bool] = lambda: True,
) -> Iterator[tuple[WorkQueue[Key], Runner]]:
    queue: WorkQueue[Key] = WorkQueue()
    reconcilers = {RELEASE: passes, PLAN: passes}
    runner = Runner("test", queue, reconcilers, workers=workers, may_work=may_work)
    runner.start()
    try:
        yield queue, runner
    finally:
        runner.stop(5)


def passed(passes: Passes, count: int) -> None:
    eventually(lambda: len(passes.seen) >= count, within=10, what=f"{count} passes")


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (Conflict(409, "Conflict", "changed"), "conflict"),
        (Unavailable(500, "Internal", "away"), "error"),
        (ZeroDivisionError("a bug of ours"), "error"),
    ],
)
def test_a_pass_that_failed_is_done_again(error: Exception, result: str) -> None:
    passes = Passes(fails(error))
    before = RECONCILES.labels(RELEASE, result)._value.get()
    with running(passes) as (queue, runner), capture_logs():
        queue.add(CHECKOUT)
        passed(passes, 2)
        assert runner.stuck() is None
        eventually(lambda: queue.failures(CHECKOUT) == 0, within=5, what="its backoff to end")
    assert RECONCILES.labels(RELEASE, result)._value.get() == before + 1


def test_a_throttled_pass_waits_as_long_as_told() -> None:
    passes = Passes(fails(TooManyRequests(429, "TooManyRequests", "later", retry_after=0.4)))
    with running(passes) as (queue, _):
        queue.add(CHECKOUT)
        passed(passes, 2)
        assert queue.failures(CHECKOUT) == 0
    assert passes.waited() >= 0.4


def test_a_pass_comes_back_when_it_asked_to() -> None:
    passes = Passes(lambda: 0.3)
    with running(passes) as (queue, _):
        queue.add(CHECKOUT)
        passed(passes, 2)
    assert passes.waited() >= 0.3


def test_one_failing_object_keeps_no_other_from_its_pass() -> None:
    def reconcile(namespace: str, name: str) -> float | None:
        passes(namespace, name)
        if name == "checkout-1":
            raise ZeroDivisionError
        return None

    passes = Passes()
    with running(reconcile) as (queue, _), capture_logs():
        queue.add(CHECKOUT)
        queue.add(CART)
        eventually(lambda: "shop/cart-1" in passes.names(), within=5, what="the other's pass")


def test_who_may_not_work_loses_no_key() -> None:
    """A lease that ran out may still be renewed: the key is there when this replica leads again."""
    passes, leads = Passes(), threading.Event()
    with running(passes, may_work=leads.is_set) as (queue, _):
        queue.add(CHECKOUT)
        eventually(lambda: queue.depth == 0, within=5, what="the key to be looked at")
        assert passes.seen == []
        leads.set()
        passed(passes, 1)


def test_stop_lets_the_pass_under_way_finish_and_begins_no_other() -> None:
    began, finish = threading.Event(), threading.Event()

    def reconcile(namespace: str, name: str) -> float | None:
        passes(namespace, name)
        began.set()
        assert finish.wait(10)
        ended.append(name)
        return None

    passes, ended = Passes(), list[str]()
    with running(reconcile) as (queue, runner):
        queue.add(CHECKOUT)
        queue.add(CART)
        assert began.wait(5)
        stopping = threading.Thread(target=runner.stop, args=(10,))
        stopping.start()
        stopping.join(0.2)
        assert stopping.is_alive()
        finish.set()
        stopping.join(5)
        assert not stopping.is_alive()
        assert runner.stuck() is None
    assert ended == ["checkout-1"]
    assert passes.names() == ["shop/checkout-1"]


def test_stop_gives_up_on_a_pass_that_does_not_end() -> None:
    began, finish = threading.Event(), threading.Event()

    def reconcile(_namespace: str, _name: str) -> float | None:
        began.set()
        finish.wait(10)
        return None

    with running(reconcile) as (queue, runner):
        queue.add(CHECKOUT)
        assert began.wait(5)
        before = time.monotonic()
        runner.stop(0.3)
        assert time.monotonic() - before < 2
        finish.set()


def test_a_pass_that_does_not_end_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STUCK_AFTER", 0.2)
    began, finish = threading.Event(), threading.Event()

    def reconcile(_namespace: str, _name: str) -> float | None:
        began.set()
        finish.wait(10)
        return None

    with running(reconcile) as (queue, runner):
        queue.add(CHECKOUT)
        assert began.wait(5)
        assert runner.stuck() is None
        stuck = eventually(runner.stuck, within=5, what="the pass to count as stuck")
        assert str(stuck).startswith("worker test-0 is at release/shop/checkout-1 for ")
        finish.set()
        eventually(lambda: runner.stuck() is None, within=5, what="the end of it")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_that_died_is_named() -> None:
    with running(Passes(fails(SystemExit()))) as (queue, runner):
        queue.add(CHECKOUT)
        stuck = eventually(runner.stuck, within=5, what="the death to be seen")
        assert stuck == "worker test-0 has died"


@pytest.mark.parametrize(
    ("key", "subject"),
    [
        (CHECKOUT, {"release": "checkout-1"}),
        ((PLAN, "shop", "checkout"), {"plan": "checkout"}),
    ],
)
def test_every_line_of_a_pass_says_what_it_is_about(key: Key, subject: dict[str, str]) -> None:
    found: list[dict[str, object]] = []

    def reconcile(_namespace: str, _name: str) -> float | None:
        found.append(structlog.contextvars.get_contextvars())
        return None

    with running(reconcile) as (queue, _):
        queue.add(key)
        eventually(lambda: bool(found), within=5, what="a pass")
    assert found == [{"controller": key[0], "namespace": "shop", **subject}]
