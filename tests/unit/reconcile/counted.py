"""What Prometheus would say of the shop's requests, served on loopback."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from tests.unit.loopback import Answer, answering, with_status

INTERVAL = 5.0  # seconds between scrapes
HOUR = 3600.0  # each counter began an hour ago, at 0
PODS = {"canary-1": 5.0, **{f"stable-{number}": 20.0 for number in range(4)}}  # requests a second


def answer_at(now: datetime, *, canary_errors: float, stable_errors: float) -> Answer:
    """Return the answer to every query at `now`; shares of requests that are bad."""
    series = [
        counter(pod, code, rate * share, now.timestamp())
        for pod, rate in PODS.items()
        for bad in (canary_errors if pod == "canary-1" else stable_errors,)
        for code, share in (("200", 1.0 - bad), ("500", bad))
    ]
    data = {"resultType": "matrix", "result": series}
    return with_status("200 OK", json.dumps({"status": "success", "data": data}).encode())


def counter(pod: str, code: str, rate: float, end: float) -> dict[str, Any]:
    """Return 1,000 s of a counter that rises by `rate` a second."""
    labels = {"__name__": "http_requests_total", "pod": pod, "code": code, "job": "pods"}
    times = [end - INTERVAL * age for age in range(200, -1, -1)]
    points = [(at, str(round(rate * (at - end + HOUR)))) for at in times]
    return {"metric": {**labels, "instance": f"{pod}:8080"}, "values": points}


@contextmanager
def prometheus(answer: Answer) -> Iterator[tuple[str, list[bytes]]]:
    """Serve that answer; yield the URL, and the queries as they come in."""
    queries: list[bytes] = []

    def note_and_answer(connection: socket.socket, query: bytes) -> None:
        queries.append(query)
        answer(connection, query)

    with answering(note_and_answer) as url:
        yield url, queries
