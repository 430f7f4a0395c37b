"""From Pending to the first step: a canary that is ready and accepted at weight 0.

No user meets the canary here. Whatever is wrong with it now is found before its weight rises.
"""

from datetime import datetime, timedelta

from controller.api.base import format_percent
from controller.api.release import Phase
from controller.release.canary import await_pods, tend
from controller.release.facts import Decision, Facts, SetWeight
from controller.release.holds import keep_off
from controller.release.promoting import UNPROTECTED
from controller.release.record import move, reason_since
from controller.release.rehearsal import await_rehearsal
from controller.release.routes import await_parents, view_routes, with_confirmed
from controller.release.stepping import enter_step, hold_at_zero

STABLE_DOWN_AFTER = timedelta(seconds=30)


def start(facts: Facts, now: datetime) -> Decision:
    """Get the canary ready and its backend accepted at weight 0."""
    view = view_routes(facts.routes)
    facts = facts.with_status(with_confirmed(facts.release.status, view))
    if view.highest > 0:
        message = (
            f"a route gives the canary {format_percent(view.highest)} before it has proven "
            "anything; "
            "bringing it back to 0 %"
        )
        status = move(facts.release.status, Phase.HOLDING, "WeightTooHigh", message, now)
        return Decision(status, (SetWeight(0),))
    kept_off = keep_off(facts, view, now)
    if kept_off is not None:
        return kept_off
    if facts.stable.replicas == 0:
        return Decision(hold_at_zero(facts, now))
    if facts.stable.ready == 0:
        return _stable_down(facts, now)
    pods, status = tend(facts, facts.release.spec.rules.steps[0].weight)
    if not pods.complete:
        return await_pods(facts.with_status(status), pods, Phase.STARTING, now)
    if view.problem is not None:
        status = move(status, Phase.HOLDING, view.problem.reason, view.problem.message, now)
        return Decision(status, pods.actions)
    if not view.carries(0):
        message = "the canary is ready; adding its backend at weight 0"
        status = move(status, Phase.STARTING, "AddingBackend", message, now)
        return Decision(status, (*pods.actions, SetWeight(0)))
    if not view.settled:
        status, due = await_parents(status, view, Phase.STARTING, "AddingBackend", now)
        return Decision(status, pods.actions, due)
    waits = await_rehearsal(status, now)
    if waits is not None:
        return Decision(waits, pods.actions, waits.looks.next)
    return Decision(enter_step(facts.with_status(status), 1, now), pods.actions)


def _stable_down(facts: Facts, now: datetime) -> Decision:
    """No stable pod serves: there is nothing to protect or to compare with, so let it through.

    A stable that was just scaled up from 0 is not down; its pods have a progress deadline to start.
    """
    status = facts.release.status
    if status.reason in ("ZeroReplicas", "StableStarting"):
        message = "the Deployment was scaled up from 0 replicas; waits for its first ready pod"
        starting = move(status, Phase.HOLDING, "StableStarting", message, now)
        due = (reason_since(starting) or now) + timedelta(seconds=facts.progress_deadline)
        if now < due:
            return Decision(starting, again_at=due)
    message = "no stable pod is ready; waits 30s for one"
    status = move(status, Phase.HOLDING, "StableDown", message, now)
    due = (reason_since(status) or now) + STABLE_DOWN_AFTER
    if now < due:
        return Decision(status, again_at=due)
    return Decision(move(status, Phase.PROMOTING, UNPROTECTED.reason, UNPROTECTED.message, now))
