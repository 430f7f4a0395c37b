"""HTTP with bounds that hold whatever the other side does.

A timeout of the requests library is the longest silence, so a server that sends a byte now and then
would keep a thread for ever. Here the whole exchange has a deadline, and the body a limit. The
environment's proxies and .netrc play no part, and TLS trusts the given authority alone, or else the
system's. Not bounded: the resolver, which has its own deadline in resolv.conf.
"""

import socket
import ssl
from threading import Timer
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

_CHUNK = 65536


class TooLargeError(Exception):
    """The body is longer than allowed."""


def new_session() -> requests.Session:
    """Return a session that takes nothing from the environment."""
    session = requests.Session()
    session.trust_env = False
    return session


class BoundedAdapter(HTTPAdapter):
    """Connections whose exchanges end within `seconds`, without retries; read with `read_body`.

    An exchange that was cut may look like a short answer, so whoever reads it has to ask the clock.
    Raises SSLError or ValueError for an authority that is no certificate.
    """

    def __init__(self, seconds: float, ca_pem: str | None) -> None:
        self._seconds = seconds
        if ca_pem is None:
            self._trust = ssl.create_default_context()
        else:
            self._trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._trust.load_verify_locations(cadata=ca_pem)
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make pools with our deadline and our trust."""
        super().init_poolmanager(*args, ssl_context=self._trust, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._seconds)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave the trust to the context: the default would add the bundle of certifi to it."""


def read_body(response: requests.Response, limit: int) -> bytes:
    """Return the whole body and end the exchange.

    Raises TooLargeError past `limit` bytes, OSError or urllib3's HTTPError when it breaks off.
    """
    raw: Any = response.raw
    body = bytearray()
    try:
        while chunk := raw.read(_CHUNK, decode_content=True):
            body += chunk
            if len(body) > limit:
                raise TooLargeError
    finally:
        raw.deadline.cancel()
        response.close()
    return bytes(body)


def _pools(seconds: float) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def getresponse(self) -> Any:
            return _bounded(self.sock, seconds, super().getresponse)

    class Encrypted(HTTPSConnection):
        def getresponse(self) -> Any:
            return _bounded(self.sock, seconds, super().getresponse)

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return {"http": PlainPool, "https": EncryptedPool}


def _bounded(sock: socket.socket | None, seconds: float, receive: Any) -> Any:
    """Receive the headers, and leave the deadline running for the body."""
    deadline = Timer(seconds, _shut, (sock,))
    deadline.daemon = True
    deadline.start()
    try:
        response = receive()
    except BaseException:
        deadline.cancel()
        raise
    response.deadline = deadline
    return response


def _shut(sock: socket.socket | None) -> None:
    """End a read that another thread is in."""
    if sock is None:
        return
    try:
        # Not the method of a TLS socket, which drops its state under the reader.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        return  # closed meanwhile
