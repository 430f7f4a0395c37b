"""What the service tells about itself: metrics per request, and logs as one JSON object a line.

Successes are counted, failures are also told. Probes are neither: they are not users, and would
make a broken service look healthier than it is.
"""

import json
import logging
import time
from typing import Final

from prometheus_client import Counter, Histogram, disable_created_metrics
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUESTS: Final = Counter("http_requests", "Requests answered.", ["method", "path", "code"])
DURATION: Final = Histogram(
    "http_request_duration_seconds",
    "From the request's head to the end of its response.",
    ["method", "path"],
    buckets=(
        *(0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1),
        *(0.15, 0.2, 0.3, 0.5, 1, 2, 5),
    ),
)
_PROBES: Final = frozenset({"/healthz", "/readyz"})
_PATHS: Final = frozenset({"/price"})
_METHODS: Final = frozenset({"GET", "HEAD", "POST"})

_log = logging.getLogger(__name__)


def measured(app: ASGIApp) -> ASGIApp:
    """Return `app` with each request counted and timed, and its failure logged."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _PROBES:
            await app(scope, receive, send)
            return
        began = time.perf_counter()
        # A client that leaves before it is answered is counted under nginx's code for it.
        code = 499

        async def noting_send(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
            await send(message)

        # What anybody can make up must not become a label: each value is a series for ever.
        method = scope["method"] if scope["method"] in _METHODS else "other"
        path = scope["path"] if scope["path"] in _PATHS else "other"
        try:
            await app(scope, receive, noting_send)
        except Exception:  # noqa: BLE001 - the last line of defence, and it logs the trace
            # Starlette has answered with 500 by now; raising on would only repeat the trace.
            _log.exception("%s %s failed", method, path)
        finally:
            REQUESTS.labels(method, path, str(code)).inc()
            DURATION.labels(method, path).observe(time.perf_counter() - began)

    return wrapped


class JsonFormatter(logging.Formatter):
    """A log record as one line of JSON; `version` is the service's."""

    def __init__(self, version: str) -> None:
        super().__init__()
        self._version = version

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "version": self._version,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure(version: str) -> None:
    """Let all logs go to standard error as JSON, and keep creation times out of the metrics."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter(version))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    disable_created_metrics()  # type: ignore[no-untyped-call] # the library lacks the annotation
