"""What the cluster refuses to a plan: a condition with its words, another try, nothing claimed."""

from datetime import datetime
from typing import Any

import pytest

from controller.api.base import Condition
from controller.api.plan import ReleasePlan, ReleasePlanStatus
from controller.kube.errors import ApiError
from controller.reconcile.attempts import act_for_plan, plan_due
from controller.reconcile.patch import merge_difference
from controller.release.planfacts import CreateRelease, Mark, PlanFacts, ProveGuard
from controller.release.plans import decide_plan
from tests.unit.reconcile.refusals import FORBIDDEN, NOT_DONE, REFUSED, WORDS, failing, named
from tests.unit.release.given import NOW, SECOND, plan_facts, replica_set, waiting

HOURS = 3600 * SECOND
CHANGE = plan_facts(deployment=waiting(), revisions=(replica_set(), replica_set("b", 0)))


def acted(
    facts: PlanFacts,
    now: datetime = NOW,
    create: ApiError | None = None,
    prove: ApiError | None = None,
) -> tuple[list[Any], ReleasePlanStatus]:
    """Do one pass in which making a release or proving the guard may fail."""
    tried: list[Any] = []
    do = failing(*([(CreateRelease, create)] if create else []), tried=tried)

    def prove_guard() -> bool:
        tried.append(ProveGuard())
        if prove is not None:
            raise prove
        return True

    return tried, act_for_plan(facts, decide_plan(facts, now), do, prove_guard, lambda: now)


def stored(facts: PlanFacts, status: ReleasePlanStatus) -> PlanFacts:
    """Return the facts of the next pass, once that status is written."""
    plan = ReleasePlan.model_validate({**facts.plan.wire(), "status": status.wire()})
    return plan_facts(plan=plan, deployment=facts.deployment, revisions=facts.revisions)


def condition(status: ReleasePlanStatus, kind: str) -> Condition:
    return next(each for each in status.conditions if each.type == kind)


@pytest.mark.parametrize("error", REFUSED, ids=named)
def test_a_release_that_may_not_be_made_blocks_the_plan_with_the_clusters_words(
    error: ApiError,
) -> None:
    tried, status = acted(CHANGE, create=error)
    assert any(isinstance(action, CreateRelease) for action in tried)
    assert status.phase == "Blocked"
    for kind, value in (("Ready", "False"), ("Reconciling", "False"), ("Stalled", "True")):
        told = condition(status, kind)
        assert (told.status, told.reason, told.message) == (value, "ClusterRefused", WORDS)


def test_it_is_tried_again_in_10_seconds_without_a_write_in_between() -> None:
    _, blocked = acted(CHANGE, create=FORBIDDEN)
    facts = stored(CHANGE, blocked)
    for second in (1, 11):
        now = NOW + second * SECOND
        tried, status = acted(facts, now, create=FORBIDDEN)
        assert any(isinstance(action, CreateRelease) for action in tried)
        assert merge_difference(facts.plan.status.wire(), status.wire()) == {}
        assert plan_due(decide_plan(facts, now), status, now) == now + 10 * SECOND

    now = NOW + 21 * SECOND
    _, status = acted(facts, now)
    assert status.phase == "Releasing"
    assert condition(status, "Stalled").status == "False"
    decision = decide_plan(facts, now)
    assert plan_due(decision, status, now) == decision.again_at


def test_a_guard_that_was_proven_is_claimed() -> None:
    tried, status = acted(plan_facts(), NOW + HOURS)
    assert ProveGuard() in tried
    assert (status.guard, status.guard_proven_at) == ("Guarded", NOW + HOURS)


@pytest.mark.parametrize("error", REFUSED, ids=named)
def test_a_guard_that_may_not_be_tried_is_not_claimed(error: ApiError) -> None:
    _, status = acted(plan_facts(), NOW + HOURS, prove=error)
    assert (status.phase, status.guard, status.guard_proven_at) == ("Blocked", "", None)
    assert condition(status, "Stalled").reason == "ClusterRefused"


def test_one_refused_action_keeps_no_other_from_being_done() -> None:
    """A change waits that is marked as rejected: the mark goes although no release may be made."""
    marked = waiting(mark="old")
    facts = plan_facts(deployment=marked, revisions=CHANGE.revisions)
    tried, status = acted(facts, create=FORBIDDEN)
    kinds = [type(action) for action in tried]
    assert kinds.index(CreateRelease) < kinds.index(Mark)
    assert Mark("") in tried
    assert status.phase == "Blocked"


@pytest.mark.parametrize("error", NOT_DONE, ids=named)
def test_a_server_that_is_away_or_busy_is_no_refusal(error: ApiError) -> None:
    with pytest.raises(type(error)) as raised:
        acted(CHANGE, create=error)
    assert raised.value is error
