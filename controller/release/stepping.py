"""The steps: raise the weight, hold it, let it be earned.

Promises: capacity first, then the route, then confirmed, then the step's clock and its evidence. A
weight change of whatever origin begins both anew, so that no look spans it. The canary has the pods
for the whole step from its beginning, so easing starts and stops none. A share that nobody serves
goes to stable at once. What a person took off the canary is put back late and rarely.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from controller.api.base import format_percent
from controller.api.names import canary_name
from controller.api.release import Phase, ReleaseStatus
from controller.release.canary import Pods, await_pods, tend
from controller.release.changed import is_changed
from controller.release.easing import ceiling_of, eased, in_words, want
from controller.release.facts import Decision, Facts, Problem, SetWeight
from controller.release.holds import keep_off
from controller.release.lostrecord import REJUDGING, must_rejudge, record_lost
from controller.release.promoting import EARNED
from controller.release.record import move, next_second, reason_since
from controller.release.routes import REFUSED, RouteView, await_parents, view_routes, with_confirmed
from controller.release.stabledown import hold_stable_down
from controller.release.takedown import begin_rollback

COUNTING = "asks Prometheus how many requests there are, for the first weight"
READINESS_LOSSES = 3  # at one step: each is a share of users that is moved away and back
SERVICE_ANEW = ("CanaryServiceMissing", "CanaryServiceChanged")
ENDPOINTS_FOLLOW = timedelta(seconds=2)  # gateways learn of a Service's pods within that
ROUTE_RETRY_DELAYS = (timedelta(seconds=20), timedelta(seconds=60), timedelta(seconds=180))


def enter_step(facts: Facts, number: int, now: datetime) -> ReleaseStatus:
    """Record a step and the weight it begins with; the route follows once this is stored."""
    status, steps = facts.release.status, facts.release.spec.rules.steps
    weight = steps[number - 1].weight
    updated = want(status, eased(status.weight, weight)).model_copy(
        update={
            "step": number,
            "progress": f"{number}/{len(steps)}",
            "route_retries": 0,
            "canary": status.canary.model_copy(update={"lost": 0}),
        }
    )
    message = f"step {number} of {len(steps)}: raising the weight to {weight} %"
    return move(updated, Phase.STEPPING, "Raising", message, now)


def step(facts: Facts, now: datetime) -> Decision:
    """Keep the step's weight on the routes, and go on once it is earned."""
    view, ceiling = view_routes(facts.routes), ceiling_of(facts.release)
    pods, status = tend(facts, ceiling)
    if must_rejudge(facts, view):
        if is_changed(facts):  # the pods that could be judged again are gone
            return begin_rollback(facts.with_status(status), "Aborted", record_lost(view), now)
        return Decision(move(status, Phase.HOLDING, "Rejudging", REJUDGING, now), pods.actions)
    asked, wanted = status.weight.wanted, min(status.weight.wanted, eased(status.weight, ceiling))
    status = with_confirmed(want(status, wanted) if wanted < asked else status, view)
    facts = facts.with_status(status)
    kept_off = keep_off(facts, view, now)
    if kept_off is not None:
        return kept_off
    if not pods.serving:
        return _canary_away(facts, view, pods, now)
    if wanted < view.highest <= asked:
        return _lower(facts, pods, now)
    if view.highest > wanted:
        return _too_high(facts, view, pods, now)
    alone = _without_stable(facts, view, pods, now)
    if alone is not None:
        return alone
    if view.problem is not None:
        return _unroutable(facts, view, view.problem, pods, now)
    if not view.carries(wanted):
        return _raise(facts, view, pods, now)
    if not view.settled:
        reason = "Raising" if status.step_since is None else "Confirming"
        status, due = await_parents(status, view, Phase.STEPPING, reason, now)
        return Decision(status, pods.actions, due)
    if status.step_since is None:
        return _confirm(facts, pods, now)
    return _earn(facts, pods, now)


def _without_stable(facts: Facts, view: RouteView, pods: Pods, now: datetime) -> Decision | None:
    """Hold while no stable pod serves, wanted or not; None where one does."""
    if facts.stable.replicas == 0:
        return Decision(hold_at_zero(facts, now))
    return hold_stable_down(facts, view, pods, now)


def hold_at_zero(facts: Facts, now: datetime) -> ReleaseStatus:
    """Wait for stable pods to be wanted; what was collected at this weight begins anew then."""
    plan = facts.release.spec.plan
    message = f"Deployment {plan} has 0 replicas, so nothing can be compared; scale it up"
    status = facts.release.status.model_copy(update={"step_since": None})
    return move(status, Phase.HOLDING, "ZeroReplicas", message, now)


def _canary_away(facts: Facts, view: RouteView, pods: Pods, now: datetime) -> Decision:
    """Nothing answers for the canary: its share would get errors, so it goes to stable."""
    status = facts.release.status.model_copy(update={"step_since": None})
    if status.canary.lost >= READINESS_LOSSES:
        message = (
            f"the canary was ready and then not any more {status.canary.lost} times at this step, "
            "while all stable pods were ready; see its readiness probe"
        )
        why = Problem("ReadinessLost", message)
        return begin_rollback(facts.with_status(status), "RolledBack", why, now)
    if pods.ready == 0:
        decision = await_pods(facts.with_status(status), pods, Phase.HOLDING, now)
    else:
        decision = Decision(_service_anew(facts.with_status(status), now), pods.actions)
    if view.highest == 0 or decision.status.phase is Phase.ROLLING_BACK:
        return decision
    return replace(decision, actions=(SetWeight(0), *decision.actions))


def _service_anew(facts: Facts, now: datetime) -> ReleaseStatus:
    """Say what became of the Service in front of pods that are ready."""
    service = facts.release.spec.rules.traffic.service
    if facts.service_differs:
        reason = "CanaryServiceChanged"
        message = (
            f"Service {canary_name(service)} is not what Service {service} makes it, see its "
            f"{facts.service_differs}; it is brought back in line, its share goes to stable "
            "meanwhile"
        )
    else:
        reason = "CanaryServiceMissing"
        message = "the canary's Service is gone; its share goes to stable until it is there again"
    return move(facts.release.status, Phase.HOLDING, reason, message, now)


def _unroutable(
    facts: Facts, view: RouteView, problem: Problem, pods: Pods, now: datetime
) -> Decision:
    """Hold; where a gateway refuses a route its users may get errors, so stable takes them all."""
    status = move(facts.release.status, Phase.HOLDING, problem.reason, problem.message, now)
    if not view.refused or view.highest == 0:
        return Decision(status, pods.actions)
    status = status.model_copy(update={"step_since": None})
    return Decision(status, (SetWeight(0), *pods.actions))


def _lower(facts: Facts, pods: Pods, now: datetime) -> Decision:
    """More would be hurt than the plan's exposure, if the canary were as bad as it still may be."""
    status = facts.release.status
    percent = in_words(status, ceiling_of(facts.release))
    message = f"lowering the weight to {percent}: there is more traffic or more doubt than before"
    status = move(status, Phase.STEPPING, "Lowering", message, now)
    return Decision(status, (SetWeight(status.weight.wanted), *pods.actions))


def _too_high(facts: Facts, view: RouteView, pods: Pods, now: datetime) -> Decision:
    """Somebody gave the canary more than it has earned, or more than its pods are made for."""
    status = facts.release.status.model_copy(update={"step_since": None})
    percent = status.weight.wanted if pods.complete else 0
    message = (
        f"a route gives the canary {format_percent(view.highest)}; bringing it back to "
        f"{format_percent(percent)}"
    )
    status = move(status, Phase.HOLDING, "WeightTooHigh", message, now)
    return Decision(status, (SetWeight(percent), *pods.actions))


def _raise(facts: Facts, view: RouteView, pods: Pods, now: datetime) -> Decision:
    """Bring the routes up to the step's weight: capacity first, and never against a person."""
    status = facts.release.status
    unseen = _await_gateway(status, view, pods, now)
    if unseen is not None:
        return unseen
    waiting = status.reason == "RouteOverwritten"
    if not waiting and _overwritten(status, view):
        return _wait_to_put_back(facts, view, pods, now)
    if waiting:
        due = _put_back_at(status)
        if due is None or now < due:
            return Decision(status, pods.actions, due)
        if view.lowest is None and not view.writer:
            return begin_rollback(facts, "Aborted", record_lost(view), now)
    status = status.model_copy(update={"step_since": None, "traffic_off_at": None})
    short = _short_of_capacity(facts.with_status(status), pods, now)
    if short is not None:
        return short
    if waiting:
        tries = status.route_retries + 1
        status = status.model_copy(update={"route_retries": tries})
        message = f"putting the canary back into {view.name}, try {tries} of 3"
        return Decision(move(status, Phase.STEPPING, "PuttingBack", message, now), pods.actions)
    reason = "PuttingBack" if status.reason == "PuttingBack" else "Raising"
    message = f"raising the weight to {in_words(status, ceiling_of(facts.release))}"
    status = move(status, Phase.STEPPING, reason, message, now)
    return Decision(status, (*pods.actions, SetWeight(status.weight.wanted)))


def _await_gateway(
    status: ReleaseStatus, view: RouteView, pods: Pods, now: datetime
) -> Decision | None:
    """Wait where the weight is off for something of which the gateway may not know the end yet."""
    if status.reason == REFUSED and not view.settled:
        return Decision(status, pods.actions)
    follow_at = (reason_since(status) or now) + ENDPOINTS_FOLLOW
    if status.reason in SERVICE_ANEW and now < follow_at:
        return Decision(status, pods.actions, follow_at)
    return None


def _overwritten(status: ReleaseStatus, view: RouteView) -> bool:
    """Tell whether somebody else took traffic off the canary.

    The first step begins with a backend in place, so one that is missing was taken out.
    """
    if status.step_since is None:
        return view.lowest is None and status.reason != "PuttingBack"
    taken = view.lowest is None or view.lowest < status.weight.wanted
    return taken and bool(view.writer)


def _wait_to_put_back(facts: Facts, view: RouteView, pods: Pods, now: datetime) -> Decision:
    """Less traffic on the canary is the safe direction, so wait, and say who did it."""
    status = facts.release.status.model_copy(update={"step_since": None})
    left = "no backend of ours" if view.lowest is None else format_percent(view.lowest)
    wanted = format_percent(status.weight.wanted)
    message = f"{view.writer or 'somebody'} left {left} in {view.name}, {wanted} is wanted"
    if status.route_retries >= len(ROUTE_RETRY_DELAYS):
        message += "; tried 3 times, now waits until somebody puts it back or aborts the release"
    status = move(status, Phase.HOLDING, "RouteOverwritten", message, now)
    return Decision(status, pods.actions, _put_back_at(status))


def _put_back_at(status: ReleaseStatus) -> datetime | None:
    """Return when the backend may be put back, None once the tries are used up."""
    since = reason_since(status)
    if since is None or status.route_retries >= len(ROUTE_RETRY_DELAYS):
        return None
    return since + ROUTE_RETRY_DELAYS[status.route_retries]


def _short_of_capacity(facts: Facts, pods: Pods, now: datetime) -> Decision | None:
    """Wait where the canary could not carry the weight, or stable could not take it back."""
    if pods.ready < pods.wanted:
        return await_pods(facts, pods, Phase.STEPPING, now)
    stable = facts.stable
    if stable.ready >= max(stable.replicas, 1):
        return None
    message = (
        f"{stable.ready} of {stable.replicas} stable pods are ready; the weight is not raised "
        "until they can take everything back"
    )
    status = move(facts.release.status, Phase.HOLDING, "StableNotReady", message, now)
    return Decision(status, pods.actions)


def _confirm(facts: Facts, pods: Pods, now: datetime) -> Decision:
    """Start the step's clock and its evidence: every route carries the weight.

    At weight 0 the look is at stable's past, for which nobody has to wait.
    """
    status, ceiling = facts.release.status, ceiling_of(facts.release)
    look = facts.release.spec.rules.analysis.look if status.weight.wanted else timedelta()
    due = next_second(now) + look
    looks = status.looks.model_copy(
        update={"since": now.timestamp(), "next": due, "problem": "", "message": ""}
    )
    status = status.model_copy(
        update={
            "step_since": next_second(now),
            "verdict": "Inconclusive",
            "metrics": tuple(m.model_copy(update={"looks_at_weight": 0}) for m in status.metrics),
            "looks": looks,
        }
    )
    return Decision(_collect(status, ceiling, now), pods.actions, due)


def _earn(facts: Facts, pods: Pods, now: datetime) -> Decision:
    """Hold while there is no evidence; go on when the step's time is up and it proved Safe.

    Under the step's weight go on to what the evidence justifies; the route follows once that is
    stored. A look that is due is waited for, so that no step is passed while Prometheus is silent.
    """
    status, steps = facts.release.status, facts.release.spec.rules.steps
    ceiling = ceiling_of(facts.release)
    hold_until = (status.step_since or now) + steps[status.step - 1].hold
    due = min((at for at in (status.looks.next, hold_until) if at and at > now), default=None)
    if status.looks.problem:
        status = move(status, Phase.HOLDING, status.looks.problem, status.looks.message, now)
        return Decision(status, pods.actions, due)
    weight = eased(status.weight, ceiling)
    if weight > status.weight.wanted:
        status = want(status, weight)
        message = f"raising the weight to {in_words(status, ceiling)}"
        return Decision(move(status, Phase.STEPPING, "Raising", message, now), pods.actions)
    if weight < ceiling or not _proven(status):
        return Decision(_collect(status, ceiling, now), pods.actions, due)
    look_is_due = status.looks.next is not None and status.looks.next <= now
    if now < hold_until or look_is_due:
        message = f"Safe; stays at {ceiling} % for the step's hold and its last look"
        return Decision(move(status, Phase.STEPPING, "Safe", message, now), pods.actions, due)
    if status.step < len(steps):
        return Decision(enter_step(facts, status.step + 1, now), pods.actions)
    unfit = facts.deployment.unfit if facts.deployment else None
    if unfit is not None:
        return Decision(move(status, Phase.HOLDING, unfit.reason, unfit.message, now), pods.actions)
    return Decision(move(status, Phase.PROMOTING, EARNED.reason, EARNED.message, now), pods.actions)


def _proven(status: ReleaseStatus) -> bool:
    """Tell whether the evidence says Safe, and every required metric had data at this weight."""
    required = [metric for metric in status.metrics if metric.required]
    fresh = all(metric.looks_at_weight > 0 for metric in required)
    return status.verdict == "Safe" and bool(required) and fresh


def _collect(status: ReleaseStatus, ceiling: int, now: datetime) -> ReleaseStatus:
    """Say what the evidence is. Until the step has its weight that is a part of raising it."""
    words = "; ".join(metric.message for metric in status.metrics if metric.message)
    message = f"{in_words(status, ceiling)} confirmed; {words or 'collecting evidence'}"
    if status.weight.wanted == 0:
        message = COUNTING
    reason = "Raising" if status.weight.wanted < ceiling else "Collecting"
    return move(status, Phase.STEPPING, reason, message, now)
