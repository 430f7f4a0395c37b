"""Settings of the whole machine that a kubelet changes, put back after the last cluster.

The kubelet sets them without asking, so that nodes behave alike: among others it lets the machine
restart itself after a kernel panic. They are shared by all clusters, so the values from before the
first one are kept beside the clusters' state. The same goes for a limit that we raise ourselves.
"""

import json
from pathlib import Path
from typing import Final

from dev.layout import Layout

# What kubelet's setupKernelTunables writes (pkg/kubelet/cm/container_manager_linux.go).
_KUBELET: Final = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
# Two clusters and their pods watch more than Debian's 128 folders.
_WATCHERS: Final = "fs/inotify/max_user_instances"
_WANTED_WATCHERS: Final = 1024
SETTINGS: Final = (*_KUBELET, _WATCHERS)
_SYS: Final = Path("/proc/sys")


def remember(layout: Layout, sys: Path = _SYS) -> None:
    """Keep the values of before the first cluster, and raise the limit of watchers."""
    saved = _saved(layout)
    if not saved.exists():
        saved.parent.mkdir(parents=True, exist_ok=True)
        values = {n: (sys / n).read_text().strip() for n in SETTINGS}
        saved.write_text(json.dumps(values))
    if int((sys / _WATCHERS).read_text()) < _WANTED_WATCHERS:
        (sys / _WATCHERS).write_text(str(_WANTED_WATCHERS))


def restore(layout: Layout, sys: Path = _SYS) -> None:
    """Put the values of before the first cluster back; the caller knows that none is left."""
    saved = _saved(layout)
    if not saved.exists():
        return
    for name, value in json.loads(saved.read_text()).items():
        if (sys / name).read_text().strip() != value:
            (sys / name).write_text(value)
    saved.unlink()


def _saved(layout: Layout) -> Path:
    return layout.home / "kernel.json"
