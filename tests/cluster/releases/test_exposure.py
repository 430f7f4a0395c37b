"""A canary of which nothing is known yet meets few users: the plan says how many may be hurt."""

from collections.abc import Callable

from dev.load import Load
from dev.waiting import until
from tests.cluster.releases.story import Story

RATE = 50.0
EXPOSURE = 10  # the default
# What the first weight has to bear: a warm-up of 5 s, and 7.5 s until two scrapes show the look.
PLANNED = 12.5


def test_a_version_that_fails_every_request_hurts_about_as_many_as_the_plan_allows(
    story: Callable[..., Story],
) -> None:
    """A weight of 5 % would hurt twice as many or more. On a busy machine it is more of both."""
    shop = story()
    load = shop.load(RATE)
    until("a minute of load to be known", lambda: sent(load) >= 60 * RATE, seconds=90)
    shop.set_image("v6")
    status = shop.await_end()

    assert ("RolledBack", "Regressed") == (status["phase"], status["reason"])
    met = load.stop().versions["v6"]
    assert 0 < met.bad == met.requests
    late = max(1.0, (met.last - met.first) / PLANNED)
    assert met.requests <= 2 * EXPOSURE * late
    assert 0 < status["exposure"]["bad"] <= met.bad
    assert 0 < status["weight"]["justified"] < 5


def test_a_weight_below_one_percent_is_in_the_route_and_in_the_column(
    story: Callable[..., Story],
) -> None:
    shop = story(replicas=1, exposure=3)
    load = shop.load(RATE)
    until("a minute of load to be known", lambda: sent(load) >= 60 * RATE, seconds=90)
    shop.set_image("v3")
    until("a weight below 1 %", lambda: 0 < column(shop) < 1, seconds=60, explain=shop.told)
    backends = shop.backends()
    assert 0 < backends["checkout-canary"] < 0.05 * backends["checkout"]
    shop.await_release("Stepping", reason="Collecting", seconds=240)
    assert {"checkout": 95, "checkout-canary": 5} == shop.shares()
    load.stop()


def column(shop: Story) -> float:
    """Return the weight as `kubectl get releases` shows it, 0 while there is none."""
    table = shop.shop.kubectl("get", "releases", "--output=wide").splitlines()
    if len(table) < 2:
        return 0.0
    cell = table[1][table[0].index("WEIGHT") : table[0].index("VERDICT")]
    return float(cell.strip() or "0")


def sent(load: Load) -> int:
    """Return how many requests of a load have come to an end."""
    return sum(second.sent for second in load.seconds())
