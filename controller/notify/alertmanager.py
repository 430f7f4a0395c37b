"""Alertmanager over HTTP, API v2.

Every replica gets every alert, since replicas do not pass alerts on to each other: they only agree
on who notifies. Nothing is retried here; an alert has to be repeated while it fires anyway.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from controller.notify.message import Alert

TIMEOUT = 5.0  # seconds for connecting, and again for each wait for an answer
_LONGEST_ANSWER = 300


class NotifyError(Exception):
    """No replica took the alerts; the message names each and what it answered."""


class Alertmanager:
    """All replicas of one Alertmanager, by their base URLs."""

    def __init__(self, urls: Sequence[str], *, timeout: float = TIMEOUT) -> None:
        self._urls = tuple(dict.fromkeys(urls))
        self._timeout = timeout

    def post(self, alerts: Sequence[Alert]) -> tuple[str, ...]:
        """Post the alerts to every replica; one that takes them is enough.

        Returns a sentence for each replica that did not. NotifyError: none did.
        """
        body = [_wire(alert) for alert in alerts]
        failures = tuple(filter(None, (self._post_to(url, body) for url in self._urls)))
        if len(failures) == len(self._urls):
            raise NotifyError("; ".join(failures))
        return failures

    def _post_to(self, url: str, body: Sequence[dict[str, Any]]) -> str:
        """Return what went wrong, or an empty string."""
        name = f"Alertmanager {_public(url)}"
        try:
            with requests.post(
                f"{url.rstrip('/')}/api/v2/alerts",
                json=body,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as answer:
                if 200 <= answer.status_code < 300:
                    return ""
                said = next(answer.iter_content(_LONGEST_ANSWER), b"")
                words = " ".join(said.decode(errors="replace").split())
                return f"{name} answered {answer.status_code}: {words or 'nothing'}"
        except requests.Timeout:
            return f"{name} did not answer within {self._timeout:g} s"
        except requests.exceptions.SSLError:
            return f"{name}: its TLS certificate is not trusted"
        except requests.ConnectionError:
            return f"{name} cannot be reached"
        except requests.RequestException as error:
            return f"{name}: {type(error).__name__}"


def _wire(alert: Alert) -> dict[str, Any]:
    return {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": _time(alert.starts_at),
        "endsAt": _time(alert.ends_at),
    }


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def _public(url: str) -> str:
    """Return the URL without credentials and query, which may hold one."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}".rstrip("/")
