"""A World that has read what a test says and can ask nobody: what reads, on its own."""

import tempfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any

from structlog.testing import capture_logs

from controller.kube.client import Client
from controller.kube.events import Recorder
from controller.kube.kinds import Kind
from controller.reconcile.world import World, connect_world
from tests.kubeconfigs import kubeconfig
from tests.unit.release.given import NOW

Json = dict[str, Any]
Item = tuple[Kind, Json]
NOBODY = "http://127.0.0.1:1"  # a port that nothing listens on


def known(*items: Item, now: datetime = NOW) -> World:
    """Return the World of a process that has read these objects; a later one is a newer version."""
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory) / "kubeconfig"
        config.write_text(kubeconfig(NOBODY))
        client = Client.connect(kubeconfig=str(config))
    world = connect_world(client.fresh, client, Recorder(client, "test"))
    caches = {cache.kind: cache for cache in world.caches()}
    for version, (kind, item) in enumerate(items, start=1):
        metadata = {**item["metadata"], "resourceVersion": str(version)}
        caches[kind].observe({**item, "metadata": metadata})
    return replace(world, clock=lambda: now)


def told(world: World) -> list[tuple[str, str]]:
    """Return the Events that cannot be sent: reason and sentence."""
    stop = Event()
    stop.set()
    with capture_logs() as logs:
        world.recorder.start(stop)
        world.recorder.flush(10.0)
    return [(line["reason"], line["note"]) for line in logs if line["event"] == "event dropped"]
