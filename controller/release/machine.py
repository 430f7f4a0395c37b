"""The state machine of one release: facts and the time in, status and actions out.

Promises: the weight asked of a route is never above the recorded step; whatever takes traffic off
is decided before anything else; the same facts twice decide the same and, once acted upon, nothing.
Leaves out: how facts are gathered, how actions are done, what the evidence means.

The order in which a release can be interrupted: a person's abort, the plan's end, the judge's
Regressed, pods at fault, a Deployment that is gone, that has a newer template, that was bypassed,
whose own rollout failed.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from controller.api.release import ENDED, Phase
from controller.release.bothcrash import is_shared, share_blame
from controller.release.changed import is_changed
from controller.release.facts import (
    Action,
    Decision,
    DeploymentFacts,
    Facts,
    Problem,
    SetWeight,
    Unpause,
)
from controller.release.lostrecord import REJUDGING, must_rejudge, record_lost
from controller.release.record import move
from controller.release.routes import view_routes, with_confirmed
from controller.release.starting import start
from controller.release.stepping import EARNED, step
from controller.release.takedown import begin_finish, begin_rollback, decide_takedown

RESYNC = timedelta(minutes=1)  # a change that nobody reported stops no release for longer


def decide(facts: Facts, now: datetime) -> Decision:
    """Return what to do about a release now."""
    if facts.release.status.phase in ENDED:
        return Decision(facts.release.status)
    decision = _decide(facts, now)
    if decision.status.phase in ENDED:
        return decision
    due = decision.again_at
    upcoming = due if due is not None and due > now else now + RESYNC
    return replace(decision, again_at=min(upcoming, now + RESYNC))


def _decide(facts: Facts, now: datetime) -> Decision:
    status = facts.release.status
    if status.phase in (Phase.ROLLING_BACK, Phase.FINISHING):
        return decide_takedown(facts, now)
    facts = share_blame(_absorb(facts), now)
    if status.phase is Phase.PROMOTING and facts.deployment and facts.deployment.rolled:
        message = "stable runs this revision; taking the canary away"
        return Decision(begin_finish(facts.release.status, "Promoted", message, now))
    interruption = find_interruption(facts)
    if interruption is not None:
        outcome, why = interruption
        return begin_rollback(facts, outcome, why, now)
    if status.phase is Phase.PROMOTING and facts.deployment is not None:
        return _promote(facts, facts.deployment, now)
    return start(facts, now) if status.step == 0 else step(facts, now)


def _absorb(facts: Facts) -> Facts:
    """Put what the judge has shown into the status, where the rest of the machine reads it."""
    judged = facts.judged
    if judged is None:
        return facts
    status = facts.release.status
    looks = status.looks.model_copy(
        update={
            "next": judged.next,
            "problem": judged.problem.reason if judged.problem else "",
            "message": judged.problem.message if judged.problem else "",
            "scrape": judged.scrape or status.looks.scrape,
        }
    )
    justified = status.weight.justified if judged.justified is None else judged.justified
    updated = status.model_copy(
        update={
            "verdict": judged.verdict,
            "metrics": judged.metrics,
            "looks": looks,
            "exposure": judged.exposure,
            "weight": status.weight.model_copy(update={"justified": justified}),
        }
    )
    return facts.with_status(updated)


def find_interruption(facts: Facts) -> tuple[str, Problem] | None:
    """Return how the release must end early and why, or None; abort beats everything."""
    abort = facts.release.spec.abort
    if abort is not None:
        words = f": {abort.reason}" if abort.reason else ""
        return "Aborted", Problem("AbortedByPerson", f"{abort.by} aborted the release{words}")
    if facts.leaving is not None:
        return "Aborted", facts.leaving
    if facts.judged is not None and facts.judged.verdict == "Regressed":
        return "RolledBack", Problem("Regressed", facts.judged.cause)
    trouble = facts.canary.trouble if facts.canary else None
    if trouble is not None and trouble.fault:
        return "RolledBack", trouble.problem
    plan = facts.release.spec.plan
    if facts.deployment is None:
        return "Aborted", Problem("DeploymentGone", f"Deployment {plan} does not exist any more")
    if not facts.deployment.holds_release:
        message = f"Deployment {plan} has another template now; this release makes way for it"
        return "Superseded", Problem("NewerTemplate", message)
    promoting = facts.release.status.phase is Phase.PROMOTING
    if not facts.deployment.paused and not promoting:
        message = f"Deployment {plan} was let through by hand; it rolls without a release"
        return "Superseded", Problem("Bypassed", message)
    failed = facts.deployment.failed
    if failed is not None and promoting:
        return ("RolledBack" if failed.fault else "Aborted"), failed.problem
    return None


def _promote(facts: Facts, deployment: DeploymentFacts, now: datetime) -> Decision:
    """Let stable roll with the user's own strategy, while the canary keeps its share.

    Its share is not raised any more: what is lost goes to stable, which is becoming the same.
    """
    view = view_routes(facts.routes)
    status = facts.release.status
    if must_rejudge(facts, view):
        if deployment.started_rolling or is_changed(facts):
            return begin_rollback(facts, "Aborted", record_lost(view), now)
        return Decision(move(status, Phase.PROMOTING, "Rejudging", REJUDGING, now))
    if status.reason == "Rejudging":
        status = move(status, Phase.PROMOTING, "Earned", EARNED, now)
    if view.lowest is None:
        status = status.model_copy(update={"step_since": None})
    status = with_confirmed(status, view)
    serving = facts.canary_served and not view.refused and not is_changed(facts)
    ceiling = status.weight.wanted if serving else 0
    actions: tuple[Action, ...] = (SetWeight(ceiling),) if view.highest > ceiling else ()
    if deployment.paused and not is_shared(facts):
        actions += (Unpause(deployment.resource_version),)
    return Decision(status, actions, status.looks.next)
