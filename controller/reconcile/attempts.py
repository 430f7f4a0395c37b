"""What a pass makes of actions that fail. How one is done comes in as a function.

That function raises what the API server answers (`controller.kube.errors`); whatever else it raises
is a bug and passes through. A server that is away or busy is no refusal: where nothing has to be
taken down, such an error ends the pass, and the queue says when the next one is.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from controller.api.plan import ReleasePlanStatus
from controller.api.release import Phase, ReleaseStatus
from controller.kube.errors import ApiError
from controller.reconcile.world import Clock
from controller.release.facts import REFUSED, Action, Decision, Problem
from controller.release.planfacts import PlanAction, PlanDecision, PlanFacts, ProveGuard
from controller.release.planstatus import report
from controller.release.record import move

T = TypeVar("T")
# Client errors that are no refusal: the caller's own rights to ask, or a matter of time.
NOT_REFUSED = frozenset({401, 404, 408, 409, 410, 429})
REFUSED_AGAIN = timedelta(seconds=10)
TAKE_DOWN_AGAIN = timedelta(seconds=2)
TAKING_DOWN = frozenset({Phase.ROLLING_BACK, Phase.FINISHING})

log = structlog.get_logger()


def is_refusal(error: ApiError) -> bool:
    """Tell whether the cluster has understood and says no.

    A webhook refuses with any code it likes, and one that cannot be reached is answered with 500.
    """
    status = error.status
    return status == 500 or (400 <= status < 500 and status not in NOT_REFUSED)


def do_all(do: Callable[[T], None], items: Iterable[T]) -> list[ApiError]:
    """Do each item in turn, past those that fail, and return the failures."""
    failures = []
    for item in items:
        try:
            do(item)
        except ApiError as error:
            failures.append(error)
    return failures


def act_for_release(
    before: ReleaseStatus, decision: Decision, do: Callable[[Action], None], clock: Clock
) -> tuple[Decision, list[ApiError]]:
    """Do what was decided about a release; return what stands after that, and what failed.

    `before` is the stored status with what the judge has shown since. A take-down goes as far as it
    can: the decision stands and is recorded whatever fails, so that people are told of it, and the
    rest is tried again soon. Otherwise nothing follows an action that failed, and a refusal becomes
    a hold with its words. A promotion stays one: stable may be rolling, also where the answer to
    the write that let it go was an error.
    """
    if decision.status.phase in TAKING_DOWN:
        failures = do_all(do, decision.actions)
        if failures:
            decision = replace(decision, again_at=clock() + TAKE_DOWN_AGAIN)
        return decision, failures
    try:
        for action in decision.actions:
            do(action)
    except ApiError as error:
        if not is_refusal(error):
            raise
        now = clock()
        phase = Phase.PROMOTING if before.phase is Phase.PROMOTING else Phase.HOLDING
        decided = decision.status
        # What refuses the canary's own objects keeps it from starting, and is given up.
        start = {"start_since": decided.start_since, "start_failures": decided.start_failures}
        status = move(before.model_copy(update=start), phase, REFUSED, str(error), now)
        return Decision(status, again_at=now + REFUSED_AGAIN), [error]
    return decision, []


def act_for_plan(
    facts: PlanFacts,
    decision: PlanDecision,
    do: Callable[[PlanAction], None],
    prove_guard: Callable[[], bool],
    clock: Clock,
) -> ReleasePlanStatus:
    """Do what was decided about a plan; return its status with what was learned on the way.

    An action that the cluster refuses blocks the plan with its words, and keeps no other back.
    """
    status = decision.status
    for action in decision.actions:
        try:
            if isinstance(action, ProveGuard):
                proof = {
                    "guard": "Guarded" if prove_guard() else "AlwaysPaused",
                    "guard_proven_at": clock(),
                    "guard_policy": facts.guard_policy,
                }
                status = status.model_copy(update=proof)
            else:
                do(action)
        except ApiError as error:
            if not is_refusal(error):
                raise
            log.warning("the cluster refused an action", error=str(error))
            if isinstance(action, ProveGuard):
                status = status.model_copy(update={"guard": "", "guard_proven_at": None})
            # Against what is stored, so that a refusal that lasts is written once.
            status = status.model_copy(update={"conditions": facts.plan.status.conditions})
            status = report(facts.plan, status, "Blocked", Problem(REFUSED, str(error)), clock())
    return status


def plan_due(decision: PlanDecision, status: ReleasePlanStatus, now: datetime) -> datetime | None:
    """Return when a plan whose status was not written is looked at again."""
    if any(condition.reason == REFUSED for condition in status.conditions):
        return now + REFUSED_AGAIN
    return decision.again_at
