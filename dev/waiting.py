"""Waiting for a condition, always with a deadline and a name for what is awaited."""

import time
from collections.abc import Callable
from typing import Final

from dev.errors import DevError

PAUSE_SECONDS: Final = 0.1
PATIENCE_SECONDS: Final = 5.0


def until(
    what: str,
    holds: Callable[[], bool],
    *,
    seconds: float,
    explain: Callable[[], str] = lambda: "",
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Return once `holds()`; ask about ten times a second. After 5 s, `say` what is awaited, once.

    DevError after `seconds`: it names `what`, and `explain()` adds what is known about the cause.
    `holds` may raise DevError itself when waiting longer is of no use.
    """
    began, told = time.monotonic(), False
    while not holds():
        waited = time.monotonic() - began
        if waited > PATIENCE_SECONDS and not told:
            say(f"waiting for {what}, at most {seconds:.0f} s")
            told = True
        if waited > seconds:
            raise DevError(f"waited {seconds:.0f} s for {what}, in vain{_indented(explain())}")
        time.sleep(PAUSE_SECONDS)


def _indented(text: str) -> str:
    return "".join(f"\n  {line}" for line in text.splitlines())
