"""One Prometheus connection per address and credentials, kept for a while.

A Secret is read when a connection is made and again after a few minutes, so a rotated one comes
into effect without a restart. It goes nowhere but into the connection.
"""

import base64
import threading
import time
from typing import Any

from controller.api.release import Release
from controller.kube import kinds
from controller.metrics.reader import Prometheus
from controller.reconcile.world import World

KEEP = 300.0  # seconds
Key = tuple[str, str, str]


class PrometheusPool:
    """Hands out connections; safe to use from many threads."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._known: dict[Key, tuple[float, Prometheus]] = {}

    def of(self, release: Release) -> Prometheus:
        """Return the connection that a release's plan names; ApiError if its Secret is missing."""
        source = release.spec.rules.analysis.prometheus
        secret = source.secret_ref.name if source.secret_ref else ""
        key = (source.url, release.metadata.namespace if secret else "", secret)
        now = time.monotonic()
        with self._lock:
            known = self._known.get(key)
            if known is not None and known[0] > now:
                return known[1]
        made = Prometheus(source.url, **self._credentials(key[1], secret))
        with self._lock:
            self._known = {k: v for k, v in self._known.items() if v[0] > now}
            self._known[key] = (now + KEEP, made)
        return made

    def _credentials(self, namespace: str, name: str) -> dict[str, Any]:
        if not name:
            return {}
        data = self._world.client.get(kinds.SECRET, namespace, name).get("data") or {}
        fields = {"token": "token", "username": "username", "password": "password"}
        found = {
            argument: base64.b64decode(data[field]).decode()
            for field, argument in fields.items()
            if field in data
        }
        if "ca.crt" in data:
            found["ca_pem"] = base64.b64decode(data["ca.crt"]).decode()
        return found
