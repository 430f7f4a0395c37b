"""The shop's versions: made of real commits, each as good or bad as it is said to be."""

import subprocess
import sys
from pathlib import Path

import pytest

from dev.shop.versions import PARENTS, check_out, lineage


def run_tests(folder: Path, *names: str) -> subprocess.CompletedProcess[str]:
    """Run the shop's own tests in a checkout."""
    return subprocess.run(
        (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *names),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_lineage_goes_from_the_first_commit_to_the_last() -> None:
    assert lineage("v1") == ("v1",)
    assert lineage("v4") == ("v1", "v2", "v3", "v4")


@pytest.mark.parametrize("version", PARENTS)
def test_each_version_is_one_commit_and_the_same_again(version: str, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    revision = check_out(version, one)
    assert check_out(version, two) == revision
    git = ("git", "-C", str(one))
    count = subprocess.check_output((*git, "rev-list", "--count", "HEAD"), text=True)
    assert int(count) == len(lineage(version))
    assert subprocess.check_output((*git, "status", "--porcelain"), text=True) == ""


@pytest.mark.parametrize("version", ["v1", "v2", "v3", "v4", "v5"])
def test_bad_commits_pass_the_tests_they_came_with(version: str, tmp_path: Path) -> None:
    check_out(version, tmp_path)
    ran = run_tests(tmp_path)
    assert ran.returncode == 0, ran.stdout


def test_the_test_of_v3_fails_on_v2(tmp_path: Path) -> None:
    bad, good = tmp_path / "v2", tmp_path / "v3"
    for folder in (bad, good):
        folder.mkdir()
        check_out(folder.name, folder)
    test = Path("tests/test_pricing.py")
    (bad / test).write_text((good / test).read_text())
    ran = run_tests(bad, str(test))
    assert "ZeroDivisionError" in ran.stdout
    assert "1 failed" in ran.stdout
