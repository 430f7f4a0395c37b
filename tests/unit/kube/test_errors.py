"""Which error an answer of the API server becomes, and what it says."""

import json

import pytest
import urllib3

from controller.kube import errors
from controller.kube.errors import ApiError, from_answer, from_event, no_answer

WHAT = "patch Deployment shop/checkout"


def status(code: int, reason: str, message: str, **details: object) -> bytes:
    told = {"kind": "Status", "code": code, "reason": reason, "message": message}
    return json.dumps({**told, "details": details}).encode()


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (400, "BadRequest", ApiError),
        (401, "Unauthorized", ApiError),
        (403, "Forbidden", errors.Forbidden),
        (404, "NotFound", errors.NotFound),
        (409, "Conflict", errors.Conflict),
        (409, "AlreadyExists", errors.AlreadyExists),
        (410, "Expired", errors.Expired),
        (410, "Gone", errors.Expired),
        (415, "UnsupportedMediaType", ApiError),
        (422, "Invalid", errors.Invalid),
        (429, "TooManyRequests", errors.TooManyRequests),
        (500, "InternalError", errors.Unavailable),
        (503, "ServiceUnavailable", errors.Unavailable),
        (504, "Timeout", errors.Unavailable),
    ],
)
def test_the_class_says_what_to_do_next(code: int, reason: str, expected: type[ApiError]) -> None:
    error = from_answer(WHAT, code, {}, status(code, reason, "as the server said"))
    assert type(error) is expected
    assert (error.status, error.reason) == (code, reason)
    assert str(error) == error.message == "patch Deployment shop/checkout: as the server said"


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"Retry-After": "7"}, b"", 7.0),
        ({"Retry-After": "86400"}, b"", 60.0),
        ({}, status(429, "TooManyRequests", "m", retryAfterSeconds=3), 3.0),
        ({"Retry-After": "7"}, status(429, "TooManyRequests", "m", retryAfterSeconds=3), 7.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"", 1.0),
        ({}, b"", 1.0),
    ],
)
def test_a_busy_server_always_says_how_long_to_wait(
    headers: dict[str, str], body: bytes, seconds: float
) -> None:
    error = from_answer(WHAT, 429, urllib3.HTTPHeaderDict(headers), body)
    assert isinstance(error, errors.TooManyRequests)
    assert error.retry_after == seconds


def test_other_errors_wait_only_if_told() -> None:
    assert from_answer(WHAT, 503, {}, b"").retry_after is None
    body = status(504, "Timeout", "Too large resource version", retryAfterSeconds=1)
    assert from_answer(WHAT, 504, {}, body).retry_after == 1.0


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"<html>bad gateway</html>\n<p>more</p>", f"{WHAT}: <html>bad gateway</html>"),
        (b"", f"{WHAT}: HTTP status 502"),
        (b"x" * 5000, f"{WHAT}: " + "x" * 200),
        (b'["a", "list"]', f'{WHAT}: ["a", "list"]'),
        (b"\xff\xfe", f"{WHAT}: \ufffd\ufffd"),
    ],
)
def test_an_answer_of_something_else_in_between_is_quoted_in_short(
    body: bytes, sentence: str
) -> None:
    error = from_answer(WHAT, 502, {}, body)
    assert isinstance(error, errors.Unavailable)
    assert (str(error), error.reason) == (sentence, "HTTP 502")


def test_an_error_in_a_watch_is_sorted_by_its_code() -> None:
    expired = from_event("watch Pod shop", status(410, "Expired", "too old resource version"))
    assert isinstance(expired, errors.Expired)
    assert str(expired) == "watch Pod shop: too old resource version"
    assert isinstance(from_event("watch Pod shop", b"{}"), errors.Unavailable)


def test_no_answer_names_the_server_and_the_cause() -> None:
    refused = no_answer(WHAT, "https://192.0.2.1:6443", ConnectionRefusedError("refused"))
    assert (refused.status, refused.reason, refused.retry_after) == (0, "NoAnswer", None)
    assert str(refused) == (
        "patch Deployment shop/checkout: no answer from https://192.0.2.1:6443: "
        "ConnectionRefusedError: refused"
    )
    assert str(no_answer("get", "s", TimeoutError())) == "get: no answer from s: TimeoutError"
