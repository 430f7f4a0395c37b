"""Builds the cluster's programs from the Go modules in dev/programs into a cache, once.

Each folder there pins one program: go.mod names the version, go.sum the hashes of every module, so
what is built is what was reviewed, wherever Go fetches it from. A build is kept under a key made of
that folder, Go's version and the flags; it appears in the cache by one rename, so a killed build
leaves nothing that a later run would take for whole. Nothing is ever removed from the cache.
"""

import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dev.errors import DevError
from dev.locks import locked

BUILD_SECONDS: Final = 3600
_SOURCES: Final = Path(__file__).parent / "programs"
_KUBERNETES: Final = ("kube-apiserver", "kube-controller-manager", "kube-proxy")


@dataclass(frozen=True)
class Program:
    """One folder of dev/programs and what comes out of it.

    `module` is the requirement whose version is the program's. With `copies`, that folder of the
    module is what is wanted, and nothing is compiled. `packages` is what `go build` is told.
    """

    name: str
    module: str
    outputs: tuple[str, ...]
    packages: str = "tool"
    tags: str = ""
    copies: str = ""


PROGRAMS: Final = (
    Program("etcd", "go.etcd.io/etcd/server/v3", ("etcd",)),
    Program(
        "kubernetes",
        "k8s.io/kubernetes",
        (*_KUBERNETES, "kube-scheduler", "kubectl", "kubelet"),
    ),
    Program(
        "containerd",
        "github.com/containerd/containerd/v2",
        ("containerd", "containerd-shim-runc-v2", "ctr"),
        tags="no_btrfs,no_zfs",
    ),
    Program("coredns", "github.com/coredns/coredns", ("coredns",)),
    Program(
        "prometheus",
        "github.com/prometheus/prometheus",
        ("prometheus", "promtool"),
        tags="remove_all_sd,enable_kubernetes_sd",
    ),
    Program("helm", "helm.sh/helm/v3", ("helm",)),
    Program("pause", "", ("pause",), packages="."),
    Program("gateway-api", "sigs.k8s.io/gateway-api", ("crds",), copies="config/crd/standard"),
)


@dataclass(frozen=True)
class Programs:
    """Where each output is, for example `programs["kubectl"]`; all of them exist."""

    paths: Mapping[str, Path]

    def __getitem__(self, output: str) -> Path:
        return self.paths[output]

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders to put into PATH, each once."""
        return tuple(dict.fromkeys(path.parent for path in self.paths.values()))


def cache_folder(env: Mapping[str, str]) -> Path:
    """Return GANDER_CACHE, or `gander` in the user's cache folder."""
    if chosen := env.get("GANDER_CACHE"):
        return Path(chosen).absolute()
    base = env.get("XDG_CACHE_HOME") or Path(env.get("HOME", "/")) / ".cache"
    return Path(base) / "gander"


def module_version(go_mod: str, module: str) -> str:
    """Return the version that a go.mod requires of `module`, such as `v1.36.3`."""
    found = re.search(rf"^(?:require )?\s*{re.escape(module)} (v\S+)", go_mod, re.MULTILINE)
    if not found:
        raise DevError(f"go.mod requires no {module}")
    return found[1]


def build_arguments(program: Program, version: str) -> tuple[str, ...]:
    """Return the arguments of `go build` but for where the output goes."""
    link = "-s -w"
    if program.name == "kubernetes":
        # Unset, the version reads v0.0.0 and kubectl refuses to talk about it.
        major, minor, _ = version.removeprefix("v").split(".", 2)
        variables = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
        link += "".join(f" -X k8s.io/component-base/version.{k}={v}" for k, v in variables.items())
    tags = ("-tags", program.tags) if program.tags else ()
    return (
        *("build", "-trimpath", "-buildvcs=false", "-mod=readonly"),
        *("-ldflags", link, *tags, program.packages),
    )


def cache_key(sources: Mapping[str, bytes], toolchain: str, arguments: Iterable[str]) -> str:
    """Return 16 hex digits that change with any file, with Go's version and with any flag."""
    digest = hashlib.sha256()
    parts = [toolchain.encode(), *(argument.encode() for argument in arguments)]
    for name in sorted(sources):
        parts += [name.encode(), sources[name]]
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:16]


def build(cache: Path, say: Callable[[str], None]) -> Programs:
    """Return all programs; build those that the cache lacks, with a line and the time for each.

    Safe when several processes ask at once: one builds, the others wait. DevError: a build failed.
    """
    toolchain = _go("env", "GOVERSION", "GOOS", "GOARCH", folder=cache.anchor)
    paths: dict[str, Path] = {}
    for program in PROGRAMS:
        folder = _ensure(program, cache / "programs", toolchain, say)
        paths |= {output: folder / output for output in program.outputs}
    return Programs(paths)


def _ensure(program: Program, cache: Path, toolchain: str, say: Callable[[str], None]) -> Path:
    source = _SOURCES / program.name
    go_mod = (source / "go.mod").read_text()
    version = module_version(go_mod, program.module) if program.module else ""
    arguments = build_arguments(program, version)
    files = {p.name: p.read_bytes() for p in source.iterdir() if p.is_file()}
    target = cache / f"{program.name}-{cache_key(files, toolchain, arguments)}"
    if target.is_dir():
        return target
    with locked(target.with_suffix(".lock"), seconds=BUILD_SECONDS, say=say):
        if target.is_dir():
            return target
        title = f"{program.name} {version}".strip()
        say(f"{title}: building")
        began = time.monotonic()
        partial = target.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        if program.copies:
            _copy(program, source, partial)
        else:
            _compile(program, source, arguments, partial)
        partial.rename(target)
        say(f"{title}: built in {time.monotonic() - began:.0f} s")
    return target


def _compile(program: Program, source: Path, arguments: tuple[str, ...], target: Path) -> None:
    # One program may be named by us; several are named by their packages, into a folder.
    single = len(program.outputs) == 1
    output = target / program.outputs[0] if single else f"{target}/"
    _go(*arguments[:-1], "-o", str(output), arguments[-1], folder=source)
    missing = [name for name in program.outputs if not (target / name).is_file()]
    if missing:
        raise DevError(f"go build of {program.name} made no {', '.join(missing)}")


def _copy(program: Program, source: Path, target: Path) -> None:
    _go("mod", "download", program.module, folder=source)
    module = _go("list", "-m", "-f", "{{.Dir}}", program.module, folder=source).strip()
    # copyfile leaves out the mode: the module cache is read-only, our copy need not be.
    shutil.copytree(
        Path(module) / program.copies, target / program.outputs[0], copy_function=shutil.copyfile
    )


def _go(*arguments: str, folder: str | Path) -> str:
    """Run go politely beside other work; flags from the caller's GOFLAGS would escape the key."""
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
    ran = subprocess.run(
        ("nice", "-n", "5", "go", *arguments),
        cwd=folder,
        env=env,
        timeout=BUILD_SECONDS,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode != 0:
        tail = "\n  ".join(ran.stderr.splitlines()[-20:])
        raise DevError(f"go {' '.join(arguments)} in {folder} failed:\n  {tail}")
    return ran.stdout
