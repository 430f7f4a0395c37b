"""A TCP relay in front of a real server, for tests of broken connections.

The server behind it stays whole, so others may use it meanwhile. It relays bytes and understands
nothing; TLS passes through it.
"""

import contextlib
import socket
import threading
import time
from types import TracebackType
from typing import Self

_CHUNK = 1 << 16
_TRICKLE = 1 << 12


class Proxy:
    """Relays connections to `target` from a port of its own on the loopback address."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._flowing = threading.Event()
        self._flowing.set()
        self._pause = 0.0  # seconds after each chunk
        self.connections = 0  # accepted so far
        self._listener: socket.socket | None = None
        self.port = 0
        self.resume()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.refuse()
        self._flowing.set()

    def refuse(self) -> None:
        """Break every connection and refuse new ones, as a server that has been stopped."""
        if self._listener is not None:
            # Closing alone would leave the thread in accept(), and the port open.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        with self._lock:
            sockets = list(self._sockets)
            self._sockets.clear()
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def silence(self) -> None:
        """Keep connections and accept new ones, but let nothing through, as a dead network path."""
        self._flowing.clear()

    def trickle(self) -> None:
        """Let a little through at a time, some 100 KB a second."""
        self._pause = 0.04

    def resume(self) -> None:
        """Relay again, on the same port."""
        self._flowing.set()
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self.port = self._listener.getsockname()[1]
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                far = socket.create_connection(self._target, timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                self._sockets |= {near, far}
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._relay, args=(source, sink), daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK if not self._pause else _TRICKLE):
                self._flowing.wait()
                sink.sendall(data)
                time.sleep(self._pause)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        with self._lock:
            self._sockets -= {source, sink}
