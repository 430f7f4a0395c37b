"""One Prometheus connection per address and credentials, kept for a while.

A Secret is read when a connection is made and again after a few minutes, so a rotated one comes
into effect without a restart. It goes nowhere but into the connection.
"""

import base64
import threading
import time
from collections.abc import Mapping
from typing import Any

from controller.api.base import is_base_url
from controller.api.release import Release
from controller.kube import kinds
from controller.metrics.reader import Prometheus
from controller.reconcile.world import World

KEEP = 300.0  # seconds
Key = tuple[str, str, str]
FIELDS = {
    "token": "token",
    "username": "username",
    "password": "password",
    "ca.crt": "ca_pem",
}


class SecretError(Exception):
    """A Secret cannot be used; the message names it and repeats nothing that is in it."""


class UrlError(Exception):
    """The URL of a Prometheus cannot be used; the message names field, value and way out."""


class PrometheusPool:
    """Hands out connections; safe to use from many threads."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._known: dict[Key, tuple[float, Prometheus]] = {}

    def of(self, release: Release) -> Prometheus:
        """Return the connection that a release's plan names.

        UrlError: its URL cannot be used. ApiError: its Secret is missing. SecretError: that cannot
        be used.
        """
        source = release.spec.rules.analysis.prometheus
        if not is_base_url(source.url):  # of a release that was made under an older rule
            raise UrlError(
                f"spec.analysis.prometheus.url is {source.url!r}, to which no request can go; "
                f"correct it in ReleasePlan {release.spec.plan} and abort this release"
            )
        secret = source.secret_ref.name if source.secret_ref else ""
        key = (source.url, release.metadata.namespace if secret else "", secret)
        now = time.monotonic()
        with self._lock:
            known = self._known.get(key)
            if known is not None and known[0] > now:
                return known[1]
        try:
            made = Prometheus(source.url, **self._credentials(key[1], secret))
        except ValueError as error:
            raise SecretError(f"Secret {key[1]}/{secret}: {error}") from None
        with self._lock:
            self._known = {k: v for k, v in self._known.items() if v[0] > now}
            self._known[key] = (now + KEEP, made)
        return made

    def _credentials(self, namespace: str, name: str) -> dict[str, Any]:
        if not name:
            return {}
        data = self._world.client.get(kinds.SECRET, namespace, name).get("data") or {}
        return read_credentials(data)


def read_credentials(data: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments for a connection from a Secret's base64.

    ValueError, with a sentence that does not repeat the value: a field is no text.
    """
    return {argument: _text(key, data[key]) for key, argument in FIELDS.items() if key in data}


def _text(key: str, encoded: str) -> str:
    try:
        return base64.b64decode(encoded).decode()
    except ValueError:  # its own words hold the bytes
        raise ValueError(f"{key} is no text in UTF-8") from None
