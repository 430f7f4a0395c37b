"""Sends requests through the official client, and turns what comes back into bytes or an error.

Promises: no request waits longer than its timeout, or twice that if the answer stalls halfway; each
answer is read to its end so that the connection is used again; each request is reported to
`on_request`; every failure is an `ApiError`. Retries nothing. Safe to use from many threads.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final, Self

import urllib3
from kubernetes.client.api_client import ApiClient
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException
from urllib3.exceptions import HTTPError

from controller.kube.errors import ApiError, Unavailable, from_answer, no_answer
from controller.kube.request import JSON, Request

CONNECT_TIMEOUT: Final = 5.0  # seconds; longer only hides that the server is away
_CHUNK: Final = 1 << 16

_FAILURES: Final = (HTTPError, ApiException, ConfigException, OSError)

# verb, kind, HTTP status (0: no answer) and seconds until the answer began
OnRequest = Callable[[str, str, int, float], None]


class Transport:
    """A pool of connections to one API server."""

    def __init__(self, api: ApiClient, on_request: OnRequest) -> None:
        self._api = api
        self._on_request = on_request
        self._lock = threading.Lock()
        self._streams: set[Stream] = set()
        self._closed = False

    def fresh(self) -> "Transport":
        """Return another pool to the same server, with the same credentials."""
        api = ApiClient(self._api.configuration)
        api.user_agent = self._api.user_agent
        return Transport(api, self._on_request)

    def send(self, request: Request, timeout: float) -> bytes:
        """Return the body of a successful answer; `timeout` is in seconds."""
        deadline = time.monotonic() + timeout
        answer = self._begin(request, timeout)
        try:
            body = self._read(answer, deadline)
        except _FAILURES as error:
            raise no_answer(request.what, self.server, error) from error
        finally:
            # Closes what was not read to its end; a connection that was is in the pool already.
            answer.close()
        return body

    def open(self, request: Request, idle: float) -> "Stream":
        """Return a stream that fails once nothing has come for `idle` seconds."""
        stream = Stream(request.what, self, self._begin(request, idle))
        with self._lock:
            if not self._closed:
                self._streams.add(stream)
                return stream
        stream.close()
        raise no_answer(request.what, self.server, ConnectionError("the client is closed"))

    def close(self) -> None:
        """End every stream under way and drop idle connections; threads in a stream wake up."""
        with self._lock:
            self._closed = True
            streams = list(self._streams)
        for stream in streams:
            stream.interrupt()
        self._api.close()  # type: ignore[no-untyped-call]  # the official client has no types

    def forget(self, stream: "Stream") -> None:
        """Stop tracking a stream that has ended."""
        with self._lock:
            self._streams.discard(stream)

    @property
    def server(self) -> str:
        """Return the address of the API server."""
        return str(self._api.configuration.host)

    def _begin(self, request: Request, timeout: float) -> urllib3.HTTPResponse:
        began = time.monotonic()
        status = 0
        try:
            answer = self._call(request, timeout)
            status = answer.status
        except _FAILURES as error:
            raise no_answer(request.what, self.server, error) from error
        finally:
            self._on_request(request.verb, request.kind, status, time.monotonic() - began)
        if status < 300:
            return answer
        raise self._failure(request, answer, began + timeout)

    def _call(self, request: Request, timeout: float) -> urllib3.HTTPResponse:
        headers = {"Accept": JSON}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        call = self._api.param_serialize(
            method=request.method,
            resource_path=request.path,
            query_params=list(request.query),
            header_params=headers,
            body=request.body,
            auth_settings=["BearerToken"],
        )
        limits = (min(timeout, CONNECT_TIMEOUT), timeout)
        answer: urllib3.HTTPResponse = self._api.call_api(*call, _request_timeout=limits).response
        return answer

    def _failure(self, request: Request, answer: urllib3.HTTPResponse, deadline: float) -> ApiError:
        try:
            body = self._read(answer, deadline)
        except _FAILURES:
            body = b""
        finally:
            answer.close()
        return from_answer(request.what, answer.status, answer.headers, body)

    @staticmethod
    def _read(answer: urllib3.HTTPResponse, deadline: float) -> bytes:
        # One read of the socket at a time: a server that trickles must not outlast the deadline.
        chunks = []
        while chunk := answer.read1(_CHUNK):
            chunks.append(chunk)
            if time.monotonic() > deadline:
                raise TimeoutError("the answer did not end in time")
        return b"".join(chunks)


class Stream:
    """The lines of an answer that does not end, such as a watch. Read it in one thread."""

    def __init__(self, what: str, transport: Transport, answer: urllib3.HTTPResponse) -> None:
        self.what = what
        self._transport = transport
        self._answer = answer
        self._interrupted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def lines(self) -> Iterator[bytes]:
        """Yield each whole line; ends with the answer or with `interrupt`.

        Unavailable: the connection broke, or nothing came for the idle time.
        """
        rest = b""
        try:
            while not self._interrupted and (chunk := self._answer.read1(_CHUNK)):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from lines
        except _FAILURES as error:
            if not self._interrupted:
                raise self.broken(error) from error

    def broken(self, cause: Exception) -> Unavailable:
        """Return the error for a stream that cannot be read on."""
        return no_answer(self.what, self._transport.server, cause)

    def interrupt(self) -> None:
        """Wake the thread that waits in `lines`; may be called from any thread."""
        self._interrupted = True
        # The connection may have ended by itself in this moment.
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            self._answer.shutdown()

    def close(self) -> None:
        """Close the connection; a stream is never put back into the pool half read."""
        self._transport.forget(self)
        self._answer.close()
