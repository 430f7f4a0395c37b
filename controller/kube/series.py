"""Which occurrences become an Event of their own, and which are counted in one that is there.

The same occurrence again is counted in its Event (`series` in events.k8s.io/v1). Occurrences that
differ only in their note, as when it contains a number, get an Event each for the first ten within
600 s and are then counted in one that says so. A count is written at most once a minute, so an
object that fails in a tight loop costs one write a minute. Memory is bounded: of too many the
oldest are forgotten, and would start anew.

Pure: the time is an argument, in seconds of any clock that only goes forward.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

SIMILAR: Final = 10  # Events that may differ in their note alone
WINDOW: Final = 600.0  # seconds after which an occurrence is news again
EVERY: Final = 60.0  # seconds between two writes of one count
REMEMBERED: Final = 4096  # Events that are still counted
NOTE_LIMIT: Final = 1024  # bytes; the API server refuses more
COMBINED: Final = "(combined from similar events): "

EventType = Literal["Normal", "Warning"]
Identity = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Regarding:
    """The object that an Event is about."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str

    @classmethod
    def of(cls, item: dict[str, Any]) -> "Regarding":
        """Take it from an object, or from a reference to one."""
        source = item.get("metadata") or item
        return cls(
            item.get("apiVersion", ""),
            item.get("kind", ""),
            source.get("namespace", ""),
            source.get("name", ""),
            source.get("uid", ""),
        )


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that happened to an object; `note` is the sentence for people."""

    regarding: Regarding
    type: EventType
    reason: str
    action: str
    note: str
    at: datetime

    @property
    def family(self) -> Identity:
        """Return what all occurrences share that differ in their note alone."""
        about = self.regarding
        return (about.uid, about.namespace, about.name, self.type, self.reason, self.action)


@dataclass(slots=True)
class Counted:
    """An Event that was made, and the occurrences that it stands for. `name` is the Event's own."""

    key: Identity
    name: str
    namespace: str
    occurrence: Occurrence
    count: int
    last: datetime
    seen: float
    written: float
    due: bool = False  # counted since the last write


@dataclass(slots=True)
class _Family:
    seen: float
    notes: set[str] = field(default_factory=set)


class Series:
    """All Events of the last minutes. `name_event` makes a name for the Event of an object."""

    def __init__(self, name_event: Callable[[Regarding], str]) -> None:
        self._name_event = name_event
        self._counted: OrderedDict[Identity, Counted] = OrderedDict()
        self._families: OrderedDict[Identity, _Family] = OrderedDict()

    def take(self, occurrence: Occurrence, now: float) -> Counted | None:
        """Return the Event to create, or None where the occurrence was counted in another."""
        occurrence = self._combine(occurrence, now)
        key = (*occurrence.family, occurrence.note)
        if occurrence.note.startswith(COMBINED):
            key = (*occurrence.family, COMBINED)
        known = self._counted.get(key)
        if known is not None and now - known.seen <= WINDOW:
            known.count += 1
            known.last = occurrence.at
            known.seen = now
            known.due = True
            self._counted.move_to_end(key)
            return None
        about = occurrence.regarding
        made = Counted(
            key=key,
            name=self._name_event(about),
            # An Event of an object without a namespace lives in `default`.
            namespace=about.namespace or "default",
            occurrence=occurrence,
            count=1,
            last=occurrence.at,
            seen=now,
            written=now,
        )
        self._counted[key] = made
        self._counted.move_to_end(key)
        _bound(self._counted)
        return made

    def take_due(self, now: float, *, everything: bool = False) -> list[Counted]:
        """Return the Events whose count is to be written now, and take them as written."""
        due = [
            each
            for each in self._counted.values()
            if each.due and (everything or now - each.written >= EVERY)
        ]
        for each in due:
            each.due = False
            each.written = now
        return due

    def next_due(self, now: float) -> float | None:
        """Return in how many seconds a count is to be written, or None."""
        waits = [each.written + EVERY - now for each in self._counted.values() if each.due]
        return max(min(waits), 0.0) if waits else None

    def forget(self, key: Identity) -> None:
        """Make the next occurrence a new Event: this one was not made, or is gone."""
        self._counted.pop(key, None)

    def _combine(self, occurrence: Occurrence, now: float) -> Occurrence:
        family = self._families.get(occurrence.family)
        if family is None or now - family.seen > WINDOW:
            family = self._families[occurrence.family] = _Family(now)
        family.seen = now
        self._families.move_to_end(occurrence.family)
        _bound(self._families)
        if occurrence.note in family.notes or len(family.notes) < SIMILAR:
            family.notes.add(occurrence.note)
            return replace(occurrence, note=cut(occurrence.note))
        return replace(occurrence, note=cut(COMBINED + occurrence.note))


def cut(note: str, limit: int = NOTE_LIMIT) -> str:
    """Shorten a note to `limit` bytes of UTF-8, with three dots where something is missing."""
    encoded = note.encode()
    if len(encoded) <= limit:
        return note
    return encoded[: limit - 3].decode(errors="ignore") + "..."


def _bound(entries: OrderedDict[Identity, Any]) -> None:
    while len(entries) > REMEMBERED:
        entries.popitem(last=False)
