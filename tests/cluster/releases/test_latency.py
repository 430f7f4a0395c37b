"""A version that answers as it should and takes longer for it is taken back for its latency."""

import re
from collections.abc import Callable

from dev.shop.baskets import Mix
from tests.cluster.releases.instruments import await_alert
from tests.cluster.releases.story import Story, judged_by, lost

# A tenth of the baskets have goods of two suppliers, whom v4 asks one after the other.
SUPPLIERS = Mix(samples=0.0, suppliers=0.10, flaky=0.0)
SLOWER = re.compile(r"http-latency .*[\d.]+ % against [\d.]+ % over \d+ ms, \d+ requests, would be")


def test_twice_as_slow_at_p99_is_taken_back_and_as_fast_goes_out(
    story: Callable[..., Story],
) -> None:
    shop = story(analysis=judged_by("http-errors", "http-latency"))
    load = shop.load(mix=SUPPLIERS)
    shop.set_image("v4")
    status = shop.await_end(seconds=480)

    assert ("RolledBack", "Regressed") == (status["phase"], status["reason"])
    assert SLOWER.search(status["message"])
    found = {metric["name"]: metric for metric in status["metrics"]}
    assert found["http-latency"]["state"] == "Regressed"
    assert found["http-errors"]["state"] != "Regressed"
    assert found["http-latency"]["measure"] == "P99Seconds"
    assert found["http-latency"]["canary"] > found["http-latency"]["stable"] > 0
    told = await_alert(shop.shop)["annotations"]
    assert SLOWER.search(told["cause"])
    assert re.match(r"http-latency p99 [\d.]+ m?s of [\d,]+ requests$", told["canary"])
    assert re.match(r"http-latency p99 [\d.]+ m?s of [\d,]+ requests$", told["stable"])

    shop.set_image("v3")
    status = shop.await_end(number=2, seconds=480)
    assert ("Succeeded", "Released") == (status["phase"], status["reason"])
    assert {metric["state"] for metric in status["metrics"]} == {"Safe"}
    assert lost(load.stop()) == 0
