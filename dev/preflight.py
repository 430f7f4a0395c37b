"""Says what the machine lacks before anything is done to it, all at once.

`inspect` looks, `findings` judges; the judgement is pure. Missing Debian packages are no finding,
they are installed. `python3 -m dev.preflight` needs nothing but Python: it can run before there is
an environment for it. It exits with 2 if anything is missing.
"""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from dev import cgroups, packages, services
from dev.layout import DEFAULT_NAME, Layout
from dev.programs import cache_folder

NEEDED_GIB: Final = 15
NEEDED_GO: Final = (1, 26)
NEEDED_PYTHON: Final = (3, 11)
_PROCESSORS: Final = ("x86_64", "aarch64")


@dataclass(frozen=True)
class Machine:
    """What matters of a machine. `go` is None where there is no Go; `free_gib` is by folder."""

    root: bool
    debian: str | None
    processor: str
    python: tuple[int, int]
    go: tuple[int, int] | None
    free_gib: Mapping[str, float]
    filesystems: frozenset[str]
    network_namespaces: bool
    cgroups: bool
    ensurepip: bool
    traefik: bool
    foreign_namespace: str | None
    missing_packages: tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """One thing that is missing, and how to get it."""

    lacks: str
    remedy: str

    def __str__(self) -> str:
        return f"missing: {self.lacks}\n  {self.remedy}"


def findings(machine: Machine) -> tuple[Finding, ...]:
    """Return everything that keeps the cluster from running here; nothing if it can."""
    return (*_user_land(machine), *_kernel(machine), *_space(machine))


def inspect(layout: Layout, cache: Path) -> Machine:
    """Look at this machine; nothing is changed."""
    filesystems = Path("/proc/filesystems").read_text().split()
    foreign = layout.netns.exists() and not layout.state.exists()
    return Machine(
        root=os.geteuid() == 0,
        debian=_debian(Path("/etc/os-release")),
        processor=platform.machine(),
        python=sys.version_info[:2],
        go=_go_version(),
        free_gib={str(folder): _free_gib(folder) for folder in (layout.state, cache)},
        filesystems=frozenset(filesystems) | _loadable("overlay"),
        network_namespaces=Path("/proc/self/ns/net").exists(),
        cgroups=bool(cgroups.ROOT.is_dir() and cgroups.hierarchies()),
        ensurepip=importlib.util.find_spec("ensurepip") is not None,
        traefik=services.traefik_program().exists(),
        foreign_namespace=layout.name if foreign else None,
        missing_packages=packages.missing(),
    )


def main() -> int:
    """Print the findings, and return the exit code."""
    found = findings(
        replace(
            inspect(Layout.of(DEFAULT_NAME, os.environ), cache_folder(os.environ)),
            # It comes with the Python environment, which is made once the machine is fit.
            traefik=True,
        )
    )
    for finding in found:
        print(finding)
    return 2 if found else 0


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
            "use a Debian 12 machine, or set KUBECONFIG to use a cluster that exists",
        )
    if machine.processor not in _PROCESSORS:
        yield Finding(
            f"a processor of {' or '.join(_PROCESSORS)}; this is {machine.processor}",
            "use another machine, or set KUBECONFIG to use a cluster that exists",
        )
    if machine.python < NEEDED_PYTHON:
        yield Finding(
            f"Python {_dotted(NEEDED_PYTHON)}; this is {_dotted(machine.python)}",
            "Debian 12 brings 3.11: apt-get install python3 python3-venv",
        )
    if machine.go is None or machine.go < NEEDED_GO:
        there = f"; there is {_dotted(machine.go)}" if machine.go else ""
        yield Finding(
            f"Go {_dotted(NEEDED_GO)} or newer, which builds the cluster's programs{there}",
            "unpack it from go.dev/dl into /usr/local and put /usr/local/go/bin into PATH",
        )
    if not machine.ensurepip:
        yield Finding("Python's venv with pip", "apt-get install python3-venv")
    if not machine.traefik:
        yield Finding(
            f"Traefik at {services.traefik_program()}",
            "install the locked development requirements into the Python environment: make setup",
        )


def _kernel(machine: Machine) -> Iterator[Finding]:
    if not machine.network_namespaces:
        yield Finding("network namespaces", "use a kernel with CONFIG_NET_NS")
    if "overlay" not in machine.filesystems:
        yield Finding("the overlay filesystem", "use a kernel with CONFIG_OVERLAY_FS")
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


def _space(machine: Machine) -> Iterator[Finding]:
    for folder, free in machine.free_gib.items():
        if free < NEEDED_GIB:
            yield Finding(
                f"{NEEDED_GIB} GiB of free space for {folder}; there are {free:.1f}",
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


if __name__ == "__main__":
    sys.exit(main())
