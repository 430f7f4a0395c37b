"""A take-down of which something fails goes on with the rest, is recorded, and is tried again soon.

Also whose pods it empties, and what becomes of actions that fail while a release goes forward.
"""

from typing import Any

import pytest

from controller.api.release import Phase
from controller.kube.errors import ApiError
from controller.kube.objects import ReplicaSet
from controller.reconcile.attempts import act_for_release, do_all
from controller.reconcile.release import gather
from controller.reconcile.rollout import find_pods_to_empty
from controller.release.facts import (
    Decision,
    EnsureCanary,
    EnsureCanaryService,
    Facts,
    Pause,
    RemoveBackend,
    SetWeight,
)
from controller.release.machine import decide
from tests.unit.reconcile.known import known
from tests.unit.reconcile.refusals import NOT_DONE, REFUSED, WORDS, failing, named
from tests.unit.reconcile.shop import SHOP, a_release, replica_set, routes, users_deployment
from tests.unit.release import given
from tests.unit.release.given import NOW, SECOND, at_step

ABORT = {"by": "ann", "at": "2026-03-01T12:00:00Z", "reason": "looks odd"}
ANY = pytest.mark.parametrize("error", [*REFUSED, *NOT_DONE], ids=named)
LATER = NOW + 3 * SECOND  # when the actions are done


def promoting_and_aborted() -> Facts:
    """Return what is read of a release whose promotion a person has just aborted."""
    release = a_release(**at_step(2, phase="Promoting", reason="Earned"), abort=ABORT)
    return gather(known(*SHOP, *routes(50), users_deployment(paused=False)), release)


def acted(
    facts: Facts, decision: Decision, *failures: tuple[type, ApiError]
) -> tuple[list[Any], Decision, list[ApiError]]:
    """Return what was tried, what stands after that, and what failed."""
    tried: list[Any] = []
    do = failing(*failures, tried=tried)
    after, failed = act_for_release(facts.release.status, decision, do, lambda: LATER)
    return tried, after, failed


@ANY
def test_what_one_failure_leaves_to_do_is_done_recorded_and_tried_again(error: ApiError) -> None:
    facts = promoting_and_aborted()
    tried, after, failed = acted(facts, decide(facts, NOW), (RemoveBackend, error))

    assert [type(action) for action in tried] == [RemoveBackend, Pause]
    assert failed == [error]
    assert (after.status.phase, after.status.outcome) == (Phase.ROLLING_BACK, "Aborted")
    assert after.status.message == "ann aborted the release: looks odd"
    assert after.again_at == LATER + 2 * SECOND


@ANY
def test_a_stop_that_fails_is_recorded_too_and_decided_again(error: ApiError) -> None:
    facts = promoting_and_aborted()
    tried, after, failed = acted(facts, decide(facts, NOW), (Pause, error))

    assert [type(action) for action in tried] == [RemoveBackend, Pause]
    assert failed == [error]
    assert after.status.phase is Phase.ROLLING_BACK
    again = decide(given.seen(facts, after, NOW), NOW + 2 * SECOND)
    assert [type(action) for action in again.actions] == [RemoveBackend, Pause]


def test_what_failed_altogether_is_told_altogether() -> None:
    facts = promoting_and_aborted()
    first, second, *_ = REFUSED
    *_, failed = acted(facts, decide(facts, NOW), (RemoveBackend, first), (Pause, second))
    assert failed == [first, second]


def test_without_a_failure_all_stands_as_it_was_decided() -> None:
    facts = promoting_and_aborted()
    decision = decide(facts, NOW)
    assert acted(facts, decision) == (list(decision.actions), decision, [])
    raised = facts.release.status.model_copy(update={"message": "another"})
    decision = Decision(raised, (SetWeight(50), Pause("7")), NOW)
    assert acted(facts, decision) == (list(decision.actions), decision, [])


@pytest.mark.parametrize("error", REFUSED, ids=named)
def test_a_refusal_on_the_way_forward_holds_with_the_clusters_words(error: ApiError) -> None:
    facts = given.facts(a_release())
    forward = Decision(facts.release.status, (SetWeight(5), Pause("7")))
    tried, after, failed = acted(facts, forward, (SetWeight, error))

    assert tried == [SetWeight(5)]
    assert failed == [error]
    status = after.status
    assert (status.phase, status.reason, status.message) == (Phase.HOLDING, "ClusterRefused", WORDS)
    assert status.weight == facts.release.status.weight
    assert after.again_at == LATER + 10 * SECOND


def test_what_was_decided_on_the_way_forward_is_not_recorded_where_it_was_refused() -> None:
    facts = given.facts(a_release())
    raised = facts.release.status.model_copy(update={"step": 2})
    _, after, _ = acted(facts, Decision(raised, (SetWeight(50),)), (SetWeight, REFUSED[0]))
    assert after.status.step == 1


@pytest.mark.parametrize("error", NOT_DONE, ids=named)
def test_a_server_that_is_away_or_busy_ends_the_pass(error: ApiError) -> None:
    facts = given.facts(a_release())
    forward = Decision(facts.release.status, (SetWeight(5), Pause("7")))
    with pytest.raises(type(error)) as raised:
        acted(facts, forward, (SetWeight, error))
    assert raised.value is error


@ANY
@pytest.mark.parametrize("fails", [0, 1, 2])
def test_one_of_several_that_fails_keeps_no_other_from_being_done(
    fails: int, error: ApiError
) -> None:
    tried = []

    def do(number: int) -> None:
        tried.append(number)
        if number == fails:
            raise error

    assert do_all(do, range(3)) == [error]
    assert tried == [0, 1, 2]


def test_a_bug_is_no_answer_of_the_cluster() -> None:
    def do(number: int) -> None:
        raise ZeroDivisionError(number)

    with pytest.raises(ZeroDivisionError):
        do_all(do, range(3))


def found(*sizes: int) -> ReplicaSet | None:
    """Return whose pods are emptied, with so many of an old, of stable's and of the next one."""
    names = ("checkout-0", "checkout-a", "checkout-b")
    sets = [
        replica_set(name, version, size)
        for version, (name, size) in enumerate(zip(names, sizes, strict=True))
    ]
    return find_pods_to_empty(known(*SHOP, *sets), a_release())


def test_only_this_releases_pods_are_taken_out_of_the_users_deployment() -> None:
    mine = found(1, 3, 1)
    assert mine is not None
    assert mine.meta.name == "checkout-b"
    assert mine.meta.resource_version == str(len(SHOP) + 3)


def test_where_it_has_none_nothing_is_emptied() -> None:
    assert found(1, 3, 0) is None
    assert find_pods_to_empty(known(*SHOP), a_release()) is None
    assert find_pods_to_empty(known(), a_release()) is None


@pytest.mark.parametrize("part", ["canary", "service"])
def test_a_canary_that_the_cluster_refuses_is_given_up_after_three_deadlines(part: str) -> None:
    """The Deployment of the canary, or only the Service in front of its pods."""
    refused = (EnsureCanary if part == "canary" else EnsureCanaryService, REFUSED[0])
    missing = {"canary": {"canary": None}, "service": {}}[part]
    facts = given.facts(given.release(), has_canary_service=False, **missing)
    now, passes = NOW, 0
    while facts.release.status.phase is not Phase.ROLLING_BACK:
        passes += 1
        assert now <= NOW + 3 * given.DEADLINE, facts.release.status
        decision = decide(facts, now)
        if decision.status.phase is not Phase.ROLLING_BACK:
            _, decision, failed = acted(facts, decision, refused)
            assert failed == [REFUSED[0]]
            assert (decision.status.phase, decision.status.reason) == ("Holding", "ClusterRefused")
        facts = given.seen(facts, decision, now)
        now += 100 * SECOND
    status = facts.release.status
    assert (status.outcome, status.reason) == ("Aborted", "CanaryCannotStart")
    assert status.message == f"given up after 3 times 10m: {WORDS}"
    assert passes == 19
