"""From start to a clean end: when the service is ready, and how it leaves without losing a request.

SIGTERM comes at the moment the pod is taken from the endpoints, but gateways go on sending until
they have heard of it. So the service says it is not ready and serves on for `drain_seconds`, with
`Connection: close` on each response, which empties the gateway's pool of connections to it. Only
then does it stop listening. What is in flight is finished by the server.
"""

import asyncio
import logging
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger(__name__)


class Lifecycle:
    """Is `starting`, then `ready`, then `draining`."""

    def __init__(self, drain_seconds: float) -> None:
        self.state = "starting"
        self._drain_seconds = drain_seconds

    @property
    def ready(self) -> bool:
        """Whether new requests are welcome."""
        return self.state == "ready"

    @property
    def draining(self) -> bool:
        """Whether each connection shall be given up after its next response."""
        return self.state == "draining"

    def start(self) -> None:
        """Welcome requests."""
        self.state = "ready"
        _log.info("ready")

    def drain(self, stop: Callable[[], None]) -> None:
        """Be unready from now on; call `stop` in `drain_seconds`. Asked again, it changes nothing.

        Call it in the event loop.
        """
        if self.draining:
            return
        self.state = "draining"
        _log.info("draining for %s s", self._drain_seconds)
        asyncio.get_running_loop().call_later(self._drain_seconds, stop)


def closing(app: ASGIApp, lifecycle: Lifecycle) -> ASGIApp:
    """Return `app`, whose responses end their connections while the lifecycle drains."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def closing_send(message: Message) -> None:
            if message["type"] == "http.response.start" and lifecycle.draining:
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        await app(scope, receive, closing_send)

    return wrapped
