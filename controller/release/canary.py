"""The canary's pods: how many, whether they serve, and how long a release waits for them.

What keeps pods from starting is the cluster's fault, not the version's: after three progress
deadlines the release is aborted, and nothing is rejected. Pods that run and do not get ready within
one progress deadline are the version's fault.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.api.base import format_duration
from controller.api.release import Phase, ReleaseStatus
from controller.release.facts import (
    REFUSED,
    Action,
    Decision,
    EnsureCanary,
    EnsureCanaryService,
    Facts,
    Problem,
)
from controller.release.record import move, reason_since
from controller.release.takedown import begin_rollback

START_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Pods:
    """The canary's pods at one moment, and the actions that make them what is wanted."""

    wanted: int
    ready: int
    running: int
    serving: bool  # at least one is ready, and the Service in front of them leads to it
    actions: tuple[Action, ...]

    @property
    def complete(self) -> bool:
        """Whether the weight they are made for may go to them."""
        return self.serving and self.ready >= self.wanted


def canary_replicas(stable_replicas: int, weight: int) -> int:
    """Return the canary's pods for a weight in percent: stable's share of pods, rounded up."""
    return max(1, -(-stable_replicas * weight // 100))


def tend(facts: Facts, weight: int) -> tuple[Pods, ReleaseStatus]:
    """Return the pods for a weight in percent, and the status with them in it.

    The images stay known once a node has pulled them. What was counted while waiting for pods is
    forgotten when all of them are there.
    """
    canary = facts.canary
    wanted = canary_replicas(facts.stable.replicas, weight)
    actions: tuple[Action, ...] = ()
    if canary is None or canary.replicas != wanted:
        actions += (EnsureCanary(wanted),)
    if not facts.has_canary_service or facts.service_differs:
        actions += (EnsureCanaryService(),)
    ready = canary.ready if canary else 0
    pods = Pods(
        wanted=wanted,
        ready=ready,
        running=canary.running if canary else 0,
        serving=facts.canary_served,
        actions=actions,
    )
    status = facts.release.status
    images = canary.images if canary else ()
    shown = status.canary.model_copy(
        update={
            "replicas": wanted,
            "ready": ready,
            "lost": _count_losses(facts),
            "images": images or status.canary.images,
        }
    )
    updates: dict[str, object] = {"canary": shown}
    if pods.complete:
        updates |= {"start_since": None, "start_failures": 0}
    return pods, status.model_copy(update=updates)


def _count_losses(facts: Facts) -> int:
    """Return how often no pod was ready any more though all of them ran on and stable was well.

    What hits stable too, then or while the canary is away, makes all that was counted worthless.
    """
    before, canary, stable = facts.release.status.canary, facts.canary, facts.stable
    if canary is not None and canary.ready > 0:
        return before.lost
    if stable.ready < stable.replicas:
        return 0
    ran_on = canary is not None and canary.running >= before.ready
    return before.lost + (before.ready > 0 and ran_on)


def await_pods(facts: Facts, pods: Pods, phase: Phase, now: datetime) -> Decision:
    """Wait in `phase` until the pods are ready, or end the release when they had their time."""
    trouble = facts.canary.trouble if facts.canary else None
    if trouble is None and pods.running >= pods.wanted and facts.has_canary_service:
        return _await_readiness(facts, pods, phase, now)
    status = facts.release.status
    since = status.start_since or now
    status = status.model_copy(update={"start_since": since})
    message = f"{pods.ready} of {pods.wanted} canary pods are ready, {pods.running} run"
    if trouble is not None:
        message = f"{trouble.problem.message} ({trouble.problem.reason})"
    deadline = timedelta(seconds=facts.progress_deadline)
    if now >= since + deadline:
        since, failures = now, status.start_failures + 1
        status = status.model_copy(update={"start_since": since, "start_failures": failures})
        if failures >= START_ATTEMPTS:
            if status.reason == REFUSED:
                message = status.message
            spent = f"given up after {failures} times {format_duration(deadline)}: {message}"
            why = Problem("CanaryCannotStart", spent)
            return begin_rollback(facts.with_status(status), "Aborted", why, now)
    if trouble is not None:
        status = move(status, Phase.HOLDING, "CanaryCannotStart", message, now)
    else:
        status = move(status, phase, "CanaryStarting", message, now)
    return Decision(status, pods.actions, since + deadline)


def _await_readiness(facts: Facts, pods: Pods, phase: Phase, now: datetime) -> Decision:
    """All pods run, so what is missing is the version's own doing, unless stable misses it too."""
    message = f"{pods.ready} of {pods.wanted} canary pods are ready, all of them run"
    status = move(facts.release.status, phase, "CanaryNotReady", message, now)
    deadline = timedelta(seconds=facts.progress_deadline)
    due = (reason_since(status) or now) + deadline
    if now < due or facts.stable.ready == 0:
        return Decision(status, pods.actions, due)
    message = (
        f"{pods.wanted - pods.ready} of {pods.wanted} canary pods run but did not get ready within "
        f"{format_duration(deadline)}; see their readiness probe"
    )
    return begin_rollback(
        facts.with_status(status), "RolledBack", Problem("NeverReady", message), now
    )
