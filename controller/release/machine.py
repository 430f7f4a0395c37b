"""The state machine of one release: facts and the time in, status and actions out.

Promises: the weight asked of a route is never above the recorded step; whatever takes traffic off
is decided before anything else; the same facts twice decide the same and, once acted upon, nothing.
Leaves out: how facts are gathered, how actions are done, what the evidence means.

The order in which a release can be interrupted: a person's abort, the plan's end, the judge's
Regressed, pods at fault, a Deployment that is gone, that has a newer template, that was bypassed.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from controller.api.base import format_duration
from controller.api.release import ENDED, Phase, ReleaseStatus, Weights
from controller.release.facts import (
    Action,
    Decision,
    EnsureCanary,
    EnsureCanaryService,
    Facts,
    Problem,
    SetWeight,
    Unpause,
)
from controller.release.record import move
from controller.release.routes import RouteView, view_routes
from controller.release.takedown import begin_rollback, decide_takedown

START_ATTEMPTS = 3
STABLE_DOWN_AFTER = timedelta(seconds=30)
ROUTE_RETRY_DELAYS = (timedelta(seconds=20), timedelta(seconds=60), timedelta(seconds=180))
SOON = timedelta(seconds=2)


def decide(facts: Facts, now: datetime) -> Decision:
    """Return what to do about a release now."""
    status = facts.release.status
    if status.phase in ENDED:
        return Decision(status)
    if status.phase in (Phase.ROLLING_BACK, Phase.FINISHING):
        return decide_takedown(facts, now)
    facts = _absorb(facts)
    if status.phase is Phase.PROMOTING and facts.deployment and facts.deployment.rolled:
        message = "stable runs this revision; taking the canary away"
        return Decision(move(facts.release.status, Phase.FINISHING, "Promoted", message, now))
    interruption = find_interruption(facts)
    if interruption is not None:
        outcome, why = interruption
        return begin_rollback(facts, outcome, why, now)
    if status.phase is Phase.PROMOTING:
        return _promote(facts, now)
    if status.step == 0:
        return _start(facts, now)
    return _step(facts, now)


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
        }
    )
    updated = status.model_copy(
        update={
            "verdict": judged.verdict,
            "metrics": judged.metrics,
            "looks": looks,
            "exposure": judged.exposure,
        }
    )
    return _with_status(facts, updated)


def _with_status(facts: Facts, status: ReleaseStatus) -> Facts:
    return replace(facts, release=facts.release.model_copy(update={"status": status}))


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
        message = f"Deployment {plan} has got another template since; the newest is released next"
        return "Superseded", Problem("NewerTemplate", message)
    promoting = facts.release.status.phase is Phase.PROMOTING
    if not facts.deployment.paused and not promoting:
        message = f"Deployment {plan} was let through by hand; it rolls without a release"
        return "Superseded", Problem("Bypassed", message)
    if facts.deployment.failed and promoting:
        return "RolledBack", Problem("StableRolloutFailed", facts.deployment.failed)
    return None


def _start(facts: Facts, now: datetime) -> Decision:
    """Get the canary ready and its backend accepted at weight 0, before any user meets it."""
    status = facts.release.status
    since = status.start_since or now
    if status.start_since is None:
        status = status.model_copy(update={"start_since": now})
    if facts.stable.ready == 0:
        return _stable_down(status, since, now)
    replicas = canary_replicas(facts.stable.replicas, facts.release.spec.rules.steps[0].weight)
    actions: list[Action] = [*_sized(facts, replicas)]
    if not facts.has_canary_service:
        actions.append(EnsureCanaryService())
    ready = facts.canary.ready if facts.canary else 0
    status = _with_canary(facts, status, replicas)
    if ready < replicas:
        return _wait_for_start(facts, status, tuple(actions), replicas, now)
    view = view_routes(facts.routes)
    if view.problem is not None:
        status = move(status, Phase.HOLDING, view.problem.reason, view.problem.message, now)
        return Decision(status, tuple(actions))
    if view.lowest is None or view.highest != 0:
        message = f"{ready}/{replicas} canary pods ready; adding the backend at weight 0"
        status = move(status, Phase.STARTING, "AddingBackend", message, now)
        return Decision(status, (*actions, SetWeight(0)))
    if not view.settled:
        message = "waiting for the gateway to accept the backend at weight 0"
        return Decision(move(status, Phase.STARTING, "AddingBackend", message, now), tuple(actions))
    return Decision(_enter_step(facts, status, 1, now), tuple(actions))


def _stable_down(status: ReleaseStatus, since: datetime, now: datetime) -> Decision:
    """No stable pod serves: there is nothing to protect or to compare with, so let it through."""
    if now - since < STABLE_DOWN_AFTER:
        message = "no stable pod is ready; waits 30s for one"
        status = move(status, Phase.HOLDING, "StableDown", message, now)
        return Decision(status, again_at=since + STABLE_DOWN_AFTER)
    message = "no stable pod is ready, so there is nothing to protect; lets the change through"
    return Decision(move(status, Phase.PROMOTING, "StableDown", message, now))


def _wait_for_start(
    facts: Facts, status: ReleaseStatus, actions: tuple[Action, ...], replicas: int, now: datetime
) -> Decision:
    """Wait for the canary's pods; a cluster that cannot start them is not the version's fault."""
    canary = facts.canary
    trouble = canary.trouble if canary else None
    deadline = (status.start_since or now) + timedelta(seconds=facts.progress_deadline)
    if now < deadline:
        if trouble is not None:
            message = f"{trouble.problem.message} ({trouble.problem.reason})"
            status = move(status, Phase.HOLDING, "CanaryCannotStart", message, now)
        else:
            message = f"{canary.ready if canary else 0}/{replicas} canary pods ready"
            status = move(status, Phase.STARTING, "CanaryStarting", message, now)
        return Decision(status, actions, deadline)
    if trouble is None:
        message = (
            f"the canary's pods did not get ready within "
            f"{format_duration(timedelta(seconds=facts.progress_deadline))}"
        )
        return begin_rollback(facts, "RolledBack", Problem("NeverReady", message), now)
    failures = status.start_failures + 1
    if failures >= START_ATTEMPTS:
        message = f"given up after {failures} progress deadlines: {trouble.problem.message}"
        return begin_rollback(facts, "Aborted", Problem("CanaryCannotStart", message), now)
    status = status.model_copy(update={"start_failures": failures, "start_since": now})
    return Decision(status, actions, now + timedelta(seconds=facts.progress_deadline))


def _enter_step(facts: Facts, status: ReleaseStatus, number: int, now: datetime) -> ReleaseStatus:
    """Record a step and the weight it wants; the route follows once this is stored."""
    steps = facts.release.spec.rules.steps
    weight = steps[number - 1].weight
    updated = status.model_copy(
        update={
            "step": number,
            "progress": f"{number}/{len(steps)}",
            "step_since": None,
            "weight": Weights(wanted=weight, confirmed=status.weight.confirmed),
        }
    )
    message = f"step {number} of {len(steps)}: raising the weight to {weight} %"
    return move(updated, Phase.STEPPING, "Raising", message, now)


def _step(facts: Facts, now: datetime) -> Decision:
    """Keep the step's weight on the routes, and go on once it is earned."""
    status = facts.release.status
    wanted = status.weight.wanted
    replicas = canary_replicas(facts.stable.replicas, wanted)
    actions = _sized(facts, replicas)
    status = _with_canary(facts, status, replicas)
    view = view_routes(facts.routes)
    confirmed = view.lowest if view.settled and view.lowest == view.highest else None
    if confirmed is not None and confirmed != status.weight.confirmed:
        status = status.model_copy(update={"weight": Weights(wanted=wanted, confirmed=confirmed)})
    if view.highest > wanted:
        message = f"a route gave the canary {view.highest} %; bringing it back to {wanted} %"
        status = move(status, Phase.HOLDING, "WeightTooHigh", message, now)
        return Decision(status, (SetWeight(wanted), *actions))
    if view.problem is not None:
        status = move(status, Phase.HOLDING, view.problem.reason, view.problem.message, now)
        return Decision(status, actions)
    if facts.canary is None or facts.canary.ready == 0:
        return _canary_away(facts, status, view, actions, now)
    if view.lowest is None or view.lowest < wanted:
        return _raise(facts, status, view, actions, replicas, now)
    if not view.settled:
        return Decision(status, actions)
    if status.step_since is None:
        status = _confirm(facts, status, now)
        return Decision(status, actions, status.looks.next)
    return _earn(facts, status, actions, now)


def _canary_away(
    facts: Facts,
    status: ReleaseStatus,
    view: RouteView,
    actions: tuple[Action, ...],
    now: datetime,
) -> Decision:
    """No canary pod answers: its share would get errors, so it goes to stable until one does."""
    trouble = facts.canary.trouble if facts.canary else None
    words = f": {trouble.problem.message}" if trouble else ""
    message = f"no canary pod is ready, its share goes to stable{words}"
    status = status.model_copy(update={"step_since": None})
    status = move(status, Phase.HOLDING, "CanaryNotReady", message, now)
    lower: tuple[Action, ...] = (SetWeight(0),) if view.highest > 0 else ()
    return Decision(status, (*lower, *actions))


def _raise(
    facts: Facts,
    status: ReleaseStatus,
    view: RouteView,
    actions: tuple[Action, ...],
    replicas: int,
    now: datetime,
) -> Decision:
    """Bring the routes up to the step's weight: capacity first, and never against a person."""
    wanted = status.weight.wanted
    if status.step_since is not None:
        return _overwritten(status, view, actions, now)
    if status.reason == "RouteOverwritten":
        due = _route_retry_at(status)
        if due is None or now < due:
            return Decision(status, actions, due)
        status = status.model_copy(update={"route_retries": status.route_retries + 1})
        message = f"putting the canary's backend back, try {status.route_retries} of 3"
        status = move(status, Phase.STEPPING, "Raising", message, now)
        return Decision(status, actions, now)
    ready = facts.canary.ready if facts.canary else 0
    if ready < replicas or facts.stable.ready < facts.stable.replicas:
        message = (
            f"{ready}/{replicas} canary pods and "
            f"{facts.stable.ready}/{facts.stable.replicas} stable pods ready; "
            f"{wanted} % waits for all of them"
        )
        return Decision(move(status, Phase.STEPPING, "Scaling", message, now), actions)
    message = f"raising the weight to {wanted} %"
    status = move(status, Phase.STEPPING, "Raising", message, now)
    return Decision(status, (*actions, SetWeight(wanted)))


def _overwritten(
    status: ReleaseStatus, view: RouteView, actions: tuple[Action, ...], now: datetime
) -> Decision:
    """Somebody took traffic off the canary: that is the safe direction, so wait and say who."""
    has = "no backend of ours" if view.lowest is None else f"{view.lowest} %"
    message = f"{view.writer} left {has} in {view.name}, {status.weight.wanted} % is wanted"
    status = status.model_copy(
        update={
            "step_since": None,
            "weight": Weights(wanted=status.weight.wanted, confirmed=view.lowest or 0),
        }
    )
    status = move(status, Phase.HOLDING, "RouteOverwritten", message, now)
    due = _route_retry_at(status)
    if due is None:
        message += "; tried 3 times, now waits for somebody to put it back or abort the release"
        status = move(status, Phase.HOLDING, "RouteOverwritten", message, now)
    return Decision(status, actions, due)


def _route_retry_at(status: ReleaseStatus) -> datetime | None:
    """Return when the backend may be put back, None once the tries are used up."""
    if status.route_retries >= len(ROUTE_RETRY_DELAYS) or status.phase_since is None:
        return None
    return status.phase_since + ROUTE_RETRY_DELAYS[status.route_retries]


def _confirm(facts: Facts, status: ReleaseStatus, now: datetime) -> ReleaseStatus:
    """Start the step's clock and its evidence: every route carries the weight."""
    analysis = facts.release.spec.rules.analysis
    metrics = tuple(m.model_copy(update={"looks_at_weight": 0}) for m in status.metrics)
    looks = status.looks.model_copy(
        update={
            "since": now.timestamp(),
            "next": now + analysis.look,
            "problem": "",
            "message": "",
        }
    )
    status = status.model_copy(update={"step_since": now, "metrics": metrics, "looks": looks})
    message = f"{status.weight.wanted} % confirmed by every route; collecting evidence"
    return move(status, Phase.STEPPING, "Collecting", message, now)


def _earn(
    facts: Facts, status: ReleaseStatus, actions: tuple[Action, ...], now: datetime
) -> Decision:
    """Hold while there is no evidence; go on when the step's time is up and it proved Safe."""
    steps = facts.release.spec.rules.steps
    hold_until = (status.step_since or now) + steps[status.step - 1].hold
    again_at = min(
        at for at in (status.looks.next, hold_until, now + timedelta(minutes=1)) if at and at > now
    )
    if status.looks.problem:
        status = move(status, Phase.HOLDING, status.looks.problem, status.looks.message, now)
        return Decision(status, actions, again_at)
    fresh = all(m.looks_at_weight > 0 for m in status.metrics if m.required)
    if status.verdict != "Safe" or not fresh or not status.metrics:
        message = "; ".join(m.message for m in status.metrics if m.message)
        message = message or "collecting evidence"
        return Decision(move(status, Phase.STEPPING, "Collecting", message, now), actions, again_at)
    if now < hold_until:
        message = f"Safe; stays at {status.weight.wanted} % for the step's hold"
        return Decision(move(status, Phase.STEPPING, "Safe", message, now), actions, again_at)
    if status.step < len(steps):
        return Decision(_enter_step(facts, status, status.step + 1, now), actions)
    message = "every step is earned; stable rolls to this revision"
    return Decision(move(status, Phase.PROMOTING, "Earned", message, now), actions)


def _promote(facts: Facts, now: datetime) -> Decision:
    """Let stable roll with the user's own strategy, while the canary keeps its share."""
    status = facts.release.status
    deployment = facts.deployment
    if deployment is not None and deployment.paused:
        return Decision(status, (Unpause(deployment.resource_version),), now + SOON)
    return Decision(status, again_at=status.looks.next)


def canary_replicas(stable_replicas: int, weight: int) -> int:
    """Return the canary's pods for a weight in percent: stable's share of pods, rounded up."""
    return max(1, -(-stable_replicas * weight // 100))


def _sized(facts: Facts, replicas: int) -> tuple[Action, ...]:
    if facts.canary is None or facts.canary.replicas != replicas:
        return (EnsureCanary(replicas),)
    return ()


def _with_canary(facts: Facts, status: ReleaseStatus, replicas: int) -> ReleaseStatus:
    """Show the canary's pods; its images stay known once a node has pulled them."""
    canary = status.canary.model_copy(
        update={
            "replicas": replicas,
            "ready": facts.canary.ready if facts.canary else 0,
            "images": (facts.canary.images if facts.canary else ()) or status.canary.images,
        }
    )
    return status.model_copy(update={"canary": canary})
