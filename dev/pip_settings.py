"""Lets pip inside of an image build reach what pip reaches on this machine.

A machine may have package indexes, proxies and certificate authorities of its own. They are
mounted while the build runs. The repository does not get to know them, and an image keeps no more
than an empty file or folder where something was mounted.
"""

import ast
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dev.commands import run

CERTIFICATES: Final = Path("/etc/ssl/certs")
_SECTIONS: Final = ("global", "install", ":env:")


def volumes(folder: Path) -> tuple[str, ...]:
    """Return what a build has to mount, as `from:to:ro`; `folder` takes a file of it."""
    settings = parse(run(sys.executable, "-m", "pip", "config", "list"))
    file = folder / "pip.conf"
    # The mode comes first: an index may be named with a password.
    file.touch(mode=0o600)
    file.write_text(render(settings))
    paths = (CERTIFICATES, *named_paths(settings))
    return (f"{file}:/etc/pip.conf:ro", *(f"{p}:{p}:ro" for p in paths if p.exists()))


def parse(listing: str) -> dict[str, str]:
    """Read what `pip config list` prints into options of one section; the later line wins.

    Lines read `global.index-url='...'` for a file and `:env:.index-url='...'` for a variable, and
    come in the order in which pip itself heeds them.
    """
    settings = {}
    for line in listing.splitlines():
        name, _, value = line.partition("=")
        section, _, option = name.partition(".")
        if section in _SECTIONS:
            settings[option] = str(ast.literal_eval(value))
    return settings


def render(settings: Mapping[str, str]) -> str:
    """Return the settings as a pip.conf; the further lines of a value are indented."""
    indented = {option: value.replace("\n", "\n  ") for option, value in settings.items()}
    lines = (f"{option} = {value}" for option, value in indented.items())
    return "\n".join(("[global]", *lines, ""))


def named_paths(settings: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the files and folders that values name, but for the system's certificates."""
    words = {word for value in settings.values() for word in value.split()}
    paths = (Path(word) for word in sorted(words) if word.startswith("/"))
    return tuple(path for path in paths if not path.is_relative_to(CERTIFICATES))
