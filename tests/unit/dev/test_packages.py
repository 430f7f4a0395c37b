"""A package is missing where its program is."""

from pathlib import Path

from dev.packages import FOR_CLUSTER, install, missing


def test_package_is_missing_until_its_file_is_there(tmp_path: Path) -> None:
    assert missing(root=tmp_path) == tuple(name for name, _ in FOR_CLUSTER)
    for name, file in FOR_CLUSTER:
        if name != "runc":
            (tmp_path / file.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file.lstrip("/")).touch()
    assert missing(root=tmp_path) == ("runc",)


def test_nothing_to_install_runs_nothing() -> None:
    said: list[str] = []
    install((), said.append)
    assert said == []
