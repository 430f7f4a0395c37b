"""Runs the service: `python -m app`.

Settings come from the environment, each with a default:
SHOP_VERSION (set by the image), SHOP_HOST, SHOP_PORT, SHOP_METRICS_PORT, SHOP_DRAIN_SECONDS.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from prometheus_client import start_http_server
from starlette.applications import Starlette

from . import telemetry
from .api import application
from .lifecycle import Lifecycle, closing

# Longer than the 90 s after which Go's HTTP client, and so many a gateway, gives up an idle
# connection: were ours the shorter one, a request could meet a connection that we just closed.
KEEP_ALIVE_SECONDS = 120


def main() -> None:
    """Serve until SIGTERM or SIGINT, drain, and return."""
    version = os.environ.get("SHOP_VERSION", "dev")
    host = os.environ.get("SHOP_HOST", "0.0.0.0")  # noqa: S104 - a pod is reached from outside
    telemetry.configure(version)
    lifecycle = Lifecycle(float(os.environ.get("SHOP_DRAIN_SECONDS", "5")))

    def stop() -> None:
        server.should_exit = True

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # In place of the server's own handlers, which stop listening at once.
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, lifecycle.drain, stop)
        lifecycle.start()
        yield

    app = application(lifecycle, lifespan)
    server = uvicorn.Server(
        uvicorn.Config(
            closing(telemetry.measured(app), lifecycle),
            host=host,
            port=int(os.environ.get("SHOP_PORT", "8080")),
            http="httptools",
            ws="none",
            lifespan="on",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            headers=[("x-shop-version", version)],
            server_header=False,
            access_log=False,
            log_config=None,
        )
    )
    start_http_server(int(os.environ.get("SHOP_METRICS_PORT", "9102")), addr=host)
    server.run()


if __name__ == "__main__":
    main()
