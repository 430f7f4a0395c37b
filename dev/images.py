"""Builds container images on a Debian base of our own, and pushes them to a cluster's registry.

Images are kept in a storage of buildah's inside of our cache, each under a tag made of everything
it was built from: what is there already is not built again. Nothing of the machine's own container
storage is touched. buildah and debootstrap run in a mount namespace of their own, so a killed build
leaves no mounts behind.

The base is as new as the mirror was when it was made; remove the cache to have it made again.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dev import pip_settings
from dev.commands import run
from dev.environment import Environment
from dev.errors import DevError
from dev.locks import locked
from dev.programs import cache_key
from dev.reach import inside

BUILD_SECONDS: Final = 1800
PUSH_SECONDS: Final = 300
SUITE: Final = "bookworm"
PACKAGES: Final = ("ca-certificates", "git", "python3", "python3-venv")
# Package lists and downloads are of no use in an image that installs no packages.
_LEFT_OUT: Final = ("./dev/*", "./var/cache/apt/*", "./var/lib/apt/lists/*")
_BASE_DOCKERFILE: Final = "FROM scratch\nADD rootfs.tar /\n"
# buildah keeps a cache of its own here, and no option moves it.
_CONTAINERS: Final = Path("/var/lib/containers")
_ISOLATE: Final = """\
mount --bind "$1" "$2"
mount -t tmpfs tmpfs "$3"
shift 3
exec nice -n 5 "$@"
"""


@dataclass(frozen=True)
class Recipe:
    """What an image is made from.

    `repository` is its name without registry and tag, such as `shop/checkout`. `paths` are the
    files and folders below `source` that the build may see, a Dockerfile among them. `arguments`
    are the Dockerfile's; BASE, the base image, is added to them.
    """

    repository: str
    source: Path
    paths: Sequence[str]
    arguments: Mapping[str, str] = field(default_factory=dict)


def files(recipe: Recipe) -> dict[str, bytes]:
    """Return the content of all files of the recipe by path; executable ones end in `*`.

    Bytecode stays out. DevError: a path is missing.
    """
    found: dict[str, bytes] = {}
    for name in recipe.paths:
        path = recipe.source / name
        if not path.exists():
            raise DevError(f"image {recipe.repository}: there is no {path}")
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                mark = "*" if os.access(file, os.X_OK) else ""
                found[f"{file.relative_to(recipe.source)}{mark}"] = file.read_bytes()
    return found


def tag(recipe: Recipe, base: str) -> str:
    """Return the tag of what the recipe makes: 16 hex digits over all that goes into it."""
    arguments = (f"{name}={recipe.arguments[name]}" for name in sorted(recipe.arguments))
    return cache_key(files(recipe), base, (recipe.repository, *arguments))


def build(cache: Path, recipe: Recipe, say: Callable[[str], None]) -> str:
    """Return the local name of the recipe's image; build it, and the base, if the cache lacks it.

    Safe when several processes ask at once. DevError: the build failed, with its last lines.
    """
    base = f"localhost/gander/base:{cache_key({}, _BASE_DOCKERFILE, (SUITE, *PACKAGES))}"
    name = f"localhost/{recipe.repository}:{tag(recipe, base)}"
    with _storage(cache, say) as storage:
        if storage.has(name):
            return name
        if not storage.has(base):
            with _timed("base image", say):
                _make_base(storage, base)
        with _timed(f"image {recipe.repository}", say), storage.folder() as context:
            for path in files(recipe):
                relative = path.removesuffix("*")
                (context / relative).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(recipe.source / relative, context / relative)
            storage.build(name, context, {**recipe.arguments, "BASE": base})
    return name


def push(cache: Path, name: str, environment: Environment, say: Callable[[str], None]) -> str:
    """Push a built image and return it as pods name it: `REGISTRY/REPOSITORY@sha256:...`.

    What the registry has already is not sent again. Its TLS is verified, unless it has none.
    """
    local = name.removeprefix("localhost/")
    with _storage(cache, say) as storage, storage.folder() as folder, inside(environment):
        answer = folder / "digest"
        storage.buildah(
            "push",
            f"--tls-verify={str(environment.registry_url.startswith('https:')).lower()}",
            f"--digestfile={answer}",
            name,
            f"docker://{environment.registry}/{local}",
            seconds=PUSH_SECONDS,
        )
        return f"{environment.registry}/{local.partition(':')[0]}@{answer.read_text()}"


@dataclass(frozen=True)
class _Storage:
    """buildah's storage below `root`; one process at a time works in it."""

    root: Path

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Lend an empty folder on the storage's own disk."""
        with tempfile.TemporaryDirectory(dir=self.root / "tmp") as folder:
            yield Path(folder)

    def has(self, name: str) -> bool:
        """Tell whether the storage has the image."""
        return name in self.buildah("images", "--format", "{{.Name}}:{{.Tag}}").splitlines()

    def build(self, name: str, context: Path, arguments: Mapping[str, str]) -> None:
        """Build the context's Dockerfile; pip in there is set up as pip is on this machine."""
        with self.folder() as settings:
            volumes = [f"--volume={path}" for path in pip_settings.volumes(settings)]
            given = [f"--build-arg={key}={value}" for key, value in arguments.items()]
            self.buildah(
                *("bud", "--isolation=chroot", "--network=host", "--layers", f"--tag={name}"),
                *(*volumes, *given, str(context)),
                seconds=BUILD_SECONDS,
            )

    def buildah(self, command: str, *arguments: str, seconds: float = 60) -> str:
        """Run a command of buildah's on this storage and return what it prints."""
        where = (f"--root={self.root / 'storage'}", f"--runroot={self.root / 'run'}")
        return self.isolated("buildah", *where, command, *arguments, seconds=seconds)

    def isolated(self, *command: str, seconds: float) -> str:
        """Run a command whose mounts end with it, and return what it prints."""
        places = (self.root / "containers", _CONTAINERS, self.root / "run")
        env = {
            **os.environ,
            "STORAGE_DRIVER": "overlay",
            "TMPDIR": str(self.root / "tmp"),
            "CONTAINERS_CONF": str(self.root / "containers.conf"),
        }
        unshare = ("unshare", "--mount", "--propagation=private", "--")
        shell = ("sh", "-euc", _ISOLATE, "sh", *map(str, places))
        return run(*unshare, *shell, *command, seconds=seconds, env=env)


@contextmanager
def _storage(cache: Path, say: Callable[[str], None]) -> Iterator[_Storage]:
    """Hold the storage. Its mount point on the machine is gone again afterwards."""
    root = cache / "images"
    with locked(cache / "images.lock", seconds=BUILD_SECONDS, say=say):
        # Folders of a build that was killed; nobody else can be in there now.
        shutil.rmtree(root / "tmp", ignore_errors=True)
        for name in ("containers", "run", "tmp"):
            (root / name).mkdir(parents=True, exist_ok=True)
        configuration = f'[network]\nnetwork_config_dir = "{root}/cni"\n'
        (root / "containers.conf").write_text(configuration)
        ours = not _CONTAINERS.exists()
        _CONTAINERS.mkdir(exist_ok=True)
        try:
            yield _Storage(root)
        finally:
            if ours and not any(_CONTAINERS.iterdir()):
                _CONTAINERS.rmdir()


def _make_base(storage: _Storage, name: str) -> None:
    site, proxy = _mirror()
    with storage.folder() as context:
        rootfs = context / "rootfs"
        options = ("--variant=minbase", f"--include={','.join(PACKAGES)}")
        with_proxy = ("env", f"http_proxy={proxy}") if proxy else ()
        storage.isolated(
            *(*with_proxy, "debootstrap", *options, SUITE, str(rootfs), site),
            seconds=BUILD_SECONDS,
        )
        excluded = (f"--exclude={pattern}" for pattern in _LEFT_OUT)
        run("tar", "-C", str(rootfs), *excluded, "-cf", f"{rootfs}.tar", ".", seconds=300)
        shutil.rmtree(rootfs)
        (context / "Dockerfile").write_text(_BASE_DOCKERFILE)
        storage.build(name, context, {})


def _mirror() -> tuple[str, str]:
    """Return apt's mirror of the suite, and apt's proxy if it has one."""
    targets = run("apt-get", "indextargets", "--format", "$(RELEASE) $(SITE)").splitlines()
    sites = [line.split()[1] for line in targets if line.split()[:1] == [SUITE]]
    if not sites:
        raise DevError(f"apt knows no mirror of Debian {SUITE}; add one to /etc/apt/sources.list")
    shell = run("apt-config", "shell", "proxy", "Acquire::http::Proxy")
    return sites[0], shell.strip().removeprefix("proxy=").strip("'")


@contextmanager
def _timed(what: str, say: Callable[[str], None]) -> Iterator[None]:
    say(f"{what}: building")
    began = time.monotonic()
    yield
    say(f"{what}: built in {time.monotonic() - began:.0f} s")
