"""The measuring instrument of everything else: shop, gateway and load, without Gander.

If a rolling update of Kubernetes' own lost requests here, losses elsewhere would prove nothing.
Run with `python -m dev run -- pytest`, or with the variables of another cluster.
"""

import http.client
import json
import os
import random
import urllib.parse
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from dev.environment import Environment
from dev.errors import DevError
from dev.load import Load
from dev.load_figures import Summary
from dev.load_sender import Plan
from dev.programs import cache_folder
from dev.shop.baskets import Mix, draw
from dev.shop.deploy import Shop, await_rolled_out, deploy, push_images, remove, set_image
from dev.shop.versions import PARENTS
from dev.waiting import until

USUAL = Mix()


@pytest.fixture(scope="module")
def environment() -> Environment:
    return Environment.from_variables(os.environ)


@pytest.fixture(scope="module")
def images(environment: Environment) -> dict[str, str]:
    return push_images(environment, cache_folder(os.environ), PARENTS, print)


@pytest.fixture
def shops(environment: Environment) -> Iterator[Iterator[Shop]]:
    """Give as many shops as asked for, each with a namespace and a host name of its own."""
    given: list[Shop] = []

    def give() -> Iterator[Shop]:
        while True:
            name = f"shop-{uuid.uuid4().hex[:8]}"
            given.append(Shop(environment, namespace=name, hostname=f"{name}.example"))
            yield given[-1]

    yield give()
    for shop in given:
        remove(shop)


@pytest.fixture
def shop(shops: Iterator[Shop]) -> Shop:
    return next(shops)


def load(shop: Shop, *, seconds: float = 5, rate: float = 100, mix: Mix = USUAL) -> Summary:
    plan = Plan(rate=rate, duration=seconds, hostname=shop.hostname, mix=mix)
    with Load.start(shop.environment, plan) as running:
        return running.wait()


def drawn(mix: Mix, count: int) -> Counter[str]:
    """Return how many baskets of each kind a load draws: its seed makes that no matter of luck."""
    chance = random.Random(Plan().seed)
    return Counter(draw(mix, chance).kind for _ in range(count))


def get(shop: Shop, path: str) -> http.client.HTTPResponse:
    gateway = urlsplit(shop.environment.gateway_url)
    connection = http.client.HTTPConnection(gateway.hostname or "", gateway.port, timeout=10)
    connection.request("GET", path, headers={"host": shop.hostname})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


def pods(shop: Shop, image: str) -> list[dict[str, Any]]:
    """Return the container status of each pod with this image."""
    items = json.loads(shop.kubectl("get", "pods", "-o", "json"))["items"]
    return [
        status
        for pod in items
        if pod["spec"]["containers"][0]["image"] == image
        for status in pod["status"].get("containerStatuses", ())
    ]


def await_only(shop: Shop, image: str) -> None:
    """Return once all pods have this image and are ready, and those before them are gone."""
    await_rolled_out(shop)
    selector = ("--field-selector", "status.phase=Running", "-o", "json")

    def alone() -> bool:
        items = json.loads(shop.kubectl("get", "pods", *selector))["items"]
        return {pod["spec"]["containers"][0]["image"] for pod in items} == {image}

    until("the pods of other versions to be gone", alone, seconds=60)


def await_end(shop: Shop, image: str) -> dict[str, Any]:
    """Return how a container with this image ended, once one has."""
    ends: list[dict[str, Any]] = []

    def ended() -> bool:
        states = [s[name] for s in pods(shop, image) for name in ("state", "lastState")]
        ends.extend(state["terminated"] for state in states if "terminated" in state)
        return bool(ends)

    until(f"a container of {image} to end", ended, seconds=60)
    return ends[0]


def lost(summary: Summary) -> int:
    return sum(summary.lost.values())


def test_images_are_built_and_pushed_once(environment: Environment, images: dict[str, str]) -> None:
    said: list[str] = []
    again = push_images(environment, cache_folder(os.environ), PARENTS, said.append)
    assert again == images
    assert [line for line in said if "building" in line] == []
    assert len(set(images.values())) == len(PARENTS)


def test_a_good_version_answers_every_request(shop: Shop, images: dict[str, str]) -> None:
    deploy(shop, images["v1"])
    summary = load(shop)
    assert summary.lost == {}
    assert {name: (a.requests, a.bad) for name, a in summary.versions.items()} == {"v1": (500, 0)}


def test_the_teams_own_filter_is_in_effect(shop: Shop, images: dict[str, str]) -> None:
    deploy(shop, images["v1"], replicas=1)
    assert get(shop, "/price?items=mug").headers["cache-control"] == "no-store"


def test_one_percent_of_errors_becomes_five(shops: Iterator[Shop], images: dict[str, str]) -> None:
    mix = Mix(flaky=0.01, samples=0.04)
    kinds = drawn(mix, 500)
    counted = {}
    for version, shop in zip(("v1", "v2"), shops, strict=False):
        deploy(shop, images[version], replicas=1)
        answers = load(shop, mix=mix).versions[version]
        counted[version] = (answers.requests, answers.bad, answers.hurt)
    assert counted == {
        "v1": (500, kinds["flaky"], 0),
        "v2": (500, kinds["flaky"] + kinds["samples"], kinds["samples"]),
    }


def test_prometheus_counts_what_the_load_counts(shop: Shop, images: dict[str, str]) -> None:
    deploy(shop, images["v1"])
    mix = Mix(flaky=0.05)
    load(shop, mix=mix)
    flaky = drawn(mix, 500)["flaky"]
    expected = {"200": 500 - flaky, "503": flaky}
    labels = f'namespace="{shop.namespace}",method="POST"'
    words = urllib.parse.urlencode({"query": f"sum by (code) (http_requests_total{{{labels}}})"})
    url = f"{shop.environment.prometheus_url}/api/v1/query?{words}"
    seen: dict[str, int] = {}

    def counted() -> bool:
        with urllib.request.urlopen(url, timeout=5) as response:
            result = json.load(response)["data"]["result"]
        seen.update({item["metric"]["code"]: int(item["value"][1]) for item in result})
        return seen == expected

    until("Prometheus to have counted them", counted, seconds=30, explain=lambda: f"{seen}")


def test_a_rolling_update_loses_no_request(shop: Shop, images: dict[str, str]) -> None:
    deploy(shop, images["v1"])
    plan = Plan(rate=100, duration=120, hostname=shop.hostname)
    with Load.start(shop.environment, plan) as running:
        until("the load to be under way", lambda: len(running.seconds()) >= 3, seconds=30)
        set_image(shop, images["v3"])
        # Also while the old pods drain and end.
        await_only(shop, images["v3"])
        summary = running.stop()
    assert summary.lost == {}
    assert {name: a.bad for name, a in summary.versions.items()} == {"v1": 0, "v3": 0}
    assert summary.versions["v1"].last < summary.versions["v3"].last


def test_a_gateway_without_a_backend_is_a_loss(shop: Shop, images: dict[str, str]) -> None:
    deploy(shop, images["v1"], replicas=1)
    shop.kubectl("scale", "deployment/checkout", "--replicas=0")
    until("the pod to be gone", lambda: not pods(shop, images["v1"]), seconds=60)
    summary = load(shop, seconds=1)
    assert (lost(summary), summary.versions) == (100, {})


def test_a_pod_that_dies_in_the_middle_loses_requests_and_they_are_seen(
    shop: Shop, images: dict[str, str]
) -> None:
    deploy(shop, images["v1"], replicas=1)
    plan = Plan(rate=100, duration=60, hostname=shop.hostname)
    with Load.start(shop.environment, plan) as running:
        until("the load to be under way", lambda: len(running.seconds()) >= 2, seconds=30)
        shop.kubectl("delete", "pods", "--all", "--grace-period=0", "--force")
        until("a loss to be seen", lambda: any(s.lost for s in running.seconds()), seconds=30)


def test_v4_is_twice_as_slow_where_two_suppliers_are_asked(
    shops: Iterator[Shop], images: dict[str, str]
) -> None:
    mix = Mix(samples=0, suppliers=1)
    median = {}
    for version, shop in zip(("v1", "v4"), shops, strict=False):
        deploy(shop, images[version], replicas=1)
        median[version] = load(shop, rate=20, seconds=2, mix=mix).versions[version].p50_ms
    # 40 ms are a supplier's own. v1 asks both at once, v4 one after the other.
    assert 40 <= median["v1"] < 80 <= median["v4"]


def test_v5_crashes_at_start_and_no_user_meets_it(shop: Shop, images: dict[str, str]) -> None:
    deploy(shop, images["v1"])
    set_image(shop, images["v5"])
    ended = await_end(shop, images["v5"])
    assert (ended["reason"], ended["exitCode"]) == ("Error", 1)
    assert "KeyError: 'SHOP_CURRENCY'" in ended["message"]
    summary = load(shop, seconds=3)
    assert (summary.lost, list(summary.versions)) == ({}, ["v1"])


def test_v6_fails_every_request_though_it_is_ready(shop: Shop, images: dict[str, str]) -> None:
    deploy(shop, images["v6"], replicas=1)
    answers = load(shop, seconds=1).versions["v6"]
    assert (answers.requests, answers.bad) == (100, 100)


def test_never_ready_runs_and_is_never_ready(shop: Shop, images: dict[str, str]) -> None:
    deploy(shop, images["v1"], replicas=1)
    shop.kubectl(
        "patch", "deployment", "checkout", "--patch", '{"spec":{"progressDeadlineSeconds":9}}'
    )
    set_image(shop, images["never-ready"])
    with pytest.raises(DevError, match="exceeded its progress deadline"):
        await_rolled_out(shop)
    (status,) = pods(shop, images["never-ready"])
    assert (status["started"], status["ready"], status["restartCount"]) == (True, False, 0)


def test_oom_is_killed_for_its_memory(shop: Shop, images: dict[str, str]) -> None:
    deploy(shop, images["v1"], replicas=1)
    set_image(shop, images["oom"])
    ended = await_end(shop, images["oom"])
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)
