"""The controller's process: caches, leadership, workers, probes, and an orderly end.

Every replica keeps its caches warm; only the leader runs passes. On SIGTERM the write under way is
finished, the lease given back, and the process ends with 0 within 10 s. A leader that loses its
lease ends with 1: a new process knows nothing that could be stale.

`gander-controller leave` takes Gander off every Deployment, for the chart's pre-delete hook.
"""

import argparse
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from prometheus_client import REGISTRY
from pydantic import ValidationError

from controller.api.names import FINALIZER, PLAN_LABEL
from controller.api.release import Release
from controller.kube import kinds
from controller.kube.client import Client
from controller.kube.errors import ConfigurationError, NotFound
from controller.kube.events import Recorder
from controller.kube.lease import Lease
from controller.kube.queue import WorkQueue
from controller.reconcile.alert import AlertReconciler
from controller.reconcile.arms import gather_arms
from controller.reconcile.inventory import Inventory
from controller.reconcile.looks import Observer, take_look
from controller.reconcile.plan import PlanReconciler
from controller.reconcile.prometheus import PrometheusPool
from controller.reconcile.rehearsal import rehearse
from controller.reconcile.release import ReleaseReconciler
from controller.reconcile.runner import Runner
from controller.reconcile.triggers import ALERT, PLAN, RELEASE, Key, Triggers
from controller.reconcile.world import World, connect_world
from controller.release.facts import Judged
from controller.settings import Settings
from controller.telemetry import (
    LEADER,
    QUEUE_DEPTH,
    REQUESTS,
    Probes,
    configure_logging,
    watch_queue,
)

log = structlog.get_logger()
STOP_WITHIN = 7.0  # seconds for the passes under way
ALERT_WORKERS = 2
# After an outage of the API server no rollback sleeps on for minutes, as client-go's 1000 s would.
LONGEST_BACKOFF = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Machinery:
    """Everything of one process that runs."""

    world: World
    observer: Observer
    queues: tuple[WorkQueue[Key], ...]
    runners: tuple[Runner, ...]

    def start(self) -> None:
        """Begin to work; every object gets a pass, since anything may have happened before."""
        for runner in self.runners:
            runner.start()

    def stop(self) -> None:
        """Finish the passes under way and begin no more; looks are for passes, so they end last."""
        deadline = time.monotonic() + STOP_WITHIN
        for runner in self.runners:
            runner.stop(max(0.1, deadline - time.monotonic()))
        self.observer.stop()


def assemble(
    world: World, settings: Settings, may_work: Callable[[], bool], name: str = "gander"
) -> Machinery:
    """Wire queues, reconcilers and triggers together; nothing runs yet."""
    passes: WorkQueue[Key] = WorkQueue(on_change=watch_queue("passes"), longest=LONGEST_BACKOFF)
    alerts: WorkQueue[Key] = WorkQueue(on_change=watch_queue("alerts"), longest=LONGEST_BACKOFF)

    def add(key: Key, seconds: float) -> None:
        queue = alerts if key[0] == ALERT else passes
        if seconds > 0:
            queue.add_after(key, seconds)
        else:
            queue.add(key)

    pool = PrometheusPool(world)

    def look(release: Release, now: datetime) -> Judged | None:
        arms = gather_arms(world, release)
        if release.status.step == 0:
            return rehearse(release, arms, lambda: pool.of(release), now)
        return take_look(release, arms, pool.of(release), now)

    observer = Observer(
        workers=settings.look_workers,
        look=look,
        wake=lambda namespace, release, seconds: add((RELEASE, namespace, release), seconds),
    )
    Triggers(world, add).connect()
    reconcilers = {
        PLAN: PlanReconciler(world).reconcile,
        RELEASE: ReleaseReconciler(world, observer).reconcile,
    }
    runners = (
        Runner(name, passes, reconcilers, workers=settings.workers, may_work=may_work),
        Runner(
            "alerts",
            alerts,
            {ALERT: AlertReconciler(world).reconcile},
            workers=ALERT_WORKERS,
            may_work=may_work,
        ),
    )
    QUEUE_DEPTH.labels("passes").set_function(lambda: passes.depth)
    QUEUE_DEPTH.labels("alerts").set_function(lambda: alerts.depth)
    return Machinery(world, observer, (passes, alerts), runners)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the controller, or `leave`."""
    parser = argparse.ArgumentParser(prog="gander-controller", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("run", help="Bring releases out; the default.")
    leave = commands.add_parser("leave", help="Give every Deployment back, before an uninstall.")
    leave.add_argument(
        "--within", type=float, default=270.0, metavar="SECONDS", help="then give up; default 270"
    )
    given = parser.parse_args(arguments)
    try:
        settings = Settings()
    except ValidationError as error:
        for each in error.errors():
            field = "GANDER_" + "_".join(str(part) for part in each["loc"]).upper()
            print(f"{field}: {each['msg']}, got {each['input']!r}", file=sys.stderr)  # noqa: T201  # before logging is set up
        sys.exit(2)
    configure_logging(settings.log_level, settings.log_format)
    try:
        code = run(settings, leave_within=given.within if given.command == "leave" else None)
    except ConfigurationError as error:
        log.error("cannot start", error=str(error))
        sys.exit(2)
    # An ordinary exit would wait for looks under way, as long as a dead Prometheus lets them wait.
    os._exit(code)


def run(settings: Settings, *, leave_within: float | None) -> int:
    """Run until SIGTERM, until the lease is lost or, when leaving, until nothing is left.

    `leave_within` is how many seconds there are to leave; None to stay.

    Returns the exit code. ConfigurationError: there is no cluster, or the port is taken.
    """
    leaving = leave_within is not None
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    def connect() -> Client:
        return Client.connect(on_request=_count_request)

    client = connect()
    recorder = Recorder(client, instance=settings.pod_name)
    world = connect_world(
        connect, client, recorder, namespace=settings.watch_namespace or None, leaving=leaving
    )
    REGISTRY.register(Inventory(world.plans.all, world.releases.all))
    if leaving:
        # The controller gives its lease back, and adopts nothing anew.
        _scale(client, settings.namespace, 0)
    lease = Lease(connect(), settings.namespace, "gander", identity=settings.pod_name)
    machinery = assemble(world, settings, lease.leads)
    probes = _start_probes(settings, machinery)
    recorder.start(stop)
    for cache in world.caches():
        cache.start(stop)
    lost = threading.Event()
    if not _wait_for(lambda: _not_synced(world) is None, stop):
        if leaving:
            _scale(client, settings.namespace, 1)
        return int(leaving)
    led, ended = _leadership(machinery, stop, lost)
    leader = threading.Thread(target=lease.run, args=(led, ended, stop), name="lease", daemon=True)
    leader.start()
    if leave_within is None:
        code = _until_stopped(stop)
    else:
        code = _leave(world, lease.leads, stop, leave_within)
    stop.set()
    leader.join(STOP_WITHIN + 1.0)
    if leaving and code:
        # What could not be given back still needs someone who cares for it.
        _scale(client, settings.namespace, 1)
    recorder.flush(1.0)
    probes.stop()
    client.close()
    return 1 if lost.is_set() else code


def _leadership(
    machinery: Machinery, stop: threading.Event, lost: threading.Event
) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return what to do when this process leads, and when it leads no more."""

    def led() -> None:
        LEADER.labels("gander").set(1)
        machinery.start()

    def ended() -> None:
        LEADER.labels("gander").set(0)
        if not stop.is_set():
            log.error("lost the lease")
            lost.set()
            stop.set()
        machinery.stop()

    return led, ended


def _start_probes(settings: Settings, machinery: Machinery) -> Probes:
    """Answer probes from the start on. ConfigurationError: the port is taken."""
    world = machinery.world
    try:
        probes = Probes(
            settings.http_port,
            live=(
                *(runner.stuck for runner in machinery.runners),
                machinery.observer.stuck,
                lambda: _sick(world),
            ),
            ready=(lambda: _not_synced(world),),
        )
    except OSError as error:
        raise ConfigurationError(
            f"GANDER_HTTP_PORT: port {settings.http_port} cannot be listened on: {error.strerror}"
        ) from error
    probes.start()
    return probes


def _until_stopped(stop: threading.Event) -> int:
    stop.wait()
    return 0


def _scale(client: Client, namespace: str, replicas: int) -> None:
    """Have so many replicas of the controller itself, where it is still there."""
    body = {"spec": {"replicas": replicas}}
    with contextlib.suppress(NotFound):
        client.merge_patch(kinds.DEPLOYMENT, namespace, "gander", body, subresource="scale")


def _leave(world: World, leads: Callable[[], bool], stop: threading.Event, within: float) -> int:
    """Wait until nothing has a mark of ours; say what does not get there.

    That counts only while this process leads: before, the controller that ends may still write.
    """
    deadline = time.monotonic() + within
    while not stop.wait(0.2):
        marked = _marked(world)
        if leads() and not marked:
            log.info("left every Deployment")
            return 0
        if time.monotonic() > deadline:
            log.error("could not leave", leads=leads(), left=marked)
            return 1
    return 1


def _marked(world: World) -> list[str]:
    """Name every plan and release with our finalizer, and every Deployment with our label."""
    finalized = [
        f"{item['kind']} {item['metadata']['namespace']}/{item['metadata']['name']}"
        for item in (*world.plans.all(), *world.releases.all())
        if FINALIZER in item["metadata"].get("finalizers", ())
    ]
    labelled = [
        f"Deployment {deployment.meta.namespace}/{deployment.meta.name}"
        for deployment in world.deployments.all()
        if PLAN_LABEL in deployment.meta.labels
    ]
    return finalized + labelled


def _wait_for(condition: Callable[[], bool], stop: threading.Event) -> bool:
    while not condition():
        if stop.wait(0.05):
            return False
    return True


def _not_synced(world: World) -> str | None:
    return next(
        (f"{c.kind.plural} are not listed yet" for c in world.caches() if not c.synced), None
    )


def _sick(world: World) -> str | None:
    now = time.monotonic()
    checks: Iterable[str | None] = (cache.healthy(now) for cache in world.caches())
    return next((sentence for sentence in checks if sentence), None)


def _count_request(verb: str, kind: str, status: int, seconds: float) -> None:
    del seconds
    REQUESTS.labels(verb, kind, str(status)).inc()


if __name__ == "__main__":
    main()
