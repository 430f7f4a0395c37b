"""A package is missing where its program is."""

from pathlib import Path

from dev.packages import NEEDED, install, missing


def test_package_is_missing_until_its_file_is_there(tmp_path: Path) -> None:
    assert missing(tmp_path) == tuple(name for name, _ in NEEDED)
    for name, file in NEEDED:
        if name != "runc":
            (tmp_path / file.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file.lstrip("/")).touch()
    assert missing(tmp_path) == ("runc",)


def test_nothing_to_install_runs_nothing() -> None:
    said: list[str] = []
    install((), said.append)
    assert said == []
