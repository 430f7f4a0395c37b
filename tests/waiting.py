"""Waiting in tests: a condition with a deadline, never a fixed sleep."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE = 0.05  # seconds between two tries


def eventually(
    fn: Callable[[], T],
    *,
    within: float,
    what: str,
    tolerate: tuple[type[Exception], ...] = (),
) -> T:
    """Call `fn` until it returns something true, and return that.

    After `within` seconds: AssertionError with `what` and the last value. An error of a class in
    `tolerate` counts as a value that is not true; every other one passes through.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            value = fn()
            if value:
                return value
            last: object = value
        except tolerate as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within:g} s for {what}; at last: {last!r}")
        time.sleep(PAUSE)
