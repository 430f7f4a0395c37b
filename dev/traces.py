"""Finds every cluster of ours on this machine: standing, half gone, or with its state elsewhere.

A cluster's name is in the name of all that it leaves: state, sockets, lock, cgroups and network
namespace. Only the last could as well be somebody else's; ours are known by the node's address.
Nothing is changed.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from dev import cgroups, network
from dev.errors import DevError
from dev.layout import DEFAULT_NAME, Layout

_ANY: Final = Layout.of(DEFAULT_NAME, {})
_PREFIX: Final = _ANY.cgroup.removesuffix(DEFAULT_NAME)


def clusters(env: Mapping[str, str]) -> tuple[Layout, ...]:
    """Return the layout of each cluster that has left anything on this machine, by name."""
    folders = (Layout.of(DEFAULT_NAME, env).home, _ANY.sockets.parent)
    shared = (_ANY.lock.parent, *(cgroups.hierarchies() if cgroups.ROOT.is_dir() else ()))
    namespaces = (path.name for path in _ANY.netns.parent.glob("*") if network.is_ours(path))
    found = {*named(folders, shared), *namespaces}
    possible = (_layout(name, env) for name in sorted(found))
    return tuple(located(layout, layout.state_link) for layout in possible if layout)


def named(folders: Iterable[Path], shared: Iterable[Path]) -> Iterator[str]:
    """Give the names of clusters that have something in these places, maybe more than once.

    In `folders` each cluster has a folder of its name; in `shared` ones, where others have theirs
    as well, our prefix stands before the name.
    """
    for folder in folders:
        yield from (path.name for path in folder.glob("*") if path.is_dir())
    for folder in shared:
        yield from (path.name.removeprefix(_PREFIX) for path in folder.glob(f"{_PREFIX}*"))


def located(layout: Layout, link: Path) -> Layout:
    """Return the layout with its state where the link that `up` left says, if there is one."""
    return Layout(layout.name, link.readlink().parent) if link.is_symlink() else layout


def _layout(name: str, env: Mapping[str, str]) -> Layout | None:
    """Return None for what cannot be a cluster's name, such as lost+found."""
    try:
        return Layout.of(name, env)
    except DevError:
        return None
