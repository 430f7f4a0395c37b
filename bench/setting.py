"""On what a benchmark ran, for the head of its section."""

import os
import platform
from datetime import UTC, datetime

from dev import gander
from dev.commands import run
from dev.errors import DevError


def commit() -> str:
    """Return the commit that is measured, marked where files differ from it."""
    words = ("git", "-C", str(gander.ROOT), "describe", "--always", "--dirty")
    try:
        return run(*words).strip()
    except DevError:
        return "without Git"


def machine(command: str, measured: str) -> list[str]:
    """Return the lines that say when, with which command and on what; `measured` is the commit."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, `{command}`, Gander {measured}",
        f"- {os.cpu_count()} cores, {memory:.0f} GiB of memory, Linux {platform.release()}",
    ]
