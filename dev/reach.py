"""Reaches into an environment from here: its network, and its API server with kubectl."""

import os
from contextlib import AbstractContextManager, nullcontext

from dev import network
from dev.commands import run
from dev.environment import Environment


def inside(environment: Environment) -> AbstractContextManager[None]:
    """Let this thread, and what it starts, be where the environment's addresses are valid."""
    return (
        network.inside(environment.namespace_path) if environment.namespace_path else nullcontext()
    )


def kubectl(
    environment: Environment, *arguments: str, stdin: str | None = None, seconds: float = 60
) -> str:
    """Return what the kubectl in PATH prints. DevError with its last words: it failed or hung."""
    with inside(environment):
        env = {**os.environ, **environment.variables()}
        return run("kubectl", *arguments, stdin=stdin, seconds=seconds, env=env)
