"""The versions of the shop: one source, and for each version a commit on top of another.

`commits/` has the commits as `git format-patch` writes them. Most are what a bad commit is in real
life: it reads well and passes the shop's own tests, and fails where they did not look. The commit
ids are the same on every machine, for names and dates of the commits are fixed.

A change of the source may keep a commit from applying. Then check its parent out, make the commit
anew, and write it with `git format-patch -1 --stdout --no-signature --zero-commit`.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dev.commands import run

SOURCE: Final = Path(__file__).parent
_FILES: Final = ("Dockerfile", "pyproject.toml", "requirements.txt", "app", "tests")
_COMMITTER: Final = {
    "GIT_AUTHOR_NAME": "Shop team",
    "GIT_AUTHOR_EMAIL": "shop@example.invalid",
    "GIT_AUTHOR_DATE": "2026-11-02T09:00:00+00:00",
    "GIT_COMMITTER_NAME": "Shop team",
    "GIT_COMMITTER_EMAIL": "shop@example.invalid",
    "GIT_COMMITTER_DATE": "2026-11-02T09:00:00+00:00",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}

# Version to the one its commit stands on; None is the source as it lies here.
PARENTS: Final[Mapping[str, str | None]] = {
    "v1": None,  # good
    "v2": "v1",  # fails for baskets of free samples with a coupon
    "v3": "v2",  # good again
    "v4": "v3",  # asks suppliers one after another: twice as slow for goods of two suppliers
    "v5": "v3",  # crashes at start: wants a setting that nobody deployed
    "v6": "v3",  # fails for every basket: writes to a file system that is read-only
    "never-ready": "v3",  # waits for a supplier who never answers
    "oom": "v3",  # reserves more memory than its limit allows
}


def lineage(version: str) -> tuple[str, ...]:
    """Return the versions whose commits make up `version`, the oldest first."""
    parent = PARENTS[version]
    return (*(lineage(parent) if parent else ()), version)


def check_out(version: str, folder: Path) -> str:
    """Make a git repository in `folder`, with `version` checked out; return its commit's id."""
    for name in _FILES:
        source = SOURCE / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    _git(folder, "init", "--quiet", "--initial-branch", "main")
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", "Price baskets")
    for commit in lineage(version)[1:]:
        patch = SOURCE / "commits" / f"{commit}.patch"
        _git(folder, "am", "--quiet", "--committer-date-is-author-date", str(patch))
    return _git(folder, "rev-parse", "HEAD").strip()


def _git(folder: Path, *arguments: str) -> str:
    return run("git", "-C", str(folder), *arguments, env={"PATH": os.environ["PATH"], **_COMMITTER})
