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
from controller.release.bothcrash import share_blame
from controller.release.clocks import without_times_to_come
from controller.release.facts import Decision, Facts, Problem
from controller.release.promoting import promote
from controller.release.record import with_foreseen
from controller.release.starting import start
from controller.release.stepping import step
from controller.release.takedown import (
    DEPLOYMENT_GONE,
    begin_finish,
    begin_rollback,
    decide_takedown,
)

RESYNC = timedelta(minutes=1)  # a change that nobody reported stops no release for longer


def decide(facts: Facts, now: datetime) -> Decision:
    """Return what to do about a release now."""
    if facts.release.status.phase in ENDED:
        return Decision(facts.release.status)
    decision = _decide(facts.with_status(without_times_to_come(facts.release, now)), now)
    if decision.status.phase in ENDED:
        return decision
    due = decision.again_at
    upcoming = due if due is not None and due > now else now + RESYNC
    return replace(decision, again_at=min(upcoming, now + RESYNC))


def _decide(facts: Facts, now: datetime) -> Decision:
    status = facts.release.status
    if status.phase in (Phase.ROLLING_BACK, Phase.FINISHING):
        return decide_takedown(facts, now)
    facts = share_blame(absorb(facts, now), now)
    if status.phase is Phase.PROMOTING and facts.deployment and facts.deployment.rolled:
        message = "stable runs this revision; taking the canary away"
        return Decision(begin_finish(facts.release.status, "Promoted", message, now))
    interruption = find_interruption(facts)
    if interruption is not None:
        outcome, why = interruption
        return begin_rollback(facts, outcome, why, now)
    if status.phase is Phase.PROMOTING and facts.deployment is not None:
        return promote(facts, facts.deployment, now)
    return start(facts, now) if status.step == 0 else step(facts, now)


def absorb(facts: Facts, now: datetime) -> Facts:
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
    if judged.foreseen is not None:
        generation = facts.release.metadata.generation
        updated = with_foreseen(updated, judged.foreseen, generation, now)
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
        return "Aborted", Problem(DEPLOYMENT_GONE, f"Deployment {plan} does not exist any more")
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
