"""The words of a plan's status: phase and the conditions Ready, Reconciling and Stalled.

The one place that makes a plan's conditions. `Ready=True` means that Gander does its work and
nothing is left waiting; a rejected or aborted revision is not ready, and stalled.
"""

from datetime import datetime

from controller.api.base import ConditionStatus
from controller.api.plan import ReleasePlan, ReleasePlanStatus
from controller.release.facts import Problem
from controller.release.record import set_condition

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
