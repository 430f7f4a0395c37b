"""How a release's status is written: transitions, timeline, conditions.

The one place that appends to the timeline and makes conditions. Leaves every choice to the machine.
"""

from datetime import datetime

from controller.api.base import Condition, ConditionStatus
from controller.api.release import ENDED, Entry, Phase, ReleaseStatus

MAX_ENTRIES = 50
MAX_MESSAGE = 1024


def move(
    status: ReleaseStatus, phase: Phase, reason: str, message: str, now: datetime
) -> ReleaseStatus:
    """Return the status in `phase` for `reason`; a change of either is an entry of the timeline.

    The message may be rewritten without an entry: it carries numbers that change with every look.
    """
    message = message[:MAX_MESSAGE]
    changed = (phase, reason) != (status.phase, status.reason)
    updates: dict[str, object] = {"phase": phase, "reason": reason, "message": message}
    if phase != status.phase:
        updates["phase_since"] = now
    if changed or not status.timeline:
        entry = Entry(
            at=now, phase=phase, weight=status.weight.confirmed, reason=reason, message=message
        )
        updates["timeline"] = _bounded((*status.timeline, entry))
    if phase in ENDED and status.finished_at is None:
        updates["finished_at"] = now
    return status.model_copy(update=updates)


def _bounded(timeline: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Keep the beginning and the newest entries: both are what people look for."""
    if len(timeline) <= MAX_ENTRIES:
        return timeline
    beginning = 10
    return timeline[:beginning] + timeline[len(timeline) - (MAX_ENTRIES - beginning) :]


def with_conditions(status: ReleaseStatus, generation: int, now: datetime) -> ReleaseStatus:
    """Return the status with Ready, Reconciling and Stalled as kstatus reads them."""
    ended = status.phase in ENDED
    succeeded = status.phase is Phase.SUCCEEDED
    reason = status.reason or status.phase.value
    wanted: dict[str, ConditionStatus] = {
        "Ready": "True" if succeeded else "False",
        "Reconciling": "False" if ended else "True",
        "Stalled": "True" if ended and not succeeded else "False",
    }
    others = tuple(c for c in status.conditions if c.type not in wanted)
    mine = tuple(
        set_condition(status.conditions, kind, value, reason, status.message, generation, now)
        for kind, value in wanted.items()
    )
    return status.model_copy(
        update={"conditions": mine + others, "observed_generation": generation}
    )


def set_condition(
    present: tuple[Condition, ...],
    kind: str,
    value: ConditionStatus,
    reason: str,
    message: str,
    generation: int,
    now: datetime,
) -> Condition:
    """Return the condition, keeping the transition time of one that says the same status."""
    before = next((c for c in present if c.type == kind), None)
    since = before.last_transition_time if before and before.status == value else now
    return Condition(
        type=kind,
        status=value,
        reason=reason,
        message=message[:MAX_MESSAGE],
        last_transition_time=since,
        observed_generation=generation,
    )
