"""kubectl-gander as a process: what it says, and with which code it ends, without a cluster."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("command", [("status", "checkout"), ("retry", "checkout-2")])
@pytest.mark.parametrize("content", ["{", "hello"])
def test_a_malformed_kubeconfig_is_a_sentence(
    tmp_path: Path, command: tuple[str, ...], content: str
) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    env = {key: value for key, value in os.environ.items() if not key.startswith("KUBE")}
    ended = subprocess.run(
        (sys.executable, "-m", "controller.cli.main", *command),
        env={**env, "KUBECONFIG": str(path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"error: no way to a cluster through {path}: it is no kubeconfig")
