"""The cluster's own processes: started in sessions of their own, found again, ended by identity.

A record in the state folder keeps what was started and who it is, so nothing that is not ours is
ever signalled. Processes are not restarted when they die; `up` does that when it is asked.
"""

import hashlib
import json
import os
import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from dev import probes
from dev.errors import DevError
from dev.layout import Layout
from dev.residents import Identity, identify, in_namespace, runs
from dev.waiting import until

LOG_LINES: Final = 20
# Nothing is inherited from whoever calls: no proxy, no KUBECONFIG, no PATH without /usr/sbin.
SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ENVIRONMENT: Final = {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8"}


@dataclass(frozen=True)
class Component:
    """One program of the cluster as it shall run.

    `argv` starts with an absolute path. `files` (path to content) are written before each start.
    `ready` is what `probes.answers` is asked to learn whether it serves.
    """

    name: str
    argv: tuple[str, ...]
    ready: str
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Changes when the component has to be restarted to be as described."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Record:
    """A component as it was started; `identity` is None after it was stopped on purpose."""

    component: Component
    identity: Identity | None


def load(layout: Layout) -> dict[str, Record]:
    """Return the records by component name."""
    files = sorted(layout.records.glob("*.json"))
    return {path.stem: _decode(path.read_text()) for path in files}


def log_tail(layout: Layout, name: str, lines: int = LOG_LINES) -> str:
    """Return the last lines of a component's log, each cut to a width people can read."""
    path = layout.logs / f"{name}.log"
    if not path.exists():
        return f"(no log {path})"
    tail = path.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join([f"last lines of {path}:", *(line[:300] for line in tail)])


def ensure(layout: Layout, component: Component) -> None:
    """Let `component` run as described: start it, restart it if it differs, or leave it alone.

    Call it inside of the cluster's network namespace; the process stays in there.
    """
    record = load(layout).get(component.name)
    if record and runs(record.identity):
        if record.component == component:
            return
        stop(layout, component.name)
    _start(layout, component)


def await_ready(
    layout: Layout, component: Component, *, seconds: float, say: Callable[[str], None]
) -> None:
    """Return once the component serves. DevError with its log: it ended, or took too long."""
    name = component.name

    def ready() -> bool:
        # Somebody else at the same port must not pass for a component that ended.
        if not runs(load(layout)[name].identity):
            raise DevError(f"{name} ended at start\n{log_tail(layout, name)}")
        return probes.answers(component.ready)

    until(
        f"{name} to answer at {component.ready}",
        ready,
        seconds=seconds,
        explain=lambda: log_tail(layout, name),
        say=say,
    )


def stop(layout: Layout, name: str, *, seconds: float = 15) -> None:
    """End the component: SIGTERM, after `seconds` SIGKILL. The record stays, for `start`."""
    record = load(layout)[name]
    if record.identity is not None:
        end([record.identity], seconds=seconds)
    _write(layout, Record(record.component, None))


def forget(layout: Layout, name: str) -> None:
    """End a component that is no longer part of a cluster, and drop its record."""
    stop(layout, name)
    (layout.records / f"{name}.json").unlink()


def start(layout: Layout, name: str) -> Component:
    """Start a component again as it was recorded, if it does not run, and return it."""
    record = load(layout)[name]
    if not runs(record.identity):
        _start(layout, record.component)
    return record.component


def end(identities: Iterable[Identity], *, seconds: float) -> None:
    """End processes, all at once: SIGTERM first, SIGKILL for those left after `seconds`."""
    left = [identity for identity in identities if _signal(identity, signal.SIGTERM)]

    def gone() -> bool:
        left[:] = [identity for identity in left if runs(identity)]
        return not left

    try:
        until("processes to end on SIGTERM", gone, seconds=seconds)
    except DevError:
        kill(left)


def kill(identities: Iterable[Identity]) -> None:
    """End processes at once, without a last word. DevError: the kernel keeps one."""
    left = [identity for identity in identities if _signal(identity, signal.SIGKILL)]
    until(
        f"processes {[identity.pid for identity in left]} to end on SIGKILL",
        lambda: not any(runs(identity) for identity in left),
        seconds=10,
    )


def _signal(identity: Identity, number: signal.Signals) -> bool:
    """Signal this very process; a pidfd keeps its pid from being given to another meanwhile."""
    try:
        descriptor = os.pidfd_open(identity.pid)
    except (ProcessLookupError, FileNotFoundError):  # ENOENT: the number is a thread's by now
        return False
    try:
        if not runs(identity):
            return False
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True


def _start(layout: Layout, component: Component) -> None:
    # An `up` that was killed may have left a process without a record; it holds the ports.
    residents = in_namespace(layout.netns)
    kill(identity for identity, argv in residents.items() if argv == component.argv)
    for path, content in component.files.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(content)
    for folder in (layout.logs, layout.records):
        folder.mkdir(parents=True, exist_ok=True)
    log = str(layout.logs / f"{component.name}.log")
    try:
        pid = os.posix_spawn(
            component.argv[0],
            component.argv,
            {**_ENVIRONMENT, **component.env},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )
    except OSError as error:
        raise DevError(f"{component.name}: cannot start {component.argv[0]}: {error}") from error
    _write(layout, Record(component, identify(pid)))


def _write(layout: Layout, record: Record) -> None:
    path = layout.records / f"{record.component.name}.json"
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(record)))
    partial.rename(path)


def _decode(text: str) -> Record:
    raw = json.loads(text)
    component = Component(**{**raw["component"], "argv": tuple(raw["component"]["argv"])})
    return Record(component, Identity(**raw["identity"]) if raw["identity"] else None)
