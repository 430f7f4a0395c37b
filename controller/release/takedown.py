"""How a canary is taken down, after a rollback and after a promotion alike.

Always in this order: traffic to stable, confirmed by every parent of every route, drained, pods and
Service deleted. A promotion under way is stopped first and its pods are given back to stable. Once
stable's own pods are all replaced there is nothing to go back to, and the release says so.
"""

from datetime import datetime, timedelta

from controller.api.release import Phase, ReleaseStatus
from controller.release.facts import (
    Action,
    Decision,
    DeleteCanary,
    DeploymentFacts,
    EmptyRevision,
    Facts,
    Pause,
    Problem,
    RemoveBackend,
)
from controller.release.record import move, next_second
from controller.release.routes import traffic_is_off, view_routes, with_confirmed
from controller.release.silence import (
    UNCONFIRMED_DRAIN,
    may_go_unconfirmed,
    with_wait,
    without_wait,
)

# Caches follow the cluster within milliseconds; pods go no sooner than that after the last request.
SHORTEST_DRAIN = timedelta(seconds=1)

ENDINGS = {
    "RolledBack": "the canary is gone and the revision is rejected",
    "Aborted": "the canary is gone; the revision waits for a retry or another template",
    "Superseded": "the canary is gone",
}
DEPLOYMENT_GONE = "DeploymentGone"
TOO_LATE = "too late to stop it: stable runs this revision by now, going back is a new release"


def begin_rollback(facts: Facts, outcome: str, why: Problem, now: datetime) -> Decision:
    """Take the canary's traffic away in this very pass, and record why.

    The routes are asked whatever they seem to be: what was seen may be older than our last write.
    """
    status = facts.release.status
    weight = status.weight.model_copy(update={"wanted": 0.0})
    forgotten = {"step_since": None, "traffic_off_at": None}
    status = status.model_copy(update={"outcome": outcome, "weight": weight, **forgotten})
    status = move(status, Phase.ROLLING_BACK, why.reason, why.message, now)
    off: tuple[Action, ...] = (RemoveBackend(),) if facts.routes else ()
    return Decision(status, (*off, *_stop_promotion(facts, status)))


def begin_finish(status: ReleaseStatus, reason: str, message: str, now: datetime) -> ReleaseStatus:
    """Record that stable runs the revision; the canary's traffic goes once this is stored."""
    weight = status.weight.model_copy(update={"wanted": 0.0})
    forgotten = {"step_since": None, "traffic_off_at": None}
    status = status.model_copy(update={"outcome": "", "weight": weight, **forgotten})
    return move(status, Phase.FINISHING, reason, message, now)


def decide_takedown(facts: Facts, now: datetime) -> Decision:
    """Go on with a rollback or with the clean-up after a promotion."""
    status = without_wait(facts.release.status)
    status = with_confirmed(status, view_routes(facts.routes))
    actions = _stop_promotion(facts, status)
    if any(route.weight is not None for route in facts.routes):
        actions = (RemoveBackend(), *actions)
    late = is_too_late(_judged_one(facts, status)) and status.phase is Phase.ROLLING_BACK
    if late and status.outcome != "RolledBack" and status.reason != "Bypassed":
        message = f"{status.message}; {TOO_LATE}"
        return Decision(begin_finish(status, "TooLate", message, now), actions)
    confirmed = traffic_is_off(facts.routes)
    if not confirmed and not may_go_unconfirmed(facts, status):
        status, due = with_wait(facts, status.model_copy(update={"traffic_off_at": None}), now)
        return Decision(status, actions, due)
    since = status.traffic_off_at or next_second(now)
    status = status.model_copy(update={"traffic_off_at": since})
    drained_at = since + max(facts.release.spec.rules.traffic.drain, SHORTEST_DRAIN)
    if not confirmed:
        drained_at = max(drained_at, since + UNCONFIRMED_DRAIN)
    if now < drained_at:
        return Decision(status, actions, drained_at)
    if facts.canary is not None or facts.has_canary_service:
        return Decision(status, (*actions, DeleteCanary()))
    if actions:
        return Decision(status, actions)
    return Decision(_end(status, now, late=late))


def _end(status: ReleaseStatus, now: datetime, *, late: bool) -> ReleaseStatus:
    if status.reason == "Promoted":
        message = "released: stable runs this revision, the canary is gone"
        return move(status, Phase.SUCCEEDED, "Released", message, now)
    if status.phase is Phase.FINISHING:
        return move(status, Phase.SUCCEEDED, status.reason, status.message, now)
    words = TOO_LATE if late and status.outcome == "RolledBack" else ENDINGS[status.outcome]
    message = f"{status.message.rstrip('.')}; {words}"
    return move(status, Phase(status.outcome), status.reason, message, now)


def is_too_late(deployment: DeploymentFacts | None) -> bool:
    """Tell whether the user's Deployment runs this revision and has nothing to go back to."""
    if deployment is None:
        return False
    return deployment.rolled or (deployment.started_rolling and deployment.stable_gone)


def _judged_one(facts: Facts, status: ReleaseStatus) -> DeploymentFacts | None:
    """Return the user's Deployment; one made anew under the name of one that was gone is another.

    Held back it would have no pods, for stable's are gone with the first.
    """
    return None if status.reason == DEPLOYMENT_GONE else facts.deployment


def _stop_promotion(facts: Facts, status: ReleaseStatus) -> tuple[Action, ...]:
    """Give stable its pods back where the user's Deployment has begun to roll to this revision.

    A release that a newer template ended is not at fault: its pods stay while stable has none.
    """
    deployment = _judged_one(facts, status)
    rolling_back = status.phase is Phase.ROLLING_BACK and status.reason != "Bypassed"
    if deployment is None or not rolling_back or is_too_late(deployment):
        return ()
    if deployment.holds_release and not deployment.paused:
        return (Pause(deployment.resource_version),)
    if status.outcome == "Superseded" and facts.stable.ready == 0:
        return ()
    return (EmptyRevision(),) if deployment.paused and deployment.started_rolling else ()
