"""Objects by namespace and name, with indexes, where a newer version always wins.

What makes it safe to feed from two sides, the watch and the answers to our own writes: an object is
replaced only by a higher resourceVersion, and removed only by a state that is not older than it.
Resource versions of one kind can be compared as integers (Kubernetes promises it since 1.35).

Safe to read from many threads. Changes must come one at a time; the caller sees to that.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
Key = tuple[str, str]  # namespace (empty for a kind without) and name
Index = Callable[[T], Iterable[str]]


@dataclass(slots=True)
class _Entry(Generic[T]):
    value: T
    version: int
    marks: tuple[tuple[str, str], ...]  # index and value under which it is found


class Store(Generic[T]):
    """The objects of one kind. `indexes` name functions that say under which values to find one."""

    def __init__(self, indexes: Mapping[str, Index[T]]) -> None:
        self._functions = dict(indexes)
        self._lock = threading.Lock()
        self._entries: dict[Key, _Entry[T]] = {}
        # A dict of None keeps the order of arrival, so that answers are the same every time.
        self._marked: dict[tuple[str, str], dict[Key, None]] = {}

    def get(self, key: Key) -> T | None:
        """Return one object, or None."""
        with self._lock:
            entry = self._entries.get(key)
            return None if entry is None else entry.value

    def all(self) -> list[T]:
        """Return every object."""
        with self._lock:
            return [entry.value for entry in self._entries.values()]

    def by(self, index: str, value: str) -> list[T]:
        """Return the objects that the function `index` files under `value`."""
        if index not in self._functions:
            raise KeyError(f"no index {index!r}; there are: {', '.join(sorted(self._functions))}")
        with self._lock:
            return [self._entries[key].value for key in self._marked.get((index, value), ())]

    def keys(self) -> set[Key]:
        """Return the keys of all objects."""
        with self._lock:
            return set(self._entries)

    def put(self, key: Key, version: int, value: T) -> tuple[T | None, T] | None:
        """Store an object, and return what was there before and what is there now.

        None: what is there is as new or newer, and stays. An index function may raise; then
        nothing has changed.
        """
        # Outside of the lock: these functions are the caller's.
        marks = tuple(
            (name, str(mark))
            for name, function in self._functions.items()
            for mark in function(value)
        )
        with self._lock:
            before = self._entries.get(key)
            if before is not None and before.version >= version:
                return None
            self._unmark(key)
            self._entries[key] = _Entry(value, version, marks)
            for mark in marks:
                self._marked.setdefault(mark, {})[key] = None
        return (None if before is None else before.value), value

    def remove(self, key: Key, version: int) -> T | None:
        """Remove an object that is gone at `version`; return it, or None where nothing was removed.

        One that is newer than that has been made again, and stays.
        """
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry.version > version:
                return None
            self._unmark(key)
            del self._entries[key]
            return entry.value

    def age(self) -> None:
        """Make every object older than anything: the next version wins, whatever its number.

        For a cluster that was restored from a backup, whose versions have gone back.
        """
        with self._lock:
            for entry in self._entries.values():
                entry.version = -1

    def _unmark(self, key: Key) -> None:
        entry = self._entries.get(key)
        for mark in entry.marks if entry is not None else ():
            found = self._marked[mark]
            found.pop(key, None)
            if not found:
                del self._marked[mark]
