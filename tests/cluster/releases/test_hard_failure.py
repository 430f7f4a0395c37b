"""A canary that fails every request is out of the route as soon as its failures are known."""

from collections.abc import Callable
from datetime import datetime

from tests.cluster.releases.instruments import counting, watching
from tests.cluster.releases.story import AT_ONCE, Json, Story

LOOK, WARM_UP = 5.0, 5.0  # seconds, as in examples/checkout/plan.yaml
ALLOWED = LOOK + 3.0


def test_every_request_of_the_canary_fails(story: Callable[..., Story]) -> None:
    # With the few requests of an eased weight one look may be too early to be sure.
    shop = story(exposure=AT_ONCE)
    load = shop.load()
    failures = 'http_requests_total{namespace="%s",pod=~"checkout-canary-.*",code=~"5.."}'
    with (
        watching(shop.shop) as route,
        counting(shop.shop, failures % shop.shop.namespace) as counted,
    ):
        shop.set_image("v6")
        shop.await_release("Stepping")
        (pod,) = (pod for pod in shop.get("pods")["items"] if image(pod) == shop.images["v6"])
        status = shop.await_end()
    assert ("RolledBack", "Regressed") == (status["phase"], status["reason"])
    (metric,) = status["metrics"]
    assert (1.0, 0.0) == (metric["canary"], metric["stable"])

    # Evidence is what the canary counted at its weight and past its warm-up, from one scrape to
    # another.
    given = route.first("checkout-canary")
    confirmed = status["looks"]["since"]
    assert given - 1 <= confirmed <= given + 2
    floor = max(confirmed, ready_since(pod) + WARM_UP)
    known = counted.visible(since=floor)
    out = route.without("checkout-canary", after=given)
    assert out - known <= ALLOWED
    # And the gateway has followed.
    assert load.stop().versions["v6"].last - known <= ALLOWED


def image(pod: Json) -> str:
    """Return the image of a pod."""
    return str(pod["spec"]["containers"][0]["image"])


def ready_since(pod: Json) -> float:
    """Return when a pod became ready, in Unix time."""
    conditions = {c["type"]: c for c in pod["status"]["conditions"]}
    return datetime.fromisoformat(conditions["Ready"]["lastTransitionTime"]).timestamp()
