"""All that a machine lacks is named, each with the way to get it, and only what the job needs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dev.machine import Machine, Space, for_cluster, for_images, parse_go_version

FIT = Machine(
    root=True,
    debian="12",
    processor="x86_64",
    go=(1, 26),
    cache=Space(Path("/home/me/.cache/gander"), 15.0),
    state=Space(Path("/var/lib/gander-dev/gander"), 80.0),
    filesystems=frozenset({"ext4", "overlay"}),
    network_namespaces=True,
    cgroups=True,
    ensurepip=True,
    foreign_namespace=None,
)


FOR_IMAGES: list[tuple[dict[str, Any], str, str]] = [
    ({"root": False}, "root", "sudo"),
    ({"debian": None}, "Debian", "Debian 12"),
    ({"ensurepip": False}, "venv", "apt-get install python3-venv"),
    ({"filesystems": frozenset({"ext4"})}, "overlay", "CONFIG_OVERLAY_FS"),
    ({"cache": Space(Path("/small"), 14.9)}, "for /small; there are 14.9", "GANDER_CACHE"),
]
FOR_CLUSTER: list[tuple[dict[str, Any], str, str]] = [
    ({"processor": "riscv64"}, "this is riscv64", "KUBECONFIG"),
    ({"go": None}, "Go 1.26 or newer", "go.dev/dl"),
    ({"go": (1, 25)}, "there is 1.25", "go.dev/dl"),
    ({"network_namespaces": False}, "network namespaces", "CONFIG_NET_NS"),
    ({"cgroups": False}, "cgroups", "virtual machine"),
    ({"foreign_namespace": "gander"}, "namespace gander", "ip netns delete gander"),
    ({"state": Space(Path("/small"), 14.9)}, "for /small; there are 14.9", "GANDER_STATE"),
]


def test_fit_machine_lacks_nothing() -> None:
    assert for_cluster(FIT) == ()


@pytest.mark.parametrize(("change", "lacks", "remedy"), [*FOR_IMAGES, *FOR_CLUSTER])
def test_each_lack_is_named_with_its_remedy(
    change: dict[str, Any], lacks: str, remedy: str
) -> None:
    (finding,) = for_cluster(replace(FIT, **change))
    assert lacks in finding.lacks
    assert remedy in finding.remedy


def test_who_brings_a_cluster_needs_only_what_images_need() -> None:
    for change, lacks, _ in FOR_IMAGES:
        assert lacks in str(for_images(replace(FIT, **change)))
    for change, _, _ in FOR_CLUSTER:
        assert for_images(replace(FIT, **change)) == ()


def test_all_lacks_are_told_at_once() -> None:
    full = Space(Path("/"), 1.0)
    bare = replace(FIT, root=False, go=None, cache=full, state=full)
    assert len(for_cluster(bare)) == 4


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
