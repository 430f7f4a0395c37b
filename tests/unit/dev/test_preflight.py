"""The preflight names all that a machine lacks, each with the way to get it."""

from dataclasses import replace
from typing import Any

import pytest

from dev.preflight import Machine, findings, parse_go_version

FIT = Machine(
    root=True,
    debian="12",
    processor="x86_64",
    python=(3, 11),
    go=(1, 26),
    free_gib={"/var/lib/gander-dev/gander": 80.0, "/home/me/.cache/gander": 15.0},
    filesystems=frozenset({"ext4", "overlay"}),
    network_namespaces=True,
    cgroups=True,
    ensurepip=True,
    traefik=True,
    foreign_namespace=None,
    missing_packages=("runc",),
)


def test_fit_machine_lacks_nothing_though_packages_are_missing() -> None:
    assert findings(FIT) == ()


@pytest.mark.parametrize(
    ("change", "lacks", "remedy"),
    [
        ({"root": False}, "root", "sudo"),
        ({"debian": None}, "Debian", "KUBECONFIG"),
        ({"processor": "riscv64"}, "this is riscv64", "another machine"),
        ({"python": (3, 10)}, "Python 3.11; this is 3.10", "apt-get install python3"),
        ({"go": None}, "Go 1.26 or newer", "go.dev/dl"),
        ({"go": (1, 25)}, "there is 1.25", "go.dev/dl"),
        ({"ensurepip": False}, "venv", "apt-get install python3-venv"),
        ({"traefik": False}, "Traefik", "make setup"),
        ({"network_namespaces": False}, "network namespaces", "CONFIG_NET_NS"),
        ({"filesystems": frozenset({"ext4"})}, "overlay", "CONFIG_OVERLAY_FS"),
        ({"cgroups": False}, "cgroups", "virtual machine"),
        ({"foreign_namespace": "gander"}, "namespace gander", "ip netns delete gander"),
        (
            {"free_gib": {"/big": 80.0, "/small": 14.9}},
            "for /small; there are 14.9",
            "GANDER_CACHE",
        ),
    ],
)
def test_each_lack_is_named_with_its_remedy(
    change: dict[str, Any], lacks: str, remedy: str
) -> None:
    (finding,) = findings(replace(FIT, **change))
    assert lacks in finding.lacks
    assert remedy in finding.remedy


def test_all_lacks_are_told_at_once() -> None:
    bare = replace(FIT, root=False, go=None, python=(3, 9), free_gib={"/": 1.0})
    assert len(findings(bare)) == 4


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("go version go1.26.8 linux/amd64\n", (1, 26)),
        ("go version go1.27rc1 linux/arm64\n", (1, 27)),
        ("go version devel linux/amd64\n", None),
    ],
)
def test_go_version_is_read(text: str, version: tuple[int, int] | None) -> None:
    assert parse_go_version(text) == version
