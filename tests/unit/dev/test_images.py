"""An image's tag changes with what it is built from, and only with that."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dev.errors import DevError
from dev.images import Recipe, files, tag

BASE = "localhost/gander/base:1"


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text("print()\n")
    (tmp_path / "notes.txt").write_text("not in the image\n")
    return Recipe("shop/checkout", tmp_path, ("Dockerfile", "app"), {"VERSION": "v1"})


def test_only_the_paths_named_are_in_it(recipe: Recipe) -> None:
    assert files(recipe) == {"Dockerfile": b"FROM scratch\n", "app/main.py": b"print()\n"}


def test_a_path_that_is_missing_is_named(recipe: Recipe) -> None:
    with pytest.raises(DevError, match=r"image shop/checkout: there is no .*/setup\.py"):
        files(replace(recipe, paths=("Dockerfile", "setup.py")))


@pytest.mark.parametrize(
    "change",
    [
        lambda source: (source / "notes.txt").write_text("changed"),
        lambda source: (source / "app" / "main.py").touch(),
        lambda source: (
            (source / "app" / "__pycache__").mkdir()
            or (source / "app" / "__pycache__" / "main.pyc").write_bytes(b"x")
        ),
    ],
)
def test_what_is_not_in_it_does_not_matter(
    recipe: Recipe, change: Callable[[Path], object]
) -> None:
    before = tag(recipe, BASE)
    change(recipe.source)
    assert tag(recipe, BASE) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda source: (source / "app" / "main.py").write_text("print(1)\n"),
        lambda source: (source / "app" / "main.py").rename(source / "app" / "other.py"),
        lambda source: (source / "app" / "main.py").chmod(0o755),
        lambda source: (source / "app" / "new.py").touch(),
        lambda source: (source / "Dockerfile").write_text("FROM scratch\nUSER 1\n"),
    ],
)
def test_every_change_of_a_file_gives_another_tag(
    recipe: Recipe, change: Callable[[Path], object]
) -> None:
    before = tag(recipe, BASE)
    change(recipe.source)
    assert tag(recipe, BASE) != before


def test_arguments_base_and_name_give_another_tag(recipe: Recipe) -> None:
    tags = {
        tag(recipe, BASE),
        tag(recipe, "localhost/gander/base:2"),
        tag(replace(recipe, arguments={"VERSION": "v2"}), BASE),
        tag(replace(recipe, arguments={}), BASE),
        tag(replace(recipe, repository="shop/other"), BASE),
    }
    assert len(tags) == 5
