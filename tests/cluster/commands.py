"""The programs that people use, as tests run them: kubectl, helm and promtool from PATH."""

import subprocess

SECONDS = 120


def run(*argv: str, stdin: str | None = None) -> str:
    """Run a program and return what it prints; AssertionError with its words when it fails."""
    ran = subprocess.run(
        argv, input=stdin, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert ran.returncode == 0, f"{' '.join(argv)}: {ran.stdout}{ran.stderr}"
    return ran.stdout


def refused(*argv: str, stdin: str | None = None) -> str:
    """Run a program that has to fail, and return what it says."""
    ran = subprocess.run(
        argv, input=stdin, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert ran.returncode != 0, f"{' '.join(argv)} was to be refused: {ran.stdout}"
    return ran.stdout + ran.stderr
