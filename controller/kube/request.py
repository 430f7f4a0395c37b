"""What is sent to the API server, as values. Pure: building a request is apart from sending it.

Every write names Gander as its field manager, so `kubectl get --show-managed-fields` says which
fields are ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from controller.api.names import FIELD_MANAGER
from controller.kube.kinds import Kind

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
JSON_PATCH: Final = "application/json-patch+json"
APPLY_PATCH: Final = "application/apply-patch+yaml"

PAGE: Final = 500  # objects per page: one large answer would stop every thread while it is parsed

Query = tuple[tuple[str, str], ...]
JsonPatch = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `verb` and `kind` are for people and metrics; `name` is `namespace/name`."""

    verb: str
    kind: str
    name: str
    method: str
    path: str
    query: Query = ()
    body: Any = None
    content_type: str = JSON

    @property
    def what(self) -> str:
        """Return verb and object, as error sentences begin: `patch Deployment shop/checkout`."""
        return " ".join(part for part in (self.verb, self.kind, self.name) if part)


def get(kind: Kind, namespace: str | None, name: str) -> Request:
    """Read one object."""
    path = kind.path(namespace, name)
    return Request("get", kind.kind, _full(namespace, name), "GET", path)


def list_page(
    kind: Kind, namespace: str | None, *, labels: str | None, fields: str | None, token: str
) -> Request:
    """Read one page of a collection; `token` continues where the last page ended.

    No resourceVersion is given, which means the newest state: after a restart the answer has
    everything that was written before, as a cached answer (`resourceVersion=0`) need not.
    """
    query: Query = (("limit", str(PAGE)), *_selectors(labels, fields))
    if token:
        query += (("continue", token),)
    return Request("list", kind.kind, namespace or "", "GET", kind.path(namespace), query)


def watch(
    kind: Kind,
    namespace: str | None,
    *,
    labels: str | None,
    fields: str | None,
    resource_version: str,
    seconds: int,
) -> Request:
    """Follow a collection from `resource_version` on; the server ends it after `seconds`."""
    query: Query = (
        ("watch", "1"),
        ("allowWatchBookmarks", "true"),
        ("resourceVersion", resource_version),
        ("timeoutSeconds", str(seconds)),
        *_selectors(labels, fields),
    )
    return Request("watch", kind.kind, namespace or "", "GET", kind.path(namespace), query)


def create(kind: Kind, namespace: str | None, body: Mapping[str, Any], *, dry_run: bool) -> Request:
    """Make an object; the server may choose the name (`generateName`)."""
    metadata = body.get("metadata", {})
    name = metadata.get("name") or metadata.get("generateName", "")
    query = _write(FIELD_MANAGER, dry_run=dry_run)
    path = kind.path(namespace)
    return Request("create", kind.kind, _full(namespace, name), "POST", path, query, dict(body))


def merge_patch(
    kind: Kind,
    namespace: str | None,
    name: str,
    body: Mapping[str, Any],
    *,
    subresource: str | None,
    resource_version: str | None,
    dry_run: bool,
) -> Request:
    """Change fields (RFC 7386: null removes one, lists are replaced whole).

    With `resource_version` the server refuses (Conflict) if the object is no longer that one.
    """
    if resource_version is not None:
        metadata = {**body.get("metadata", {}), "resourceVersion": resource_version}
        body = {**body, "metadata": metadata}
    return Request(
        "patch",
        kind.kind,
        _full(namespace, name, subresource),
        "PATCH",
        kind.path(namespace, name, subresource),
        _write(FIELD_MANAGER, dry_run=dry_run),
        dict(body),
        MERGE_PATCH,
    )


def json_patch(
    kind: Kind,
    namespace: str | None,
    name: str,
    operations: JsonPatch,
    *,
    subresource: str | None,
    dry_run: bool,
) -> Request:
    """Change by operations (RFC 6902); a `test` that does not hold is answered by Invalid."""
    return Request(
        "patch",
        kind.kind,
        _full(namespace, name, subresource),
        "PATCH",
        kind.path(namespace, name, subresource),
        _write(FIELD_MANAGER, dry_run=dry_run),
        operations,
        JSON_PATCH,
    )


def apply(
    kind: Kind,
    namespace: str | None,
    body: Mapping[str, Any],
    *,
    field_manager: str,
    force: bool,
    subresource: str | None,
    dry_run: bool,
) -> Request:
    """Server-side apply: own exactly the fields of `body`; makes the object if it is not there."""
    name = body["metadata"]["name"]
    return Request(
        "apply",
        kind.kind,
        _full(namespace, name, subresource),
        "PATCH",
        kind.path(namespace, name, subresource),
        (*_write(field_manager, dry_run=dry_run), ("force", "true" if force else "false")),
        {"apiVersion": kind.api_version, "kind": kind.kind, **body},
        APPLY_PATCH,
    )


def delete(
    kind: Kind,
    namespace: str | None,
    name: str,
    *,
    uid: str | None,
    resource_version: str | None,
    propagation: str,
) -> Request:
    """Remove an object, only if it is still that `uid` and `resource_version` where given."""
    wanted = {"uid": uid, "resourceVersion": resource_version}
    preconditions = {field: value for field, value in wanted.items() if value is not None}
    options: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": propagation,
    }
    if preconditions:
        options["preconditions"] = preconditions
    path = kind.path(namespace, name)
    return Request("delete", kind.kind, _full(namespace, name), "DELETE", path, body=options)


def _full(namespace: str | None, name: str, subresource: str | None = None) -> str:
    full = f"{namespace}/{name}" if namespace else name
    return f"{full} ({subresource})" if subresource else full


def _selectors(labels: str | None, fields: str | None) -> Query:
    given = (("labelSelector", labels), ("fieldSelector", fields))
    return tuple((key, value) for key, value in given if value)


def _write(field_manager: str, *, dry_run: bool) -> Query:
    query: Query = (("fieldManager", field_manager),)
    return (*query, ("dryRun", "All")) if dry_run else query
