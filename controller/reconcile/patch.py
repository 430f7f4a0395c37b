"""Writes a status as the smallest merge patch (RFC 7386) from what is stored.

So a look costs a few hundred bytes, and a pass that changes nothing writes nothing.
"""

from typing import Any

from controller.api.base import Model
from controller.kube.cache import Cache
from controller.kube.client import Client
from controller.kube.errors import NotFound


def merge_difference(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return the merge patch that turns `old` into `new`; empty when they are equal.

    A key that is gone becomes null. Lists are replaced as a whole.
    """
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            inner = merge_difference(before, value)
            if inner:
                patch[key] = inner
        elif key not in old or before != value:
            patch[key] = value
    return patch


def write_status(
    client: Client, cache: Cache[dict[str, Any]], stored: dict[str, Any], status: Model
) -> bool:
    """Write the status of a stored object where it differs; tell whether it did.

    Conflict: the object has changed since it was read, so the decision is stale. An object that is
    gone needs no status.
    """
    patch = merge_difference(stored.get("status") or {}, status.wire())
    if not patch:
        return False
    metadata = stored["metadata"]
    try:
        answer = client.merge_patch(
            cache.kind,
            metadata["namespace"],
            metadata["name"],
            {"status": patch},
            subresource="status",
            resource_version=metadata["resourceVersion"],
        )
    except NotFound:
        return False
    cache.observe(answer)
    return True
