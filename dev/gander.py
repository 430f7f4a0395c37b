"""Gander in a cluster: its image from our Dockerfile, installed with helm from our chart.

The same for demo, tests and benchmarks, so that all of them run what a user runs: that image, that
ServiceAccount, those permissions and nothing more.
"""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from dev import images, programs
from dev.commands import run
from dev.environment import Environment
from dev.reach import inside

ROOT: Final = Path(__file__).resolve().parent.parent
NAMESPACE: Final = "gander-system"
RELEASE: Final = "gander"
CHART: Final = ROOT / "charts" / "gander"
RECIPE: Final = images.Recipe(
    "gander-controller",
    ROOT,
    (
        "Dockerfile",
        "README.md",
        "controller",
        "pyproject.toml",
        "requirements-build.txt",
        "requirements.txt",
    ),
)
INSTALL_SECONDS: Final = 180


def push_image(environment: Environment, say: Callable[[str], None]) -> str:
    """Build the controller's image, if it is not yet, and push it; return its name by digest."""
    cache = programs.cache_folder(os.environ)
    return images.push(cache, images.build(cache, RECIPE, say), environment, say)


def install(environment: Environment, image: str, values: Mapping[str, str] | None = None) -> None:
    """Install or upgrade Gander and wait until it is ready."""
    _clear(environment)
    repository, _, digest = image.partition("@")
    wanted = {"image.repository": repository, "image.digest": digest, **(values or {})}
    settings = (f"--set={key}={value}" for key, value in wanted.items())
    helm(
        environment,
        "upgrade",
        "--install",
        RELEASE,
        str(CHART),
        "--create-namespace",
        "--wait",
        f"--timeout={INSTALL_SECONDS}s",
        *settings,
    )


def installed(environment: Environment) -> str:
    """Return helm's word for the state of the installation; nothing if there is none."""
    found = json.loads(helm(environment, "list", "--all", "--output=json"))
    return next((str(each["status"]) for each in found if each["name"] == RELEASE), "")


def _clear(environment: Environment) -> None:
    """Remove an installation that was interrupted; helm refuses to go on from one."""
    if installed(environment) not in ("", "deployed"):
        helm(environment, "uninstall", RELEASE, "--no-hooks", "--wait")


def uninstall(environment: Environment) -> None:
    """Uninstall Gander; its pre-delete hook gives every Deployment back."""
    helm(environment, "uninstall", RELEASE, "--wait", f"--timeout={INSTALL_SECONDS}s")


def helm(environment: Environment, *arguments: str) -> str:
    """Run helm in Gander's namespace and return what it prints."""
    with inside(environment):
        return run(
            "helm",
            *arguments,
            f"--namespace={NAMESPACE}",
            env={**os.environ, **environment.variables()},
            seconds=INSTALL_SECONDS + 30,
        )
