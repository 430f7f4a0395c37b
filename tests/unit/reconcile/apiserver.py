"""A server on loopback that keeps objects, and refuses or breaks off what a test says.

It is no Kubernetes: it has no schemas, admission, defaults or controllers. It stores what the
client sends as the API's rules for patches and preconditions have it, so that real clients, caches
and passes can be shown errors that no real API server makes on demand.
"""

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from controller.kube.client import Client
from controller.kube.events import Recorder
from controller.kube.kinds import Kind
from controller.reconcile.world import World, connect_world
from tests.kubeconfigs import kubeconfig
from tests.unit.reconcile.test_patch import merge
from tests.unit.traffic.objects import patched

Json = dict[str, Any]
REASONS = {
    400: "BadRequest",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
}


class Write(NamedTuple):
    """A request that would change something, carried out or not."""

    method: str
    path: str


@dataclass
class ApiServer:
    """The objects by their URL paths, what is wrong with the server, and what was asked of it."""

    url: str
    objects: dict[str, Json] = field(default_factory=dict)
    refusals: dict[Write, list[int]] = field(default_factory=dict)  # HTTP statuses to answer
    writes: list[Write] = field(default_factory=list)
    dies_after: int | None = None  # so many writes are carried out, then nothing is answered
    versions: Iterator[int] = field(default_factory=lambda: itertools.count(100))

    def put(self, kind: Kind, item: Json) -> Json:
        """Store an object as it is, under a new version."""
        metadata = item["metadata"]
        path = kind.path(metadata.get("namespace"), metadata["name"])
        head = {"apiVersion": kind.api_version, "kind": kind.kind}
        stored = {**head, **item, "metadata": {**metadata, **self._version()}}
        self.objects[path] = stored
        return stored

    def get(self, kind: Kind, name: str, namespace: str = "shop") -> Json | None:
        """Return an object as it is stored."""
        return self.objects.get(kind.path(namespace, name))

    def refuse(
        self, method: str, kind: Kind, name: str | None, *statuses: int, part: str | None = None
    ) -> Write:
        """Answer the next requests of this kind with these statuses, one each."""
        write = Write(method, kind.path("shop", name, part))
        self.refusals[write] = list(statuses)
        return write

    def world(self, client: Client, now: datetime) -> World:
        """Return what a process knows that has just begun and has read everything."""
        world = connect_world(client.fresh, client, Recorder(client, "test"))
        for cache in world.caches():
            for item in self.objects.values():
                if item["kind"] == cache.kind.kind:
                    cache.observe(item)
        return replace(world, clock=lambda: now)

    def answer(self, method: str, path: str, query: str, kind: str, body: Any) -> tuple[int, Any]:
        """Carry out one request; raises ConnectionError where the process that asks has died."""
        if method == "GET":
            return self._read(path)
        write = Write(method, path)
        self.writes.append(write)
        if self.dies_after is not None:
            if self.dies_after == 0:
                raise ConnectionError
            self.dies_after -= 1
        if self.refusals.get(write):
            return self._error(self.refusals[write].pop(0), path)
        if method == "POST":
            return self._create(path, body)
        owner, _, part = path.partition("/status")
        present = self.objects.get(owner)
        if present is None:
            return self._error(404, path)
        if method == "DELETE":
            return self._delete(owner, present, body)
        after = _changed(present, kind, body)
        if after is None:
            return self._error(409 if "merge" in kind else 422, path)
        if part == "" and path != owner:
            after = {**present, "status": after.get("status", {})}
        after["metadata"] = {**after["metadata"], **self._version()}
        if "dryRun" not in query:
            self.objects[owner] = after
        return 200, after

    def _read(self, path: str) -> tuple[int, Any]:
        if path in self.objects:
            return 200, self.objects[path]
        inside = [item for key, item in self.objects.items() if key.startswith(f"{path}/")]
        if path.rsplit("/", 1)[1] in {key.rsplit("/", 2)[1] for key in self.objects}:
            return 200, {"metadata": {"resourceVersion": "1"}, "items": inside}
        return self._error(404, path)

    def _create(self, path: str, body: Json) -> tuple[int, Any]:
        key = f"{path}/{body['metadata']['name']}"
        if key in self.objects:
            return self._error(409, path, reason="AlreadyExists")
        namespace = path.split("/namespaces/")[1].partition("/")[0]
        identity = {"namespace": namespace, "uid": f"uid-{key}", **self._version()}
        self.objects[key] = {**body, "metadata": {**body["metadata"], **identity}}
        return 201, self.objects[key]

    def _delete(self, path: str, present: Json, options: Json) -> tuple[int, Any]:
        uid = (options.get("preconditions") or {}).get("uid")
        if uid not in (None, present["metadata"].get("uid")):
            return self._error(409, path)
        del self.objects[path]
        return 200, {"kind": "Status", "status": "Success"}

    def _version(self) -> Json:
        return {"resourceVersion": str(next(self.versions))}

    def _error(self, status: int, path: str, reason: str = "") -> tuple[int, Any]:
        reason = reason or REASONS[status]
        told = {"code": status, "reason": reason, "message": f"{path}: {reason} by the test"}
        return status, {"kind": "Status", "status": "Failure", **told}


def _changed(present: Json, kind: str, body: Any) -> Json | None:
    """Return the object after a patch; None where a precondition of it does not hold."""
    if "json-patch" in kind:
        try:
            return patched(present, body)
        except LookupError:
            return None
    version = body.get("metadata", {}).get("resourceVersion")
    if version not in (None, present["metadata"]["resourceVersion"]):
        return None
    after: Json = merge(present, body)
    return after


@contextmanager
def serving(directory: Path) -> Iterator[tuple[ApiServer, Client]]:
    """Serve, and connect a client."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    api = ApiServer(f"http://127.0.0.1:{server.server_port}")
    server.api = api  # type: ignore[attr-defined]  # how a handler of http.server is told anything
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    config = directory / "kubeconfig"
    config.write_text(kubeconfig(api.url))
    try:
        with Client.connect(kubeconfig=str(config), timeout=5.0) as client:
            yield api, client
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5.0  # seconds

    def _do(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        address = urlsplit(self.path)
        api: ApiServer = self.server.api  # type: ignore[attr-defined]  # as above
        kind = self.headers.get("Content-Type", "")
        try:
            status, told = api.answer(self.command, address.path, address.query, kind, body)
        except ConnectionError:
            self.close_connection = True
            return
        data = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = _do  # noqa: N815 - the names that http.server calls

    def log_message(self, *_: object) -> None:
        """Say nothing; the test says what it saw."""
