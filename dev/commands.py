"""Runs a command to its end and returns what it printed."""

import subprocess
from collections.abc import Mapping

from dev.errors import DevError


def run(
    *argv: str,
    seconds: float = 60,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Return the command's standard output. DevError with its last words: it failed or hung."""
    try:
        ran = subprocess.run(
            argv,
            input=stdin,
            env=env,
            timeout=seconds,
            capture_output=True,
            text=True,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise DevError(f"{' '.join(argv)} did not end within {seconds:.0f} s") from late
    except FileNotFoundError as missing:
        raise DevError(f"{argv[0]} is not installed") from missing
    if ran.returncode != 0:
        words = "\n  ".join((ran.stderr or ran.stdout).splitlines()[-20:])
        raise DevError(f"{' '.join(argv)} ended with {ran.returncode}:\n  {words}")
    return ran.stdout
