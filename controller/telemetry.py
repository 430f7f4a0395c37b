"""What Gander says about itself: structured logs, Prometheus metrics, health.

Promises: names follow controller-runtime's where it has one, so existing dashboards work; every log
line of a pass carries the object it is about; `/healthz` names what is stuck. Leaves out secrets:
nothing here takes a header, a body or a Secret.
"""

import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

import structlog
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

disable_created_metrics()  # a second series for every counter, that nobody reads

RECONCILES = Counter(
    "controller_runtime_reconcile_total",
    "Passes by controller and result.",
    ["controller", "result"],
)
RECONCILE_SECONDS = Histogram(
    "controller_runtime_reconcile_time_seconds",
    "Duration of a pass.",
    ["controller"],
    buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2, 10),
)
QUEUE_DEPTH = Gauge("workqueue_depth", "Keys that wait for a worker.", ["name"])
QUEUE_ADDS = Counter("workqueue_adds_total", "Keys added to the queue.", ["name"])
QUEUE_RETRIES = Counter("workqueue_retries_total", "Keys added again after a failure.", ["name"])
QUEUE_SECONDS = Histogram(
    "workqueue_queue_duration_seconds",
    "How long a key waits for a worker.",
    ["name"],
    buckets=(0.001, 0.01, 0.1, 1, 10),
)
REQUESTS = Counter(
    "rest_client_requests_total", "Requests to the API server.", ["verb", "kind", "code"]
)
LOOKS = Counter("gander_looks_total", "Looks by what came of them.", ["result"])
LOOK_SECONDS = Histogram(
    "gander_look_seconds",
    "Duration of a look: queries and judgement.",
    buckets=(0.005, 0.02, 0.1, 0.5, 2, 10),
)
RELEASES_ENDED = Counter(
    "gander_releases_ended_total", "Releases by outcome and reason.", ["outcome", "reason"]
)
ALERTS = Counter("gander_alerts_total", "Alerts posted, by result.", ["result"])
LEADER = Gauge("leader_election_master_status", "1 while this replica leads.", ["name"])

Check = Callable[[], str | None]


def watch_queue(name: str) -> Callable[[str, float], None]:
    """Return a hook for a work queue that counts what happens to its keys."""
    adds, retries = QUEUE_ADDS.labels(name), QUEUE_RETRIES.labels(name)
    seconds = QUEUE_SECONDS.labels(name)

    def happened(what: str, took: float) -> None:
        if what == "added":
            adds.inc()
        elif what == "retried":
            retries.inc()
        elif what == "waited":
            seconds.observe(took)

    return happened


def configure_logging(level: str, fmt: str) -> None:
    """Send structured logs to stderr, one JSON object a line, or coloured for a person."""
    renderer: Any = (
        structlog.dev.ConsoleRenderer() if fmt == "console" else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.getLogger("urllib3").setLevel(logging.ERROR)


class _Quiet(WSGIRequestHandler):
    """Probes come every few seconds; their access log would bury everything else."""

    timeout = 10

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base's name
        """Say nothing."""


class _Server(ThreadingMixIn, WSGIServer):
    """A thread a request: a client that stalls must not keep the kubelet's probe waiting.

    It listens on IPv6 too, since a pod may have no other address.
    """

    daemon_threads = True
    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def server_bind(self) -> None:
        """Bind to every address of the pod."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


class Probes:
    """Serves /metrics, /healthz and /readyz.

    A check returns None, or a sentence that names what is stuck; the first sentence makes the
    answer a 503.
    """

    def __init__(self, port: int, live: Iterable[Check], ready: Iterable[Check]) -> None:
        self._checks = {"/healthz": tuple(live), "/readyz": tuple(ready)}
        self._server: WSGIServer = make_server(
            "", port, self._answer, server_class=_Server, handler_class=_Quiet
        )
        self.port: int = self._server.server_port

    def start(self) -> None:
        """Begin to answer."""
        threading.Thread(target=self._server.serve_forever, name="probes", daemon=True).start()

    def stop(self) -> None:
        """Answer no more, and free the port."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            start("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
            return [generate_latest()]
        if path not in self._checks:
            start("404 Not Found", [("Content-Type", "text/plain")])
            return [b"there is /metrics, /healthz and /readyz\n"]
        stuck = next((text for check in self._checks[path] if (text := check())), None)
        start(
            "503 Service Unavailable" if stuck else "200 OK",
            [("Content-Type", "text/plain; charset=utf-8")],
        )
        return [f"{stuck or 'ok'}\n".encode()]
