"""Reads, writes and watches of the API server, in terms of kinds and plain dicts.

Promises: every request has a timeout; every write carries a field manager; every failure is an
`ApiError` whose class says what to do next. Nothing is retried and nothing is waited for in here:
on a 429 the caller gets `TooManyRequests.retry_after` at once and puts its key back on the queue
for that long, so no worker thread sleeps and the lease is never stuck behind a throttled write.

Leaves out: caching (`cache`), and models: what was read from the API server and decoded into a
model has lost the fields that the model does not know, so writes are patches, never replacements.
"""

import contextlib
import random
from collections.abc import Iterator
from typing import Any, Final, Self, TypeVar

import msgspec

from controller.api.names import FIELD_MANAGER
from controller.kube import request as requests
from controller.kube.connection import open_connection
from controller.kube.errors import NotFound, from_event, no_answer
from controller.kube.kinds import Kind
from controller.kube.request import JSON, JsonPatch, Query, Request
from controller.kube.transport import OnRequest, Stream, Transport

DEFAULT_TIMEOUT: Final = 15.0  # seconds
# The server sends a bookmark about every 60 s, so a silence of 90 s is a dead connection.
WATCH_IDLE: Final = 90.0
WATCH_SECONDS: Final = (300, 600)  # a watch ends after a random time in this range


_T = TypeVar("_T")


def _watch_seconds() -> int:
    return random.randint(*WATCH_SECONDS)  # noqa: S311 - spreads load, keeps no secret


def _ignore(verb: str, kind: str, status: int, seconds: float) -> None:
    """Report a request to nobody."""


class Page(msgspec.Struct, frozen=True):
    """A part of a collection, all parts of one list at the same `resource_version`."""

    items: tuple[msgspec.Raw, ...]
    resource_version: str


class _ListMeta(
    msgspec.Struct, rename={"resource_version": "resourceVersion", "token": "continue"}
):
    resource_version: str = ""
    token: str = ""


class _List(msgspec.Struct):
    metadata: _ListMeta
    items: tuple[msgspec.Raw, ...] | None = None


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


# Made once: msgspec crashes where two threads make what decodes the same class at the same time.
_EVENT: Final = msgspec.json.Decoder(_Event)
_LIST: Final = msgspec.json.Decoder(_List)
_OBJECT: Final = msgspec.json.Decoder(dict[str, Any])


class Client:
    """The API server of one cluster. Safe to use from many threads. Make one with `connect`."""

    def __init__(self, transport: Transport, timeout: float) -> None:
        self._transport = transport
        self._timeout = timeout

    @classmethod
    def connect(
        cls,
        *,
        kubeconfig: str | None = None,
        context: str | None = None,
        user_agent: str = "gander-controller",
        timeout: float = DEFAULT_TIMEOUT,
        pool: int = 32,
        on_request: OnRequest = _ignore,
    ) -> Self:
        """Find the cluster; no request is made yet.

        `timeout` is in seconds for each request; `pool` the number of connections kept for reuse,
        more are opened when needed and closed after use. `on_request` is told verb, kind, HTTP
        status (0: no answer) and seconds of every request, from the thread that makes it.
        ConfigurationError: there is no kubeconfig and no pod.
        """
        api = open_connection(
            kubeconfig=kubeconfig, context=context, user_agent=user_agent, pool=pool
        )
        return cls(Transport(api, on_request), timeout)

    def within(self, seconds: float) -> "Client":
        """Return the same client, the same connections, with another timeout."""
        return Client(self._transport, seconds)

    def fresh(self) -> "Client":
        """Return a client with connections of its own; close it, best with a `with` statement.

        Behind a load balancer each new connection may reach another API server.
        """
        return Client(self._transport.fresh(), self._timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all watches under way, at once and without an error, and drop idle connections."""
        self._transport.close()

    def get(self, kind: Kind, namespace: str | None, name: str) -> dict[str, Any]:
        """Read one object."""
        return self._object(requests.get(kind, namespace, name))

    def list(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        labels: str | None = None,
        fields: str | None = None,
    ) -> list[dict[str, Any]]:
        """Read a collection, in pages; each object carries its apiVersion and kind.

        Expired: the list took longer than the server keeps its pages (minutes); start again.
        """
        return [
            {"apiVersion": kind.api_version, "kind": kind.kind, **msgspec.json.decode(item)}
            for page in self.pages(kind, namespace, labels=labels, fields=fields)
            for item in page.items
        ]

    def pages(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        labels: str | None = None,
        fields: str | None = None,
    ) -> Iterator[Page]:
        """Yield a collection undecoded, page by page, at least one."""
        token = ""
        while True:
            request = requests.list_page(kind, namespace, labels=labels, fields=fields, token=token)
            answer = self._decode(request, self._transport.send(request, self._timeout), _LIST)
            yield Page(answer.items or (), answer.metadata.resource_version)
            token = answer.metadata.token
            if not token:
                return

    def create(
        self, kind: Kind, namespace: str | None, body: dict[str, Any], *, dry_run: bool = False
    ) -> dict[str, Any]:
        """Make an object; AlreadyExists where the name is taken."""
        return self._object(requests.create(kind, namespace, body, dry_run=dry_run))

    def merge_patch(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        body: dict[str, Any],
        *,
        subresource: str | None = None,
        resource_version: str | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Change the fields in `body`: null removes one, lists are replaced whole.

        With `resource_version`: Conflict unless the object is still that one.
        """
        return self._object(
            requests.merge_patch(
                kind,
                namespace,
                name,
                body,
                subresource=subresource,
                resource_version=resource_version,
                dry_run=dry_run,
            )
        )

    def json_patch(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        operations: JsonPatch,
        *,
        subresource: str | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Change by operations of RFC 6902; Invalid where a `test` does not hold."""
        return self._object(
            requests.json_patch(
                kind, namespace, name, operations, subresource=subresource, dry_run=dry_run
            )
        )

    def apply(
        self,
        kind: Kind,
        namespace: str | None,
        body: dict[str, Any],
        *,
        field_manager: str = FIELD_MANAGER,
        force: bool = True,
        subresource: str | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Server-side apply: own exactly the fields of `body`, and make the object if need be.

        Without `force`: Conflict where another manager owns one of them.
        """
        return self._object(
            requests.apply(
                kind,
                namespace,
                body,
                field_manager=field_manager,
                force=force,
                subresource=subresource,
                dry_run=dry_run,
            )
        )

    def delete(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: str = "Background",
    ) -> None:
        """Remove an object; one that is gone already is fine.

        Conflict: it is another one (`uid`) or has changed since (`resource_version`).
        """
        request = requests.delete(
            kind,
            namespace,
            name,
            uid=uid,
            resource_version=resource_version,
            propagation=propagation,
        )
        with contextlib.suppress(NotFound):
            self._transport.send(request, self._timeout)

    def raw(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        body: Any = None,
        content_type: str = JSON,
        timeout: float | None = None,
    ) -> bytes:
        """Send anything (`body` as JSON), for addresses that are no object: `/version`, proxies."""
        request = Request(method.lower(), "raw", path, method, path, query, body, content_type)
        return self._transport.send(request, self._timeout if timeout is None else timeout)

    def watch(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        resource_version: str,
        labels: str | None = None,
        fields: str | None = None,
        seconds: int | None = None,
        idle: float = WATCH_IDLE,
    ) -> "Watch":
        """Follow a collection from `resource_version` on, with bookmarks.

        The server ends it after `seconds` (default: a random time of 5 to 10 minutes, so that
        watches do not end together); silence for `idle` seconds is Unavailable.
        """
        request = requests.watch(
            kind,
            namespace,
            labels=labels,
            fields=fields,
            resource_version=resource_version,
            seconds=_watch_seconds() if seconds is None else seconds,
        )
        return Watch(self._transport.open(request, idle))

    def version(self) -> tuple[int, int]:
        """Return major and minor version of the API server."""
        told = msgspec.json.decode(self.raw("GET", "/version"))
        # Some distributions write the minor version as "36+".
        return int(told["major"]), int(told["minor"].rstrip("+"))

    def _object(self, request: Request) -> dict[str, Any]:
        answer = self._transport.send(request, self._timeout)
        return self._decode(request, answer, _OBJECT)

    def _decode(self, request: Request, body: bytes, decoder: msgspec.json.Decoder[_T]) -> _T:
        try:
            return decoder.decode(body)
        except msgspec.DecodeError as error:
            # A proxy in between can answer 200 with a page of its own.
            raise no_answer(request.what, self._transport.server, error) from error


class Watch:
    """The events of one watch request, in order; use it in a `with` statement and one thread."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def __iter__(self) -> Iterator[tuple[str, msgspec.Raw]]:
        """Yield ADDED, MODIFIED, DELETED and BOOKMARK, each with its object, until the server ends.

        An ERROR event is raised: Expired where the resourceVersion is too old. Unavailable where
        the connection breaks.
        """
        for line in self._stream.lines():
            event = self._decode(line)
            if event.type == "ERROR":
                raise from_event(self._stream.what, bytes(event.object))
            yield event.type, event.object

    def _decode(self, line: bytes) -> _Event:
        try:
            return _EVENT.decode(line)
        except msgspec.DecodeError as error:
            raise self._stream.broken(error) from error
