"""Counting the requests of a client."""

import time
from collections import Counter


class Requests:
    """Counts requests by verb and HTTP status, with the time of each."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, float]] = []

    def __call__(self, verb: str, _kind: str, status: int, _seconds: float) -> None:
        self.seen.append((verb, status, time.monotonic()))

    def count(self) -> Counter[tuple[str, int]]:
        return Counter((verb, status) for verb, status, _ in self.seen)
