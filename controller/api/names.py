"""Labels, annotations, finalizers and derived names, and the identity of a revision.

One place, so that what is put on an object can be taken off again. Derived names are stable: the
same input gives the same name in every version of Gander.
"""

import hashlib
import json
from typing import Any

PLAN_LABEL = "gander.dev/plan"
RELEASE_LABEL = "gander.dev/release"
BYPASS_ANNOTATION = "gander.dev/bypass"
CANARY_TEMPLATE_ANNOTATION = "gander.dev/canary-template"
RESTORED_ANNOTATION = "gander.dev/restored"
LEFT_PAUSED_ANNOTATION = "gander.dev/left-paused"
FINALIZER = "gander.dev/finish"
FIELD_MANAGER = "gander"
GUARD_NAME = "gander-hold"  # the admission policy that holds changes back, and its binding
TEMPLATE_HASH_LABEL = "pod-template-hash"

_MAX_NAME = 63


def shorten(name: str, suffix: str) -> str:
    """Join `name` and `suffix`; over 63 characters the middle becomes a hash of the whole name."""
    if len(name) + len(suffix) <= _MAX_NAME:
        return name + suffix
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return name[: _MAX_NAME - len(suffix) - 9].rstrip("-.") + "-" + digest + suffix


def canary_name(deployment: str) -> str:
    """Return the name of the canary Deployment and Service that belong to `deployment`."""
    return shorten(deployment, "-canary")


def release_name(plan: str, number: int) -> str:
    """Return the name of release `number` of a plan."""
    return shorten(plan, f"-{number}")


def canonical(template: dict[str, Any]) -> dict[str, Any]:
    """Return a pod template without the label that only a ReplicaSet's copy of it carries."""
    metadata = dict(template.get("metadata") or {})
    metadata.pop("creationTimestamp", None)
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k != TEMPLATE_HASH_LABEL}
    return {**template, "metadata": {**metadata, "labels": labels}}


def revision_of(template: dict[str, Any]) -> str:
    """Return the identity of a pod template as the API server stored it, 10 hex digits."""
    text = json.dumps(canonical(template), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def short_image(image: str) -> str:
    """Return an image's name for a table: without registry and path, a digest cut to 12 digits."""
    name, _, digest = image.partition("@")
    name = name.rpartition("/")[2]
    return f"{name}@{digest.partition(':')[2][:12]}" if digest else name
