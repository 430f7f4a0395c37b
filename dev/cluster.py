"""Brings a cluster up, and tells how it is.

`up` makes what is missing and restarts what has died or changed, so it may be asked at any time:
over nothing, over a half-dead cluster, and over a healthy one, where it only looks.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Final

from dev import (
    cgroups,
    control_plane,
    image_archive,
    kernel,
    network,
    node,
    objects,
    pki,
    probes,
    processes,
    residents,
    services,
    teardown,
)
from dev.commands import run
from dev.layout import GATEWAY_NAME, GATEWAY_NAMESPACE, NODE, Layout
from dev.locks import locked
from dev.processes import Component
from dev.programs import Programs
from dev.waiting import until

READY_SECONDS: Final = 90


@dataclass(frozen=True)
class Completed:
    """What `up` left running: a digest of everything, and the folders of the programs."""

    fingerprint: str
    folders: tuple[str, ...]


def components(layout: Layout, programs: Programs) -> tuple[Component, ...]:
    """Return every process of a cluster, in the order of their start."""
    return (
        control_plane.etcd(layout, programs),
        control_plane.api_server(layout, programs),
        node.containerd(layout, programs),
        services.registry(layout),
        services.alertmanager(layout),
        control_plane.controller_manager(layout, programs),
        control_plane.scheduler(layout, programs),
        node.kubelet(layout, programs),
        node.kube_proxy(layout, programs),
        services.coredns(layout, programs),
        services.prometheus(layout, programs),
        services.traefik(layout),
    )


def up(layout: Layout, programs: Programs, say: Callable[[str], None]) -> None:
    """Return once the cluster serves. DevError: a part did not; the others go on running."""
    began = time.monotonic()
    with locked(layout.lock, seconds=300, say=say):
        wanted = components(layout, programs)
        completed = Completed(_fingerprint(wanted), tuple(map(str, programs.folders)))
        if load_completed(layout) == completed and problems(layout) == ():
            say(f"cluster {layout.name}: up already")
            return
        if layout.state.exists() and not layout.netns.exists():
            say(f"cluster {layout.name}: its network is gone (a restart?), starting over")
            teardown.down(layout, say)
        # First of all: while a cluster has a folder, nobody else's `down` gives the machine back.
        layout.state.mkdir(parents=True, exist_ok=True)
        kernel.remember(layout)
        network.make(layout)
        cgroups.make(layout)
        layout.sockets.mkdir(parents=True, exist_ok=True, mode=0o700)
        layout.state_link.unlink(missing_ok=True)
        layout.state_link.symlink_to(layout.state)
        pki.make(layout)
        with network.inside(layout.netns):
            _bring_up(layout, {part.name: part for part in wanted}, programs, say)
        layout.complete.write_text(json.dumps(asdict(completed)))
        say(f"cluster {layout.name}: up after {time.monotonic() - began:.1f} s")


def load_completed(layout: Layout) -> Completed | None:
    """Return what the last `up` that reached its end left running, None if there was none."""
    if not layout.complete.exists():
        return None
    raw = json.loads(layout.complete.read_text())
    return Completed(raw["fingerprint"], tuple(raw["folders"]))


def problems(layout: Layout) -> tuple[str, ...]:
    """Return what keeps the cluster from serving, as sentences; nothing if it serves."""
    if not layout.netns.exists() or load_completed(layout) is None:
        return (f"there is no cluster {layout.name}, or it never came up completely",)
    found = []
    with network.inside(layout.netns):
        for name, record in processes.load(layout).items():
            if not residents.runs(record.identity):
                found.append(f"{name} does not run")
            elif not probes.answers(record.component.ready):
                found.append(f"{name} does not answer at {record.component.ready}")
        if not found and not _node_ready(layout):
            found.append(f"the node {NODE} is not Ready")
    return tuple(found)


def start(layout: Layout, name: str, say: Callable[[str], None]) -> None:
    """Start one component again and return once it serves."""
    with network.inside(layout.netns):
        component = processes.start(layout, name)
        processes.await_ready(layout, component, seconds=READY_SECONDS, say=say)


def _bring_up(
    layout: Layout,
    parts: Mapping[str, Component],
    programs: Programs,
    say: Callable[[str], None],
) -> None:
    def begin(*names: str) -> None:
        for name in names:
            processes.ensure(layout, parts[name])

    def await_(*names: str) -> None:
        for name in names:
            processes.await_ready(layout, parts[name], seconds=READY_SECONDS, say=say)

    for name in processes.load(layout).keys() - parts.keys():
        processes.forget(layout, name)
    begin("etcd", "kube-apiserver", "containerd", "registry", "alertmanager")
    with ThreadPoolExecutor() as pool:
        await_("containerd")
        image = pool.submit(_import_pause, layout, programs)
        await_("kube-apiserver")
        begin("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")
        _apply(layout, programs, objects.rights())
        begin("coredns", "prometheus")
        _make_gateway(layout, programs)
        begin("traefik")
        _apply(layout, programs, objects.monitoring())
        image.result()
    await_(*parts)
    until(
        f"the node {NODE} to be Ready",
        lambda: _node_ready(layout),
        seconds=READY_SECONDS,
        explain=lambda: processes.log_tail(layout, "kubelet"),
        say=say,
    )
    until(
        f"the Gateway {GATEWAY_NAMESPACE}/{GATEWAY_NAME} to be Programmed",
        lambda: _gateway_programmed(layout),
        seconds=READY_SECONDS,
        explain=lambda: processes.log_tail(layout, "traefik"),
        say=say,
    )


def _make_gateway(layout: Layout, programs: Programs) -> None:
    """Apply the Gateway API's kinds, and a Gateway once the server knows them."""
    crds = str(programs["crds"])
    _kubectl(layout, programs, "apply", "--server-side", "--force-conflicts", "-f", crds)
    _kubectl(
        layout, programs, "wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"
    )
    _apply(layout, programs, objects.gateway())


def _import_pause(layout: Layout, programs: Programs) -> None:
    """Give containerd the image of every pod's first container."""
    ctr = (str(programs["ctr"]), "--address", str(layout.containerd_socket), "-n", "k8s.io")
    if run(*ctr, "images", "ls", "-q", f"name=={node.PAUSE_IMAGE}").strip():
        return
    archive = layout.state / "pause.tar"
    files = {"/pause": programs["pause"].read_bytes()}
    archive.write_bytes(image_archive.pack(files, entrypoint="/pause", tag=node.PAUSE_IMAGE))
    run(*ctr, "images", "import", str(archive))


def _apply(layout: Layout, programs: Programs, items: list[dict[str, Any]]) -> None:
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    _kubectl(
        layout, programs, "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifest
    )


def _kubectl(layout: Layout, programs: Programs, *words: str, stdin: str | None = None) -> None:
    env = {**os.environ, **layout.kubectl_variables}
    run(str(programs["kubectl"]), *words, seconds=READY_SECONDS, stdin=stdin, env=env)


def _node_ready(layout: Layout) -> bool:
    return _condition(layout, f"/api/v1/nodes/{NODE}", "Ready")


def _gateway_programmed(layout: Layout) -> bool:
    group = "/apis/gateway.networking.k8s.io/v1"
    path = f"{group}/namespaces/{GATEWAY_NAMESPACE}/gateways/{GATEWAY_NAME}"
    return _condition(layout, path, "Programmed")


def _condition(layout: Layout, path: str, kind: str) -> bool:
    try:
        found = probes.api_get(path, layout.pki)
    except OSError:
        return False
    conditions = ((found or {}).get("status") or {}).get("conditions") or []
    return any(c["type"] == kind and c["status"] == "True" for c in conditions)


def _fingerprint(wanted: Sequence[Component]) -> str:
    texts = [*(part.fingerprint for part in wanted)]
    texts += [json.dumps(f()) for f in (objects.rights, objects.gateway, objects.monitoring)]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()
