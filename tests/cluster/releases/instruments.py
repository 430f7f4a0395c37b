"""What tests of whole releases measure with: Alertmanager, Prometheus and the route, from outside.

Promises: nothing of Gander's is used, so that its own words can be checked against these.
"""

import json
import os
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from dev.reach import inside
from dev.shop.deploy import NAME, Shop
from dev.waiting import until

Json = dict[str, Any]


def alerts(shop: Shop) -> list[Json]:
    """Return the alerts about a shop that fire now, the newest first."""
    found = _fetch(shop, f"{shop.environment.alertmanager_url}/api/v2/alerts?active=true")
    mine = [alert for alert in found if alert["labels"].get("namespace") == shop.namespace]
    return sorted(mine, key=lambda alert: str(alert["startsAt"]), reverse=True)


def await_alert(shop: Shop) -> Json:
    """Return the one alert about a shop, as soon as it fires."""
    until(f"{shop.namespace}: an alert", lambda: bool(alerts(shop)), seconds=30)
    (alert,) = alerts(shop)
    return alert


def await_no_alert(shop: Shop) -> None:
    """Return once no alert about a shop fires."""
    until(f"{shop.namespace}: no alert", lambda: not alerts(shop), seconds=30)


@dataclass
class Counted:
    """What Prometheus knew of one counter: scraped at, value, and when it was not known yet."""

    samples: dict[float, tuple[float, float]] = field(default_factory=dict)

    def visible(self, *, since: float) -> float:
        """Return when Prometheus had two samples from `since` on of which the later is higher.

        StopIteration: it never had.
        """
        of_interest = sorted((at, *seen) for at, seen in self.samples.items() if at >= since)
        _, origin, _ = of_interest[0]
        return next(known for _, value, known in of_interest[1:] if value > origin)


@contextmanager
def counting(shop: Shop, selector: str) -> Iterator[Counted]:
    """Ask Prometheus for one series all the time while the block runs."""
    counted = Counted()
    words = urllib.parse.urlencode({"query": f"{selector}[5m]"})
    url = f"{shop.environment.prometheus_url}/api/v1/query?{words}"
    over = threading.Event()
    errors: list[Exception] = []

    def ask() -> None:
        asked_before = time.time()
        while not over.wait(0.1):
            asked = time.time()
            try:
                series = _fetch(shop, url)["data"]["result"]
                for at, value in series[0]["values"] if series else []:
                    # It came after the last answer, in which it was missing.
                    counted.samples.setdefault(float(at), (float(value), asked_before))
            except (OSError, ValueError) as error:
                errors.append(error)
                return
            asked_before = asked

    reader = threading.Thread(target=ask, daemon=True)
    reader.start()
    try:
        yield counted
    finally:
        over.set()
        reader.join(10)
    assert not errors, errors


def number(shop: Shop, query: str) -> float | None:
    """Return what Prometheus answers to a query for a single number; None while it has none."""
    words = urllib.parse.urlencode({"query": query})
    found = _fetch(shop, f"{shop.environment.prometheus_url}/api/v1/query?{words}")
    series = found["data"]["result"]
    return float(series[0]["value"][1]) if series else None


def _fetch(shop: Shop, url: str) -> Any:
    with inside(shop.environment), urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


@dataclass
class Backends:
    """The percentages of a route's first rule by Service, each with the time it was seen at."""

    seen: list[tuple[float, dict[str, int]]] = field(default_factory=list)

    def first(self, service: str) -> float:
        """Return when a Service first had requests. StopIteration: it never had any."""
        return next(at for at, shares in self.seen if shares.get(service))

    def without(self, service: str, *, after: float) -> float:
        """Return when a Service had left the route. StopIteration: it did not."""
        return next(at for at, shares in self.seen if at > after and service not in shares)

    def of(self, service: str) -> list[int | None]:
        """Return the percentages that a Service had one after the other; None: not in the route."""
        return [share for share, _ in groupby(shares.get(service) for _, shares in self.seen)]


@contextmanager
def watching(shop: Shop) -> Iterator[Backends]:
    """Note every change of the shop's route while the block runs."""
    backends = Backends()
    with inside(shop.environment):
        process = subprocess.Popen(
            (
                *("kubectl", f"--namespace={shop.namespace}", "get", "httproute", NAME, "--watch"),
                '--output=jsonpath={.spec.rules[0].backendRefs}{"\\n"}',
            ),
            env={**os.environ, **shop.environment.variables()},
            stdout=subprocess.PIPE,
            text=True,
        )

    def note() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            weights = {ref["name"]: ref.get("weight", 1) for ref in json.loads(line)}
            total = sum(weights.values())
            shares = {name: 100 * weight // total for name, weight in weights.items()}
            backends.seen.append((time.time(), shares))

    reader = threading.Thread(target=note, daemon=True)
    reader.start()
    try:
        until("the watch of the route to begin", lambda: bool(backends.seen), seconds=30)
        yield backends
    finally:
        process.terminate()
        process.wait()
        reader.join(5)
        assert process.stdout is not None
        process.stdout.close()
