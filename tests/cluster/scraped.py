"""A real Prometheus on loopback, and pods for it to scrape whose counters a test sets.

The pods are pages of one small server: each has counters, and can be down. Prometheus scrapes every
page four times a second, with the labels that its Kubernetes discovery would give them.
"""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from dev.programs import build, cache_folder
from tests.waiting import eventually

SCRAPE_SECONDS = 0.25
Labels = frozenset[tuple[str, str]]


@dataclass
class Pages:
    """The counters behind each page; a page that is missing answers 404, one that is down 503."""

    port: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _counters: dict[str, dict[Labels, float]] = field(default_factory=lambda: defaultdict(dict))
    _down: set[str] = field(default_factory=set)
    _scrapes: Counter[str] = field(default_factory=Counter)
    _seconds: dict[str, float] = field(default_factory=dict)

    def add(self, page: str, amount: float = 1, **labels: str) -> None:
        """Count `amount` more requests with these labels."""
        with self._lock:
            key = frozenset(labels.items())
            self._counters[page][key] = self._counters[page].get(key, 0.0) + amount

    def set(self, page: str, value: float, **labels: str) -> None:
        """Make the counter say `value`."""
        with self._lock:
            self._counters[page][frozenset(labels.items())] = value

    def restart(self, page: str) -> None:
        """Lose all counters, as a process does that starts anew."""
        with self._lock:
            self._counters[page].clear()

    def down(self, page: str, *, down: bool = True) -> None:
        """Let scrapes fail, or succeed again."""
        with self._lock:
            (self._down.add if down else self._down.discard)(page)

    def slow(self, page: str, seconds: float) -> None:
        """Let scrapes take so long; what they say is what was counted when they began."""
        self._seconds[page] = seconds

    def seconds(self, page: str) -> float:
        """Return how long a scrape takes."""
        return self._seconds.get(page, 0.0)

    def wait_scraped(self, *pages: str, times: int = 2) -> None:
        """Return when each page has been scraped so often; all but the last scrape are stored."""
        before = Counter(self._scrapes)
        eventually(
            lambda: all(self._scrapes[page] - before[page] >= times for page in pages),
            within=30,
            what=f"{times} scrapes of {', '.join(pages)}",
        )

    def render(self, page: str) -> tuple[int, str]:
        """Return status and body of a scrape."""
        with self._lock:
            self._scrapes[page] += 1
            if page in self._down:
                return 503, ""
            if page not in self._counters:
                return 404, ""
            lines = [
                f"http_requests_total{{{','.join(_pair(k, v) for k, v in sorted(key))}}} {value}"
                for key, value in self._counters[page].items()
            ]
        return 200, "\n".join(["# TYPE http_requests_total counter", *lines, ""])


def _pair(label: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{label}="{escaped}"'


@contextmanager
def serving(pages: Pages) -> Iterator[Pages]:
    """Serve the pages on loopback and set their port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            page = self.path.removeprefix("/")
            status, body = pages.render(page)
            time.sleep(pages.seconds(page))
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    pages.port = server.server_address[1]
    try:
        yield pages
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


@dataclass(frozen=True)
class Target:
    """A page, and the labels under which it is scraped."""

    page: str
    labels: Mapping[str, str]
    job: str = "pods"


def scrape_config(
    port: int, targets: Iterable[Target], extra: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a configuration that scrapes the targets, job by job."""
    jobs: dict[str, list[Target]] = defaultdict(list)
    for target in targets:
        jobs[target.job].append(target)
    interval = f"{SCRAPE_SECONDS * 1000:.0f}ms"
    return {
        "global": {"scrape_interval": interval, "scrape_timeout": interval},
        "scrape_configs": [
            {
                "job_name": job,
                "static_configs": [
                    {
                        "targets": [f"127.0.0.1:{port}"],
                        "labels": {
                            "__metrics_path__": f"/{target.page}",
                            # Each pod has an address of its own in a cluster.
                            "instance": f"{target.page}:8080",
                            **target.labels,
                        },
                    }
                    for target in members
                ],
            }
            for job, members in jobs.items()
        ],
        **(extra or {}),
    }


class RealPrometheus:
    """A Prometheus process on loopback that can be stopped and started again with its data."""

    def __init__(
        self, folder: Path, config: Mapping[str, Any], web: Mapping[str, Any] | None = None
    ) -> None:
        self._folder = folder
        self._program = build(cache_folder(os.environ), print)["prometheus"]
        self._process: subprocess.Popen[bytes] | None = None
        self._scheme = "https" if web and "tls_server_config" in web else "http"
        self._port = _free_port()
        (folder / "prometheus.json").write_text(json.dumps(config))
        (folder / "web.json").write_text(json.dumps(web or {}))

    @property
    def url(self) -> str:
        """The base URL."""
        return f"{self._scheme}://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start the process and wait until it listens."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    str(self._program),
                    f"--config.file={self._folder}/prometheus.json",
                    f"--web.config.file={self._folder}/web.json",
                    f"--storage.tsdb.path={self._folder}/data",
                    f"--web.listen-address=127.0.0.1:{self._port}",
                    "--log.level=warn",
                ],
                stdout=log,
                stderr=log,
            )
        eventually(self._ready, within=60, what=f"Prometheus; its log is {self._folder}/log")

    def stop(self) -> None:
        """End the process and wait for it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=30)
            self._process = None

    def _ready(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise AssertionError((self._folder / "log").read_text()[-2000:])
        if self._scheme == "http":
            try:
                return requests.get(f"{self.url}/-/ready", timeout=2).ok
            except requests.ConnectionError:
                return False
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


@contextmanager
def running(
    folder: Path, config: Mapping[str, Any], web: Mapping[str, Any] | None = None
) -> Iterator[RealPrometheus]:
    """Run a Prometheus with this configuration."""
    prometheus = RealPrometheus(folder, config, web)
    prometheus.start()
    try:
        yield prometheus
    finally:
        prometheus.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
