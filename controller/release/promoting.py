"""Promotion: stable rolls with the user's own strategy, while the canary keeps its share.

Promises: a promotion ends as Finishing or in a take-down, never in a hold, so a Deployment that
rolls already is never taken for one that was let through by hand. What keeps it from rolling is in
its reason and message, and it goes on by itself when that is gone.
"""

from datetime import datetime

from controller.api.release import Phase
from controller.release.bothcrash import is_shared
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
from controller.release.takedown import begin_rollback

EARNED = Problem("Earned", "every step is earned; stable rolls to this revision")
UNPROTECTED = Problem(
    "StableDown", "no stable pod is ready, so there is nothing to protect; lets the change through"
)
UNHINDERED = frozenset({EARNED.reason, UNPROTECTED.reason})  # of all reasons to be Promoting


def promote(facts: Facts, deployment: DeploymentFacts, now: datetime) -> Decision:
    """Let stable roll, unless the Deployment says that it must not.

    The canary's share is not raised any more: what is lost goes to stable, which is becoming the
    same.
    """
    view = view_routes(facts.routes)
    status = facts.release.status
    if must_rejudge(facts, view):
        if deployment.started_rolling or is_changed(facts):
            return begin_rollback(facts, "Aborted", record_lost(view), now)
        return Decision(move(status, Phase.PROMOTING, "Rejudging", REJUDGING, now))
    if view.lowest is None:
        status = status.model_copy(update={"step_since": None})
    status = with_confirmed(status, view)
    serving = facts.canary_served and not view.refused and not is_changed(facts)
    ceiling = status.weight.wanted if serving else 0
    actions: tuple[Action, ...] = (SetWeight(ceiling),) if view.highest > ceiling else ()
    obstacle = _find_obstacle(facts, deployment)
    if deployment.paused and obstacle is None and not is_shared(facts):
        actions += (Unpause(deployment.resource_version),)
    why = obstacle or _in_words(facts)
    status = move(status, Phase.PROMOTING, why.reason, why.message, now)
    return Decision(status, actions, status.looks.next)


def _find_obstacle(facts: Facts, deployment: DeploymentFacts) -> Problem | None:
    """Return why a paused Deployment stays so; None where it may roll, or does."""
    if not deployment.paused:
        return None
    if not deployment.paused_by:
        # Where no stable pod serves, none can go at once.
        return deployment.unfit if facts.release.status.step else None
    plan, name = facts.release.spec.plan, facts.release.metadata.name
    message = (
        f"{deployment.paused_by} paused Deployment {plan}, so no more pods are replaced; "
        f"kubectl rollout resume deployment {plan} lets it go on, kubectl gander abort {name} "
        "takes it back"
    )
    return Problem("RolloutPaused", message)


def _in_words(facts: Facts) -> Problem:
    """Return what a promotion that nothing keeps up is doing."""
    plan = facts.release.spec.plan
    if facts.stable.replicas == 0:
        message = (
            f"Deployment {plan} has 0 replicas, so there is nothing to roll; scaled up it starts "
            "with this revision, and the release ends when all its pods are available"
        )
        return Problem("ZeroReplicas", message)
    return EARNED if facts.release.status.step else UNPROTECTED
