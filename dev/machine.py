"""What a machine must be able to do, to run a cluster of ours or to build images for another.

`inspect` looks, `for_cluster` and `for_images` judge; the judgement is pure. Missing Debian
packages are no finding, they are installed.
"""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dev import cgroups, network
from dev.layout import Layout

NEEDED_GIB: Final = 15
NEEDED_GO: Final = (1, 26)
_PROCESSORS: Final = ("x86_64", "aarch64")


@dataclass(frozen=True)
class Space:
    """A folder, which need not be there yet, and the GiB that are free for it."""

    folder: Path
    free_gib: float


@dataclass(frozen=True)
class Machine:
    """What matters of a machine. `go` is None where there is no Go."""

    root: bool
    debian: str | None
    processor: str
    go: tuple[int, int] | None
    cache: Space
    state: Space
    filesystems: frozenset[str]
    network_namespaces: bool
    cgroups: bool
    ensurepip: bool
    foreign_namespace: str | None


@dataclass(frozen=True)
class Finding:
    """One thing that is missing, and how to get it."""

    lacks: str
    remedy: str

    def __str__(self) -> str:
        return f"missing: {self.lacks}\n  {self.remedy}"


def for_cluster(machine: Machine) -> tuple[Finding, ...]:
    """Return everything that keeps a cluster of ours from running here; nothing if it can."""
    return (*for_images(machine), *_programs(machine), *_kernel(machine), *_space(machine.state))


def for_images(machine: Machine) -> tuple[Finding, ...]:
    """Return everything that keeps images from being built here; nothing if they can."""
    return (*_user_land(machine), *_space(machine.cache))


def inspect(layout: Layout, cache: Path) -> Machine:
    """Look at this machine; nothing is changed."""
    filesystems = Path("/proc/filesystems").read_text().split()
    ours = layout.state.exists() or network.is_ours(layout.netns)
    foreign = layout.netns.exists() and not ours
    return Machine(
        root=os.geteuid() == 0,
        debian=_debian(Path("/etc/os-release")),
        processor=platform.machine(),
        go=_go_version(),
        cache=Space(cache, _free_gib(cache)),
        state=Space(layout.state, _free_gib(layout.state)),
        filesystems=frozenset(filesystems) | _loadable("overlay"),
        network_namespaces=Path("/proc/self/ns/net").exists(),
        cgroups=bool(cgroups.ROOT.is_dir() and cgroups.hierarchies()),
        ensurepip=importlib.util.find_spec("ensurepip") is not None,
        foreign_namespace=layout.name if foreign else None,
    )


def parse_go_version(text: str) -> tuple[int, int] | None:
    """Return major and minor of what `go version` prints, None if it prints something else."""
    found = re.search(r"\bgo(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def _user_land(machine: Machine) -> Iterator[Finding]:
    if not machine.root:
        yield Finding(
            "the rights of root, for namespaces, mounts and cgroups", "run it again with sudo"
        )
    if machine.debian is None:
        yield Finding(
            "Debian: packages and their paths are Debian's",
            "use a Debian 12 machine",
        )
    if not machine.ensurepip:
        yield Finding("Python's venv with pip", "apt-get install python3-venv")
    if "overlay" not in machine.filesystems:
        yield Finding("the overlay filesystem", "use a kernel with CONFIG_OVERLAY_FS")


def _programs(machine: Machine) -> Iterator[Finding]:
    if machine.processor not in _PROCESSORS:
        yield Finding(
            f"a processor of {' or '.join(_PROCESSORS)}; this is {machine.processor}",
            "use another machine, or set KUBECONFIG to use a cluster that exists",
        )
    if machine.go is None or machine.go < NEEDED_GO:
        there = f"; there is {_dotted(machine.go)}" if machine.go else ""
        yield Finding(
            f"Go {_dotted(NEEDED_GO)} or newer, which builds the cluster's programs{there}",
            "unpack it from go.dev/dl into /usr/local and put /usr/local/go/bin into PATH",
        )


def _kernel(machine: Machine) -> Iterator[Finding]:
    if not machine.network_namespaces:
        yield Finding("network namespaces", "use a kernel with CONFIG_NET_NS")
    if not machine.cgroups:
        yield Finding(
            f"cgroups, mounted at {cgroups.ROOT}",
            "use a machine or virtual machine of its own rather than a container",
        )
    if machine.foreign_namespace:
        name = machine.foreign_namespace
        yield Finding(
            f"a free name: there is a network namespace {name} that no cluster of ours has",
            f"choose another with --name, or remove it: ip netns delete {name}",
        )


def _space(space: Space) -> Iterator[Finding]:
    if space.free_gib < NEEDED_GIB:
        yield Finding(
            f"{NEEDED_GIB} GiB of free space for {space.folder}; there are {space.free_gib:.1f}",
            "free some, or choose other folders with GANDER_STATE and GANDER_CACHE",
        )


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _debian(release: Path) -> str | None:
    """Return the version of Debian, None if this is something else or has no apt."""
    if not release.exists() or not shutil.which("apt-get"):
        return None
    fields = dict(line.split("=", 1) for line in release.read_text().splitlines() if "=" in line)
    named = {fields.get("ID", ""), *fields.get("ID_LIKE", "").strip('"').split()}
    return fields.get("VERSION_ID", "").strip('"') if "debian" in named else None


def _go_version() -> tuple[int, int] | None:
    try:
        ran = subprocess.run(
            ("go", "version"), capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_go_version(ran.stdout)


def _free_gib(folder: Path) -> float:
    """Return the space for what may not exist yet: of the nearest folder that does."""
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free / 2**30
        except OSError:
            continue
    return 0.0


def _loadable(module: str) -> frozenset[str]:
    """Return the module as a set if the kernel has it to be loaded on demand."""
    modules = Path("/lib/modules") / platform.release()
    return frozenset({module}) if any(modules.glob(f"kernel/fs/*/{module}.ko*")) else frozenset()
