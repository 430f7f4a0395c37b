"""A process is told from another that has its pid."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

from dev.residents import identify, in_namespace, parse_stat, runs


def stat_line(command: str, state: str = "S", started: int = 4711) -> str:
    middle = " ".join(["0"] * 18)
    return f"42 ({command}) {state} {middle} {started} 0 0"


def test_fields_are_found_behind_any_command() -> None:
    for command in ("etcd", "a b", "x) R 1 (y", "(((", ""):
        assert parse_stat(stat_line(command)) == ("S", 4711)


def test_this_process_runs_and_is_itself() -> None:
    me = identify(os.getpid())
    assert me is not None
    assert runs(me)
    assert me.boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_same_pid_with_another_start_or_boot_is_somebody_else() -> None:
    me = identify(os.getpid())
    assert me is not None
    assert not runs(replace(me, started=me.started - 1))
    assert not runs(replace(me, boot="another"))


def test_ended_process_does_not_run_even_before_it_is_reaped() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        living = identify(child.pid)
        assert runs(living)
        assert child.stdin
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not runs(living)
    assert identify(child.pid) is None


def test_nobody_is_in_a_namespace_that_does_not_exist(tmp_path: Path) -> None:
    assert in_namespace(tmp_path / "none") == {}


def test_this_process_is_in_its_own_namespace() -> None:
    residents = in_namespace(Path("/proc/self/ns/net"))
    assert identify(os.getpid()) in residents
