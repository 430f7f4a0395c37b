"""How a canary is taken down, after a rollback and after a promotion alike.

Always in this order: traffic to stable, confirmed by every parent of every route, drained, pods and
Service deleted. A promotion under way is stopped first and its pods are given back to stable.
"""

from datetime import datetime

from controller.api.release import Phase, Weights
from controller.release.facts import (
    Action,
    Decision,
    DeleteCanary,
    EmptyRevision,
    Facts,
    Pause,
    Problem,
    RemoveBackend,
)
from controller.release.record import move
from controller.release.routes import traffic_is_off

WORDS = {
    "RolledBack": "all traffic is on stable; the revision is rejected",
    "Aborted": "all traffic is on stable; the revision waits for a retry",
    "Superseded": "all traffic is on stable; the newest template is next",
}


def begin_rollback(facts: Facts, outcome: str, why: Problem, now: datetime) -> Decision:
    """Take the canary's traffic away in this very pass, and record why."""
    status = facts.release.status.model_copy(update={"outcome": outcome, "step_since": None})
    status = status.model_copy(
        update={"weight": Weights(wanted=0, confirmed=status.weight.confirmed)}
    )
    if why.reason == "Regressed":
        status = status.model_copy(update={"verdict": "Regressed"})
    status = move(status, Phase.ROLLING_BACK, why.reason, why.message, now)
    stop = () if why.reason == "Bypassed" else _stop_promotion(facts)
    return Decision(status, (*_traffic_away(facts), *stop), now)


def decide_takedown(facts: Facts, now: datetime) -> Decision:
    """Go on with a rollback or with the clean-up after a promotion."""
    status = facts.release.status
    actions: tuple[Action, ...] = _traffic_away(facts)
    if status.phase is Phase.ROLLING_BACK:
        actions += _stop_promotion(facts)
    if not traffic_is_off(facts.routes):
        return Decision(status, actions)
    if status.traffic_off_at is None:
        status = status.model_copy(
            update={"traffic_off_at": now, "weight": Weights(wanted=0, confirmed=0)}
        )
    drained_at = (status.traffic_off_at or now) + facts.release.spec.rules.traffic.drain
    if now < drained_at:
        return Decision(status, actions, drained_at)
    if facts.canary is not None or facts.has_canary_service:
        return Decision(status, (*actions, DeleteCanary()))
    if actions:
        return Decision(status, actions)
    if status.phase is Phase.FINISHING:
        message = "released: stable runs this revision, the canary is gone"
        return Decision(move(status, Phase.SUCCEEDED, "Released", message, now))
    end = Phase(status.outcome)
    message = f"{status.message} — {WORDS[status.outcome]}"
    return Decision(move(status, end, status.reason, message, now))


def _traffic_away(facts: Facts) -> tuple[Action, ...]:
    if any(route.weight is not None for route in facts.routes):
        return (RemoveBackend(),)
    return ()


def _stop_promotion(facts: Facts) -> tuple[Action, ...]:
    """Give stable its pods back where the user's Deployment has begun to roll to this revision."""
    deployment = facts.deployment
    if deployment is None or deployment.rolled or facts.release.status.reason == "Bypassed":
        return ()
    if deployment.holds_release and not deployment.paused:
        return (Pause(deployment.resource_version),)
    return (EmptyRevision(),) if deployment.paused and deployment.started_rolling else ()
