"""What an API server answers that does not do what it was asked, and actions that meet it."""

from collections.abc import Callable
from typing import Any

from controller.kube.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Expired,
    Forbidden,
    Invalid,
    NotFound,
    TooManyRequests,
    Unavailable,
)

WORDS = 'patch HTTPRoute shop/checkout: denied by the policy "freeze"'
FORBIDDEN = Forbidden(403, "Forbidden", WORDS)
INVALID = Invalid(422, "Invalid", WORDS)
REFUSED = (
    FORBIDDEN,
    INVALID,
    ApiError(400, "BadRequest", WORDS),  # what a webhook's denial is without a code of its own
    Unavailable(500, "InternalError", WORDS),  # and one that cannot be reached
)
NOT_DONE = (
    Conflict(409, "Conflict", "the object has been modified"),
    TooManyRequests(429, "TooManyRequests", "try again later", retry_after=1.0),
    Unavailable(503, "ServiceUnavailable", "no leader"),
    Unavailable(0, "NoAnswer", "connection refused"),
    NotFound(404, "NotFound", "no such object"),
    AlreadyExists(409, "AlreadyExists", "it is there"),
    Expired(410, "Expired", "too old"),
    ApiError(401, "Unauthorized", "the token has expired"),
)


def named(error: ApiError) -> str:
    """Return how a test names an error."""
    return f"{error.status} {error.reason}"


def failing(*failures: tuple[type, ApiError], tried: list[Any]) -> Callable[[Any], None]:
    """Return what notes each action as tried and fails those of these types."""

    def do(action: Any) -> None:
        tried.append(action)
        for kind, error in failures:
            if isinstance(action, kind):
                raise error

    return do
