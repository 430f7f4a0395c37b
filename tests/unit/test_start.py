"""How the controller's process starts, and what it says when it cannot."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from controller.kube.client import Client
from controller.kube.events import Recorder
from controller.main import assemble
from controller.reconcile.world import connect_world
from controller.settings import Settings
from tests.kubeconfigs import kubeconfig


def start(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith(UNWANTED)}
    return subprocess.run(
        [sys.executable, "-m", "controller.main", *arguments],
        env={**env, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


UNWANTED = ("GANDER_", "KUBE")


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANDER_WORKERS", "3")
    monkeypatch.setenv("GANDER_WATCH_NAMESPACE", "shop")
    monkeypatch.setenv("GANDER_LOG_FORMAT", "console")
    settings = Settings()
    assert (settings.workers, settings.watch_namespace, settings.log_format) == (
        3,
        "shop",
        "console",
    )
    assert settings.http_port == 8080


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORKERS", "0"),
        ("WORKERS", "65"),
        ("LOOK_WORKERS", "many"),
        ("HTTP_PORT", "70000"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_value_that_means_nothing_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"GANDER_{name}", value)
    with pytest.raises(ValidationError):
        Settings()


def test_every_wrong_setting_is_named_in_a_sentence() -> None:
    ended = start(GANDER_WORKERS="0", GANDER_LOG_LEVEL="LOUD")
    assert ended.returncode == 2
    assert ended.stdout == ""
    first, second = ended.stderr.splitlines()
    assert first == "GANDER_WORKERS: Input should be greater than or equal to 1, got '0'"
    assert second.startswith("GANDER_LOG_LEVEL: Input should be 'DEBUG', 'INFO', 'WARNING' or")
    assert second.endswith("got 'LOUD'")


def test_no_cluster_is_said_so(tmp_path: Path) -> None:
    ended = start(KUBECONFIG=str(tmp_path / "nowhere"))
    assert ended.returncode == 2
    assert f"no way to a cluster through {tmp_path}/nowhere" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(kubeconfig("https://127.0.0.1:1"))
    with socket.create_server(("", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = start(KUBECONFIG=str(config), GANDER_HTTP_PORT=port)
    assert ended.returncode == 2
    assert f"GANDER_HTTP_PORT: port {port} cannot be listened on" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_pass_sleeps_for_minutes_because_the_api_server_was_away(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(kubeconfig("https://127.0.0.1:1"))
    with Client.connect(kubeconfig=str(config)) as client:
        world = connect_world(client.fresh, client, Recorder(client, "test"))
        machinery = assemble(world, Settings(), lambda: True)
    assert [queue.longest for queue in machinery.queues] == [10.0, 10.0]


def test_there_is_no_third_command() -> None:
    ended = start("stay")
    assert ended.returncode == 2
    assert "invalid choice: 'stay'" in ended.stderr
