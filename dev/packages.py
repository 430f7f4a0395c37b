"""Debian packages that we need, installed without starting the services that some bring."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from dev.commands import run

# Package, and a file that tells that it is there.
FOR_IMAGES: Final = (
    ("buildah", "/usr/bin/buildah"),
    ("debootstrap", "/usr/sbin/debootstrap"),
    ("git", "/usr/bin/git"),
    ("util-linux", "/usr/bin/unshare"),
)
FOR_CLUSTER: Final = (
    *FOR_IMAGES,
    ("runc", "/usr/sbin/runc"),
    ("containernetworking-plugins", "/usr/lib/cni/ptp"),
    ("iptables", "/usr/sbin/iptables"),
    ("iproute2", "/usr/sbin/ip"),
    ("conntrack", "/usr/sbin/conntrack"),
    ("openssl", "/usr/bin/openssl"),
    ("docker-registry", "/usr/bin/docker-registry"),
    ("prometheus-alertmanager", "/usr/bin/prometheus-alertmanager"),
)
# Both would otherwise serve on the machine's own addresses, now and after each restart.
_SERVICES: Final = {"docker-registry", "prometheus-alertmanager"}
_POLICY: Final = Path("/usr/sbin/policy-rc.d")


def missing(
    needed: Iterable[tuple[str, str]] = FOR_CLUSTER, root: Path = Path("/")
) -> tuple[str, ...]:
    """Return those of the packages that are not installed."""
    return tuple(name for name, file in needed if not (root / file.lstrip("/")).exists())


def install(names: Iterable[str], say: Callable[[str], None]) -> None:
    """Install packages; no service of theirs is started or will be. DevError: apt failed."""
    wanted = tuple(names)
    if not wanted:
        return
    say(f"installing Debian packages: {' '.join(wanted)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "-qq", "update", seconds=300, env=env)
    # Debian asks this file before it starts a service; 101 says no.
    ours = not _POLICY.exists()
    if ours:
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    try:
        apt = ("apt-get", "-qq", "install", "-y", "--no-install-recommends")
        run(*apt, *wanted, seconds=900, env=env)
    finally:
        if ours:
            _POLICY.unlink()
    for service in sorted(_SERVICES & set(wanted)):
        run("update-rc.d", service, "disable")
