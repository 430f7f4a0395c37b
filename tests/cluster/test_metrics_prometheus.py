"""Looks through a real Prometheus that scrapes pods whose counters the test sets."""

import random
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from controller.api.metric import ReleaseMetricSpec
from controller.metrics.reader import (
    ArmLook,
    Arms,
    Look,
    NoEvidence,
    PodRef,
    Prometheus,
    Samples,
    read_look,
    read_past,
)
from controller.metrics.selector import Matcher, Selector, quote_regex
from tests.cluster.scraped import (
    SCRAPE_SECONDS,
    Pages,
    RealPrometheus,
    running,
    scrape_config,
    serving,
)
from tests.cluster.scraped_shop import CANARY, SPEC, STABLE, Shop, targets

# Each test has a namespace of its own, with these pods in it.
NAMESPACES = ("truth", "reset", "dip", "dead", "twice", "nan", "errors", "idle", "labels", "busy")


@pytest.fixture(scope="module")
def pages() -> Iterator[Pages]:
    with serving(Pages()) as served:
        yield served


@pytest.fixture(scope="module")
def real(pages: Pages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPrometheus]:
    everything = [target for namespace in NAMESPACES for target in targets(namespace)]
    everything += targets("twice", job="again")
    config = scrape_config(pages.port, everything)
    with running(tmp_path_factory.mktemp("prometheus"), config) as prometheus:
        yield prometheus


@pytest.fixture
def shop_in(pages: Pages, real: RealPrometheus) -> Iterator[Callable[[str], Shop]]:
    prometheus = Prometheus(real.url)

    def shop(namespace: str) -> Shop:
        made = Shop(namespace, pages, prometheus, started_at=time.time() - 1000)
        made.begin()
        return made

    yield shop
    prometheus.close()


def test_looks_add_up_to_what_the_pods_have_counted(shop_in: Callable[[str], Shop]) -> None:
    shop, choice = shop_in("truth"), random.Random(7)
    # Its samples are stored late, under the time at which the scrape began.
    shop.pages.slow(shop.page("checkout-2"), 0.6 * SCRAPE_SECONDS)
    looks: list[Look] = []
    truth = {"canary": 0, "stable": 0, "canary bad": 0}
    for _ in range(8):
        for pod in (*STABLE, CANARY):
            amount = choice.randrange(50)
            shop.add(amount, pod)
            truth["canary" if pod == CANARY else "stable"] += amount
        shop.add(3, CANARY, code="503")
        truth["canary"] += 3
        truth["canary bad"] += 3
        shop.wait_scraped(CANARY, times=1)
        outcome = shop.read()
        looks += [outcome] if isinstance(outcome, Look) else []
    shop.add(1)
    truth["canary"] += 1
    truth["stable"] += len(STABLE)
    looks.append(shop.look())
    assert len(looks) > 3
    assert sum(look.canary.total for look in looks) == truth["canary"]
    assert sum(look.canary.bad for look in looks) == truth["canary bad"]
    assert sum(look.stable.total for look in looks) == truth["stable"]
    assert all(later.start == earlier.end for earlier, later in pairwise(looks))


def test_a_process_that_starts_anew_counts_on(shop_in: Callable[[str], Shop]) -> None:
    shop = shop_in("reset")
    shop.add(50)
    shop.wait_scraped(CANARY)
    shop.pages.restart(shop.page(CANARY))
    shop.add(7, CANARY)
    shop.add(2, CANARY, code="500")
    assert shop.look().canary == ArmLook(2, 59, met=59, met_bad=2, pods={CANARY: (2, 59)})


def test_a_counter_that_dips_is_waited_for(shop_in: Callable[[str], Shop]) -> None:
    shop = shop_in("dip")
    shop.add(10)
    shop.wait_scraped(CANARY)
    shop.pages.set(shop.page(CANARY), 990, code="200")
    shop.wait_scraped(CANARY)
    shop.pages.set(shop.page(CANARY), 1015, code="200")
    assert shop.look().canary.total == 15


def test_dead_pods_are_named_once_they_are_more_than_a_third(
    shop_in: Callable[[str], Shop],
) -> None:
    shop = shop_in("dead")
    shop.pages.down(shop.page("checkout-1"))
    shop.add(10)
    shop.wait_scraped(times=6)
    assert shop.look().stable.total == 20
    shop.pages.down(shop.page("checkout-2"))
    shop.add(10)
    shop.wait_scraped(times=6)
    outcome = shop.read()
    assert isinstance(outcome, NoEvidence)
    assert outcome.reason == "PodsNotScraped"
    assert outcome.message.startswith(
        "2 of 3 stable pods have no fresh sample: checkout-1, checkout-2;"
    )
    for pod in STABLE:
        shop.pages.down(shop.page(pod), down=False)
    # What the dead pods have counted meanwhile is in the next look: 10 and 20 and 10.
    assert shop.look().stable.total == 40


def test_a_pod_scraped_by_two_jobs_counts_once(shop_in: Callable[[str], Shop]) -> None:
    shop = shop_in("twice")
    shop.add(10)
    look = shop.look()
    assert (look.canary.total, look.stable.total) == (10, 30)


def test_a_counter_that_is_no_number_holds(shop_in: Callable[[str], Shop]) -> None:
    shop = shop_in("nan")
    shop.add(10)
    shop.pages.set(shop.page(CANARY), float("nan"), code="500")
    shop.wait_scraped()
    outcome = shop.read()
    assert isinstance(outcome, NoEvidence)
    assert outcome.reason == "NotANumber"
    assert f'pod="{CANARY}"}} is nan' in outcome.message
    shop.pages.set(shop.page(CANARY), 1, code="500")
    assert shop.look().canary.total == 10


def test_the_first_error_counts(shop_in: Callable[[str], Shop]) -> None:
    shop = shop_in("errors")
    shop.add(10)
    shop.add(4, CANARY, code="500")
    shop.add(1, "checkout-2", code="503")
    look = shop.look()
    assert look.canary == ArmLook(4, 14, met=14, met_bad=4, pods={CANARY: (4, 14)})
    pods = {"checkout-1": (0, 10), "checkout-2": (1, 11), "checkout-3": (0, 10)}
    assert look.stable == ArmLook(1, 31, met=31, met_bad=1, pods=pods)
    again = shop.read()
    assert isinstance(again, NoEvidence)
    assert again.reason == "TooEarly"


def test_no_requests_and_no_series_hold(shop_in: Callable[[str], Shop]) -> None:
    shop = shop_in("idle")
    shop.add(10, *STABLE)
    shop.wait_scraped()
    outcome = shop.read()
    assert isinstance(outcome, NoEvidence)
    assert (outcome.reason, outcome.message) == (
        "NoTraffic",
        "no requests on the canary since the last look",
    )
    nothing = {"counts": {"total": 'x{pod=~"{{ pods }}"}', "bad": 'code=~"5.."'}}
    missing = shop.read(ReleaseMetricSpec.model_validate(nothing))
    assert isinstance(missing, NoEvidence)
    assert missing.reason == "NoData"


@pytest.mark.parametrize(
    "value", ['"quoted"', "back\\slash", "new\nline", "été", "a{b}[c](d)|e.f*", "'`", "\t"]
)
def test_any_label_value_can_be_selected(shop_in: Callable[[str], Shop], value: str) -> None:
    shop = shop_in("labels")
    shop.pages.add(shop.page(CANARY), 1, path=value)
    shop.pages.add(shop.page(CANARY), 1, path=f"{value}x")
    shop.wait_scraped(CANARY)
    for matcher in (Matcher("path", "=", value), Matcher("path", "=~", quote_regex(value))):
        selector = Selector("http_requests_total", (Matcher("namespace", "=", "labels"), matcher))
        found = shop.prometheus.range_samples(str(selector), window=5)
        assert isinstance(found, Samples)
        assert {series.labels["path"] for series in found.series} == {value}
        assert all(selector.matches(series.labels) for series in found.series)


def test_many_pods_fit_into_one_query(shop_in: Callable[[str], Shop]) -> None:
    shop = shop_in("busy")
    arms = shop.arms
    absent = tuple(PodRef(f"checkout-{i:05d}", None, 0) for i in range(3000))
    shop.add(10)
    shop.wait_scraped()
    many = Arms(arms.namespace, arms.stable + absent, arms.canary, "checkout", "checkout-canary")
    look = read_look(shop.prometheus, SPEC, many, {}, shop.since, 0, time.time())
    assert isinstance(look, Look)
    assert look.stable.total == 30


def test_history_is_what_stable_counted(shop_in: Callable[[str], Shop]) -> None:
    shop = shop_in("busy")
    before = read_past(shop.prometheus, SPEC, shop.arms, {}, now=time.time(), seconds=60)
    shop.add(10, *STABLE)
    shop.add(2, "checkout-1", code="500")
    shop.wait_scraped()
    after = read_past(shop.prometheus, SPEC, shop.arms, {}, now=time.time(), seconds=60)
    assert not isinstance(before, NoEvidence)
    assert not isinstance(after, NoEvidence)
    assert after.counts.sum() - before.counts.sum() == 32
    assert after.counts[:, :, after.parts.index("bad")].sum() == 2
