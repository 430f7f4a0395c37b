"""What Gander asks of the API server: nothing at rest, and one status write a look at most."""

import time
from collections.abc import Callable

import pytest

from dev.waiting import until
from tests.cluster.releases.installed import Installed
from tests.cluster.releases.story import AT_ONCE, Story

pytestmark = pytest.mark.disruptive
REST = 30.0  # seconds
NAMES = "rest_client_requests_total"
# The lease is renewed every 2 s, read and written; watches end after 5 to 10 minutes.
ALWAYS = {("get", "Lease"), ("patch", "Lease")}


def requests(installed: Installed) -> dict[tuple[str, str], float]:
    """Return how many requests this process has made so far, by verb and kind."""
    counted: dict[tuple[str, str], float] = {}
    for (name, labels), value in installed.samples(installed.pod()).items():
        if name == NAMES:
            _code, kind, verb = labels  # in the order of their names
            counted[verb, kind] = counted.get((verb, kind), 0.0) + value
    return counted


def made_since(installed: Installed, before: dict[tuple[str, str], float]) -> dict[str, float]:
    """Return the requests since then that are neither the lease's nor a watch."""
    return {
        f"{verb} {kind}": count - before.get((verb, kind), 0.0)
        for (verb, kind), count in requests(installed).items()
        if count != before.get((verb, kind), 0.0) and (verb, kind) not in ALWAYS and verb != "watch"
    }


def test_a_plan_at_rest_costs_no_request(story: Callable[..., Story], installed: Installed) -> None:
    shop = story(replicas=2)
    await_alone(shop)
    before = requests(installed)
    time.sleep(REST)  # the measured time itself
    made = made_since(installed, before)
    assert made == {}
    renewals = requests(installed)["patch", "Lease"] - before["patch", "Lease"]
    assert 5 <= renewals <= REST


def test_a_look_costs_one_status_write(story: Callable[..., Story], installed: Installed) -> None:
    shop = story(replicas=2, steps=[{"weight": 5, "hold": "1h"}], exposure=AT_ONCE)
    await_alone(shop)
    shop.load()
    shop.set_image("v3")
    shop.await_evidence()
    before, looks = requests(installed), looked(shop)
    until("six further looks", lambda: looked(shop) >= looks + 6, seconds=90)
    made, taken = made_since(installed, before), looked(shop) - looks
    assert 0 < made.pop("patch Release", 0.0) <= taken + 1
    assert made == {}


def looked(shop: Story) -> int:
    """Return how many looks the release has taken."""
    return int(shop.release()["metrics"][0]["looks"])


def await_alone(shop: Story) -> None:
    """Wait until what other tests left is gone; its end costs requests as well."""

    def alone() -> bool:
        words = ("get", "namespaces", "--field-selector=status.phase=Terminating", "-o", "name")
        return not shop.shop.kubectl(*words)

    until("the namespaces of other tests to be gone", alone, seconds=180)
