"""Settings of the machine come back as they were before the first cluster."""

from pathlib import Path

import pytest

from dev import kernel
from dev.layout import Layout

PANIC = "kernel/panic"
WATCHERS = "fs/inotify/max_user_instances"


@pytest.fixture
def sys(tmp_path: Path) -> Path:
    """Make a folder with the settings as a fresh machine has them."""
    root = tmp_path / "sys"
    for name in kernel.SETTINGS:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("0\n")
    (root / WATCHERS).write_text("128\n")
    return root


def layout(name: str, tmp_path: Path) -> Layout:
    return Layout.of(name, {"GANDER_STATE": str(tmp_path / "home")})


def test_values_of_before_the_first_cluster_come_back(tmp_path: Path, sys: Path) -> None:
    one, two = layout("one", tmp_path), layout("two", tmp_path)
    kernel.remember(one, sys)
    (sys / PANIC).write_text("10\n")
    kernel.remember(two, sys)

    kernel.restore(two, sys)

    assert (sys / PANIC).read_text().strip() == "0"
    assert (sys / WATCHERS).read_text().strip() == "128"
    assert list((tmp_path / "home").iterdir()) == []


def test_more_watchers_are_allowed_and_a_higher_limit_is_kept(tmp_path: Path, sys: Path) -> None:
    kernel.remember(layout("one", tmp_path), sys)
    assert int((sys / WATCHERS).read_text()) == 1024
    (sys / WATCHERS).write_text("8192\n")
    kernel.remember(layout("one", tmp_path), sys)
    assert int((sys / WATCHERS).read_text()) == 8192


def test_restoring_without_a_cluster_changes_nothing(tmp_path: Path, sys: Path) -> None:
    kernel.restore(layout("one", tmp_path), sys)
    assert (sys / WATCHERS).read_text() == "128\n"
