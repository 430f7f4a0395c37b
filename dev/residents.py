"""Processes as the kernel knows them: who one is, and who is in a network namespace.

A pid alone is not an identity: it is given out again. Pid, start time and boot together are.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Identity:
    """One process, for all time: its pid, its start in clock ticks since boot, and the boot."""

    pid: int
    started: int
    boot: str


def parse_stat(stat: str) -> tuple[str, int]:
    """Return state and start time from the text of /proc/PID/stat.

    The command stands in parentheses and may itself hold blanks and parentheses, so fields are
    counted from the last one (proc(5): state is field 3, starttime field 22).
    """
    fields = stat.rpartition(")")[2].split()
    return fields[0], int(fields[19])


def identify(pid: int, proc: Path = Path("/proc")) -> Identity | None:
    """Return who runs as `pid` now, None if nobody does; a zombie does not run."""
    try:
        state, started = parse_stat((proc / str(pid) / "stat").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return None
    if state in "ZX":
        return None
    return Identity(pid, started, (proc / "sys/kernel/random/boot_id").read_text().strip())


def runs(identity: Identity | None) -> bool:
    """Tell whether exactly this process still runs."""
    return identity is not None and identify(identity.pid) == identity


def in_namespace(netns: Path, proc: Path = Path("/proc")) -> dict[Identity, tuple[str, ...]]:
    """Return the processes in a network namespace, each with the arguments of its start."""
    if not netns.exists():
        return {}
    inode = netns.stat().st_ino
    found = {}
    for folder in proc.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if (folder / "ns/net").stat().st_ino != inode:
                continue
            argv = (folder / "cmdline").read_text(errors="replace").split("\0")[:-1]
        except OSError:
            continue
        if argv and (identity := identify(int(folder.name), proc)):
            found[identity] = tuple(argv)
    return found
