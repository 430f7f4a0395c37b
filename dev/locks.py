"""A lock between processes, held as long as a block runs and free again if its process dies."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dev.waiting import until


@contextmanager
def locked(path: Path, *, seconds: float, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock file `path`; it is removed at the end.

    `say` is told once when somebody else holds it. DevError after `seconds` of waiting.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    held: list[int] = []

    def taken() -> bool:
        descriptor = _try(path)
        if descriptor is not None:
            held.append(descriptor)
        return bool(held)

    if not taken():
        say(f"waiting for another process that holds {path}")
        until(f"the lock {path}", taken, seconds=seconds)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(held[0])


def _try(path: Path) -> int | None:
    """Return the descriptor of the locked file, or None if somebody else has the lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The holder before us unlinks the file: a lock on a file without a name keeps nobody out.
        if path.exists() and os.fstat(descriptor).st_ino == path.stat().st_ino:
            return descriptor
    except BlockingIOError:
        pass
    except FileNotFoundError:
        pass
    os.close(descriptor)
    return None
