"""How a release's status is written: transitions, timeline, conditions, budget.

The one place that appends to the timeline and makes conditions. Leaves every choice to the machine.
"""

from datetime import datetime, timedelta

from controller.api.base import Condition, ConditionStatus
from controller.api.release import ENDED, Entry, Phase, ReleaseStatus
from controller.release.facts import Foreseen

MAX_ENTRIES = 50
FIRST_ENTRIES = 10  # of a long timeline these stay; people look for its beginning and its end
MAX_ENTRY_MESSAGE = 240  # characters; the whole message stands in the status and in the Event
MAX_BYTES = 32 * 1024  # of the whole status as JSON
SLOW_VERDICT = "SlowVerdict"


def move(
    status: ReleaseStatus, phase: Phase, reason: str, message: str, now: datetime
) -> ReleaseStatus:
    """Return the status in `phase` for `reason`; a change of either is an entry of the timeline.

    The message may be rewritten without an entry: it carries numbers that change with every look.
    """
    changed = (phase, reason) != (status.phase, status.reason)
    updates: dict[str, object] = {"phase": phase, "reason": reason, "message": message}
    if phase != status.phase:
        updates["phase_since"] = now
    if changed or not status.timeline:
        entered = status.model_copy(update={"phase": phase})
        updates["timeline"] = note(entered, reason, message, now).timeline
    if phase in ENDED and status.finished_at is None:
        updates["finished_at"] = now
    return status.model_copy(update=updates)


def note(status: ReleaseStatus, reason: str, message: str, now: datetime) -> ReleaseStatus:
    """Return the status with an entry that tells of something beside its phase and reason."""
    entry = Entry(
        at=now,
        phase=status.phase,
        weight=status.weight.confirmed,
        reason=reason,
        message=_cut(message),
    )
    return status.model_copy(update={"timeline": _bounded((*status.timeline, entry))})


def is_noted(status: ReleaseStatus, reason: str) -> bool:
    """Tell whether something was noted since the present phase began."""
    began = status.phase_since
    return any(
        (entry.phase, entry.reason) == (status.phase, reason)
        and (began is None or entry.at >= began)
        for entry in status.timeline
    )


def reason_since(status: ReleaseStatus) -> datetime | None:
    """Return since when the status has had its phase and reason; every change is an entry."""
    return status.timeline[-1].at if status.timeline else None


def next_second(now: datetime) -> datetime:
    """Return `now` rounded up to a full second.

    Stored times lose their fraction; a wait that starts at one must not get shorter by that.
    """
    return now.replace(microsecond=0) + timedelta(seconds=1 if now.microsecond else 0)


def _cut(message: str) -> str:
    if len(message) <= MAX_ENTRY_MESSAGE:
        return message
    return message[: MAX_ENTRY_MESSAGE - 1] + "…"


def _bounded(timeline: tuple[Entry, ...]) -> tuple[Entry, ...]:
    if len(timeline) <= MAX_ENTRIES:
        return timeline
    return timeline[:FIRST_ENTRIES] + timeline[len(timeline) - (MAX_ENTRIES - FIRST_ENTRIES) :]


def with_conditions(status: ReleaseStatus, generation: int, now: datetime) -> ReleaseStatus:
    """Return the status as it is stored: Ready, Reconciling and Stalled as kstatus reads them.

    Where it is over budget, entries after the first ten give way. The evidence is never cut: the
    release could not go on without it.
    """
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
    return _fitted(
        status.model_copy(update={"conditions": mine + others, "observed_generation": generation})
    )


def with_foreseen(
    status: ReleaseStatus, foreseen: Foreseen, generation: int, now: datetime
) -> ReleaseStatus:
    """Return the status with a condition that says how long a verdict takes; a word, no more."""
    condition = set_condition(
        status.conditions,
        SLOW_VERDICT,
        "True" if foreseen.slow else "False",
        "TooFewRequests" if foreseen.slow else "EnoughRequests",
        foreseen.message,
        generation,
        now,
    )
    others = tuple(c for c in status.conditions if c.type != SLOW_VERDICT)
    return status.model_copy(update={"conditions": (*others, condition)})


def _fitted(status: ReleaseStatus) -> ReleaseStatus:
    excess = _size(status) - MAX_BYTES
    rest = list(status.timeline[FIRST_ENTRIES:])
    while excess > 0 and len(rest) > 1:
        excess -= _size(rest.pop(0)) + 1
    return status.model_copy(update={"timeline": (*status.timeline[:FIRST_ENTRIES], *rest)})


def _size(model: ReleaseStatus | Entry) -> int:
    return len(model.model_dump_json(by_alias=True, exclude_none=True).encode())


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
        message=message,
        last_transition_time=since,
        observed_generation=generation,
    )
