"""Questions to the cluster's parts, asked from inside of its network namespace."""

import http.client
import json
import socket
import ssl
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from dev.layout import API_URL

_SECONDS: Final = 2.0


def answers(url: str) -> bool:
    """Tell whether `url` answers 200, or for `unix:///path` whether the socket accepts."""
    parts = urlsplit(url)
    try:
        if parts.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(_SECONDS)
                connection.connect(parts.path)
            return True
        return _get(url, _unverified() if parts.scheme == "https" else None)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def status(url: str) -> int:
    """Return the status of the answer to a GET. OSError or HTTPException: there is none."""
    return _get(url, ssl.create_default_context() if url.startswith("https:") else None)[0]


def api_get(path: str, pki: Path) -> Any:
    """Return the decoded JSON of an API path, read as administrator; None if it is not there.

    OSError: the API server cannot be reached, or refuses.
    """
    context = ssl.create_default_context(cafile=pki / "ca.crt")
    context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    status, body = _get(f"{API_URL}{path}", context)
    if status == 404:
        return None
    if status != 200:
        raise OSError(f"the API server answered {status} to GET {path}: {body[:200]!r}")
    return json.loads(body)


def _get(url: str, context: ssl.SSLContext | None) -> tuple[int, bytes]:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection = (
        http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=context)
        if context
        else http.client.HTTPConnection(host, port, timeout=_SECONDS)
    )
    try:
        connection.request("GET", parts.path + ("?" + parts.query if parts.query else ""))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _unverified() -> ssl.SSLContext:
    """Return a context for health ports, whose certificates are made by the programs themselves."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
