"""The result of a look is kept until a status with it is stored, and is counted once."""

import queue
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest
from structlog.testing import capture_logs

from controller.api.release import Release
from controller.metrics.reader import Look, NoEvidence
from controller.reconcile.judging import judge_look
from controller.reconcile.looks import Observer
from controller.release.facts import Decision, Facts, Judged
from controller.release.machine import decide
from tests.unit.reconcile.counts import CANARY, EARLY, NOTHING, answers, past
from tests.unit.release import given
from tests.unit.release.given import LOOK, NOW, SECOND, at_step
from tests.waiting import eventually

NO_LOOK_YET = at_step(metrics=[])
AT = NOW + LOOK
GOOD = answers(AT, canary_errors=0.01)
BAD = answers(AT, canary_errors=1.0)
DUE = given.facts(given.release(**NO_LOOK_YET), routes=(given.route(5),))


@dataclass
class Watched:
    """An observer on a clock that the test sets, what its looks read, and what it asked for."""

    reads: Mapping[str, Look | NoEvidence] | Exception = field(default_factory=lambda: GOOD)
    now: datetime = AT
    taken: list[Release] = field(default_factory=list)
    woken: "queue.Queue[float]" = field(default_factory=queue.Queue)

    def __post_init__(self) -> None:
        """Begin to observe."""
        self.observer = Observer(
            workers=1,
            look=self._look,
            wake=self._wake,
            clock=lambda: self.now,
        )

    def _wake(self, _namespace: str, name: str, seconds: float) -> None:
        if name == DUE.release.metadata.name:
            self.woken.put(seconds)

    def _look(self, release: Release, now: datetime) -> Judged | None:
        self.taken.append(release)
        if isinstance(self.reads, Exception):
            raise self.reads
        return judge_look(release, self.reads, past, now)

    def begin(self, facts: Facts = DUE) -> float:
        """Have a pass begin the look that is due; return the seconds to the next pass."""
        assert self.observer.judged(facts, self.now) is None
        return self.woken.get(timeout=10)

    def decide(self, facts: Facts = DUE) -> Decision:
        """Decide with the result that is there."""
        judged = self.observer.judged(facts, self.now)
        assert judged is not None
        return decide(replace(facts, judged=judged), self.now)

    def looks(self) -> list[Release]:
        """Return what looks were begun at until now: one worker takes them in turn."""
        last = given.release(number=100 + len(self.taken), **NO_LOOK_YET)
        self.observer.judged(given.facts(last), self.now)
        eventually(lambda: last in self.taken, within=10, what="a look at another release")
        return [release for release in self.taken if release.spec.number == 2]


@pytest.fixture
def watching() -> Iterator[Callable[..., Watched]]:
    made = []

    def watch(reads: Mapping[str, Look | NoEvidence] | Exception = GOOD) -> Watched:
        made.append(Watched(reads))
        return made[-1]

    yield watch
    for each in made:
        each.observer.stop()


def test_a_status_that_cannot_be_written_loses_no_look_and_counts_none_twice(
    watching: Callable[..., Watched],
) -> None:
    watched = watching()
    assert watched.begin() == 0.0
    decisions = [watched.decide() for _ in range(4)]  # of which the last one can be written

    for decision in decisions:
        (metric,) = decision.status.metrics
        assert (metric.looks, metric.looks_at_weight) == (1, 1)
        assert metric.canary_requests == CANARY
        assert metric.until == AT.timestamp()
        assert decision.status.exposure.requests == CANARY
    stored = given.seen(DUE, decisions[-1], AT)
    assert watched.observer.judged(stored, AT + 0.9 * LOOK) is None
    assert watched.looks() == [DUE.release]


def test_the_look_after_it_begins_where_the_stored_one_ended(
    watching: Callable[..., Watched],
) -> None:
    watched = watching()
    watched.begin()
    stored = given.seen(DUE, watched.decide(), AT)
    watched.now = AT + LOOK
    watched.reads = answers(watched.now, canary_errors=0.01)

    assert watched.begin(stored) == 0.0

    decision = watched.decide(stored)
    (metric,) = decision.status.metrics
    assert (metric.looks, metric.looks_at_weight) == (2, 2)
    assert metric.canary_requests == 2 * CANARY
    assert decision.status.exposure.requests == 2 * CANARY
    assert watched.looks() == [DUE.release, stored.release]


def test_the_verdict_of_a_look_survives_a_status_that_cannot_be_written(
    watching: Callable[..., Watched],
) -> None:
    watched = watching(BAD)
    watched.begin()
    for _ in range(2):
        status = watched.decide().status
        assert (status.phase, status.reason, status.outcome) == (
            "RollingBack",
            "Regressed",
            "RolledBack",
        )
        assert status.message.startswith("http-errors 100 % against 1 % ")
    assert watched.looks() == [DUE.release]


def test_a_result_for_a_state_that_has_moved_on_is_dropped(
    watching: Callable[..., Watched],
) -> None:
    watched = watching(BAD)
    watched.begin()
    later = given.release(**NO_LOOK_YET | {"step_since": NOW + LOOK / 3})
    moved = given.facts(later, routes=(given.route(5),))

    assert watched.begin(moved) == 0.0
    assert watched.looks() == [DUE.release, later]


def test_a_look_that_saw_nothing_counts_for_its_own_time_only(
    watching: Callable[..., Watched],
) -> None:
    watched, facts = watching(NOTHING), DUE
    for number in range(1, 4):
        assert watched.begin(facts) == 0.0
        facts = given.seen(facts, watched.decide(facts), watched.now)
        assert facts.release.status.reason == "NoData"
        watched.now = AT + number * LOOK
    assert len(watched.looks()) == 3


def test_a_release_that_ended_leaves_nothing_behind(watching: Callable[..., Watched]) -> None:
    watched = watching()
    watched.begin()
    watched.observer.forget("shop", "checkout-2")
    assert watched.begin() == 0.0
    assert watched.looks() == [DUE.release, DUE.release]


def test_a_look_that_came_too_early_is_tried_again_in_a_second(
    watching: Callable[..., Watched],
) -> None:
    watched = watching(EARLY)
    assert watched.begin() == 1.0
    assert watched.observer.again_at(DUE.release) == AT + SECOND
    assert watched.observer.judged(DUE, AT + 0.9 * SECOND) is None
    assert watched.looks() == [DUE.release]
    watched.now, watched.reads = AT + SECOND, GOOD
    assert watched.begin() == 0.0
    assert watched.observer.again_at(DUE.release) is None


def test_a_look_that_fails_is_an_answer_too_and_leaves_the_evidence_alone(
    watching: Callable[..., Watched],
) -> None:
    watched = watching()
    watched.begin()
    stored = given.seen(DUE, watched.decide(), AT)
    watched.now, watched.reads = AT + LOOK, ZeroDivisionError("a bug of ours")
    with capture_logs() as logs:
        assert watched.begin(stored) == 0.0
    assert [line["event"] for line in logs] == ["look failed"]
    status = watched.decide(stored).status
    assert (status.phase, status.reason) == ("Holding", "LookFailed")
    assert "ZeroDivisionError" in status.message
    assert "a bug of ours" not in status.message  # nobody knows what an error quotes
    assert status.metrics == stored.release.status.metrics != ()
    assert status.exposure == stored.release.status.exposure
