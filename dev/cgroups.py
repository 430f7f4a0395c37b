"""The cgroup of a cluster's pods, below the root of every hierarchy.

Two kubelets under one cgroup root end each other's pods as orphans, so each cluster has its own.
Works on cgroup v1, on hybrids of v1 and v2, and on v2 alone.
"""

import os
import signal
from pathlib import Path
from typing import Final

from dev.layout import Layout
from dev.waiting import until

ROOT: Final = Path("/sys/fs/cgroup")
_CONTROLLERS: Final = ("cpuset", "cpu", "io", "memory", "pids", "hugetlb")


def hierarchies(root: Path = ROOT) -> tuple[Path, ...]:
    """Return the roots of all hierarchies: the one of v2, or one folder per v1 hierarchy."""
    if (root / "cgroup.controllers").exists():
        return (root,)
    return tuple(sorted(path for path in root.iterdir() if (path / "cgroup.procs").exists()))


def make(layout: Layout) -> None:
    """Make the cluster's cgroup in every hierarchy."""
    if hierarchies() == (ROOT,):
        _delegate(ROOT)
    for hierarchy in hierarchies():
        group = hierarchy / layout.cgroup
        group.mkdir(exist_ok=True)
        _copy_cpuset(hierarchy, group)


def kill(layout: Layout) -> None:
    """Kill every process in the cluster's cgroups, that is all pods. DevError: some remain."""

    def empty() -> bool:
        pids = {pid for group in _groups(layout) for pid in _pids(group)}
        for pid in pids:
            _kill(pid)
        return not pids

    until(f"the pods in the cgroup {layout.cgroup} to end", empty, seconds=20)


def remove(layout: Layout) -> None:
    """Remove the cluster's cgroups; the kernel may need a moment after the last process."""

    def removed() -> bool:
        left = False
        for group in _groups(layout):
            try:
                group.rmdir()
            except FileNotFoundError:
                continue
            except OSError:
                left = True
        return not left

    until(f"the cgroups {layout.cgroup} to go", removed, seconds=20)


def _groups(layout: Layout) -> list[Path]:
    """Return the cluster's cgroups in all hierarchies, children before parents."""
    found = []
    for hierarchy in hierarchies():
        for folder, _, _ in os.walk(hierarchy / layout.cgroup, topdown=False):
            found.append(Path(folder))
    return found


def _pids(group: Path) -> list[int]:
    try:
        return [int(line) for line in (group / "cgroup.procs").read_text().split()]
    except OSError:
        return []


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _delegate(hierarchy: Path) -> None:
    """On v2, let children of the root have the controllers that the kubelet wants.

    They stay on after `down`: others may count on them by then.
    """
    available = (hierarchy / "cgroup.controllers").read_text().split()
    for controller in _CONTROLLERS:
        if controller in available:
            (hierarchy / "cgroup.subtree_control").write_text(f"+{controller}")


def _copy_cpuset(hierarchy: Path, group: Path) -> None:
    """On v1, a new cpuset is empty, and no process can be put into it."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        target = group / name
        if target.exists() and not target.read_text().strip():
            source = hierarchy / name
            if source.exists():
                target.write_text(source.read_text())
