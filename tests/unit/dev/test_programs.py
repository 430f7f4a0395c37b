"""The cache of programs: its key changes with what is built, and only with that."""

from pathlib import Path

import pytest

from dev.errors import DevError
from dev.programs import PROGRAMS, build_arguments, cache_folder, cache_key, module_version

SOURCES = {"go.mod": b"module a\n", "go.sum": b"h1:x\n"}


def key(
    sources: dict[str, bytes] = SOURCES,
    toolchain: str = "go1.26.8 linux amd64",
    arguments: tuple[str, ...] = ("build", "-trimpath"),
) -> str:
    return cache_key(sources, toolchain, arguments)


def test_same_input_gives_the_same_key_in_any_order() -> None:
    assert key(dict(reversed(SOURCES.items()))) == key()


@pytest.mark.parametrize(
    "other",
    [
        key(SOURCES | {"go.mod": b"module b\n"}),
        key(SOURCES | {"main.go": b""}),
        key(toolchain="go1.26.9 linux amd64"),
        key(arguments=("build", "-trimpath", "-tags", "x")),
        # The border between two parts counts, not only their bytes in a row.
        key({"go.mod": b"module a\ngo.sumh1:x\n"}),
    ],
)
def test_any_change_gives_another_key(other: str) -> None:
    assert other != key()


@pytest.mark.parametrize(
    "go_mod",
    ["require k8s.io/kubernetes v1.36.3\n", "require (\n\tk8s.io/kubernetes v1.36.3 // why\n)\n"],
)
def test_version_is_read_from_the_requirement(go_mod: str) -> None:
    go_mod = f"module x\n\nreplace k8s.io/kubernetes => other v9.9.9\n{go_mod}"
    assert module_version(go_mod, "k8s.io/kubernetes") == "v1.36.3"


def test_module_that_is_not_required_is_an_error() -> None:
    with pytest.raises(DevError, match=r"requires no k8s\.io/kubernetes"):
        module_version("require k8s.io/kubernetes-other v1.0.0\n", "k8s.io/kubernetes")


def test_kubernetes_is_told_its_version() -> None:
    kubernetes = next(program for program in PROGRAMS if program.name == "kubernetes")
    arguments = build_arguments(kubernetes, "v1.36.3")
    link = arguments[arguments.index("-ldflags") + 1]
    assert "version.gitVersion=v1.36.3 " in link
    assert "version.gitMajor=1 " in link
    assert link.endswith("version.gitMinor=36")


def test_every_program_has_a_reviewed_module() -> None:
    folder = Path(__file__).parents[3] / "dev/programs"
    assert {program.name for program in PROGRAMS} == {path.name for path in folder.iterdir()}
    for program in PROGRAMS:
        if program.module:
            go_mod = (folder / program.name / "go.mod").read_text()
            version = module_version(go_mod, program.module)
            assert (
                f"{program.module} {version} h1:" in (folder / program.name / "go.sum").read_text()
            )


@pytest.mark.parametrize(
    ("env", "folder"),
    [
        ({"GANDER_CACHE": "/c", "XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/c"),
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/gander"),
        ({"HOME": "/h"}, "/h/.cache/gander"),
    ],
)
def test_cache_folder_follows_the_environment(env: dict[str, str], folder: str) -> None:
    assert cache_folder(env) == Path(folder)
