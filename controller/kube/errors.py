"""What can go wrong between Gander and the API server, sorted by what the caller does about it.

| error | meaning | what to do |
|---|---|---|
| NotFound | 404 | the object is not there: decide again |
| Conflict | 409: it changed since it was read | read and decide again, never repeat the write |
| AlreadyExists | 409 on create | read it and decide again |
| Invalid | 422: schema, rule, policy, or a JSON patch's `test` that fails | decide again |
| Forbidden | 403: RBAC, quota, a namespace that is terminating | tell people |
| TooManyRequests | 429 | come back after `retry_after` seconds |
| Expired | 410: the resourceVersion or page is gone | list again |
| Unavailable | 5xx, refused, reset, no answer in time | back off; a write may have happened |

Every other status (400, 401, 415, ...) is an ApiError itself. Nothing is retried here.
"""

# ruff: noqa: N818 - the classes carry the API server's own words for what happened

from collections.abc import Mapping
from typing import Final

import msgspec

MAX_RETRY_AFTER: Final = 60.0  # seconds; a server that asks for more is not obeyed for longer
DEFAULT_RETRY_AFTER: Final = 1.0
NO_ANSWER: Final = 0  # the status where no HTTP answer came


class ConfigurationError(Exception):
    """There is no way to a cluster: no kubeconfig, no pod, or one that cannot be read."""


class ApiError(Exception):
    """A request that failed.

    `status` is the HTTP status (0: no answer), `reason` the server's word for it (`Conflict`),
    `message` a sentence with verb, object and what the server said, `retry_after` the seconds that
    the server asked to wait (at most 60), or None.
    """

    def __init__(
        self, status: int, reason: str, message: str, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after


class NotFound(ApiError):
    """The object or its kind does not exist."""


class Conflict(ApiError):
    """The object has changed since it was read, or its uid is another one."""


class AlreadyExists(ApiError):
    """An object of this name is there already."""


class Invalid(ApiError):
    """The object was understood and refused: schema, rule, policy, or a patch that did not fit."""


class Forbidden(ApiError):
    """Gander may not do this, or nobody may do it now."""


class TooManyRequests(ApiError):
    """The server sheds load; `retry_after` is always set."""


class Expired(ApiError):
    """The resourceVersion or the continue token is older than what the server keeps."""


class Unavailable(ApiError):
    """The server failed or did not answer; whether a write took place is not known."""


class _Details(msgspec.Struct, rename="camel"):
    retry_after_seconds: float | None = None


class _Status(msgspec.Struct):
    """The part of a `v1.Status` that is read; every field may be missing."""

    code: int = 0
    message: str = ""
    reason: str = ""
    details: _Details | None = None


_BY_STATUS: Final[Mapping[int, type[ApiError]]] = {
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Expired,
    422: Invalid,
    429: TooManyRequests,
}


# Made once: msgspec crashes where two threads make what decodes the same class at the same time.
_STATUS: Final = msgspec.json.Decoder(_Status)


def from_answer(what: str, status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """Return the error for an HTTP answer over 299.

    `what` names verb and object (`update Deployment shop/checkout`); `body` is a `v1.Status`, or
    anything else that a proxy in between may have sent.
    """
    told = _read_status(body)
    sentence = told.message or _first_line(body) or f"HTTP status {status}"
    kind = _class_of(status, told.reason)
    retry_after = _retry_after(headers, told)
    if kind is TooManyRequests and retry_after is None:
        retry_after = DEFAULT_RETRY_AFTER
    return kind(status, told.reason or f"HTTP {status}", f"{what}: {sentence}", retry_after)


def from_event(what: str, body: bytes) -> ApiError:
    """Return the error for an ERROR event of a watch, whose object is a `v1.Status`."""
    told = _read_status(body)
    return from_answer(what, told.code or 500, {}, body)


def no_answer(what: str, server: str, cause: BaseException) -> Unavailable:
    """Return the error for a request that got no whole answer from `server`."""
    detail = f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__
    return Unavailable(NO_ANSWER, "NoAnswer", f"{what}: no answer from {server}: {detail}")


def _class_of(status: int, reason: str) -> type[ApiError]:
    if reason == "AlreadyExists":
        return AlreadyExists
    if status >= 500:
        return Unavailable
    return _BY_STATUS.get(status, ApiError)


def _read_status(body: bytes) -> _Status:
    try:
        return _STATUS.decode(body)
    except msgspec.DecodeError:
        return _Status()


def _retry_after(headers: Mapping[str, str], told: _Status) -> float | None:
    """Read the header (whole seconds; a date is not used by API servers) or the status' details."""
    text = headers.get("Retry-After", "")
    seconds = float(text) if text.isdecimal() else None
    if seconds is None and told.details is not None:
        seconds = told.details.retry_after_seconds
    return None if seconds is None else min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _first_line(body: bytes) -> str:
    lines = body.decode(errors="replace").strip().splitlines()
    return lines[0][:200] if lines else ""
