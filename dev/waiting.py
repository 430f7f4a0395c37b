"""Waiting for a condition, always with a deadline and a name for what is awaited."""

import time
from collections.abc import Callable

from dev.errors import DevError

PAUSE_SECONDS = 0.1


def until(
    what: str,
    holds: Callable[[], bool],
    *,
    seconds: float,
    explain: Callable[[], str] = lambda: "",
) -> None:
    """Return once `holds()`; ask about ten times a second.

    DevError after `seconds`: it names `what`, and `explain()` adds what is known about the cause.
    `holds` may raise DevError itself when waiting longer is of no use.
    """
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise DevError(f"waited {seconds:.0f} s for {what}, in vain{_indented(explain())}")
        time.sleep(PAUSE_SECONDS)


def _indented(text: str) -> str:
    return "".join(f"\n  {line}" for line in text.splitlines())
