"""The words of a plan's status: phase, the conditions Ready, Reconciling and Stalled, what waits.

SlowVerdict is a condition beside them that warns, and changes nothing else.

The one place that makes a plan's conditions. `Ready=True` means that Gander does its work and
nothing is left waiting; a rejected or aborted revision is not ready, and stalled.
"""

from datetime import datetime

from controller.api.base import ConditionStatus
from controller.api.plan import Rejection, ReleasePlan, ReleasePlanStatus
from controller.api.release import Release
from controller.release.facts import Problem
from controller.release.planfacts import PlanFacts
from controller.release.record import SLOW_VERDICT, set_condition

_STATES: dict[str, tuple[ConditionStatus, ConditionStatus, ConditionStatus]] = {
    # phase: Ready, Reconciling, Stalled
    "Adopting": ("False", "True", "False"),
    "Idle": ("True", "False", "False"),
    "Releasing": ("False", "True", "False"),
    "Rejected": ("False", "False", "True"),
    "Held": ("False", "False", "True"),
    "Blocked": ("False", "False", "True"),
    "Leaving": ("False", "True", "False"),
}


def report(
    plan: ReleasePlan, status: ReleasePlanStatus, phase: str, why: Problem, now: datetime
) -> ReleasePlanStatus:
    """Return the status with its phase and conditions."""
    kinds = ("Ready", "Reconciling", "Stalled")
    generation = plan.metadata.generation
    conditions = tuple(
        set_condition(status.conditions, kind, value, why.reason, why.message, generation, now)
        for kind, value in zip(kinds, _STATES[phase], strict=True)
    )
    others = tuple(c for c in status.conditions if c.type not in kinds)
    return status.model_copy(
        update={
            "phase": phase,
            "conditions": conditions + others,
            "observed_generation": generation,
        }
    )


def warn(
    status: ReleasePlanStatus, releases: tuple[Release, ...], now: datetime
) -> ReleasePlanStatus:
    """Return the status with what the newest release that measured it says of slow verdicts.

    The generation is that of the plan at that release: an edit since then is not reckoned with.
    """
    told = [
        (release, condition)
        for release in sorted(releases, key=lambda one: one.spec.number)
        for condition in release.status.conditions
        if condition.type == SLOW_VERDICT
    ]
    if not told:
        return status
    release, said = told[-1]
    message = f"{said.message} (measured at the start of {release.metadata.name})"
    generation = release.spec.rules.generation
    condition = set_condition(
        status.conditions, SLOW_VERDICT, said.status, said.reason, message, generation, now
    )
    others = tuple(c for c in status.conditions if c.type != SLOW_VERDICT)
    return status.model_copy(update={"conditions": (*others, condition)})


def say_rejected(rejection: Rejection, facts: PlanFacts, serving: str) -> str:
    """Say why a revision that was taken back stays out, who serves, and the way out."""
    return (
        f"revision {rejection.revision} was taken back by {rejection.release}: "
        f"{rejection.message.rstrip('.')}. {serving} {_way_out(rejection.release, facts)}"
    )


def say_aborted(status: ReleasePlanStatus, facts: PlanFacts, serving: str) -> str:
    """Say why the revision of the last release, which was aborted, waits, and the way out."""
    ended = next((r for r in facts.releases if r.metadata.name == status.last_release), None)
    cause = f": {ended.status.message.rstrip('.')}" if ended else ""
    return (
        f"release {status.last_release} of revision {status.held} was aborted{cause}. "
        f"{serving} {_way_out(status.last_release, facts)}"
    )


def _way_out(name: str, facts: PlanFacts) -> str:
    """Say what lets it out; a retry is an order on the release, so it needs one that stays."""
    plan, namespace = facts.plan.metadata.name, facts.plan.metadata.namespace
    found = next((release for release in facts.releases if release.metadata.name == name), None)
    if found is not None and found.metadata.deletion_timestamp is None:
        return (
            f"Change the template, or try it again with kubectl gander retry {name} -n {namespace}"
        )
    return (
        f"Release {name} is deleted, so nothing can order a retry of it. Change the template; "
        f"kubectl rollout restart deployment/{plan} -n {namespace} releases the same images anew"
    )
