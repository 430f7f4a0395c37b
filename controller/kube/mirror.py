"""What a cache holds, and how lists, watch events and answers to our own writes change it.

No input or output here: `cache` brings the bytes. Whatever the order in which the three sources
arrive, an object never goes back to an older version, and one that is gone stays gone. Subscribers
hear of each change once, in the order in which it was made.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeVar

import msgspec
import structlog

from controller.kube.store import Index, Key, Store

T = TypeVar("T")
Callback = Callable[[T | None, T | None], None]


class _Identity(msgspec.Struct, rename="camel"):
    resource_version: str
    name: str = ""  # a bookmark has none
    namespace: str = ""

    @property
    def key(self) -> Key:
        return self.namespace, self.name

    @property
    def version(self) -> int:
        return int(self.resource_version)


class _Head(msgspec.Struct):
    metadata: _Identity


_HEAD: Final = msgspec.json.Decoder(_Head)


class Mirror(Generic[T]):
    """The known objects of one kind, and how far the watch has come.

    `selective` says that only objects of a label selector are mirrored. `place` is the
    resourceVersion to go on from; empty where a list has to come first.
    """

    def __init__(
        self,
        decode: Callable[[bytes], T],
        indexes: Mapping[str, Index[T]],
        *,
        selective: bool,
        log: structlog.typing.FilteringBoundLogger,
    ) -> None:
        self.place = ""
        self._decode = decode
        self._store: Store[T] = Store(indexes)
        self._selective = selective
        self._log = log
        self._order = threading.RLock()  # one change at a time, told in the order it was made
        self._passed = -1  # everything up to this version has been seen
        self._callbacks: list[Callback[T]] = []

    @property
    def store(self) -> Store[T]:
        """The objects, for reading."""
        return self._store

    def subscribe(self, callback: Callback[T]) -> None:
        """Tell `callback` of every change from now on, and of all objects known now."""
        with self._order:
            self._callbacks.append(callback)
            for value in self._store.all():
                self._tell(callback, None, value)

    def begin_list(self, version: int) -> None:
        """Prepare for the items of a list that was made at `version`."""
        with self._order:
            if version < self._passed:
                self._log.warning("resource versions went back, as after a restored backup")
                self._store.age()
                self._passed = -1

    def listed(self, item: msgspec.Raw) -> Key:
        """Take one item of a list, and return its key."""
        with self._order:
            identity = _HEAD.decode(item).metadata
            self._put(identity, bytes(item))
            return identity.key

    def end_list(self, found: set[Key], version: str) -> None:
        """Drop what the list did not have; objects that are newer than the list stay."""
        with self._order:
            for key in self._store.keys() - found:
                self._remove(key, int(version))
            self._passed = int(version)
            self.place = version

    def event(self, kind: str, item: msgspec.Raw) -> None:
        """Take one event of the watch, and move on past it."""
        with self._order:
            identity = _HEAD.decode(item).metadata
            if kind == "DELETED":
                self._remove(identity.key, identity.version)
            elif kind != "BOOKMARK":
                self._put(identity, bytes(item))
            self._passed = max(self._passed, identity.version)
            self.place = identity.resource_version

    def observe(self, answer: Mapping[str, Any]) -> None:
        """Take the answer to a write of ours, unless the watch has passed it already.

        If it has, it has brought this state or a newer one, or that the object is gone.
        """
        data = msgspec.json.encode(answer)
        with self._order:
            identity = _HEAD.decode(data).metadata
            if identity.version <= self._passed:
                return
            # Whether a new object fits the selector is not known here; the watch will bring it.
            if not self._selective or self._store.get(identity.key) is not None:
                self._put(identity, data)

    def _put(self, identity: _Identity, data: bytes) -> None:
        try:
            change = self._store.put(identity.key, identity.version, self._decode(data))
        except Exception as error:  # noqa: BLE001 - decoders and indexes are the caller's
            name = "/".join(part for part in identity.key if part)
            self._log.error("object skipped: it cannot be read", object=name, error=str(error))
            return
        if change is not None:
            self._tell_all(*change)

    def _remove(self, key: Key, version: int) -> None:
        value = self._store.remove(key, version)
        if value is not None:
            self._tell_all(value, None)

    def _tell_all(self, old: T | None, new: T | None) -> None:
        for callback in self._callbacks:
            self._tell(callback, old, new)

    def _tell(self, callback: Callback[T], old: T | None, new: T | None) -> None:
        try:
            callback(old, new)
        except Exception:  # noqa: BLE001 - a subscriber's error is not the cache's
            self._log.exception("a subscriber of the cache failed")
