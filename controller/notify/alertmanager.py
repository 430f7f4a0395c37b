"""Alertmanager over HTTP, API v2.

Every replica gets every alert, since replicas do not pass alerts on to each other: they only agree
on who notifies. They are told side by side, so one that hangs keeps none of the others waiting.
Nothing is retried here; an alert has to be repeated while it fires anyway.
"""

import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import requests
import urllib3

from controller.notify.message import Alert
from controller.transport import BoundedAdapter, TooLargeError, new_session, read_body

TIMEOUT = 5.0  # seconds for connecting, and again for the whole exchange
_LARGEST_ANSWER = 64 * 1024
_LONGEST_QUOTE = 300


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
        with ThreadPoolExecutor(len(self._urls)) as pool:
            outcomes = pool.map(lambda url: self._post_to(url, body), self._urls)
            failures = tuple(filter(None, outcomes))
        if len(failures) == len(self._urls):
            raise NotifyError("; ".join(failures))
        return failures

    def _post_to(self, url: str, body: Sequence[dict[str, Any]]) -> str:
        """Return what went wrong, or an empty string; a URL that is none is wrong too."""
        began = time.monotonic()
        try:
            status, said = self._exchange(f"{url.rstrip('/')}/api/v2/alerts", body)
            failure = "" if 200 <= status < 300 else f" answered {status}: {_quoted(said)}"
        except TooLargeError:
            failure = f" answered with more than {_LARGEST_ANSWER // 1024} KiB"
        except requests.exceptions.SSLError:
            failure = ": its TLS certificate is not trusted"
        except requests.ConnectionError:
            failure = " cannot be reached"
        except ValueError:  # among them those that requests and urllib3 have for a bad URL
            failure = " has a URL that cannot be used; correct it in the plan's notify"
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            failure = f": {type(error).__name__}"
        if time.monotonic() - began >= self._timeout:  # what was cut off may look like anything
            failure = f" did not answer within {self._timeout:g} s"
        return failure and f"Alertmanager {_public(url)}{failure}"

    def _exchange(self, url: str, body: Sequence[dict[str, Any]]) -> tuple[int, bytes]:
        """Return the status and the body of the answer."""
        with new_session() as session:
            session.mount(url, BoundedAdapter(self._timeout, None))
            answer = session.post(
                url, json=body, timeout=self._timeout, allow_redirects=False, stream=True
            )
            return answer.status_code, read_body(answer, _LARGEST_ANSWER)


def _quoted(said: bytes) -> str:
    return " ".join(said[:_LONGEST_QUOTE].decode(errors="replace").split()) or "nothing"


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
    """Return the URL without credentials and query, which may hold one; it need not be valid."""
    scheme, _, rest = url.partition("://")
    authority, slash, path = re.split("[?#]", rest, maxsplit=1)[0].partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}".rstrip("/")
