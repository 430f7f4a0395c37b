"""Clusters are found by what they left, wherever it is, and nothing of others is theirs."""

from pathlib import Path

from dev.layout import Layout
from dev.teardown import remove
from dev.traces import clusters, located, named


def folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def test_each_place_alone_tells_the_name(tmp_path: Path) -> None:
    home, locks, groups = (folder(tmp_path / name) for name in ("home", "locks", "groups"))
    folder(home / "one")
    (locks / "gander-dev-two").touch()
    folder(groups / "gander-dev-three")
    assert set(named([home], [locks, groups])) == {"one", "two", "three"}


def test_what_is_not_a_clusters_is_left_out(tmp_path: Path) -> None:
    home, locks = folder(tmp_path / "home"), folder(tmp_path / "locks")
    (home / "kernel.json").touch()
    (locks / "others").touch()
    folder(locks / "subsys")
    assert list(named([home, tmp_path / "nowhere"], [locks])) == []


def test_a_folder_whose_name_no_cluster_can_have_is_none(tmp_path: Path) -> None:
    folder(tmp_path / "lost+found")
    folder(tmp_path / "unit-test")
    found = [layout.name for layout in clusters({"GANDER_STATE": str(tmp_path)})]
    assert "unit-test" in found
    assert "lost+found" not in found


def test_state_is_where_its_link_leads_whatever_the_variable_says(tmp_path: Path) -> None:
    layout = Layout.of("one", {"GANDER_STATE": "/here"})
    link = tmp_path / "state"
    assert located(layout, link) == layout
    link.symlink_to("/there/one")
    assert located(layout, link) == Layout("one", Path("/there"))


def test_no_cluster_of_that_name_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    remove("unit-test-none", {"GANDER_STATE": str(tmp_path)}, said.append)
    assert said == ['cluster "unit-test-none" not found']
