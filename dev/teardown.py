"""Takes clusters away without a trace, whatever state they are in.

Order matters: what starts pods ends first, then the pods, then everything else, then the mounts
that only they held, then what the mounts were in. `python3 -m dev.teardown` takes all away and
needs nothing but Python: no environment has to be made, or to be left, for that.
"""

import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from dev import cgroups, kernel, network, probes, processes
from dev.commands import run
from dev.errors import DevError
from dev.layout import DEFAULT_NAME, Layout
from dev.locks import locked
from dev.residents import Identity, in_namespace
from dev.traces import clusters

_POD_LOG_LINKS: Final = Path("/var/log/containers")
_CNI_RESULTS: Final = Path("/var/lib/cni/results")
_DEVICE_PLUGINS: Final = Path("/var/lib/kubelet/device-plugins")


LOCK_SECONDS: Final = 300


def remove(name: str | None, env: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Remove the cluster of this name, or all for None; say each, or that there is none.

    DevError: what could not be removed and why, after all else is gone.
    """
    found = [layout for layout in clusters(env) if name in (None, layout.name)]
    if not found:
        say(f'cluster "{name}" not found' if name else "no clusters found")
    elif os.geteuid() != 0:
        names = ", ".join(layout.name for layout in found)
        raise DevError(f"only root can remove clusters ({names}); run it again with sudo")
    failed = []
    for layout in found:
        try:
            with locked(layout.lock, seconds=LOCK_SECONDS, say=say):
                down(layout, say)
            say(f'cluster "{layout.name}" deleted')
        except DevError as error:
            failed.append(f'cluster "{layout.name}": {error}')
    # A removal that was killed may have left no more than this.
    _leave_machine(Layout.of(DEFAULT_NAME, env))
    if failed:
        raise DevError("\n".join(failed))


def down(layout: Layout, say: Callable[[str], None]) -> None:
    """Remove every trace of the cluster; nothing happens where there is none.

    The caller holds the cluster's lock. Processes that others started inside of the network
    namespace are not ours to end: they are named, and keep the namespace, which then has no name,
    until they end. DevError: something could not be removed; asking again goes on from there.
    """
    records = processes.load(layout)
    ours = {name: record.identity for name, record in records.items() if record.identity}
    # Nothing that they would save on a gentler signal is kept.
    processes.kill(identity for name, identity in ours.items() if name == "kubelet")
    cgroups.kill(layout)
    processes.kill(ours.values())
    processes.kill(_unrecorded(layout))
    for identity, argv in in_namespace(layout.netns).items():
        say(f"still in the network namespace {layout.name}: {identity.pid} {' '.join(argv)[:120]}")
    _unmount(layout.state)
    cgroups.remove(layout)
    network.remove(layout)
    _remove_files(layout)
    _leave_machine(layout)


def mount_points(mountinfo: str, below: Path) -> list[Path]:
    """Return the mount points at and below a folder, the deepest first (proc(5), mountinfo)."""
    # Blanks and the like are written as octal escapes.
    points = [
        Path(re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), line.split()[4]))
        for line in mountinfo.splitlines()
    ]
    found = [point for point in points if point.is_relative_to(below)]
    return sorted(found, key=lambda point: len(point.parts), reverse=True)


def main() -> int:
    """Remove all, and return the exit code."""
    try:
        remove(None, os.environ, print)
    except DevError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _leave_machine(layout: Layout) -> None:
    """Give the machine back as it was before the first cluster, if none is left."""
    if layout.home.is_dir() and not any(path.is_dir() for path in layout.home.iterdir()):
        kernel.restore(layout)
        _remove_plugin_socket()
        _remove_empty(layout.home)


def _unrecorded(layout: Layout) -> list[Identity]:
    """Return containerd's shims, which outlive it, and components whose record was lost.

    Both are in the cluster's network namespace and name a path of the cluster in their arguments.
    """
    paths = (str(layout.state), str(layout.sockets))
    return [
        identity
        for identity, argv in in_namespace(layout.netns).items()
        if any(path in argument for path in paths for argument in argv)
    ]


def _unmount(folder: Path) -> None:
    """Unmount everything below; removing files must never reach through a mount."""
    mountinfo = Path("/proc/self/mountinfo")
    for point in mount_points(mountinfo.read_text(), folder):
        run("umount", "--lazy", str(point))
    if left := mount_points(mountinfo.read_text(), folder):
        raise DevError(f"still mounted: {', '.join(map(str, left))}")


def _remove_files(layout: Layout) -> None:
    for link in _POD_LOG_LINKS.glob("*.log"):
        if link.is_symlink() and link.readlink().is_relative_to(layout.state):
            link.unlink()
    result = re.compile(rf"{re.escape(layout.cni_network)}-[0-9a-f]{{64}}-\w+")
    for file in _CNI_RESULTS.glob("*"):
        if result.fullmatch(file.name):
            file.unlink()
    # The sockets' folder leads to the state, so it goes last.
    for folder in (layout.state, layout.sockets):
        if folder.exists():
            shutil.rmtree(folder)
    for folder in (_POD_LOG_LINKS, _CNI_RESULTS, _CNI_RESULTS.parent, layout.sockets.parent):
        _remove_empty(folder)


def _remove_plugin_socket() -> None:
    """Remove what kubelets leave at a place they share, unless another kubelet answers there."""
    if not probes.answers(f"unix://{_DEVICE_PLUGINS}/kubelet.sock"):
        (_DEVICE_PLUGINS / "kubelet.sock").unlink(missing_ok=True)
    for folder in (_DEVICE_PLUGINS, _DEVICE_PLUGINS.parent):
        _remove_empty(folder)


def _remove_empty(folder: Path) -> None:
    """Remove a folder that several clusters share, if no other uses it."""
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


if __name__ == "__main__":
    sys.exit(main())
