"""One holder at a time, none after its death, and no file left."""

import fcntl
import subprocess
import sys
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


def test_lock_is_never_on_a_file_that_its_last_holder_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last holder lets go between our opening of the file and our locking of it."""
    path, lock, removals = tmp_path / "lock", fcntl.flock, [1]

    def lock_late(descriptor: int, operation: int) -> None:
        if removals:
            removals.pop()
            path.unlink()
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", lock_late)
    with locked(path, seconds=5, say=lambda _: None):
        assert path.exists()
    assert removals == []
