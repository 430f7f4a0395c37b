"""One holder at a time, none after its death, and no file left."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dev.errors import DevError
from dev.locks import locked

HOLD = """
import sys
from pathlib import Path
from dev.locks import locked
with locked(Path(sys.argv[1]), seconds=5, say=print):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_second_holder_waits_says_so_and_gives_up(tmp_path: Path) -> None:
    path, said = tmp_path / "lock", list[str]()
    with (
        locked(path, seconds=1, say=said.append),
        pytest.raises(DevError, match="waited 0 s for the lock"),
        locked(path, seconds=0.3, say=said.append),
    ):
        pytest.fail("both hold the lock")
    assert said == [f"waiting for another process that holds {path}"]
    assert not path.exists()


def test_lock_is_free_after_its_holder_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        holder.kill()
        holder.wait(timeout=10)
    with locked(path, seconds=0.3, say=print):
        assert path.exists()


def test_never_two_holders_though_each_removes_the_file(tmp_path: Path) -> None:
    path, inside, worst = tmp_path / "lock", 0, 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal inside, worst
        for _ in range(20):
            with locked(path, seconds=30, say=lambda _: None):
                with guard:
                    inside += 1
                    worst = max(worst, inside)
                with guard:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert worst == 1
