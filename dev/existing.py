"""What a cluster that is not ours must have for the demo, told in the words of its settings.

`look` asks the cluster and what is around it, `findings` judges; the judgement is pure. What pods
can reach, and what Prometheus scrapes, cannot be seen from here: CONTRIBUTING.md says what is
needed.
"""

import http.client
import shutil
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from dev import network, probes
from dev.commands import run
from dev.environment import SETTINGS, Setting, wrong
from dev.errors import DevError
from dev.layout import Layout
from dev.machine import Finding

COMMANDS: Final = ("helm", "kubectl")
_GATEWAYS: Final = "gateways.gateway.networking.k8s.io"


@dataclass(frozen=True)
class Seen:
    """What was found. `refusals` has for a setting why it cannot be used, if it cannot."""

    commands: frozenset[str]
    refusals: Mapping[str, str]


def findings(env: Mapping[str, str], seen: Seen) -> tuple[Finding, ...]:
    """Return everything that keeps the cluster of KUBECONFIG from being used."""
    return tuple(_findings(env, seen))


def look(env: Mapping[str, str]) -> Seen:
    """Ask whatever the settings that are there name; nothing is changed."""
    name = env.get("GANDER_DEV_NAME")
    with network.inside(Layout.of(name, env).netns) if name else nullcontext():
        refusals = {
            setting.name: reason
            for setting in SETTINGS
            if env.get(setting.name) and setting.path and (reason := _refusal(setting, env))
        }
        commands = frozenset(command for command in COMMANDS if shutil.which(command))
        config = env.get("KUBECONFIG")
        if config and not Path(config).is_file():
            refusals["KUBECONFIG"] = "there is no such file"
        elif all(env.get("GANDER_GATEWAY", "").partition("/")) and "kubectl" in commands:
            refusals |= _gateway(env)
    return Seen(commands, refusals)


def _findings(env: Mapping[str, str], seen: Seen) -> Iterator[Finding]:
    for command in COMMANDS:
        if command not in seen.commands:
            yield Finding(
                f"{command} in PATH",
                "install it; or build ours with Go, and put its folder into PATH: "
                ".venv/bin/python -m dev programs",
            )
    for problem, remedy in wrong(env):
        yield Finding(problem, remedy)
    for setting in SETTINGS:
        if setting.name in seen.refusals:
            yield Finding(
                f"{setting.name}={env[setting.name]} cannot be used: {seen.refusals[setting.name]}",
                f"set it to {setting.purpose}, for example {setting.name}={setting.example}",
            )


def _refusal(setting: Setting, env: Mapping[str, str]) -> str:
    """Return why the address of a setting is of no use, or nothing."""
    url = env[setting.name].rstrip("/")
    parts = urlsplit(url if "://" in url else f"https://{url}")
    # A registry's API is at the root of its host; what follows the host is part of images' names.
    base = f"{parts.scheme}://{parts.netloc}" + ("" if setting.path == "/v2/" else parts.path)
    try:
        status = probes.status(base + setting.path)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"{base}{setting.path}: {str(error) or type(error).__name__}"
    fits = not setting.statuses or status in setting.statuses
    return "" if fits else f"{base}{setting.path} answers {status}"


def _gateway(env: Mapping[str, str]) -> dict[str, str]:
    """Return why there is no such Gateway in the cluster, if there is none."""
    namespace, _, name = env["GANDER_GATEWAY"].partition("/")
    try:
        run("kubectl", "get", _GATEWAYS, name, "-n", namespace, "--request-timeout=10s", env=env)
    except DevError as error:
        return {"GANDER_GATEWAY": str(error).splitlines()[-1].strip()}
    return {}
