"""Rules that were read during a release and are written back after it: nobody's requests are lost.

The canary's Service is gone by then, so whatever the route sends there is answered with 500.
"""

from collections.abc import Callable

from dev.shop.deploy import NAME
from dev.waiting import until
from tests.cluster.releases.story import Story, lost

CANARY = f"{NAME}-canary"
MOMENT = 5.0  # seconds; at 20 requests a second half of them are lost meanwhile
RATE = 20.0


def test_a_backend_that_comes_back_after_the_end_is_taken_out(
    story: Callable[..., Story],
) -> None:
    shop = story(replicas=1, steps=[{"weight": 50, "hold": "1h"}])
    shop.set_image("v3")
    shop.await_backends({NAME: 500, CANARY: 500})
    rules = shop.get("httproute", NAME)["spec"]["rules"]
    shop.gander("abort", f"{NAME}-1")
    shop.await_end()
    shop.await_backends({NAME: 1})
    load = shop.load(rate=RATE)

    shop.patch("httproute", {"spec": {"rules": rules}})

    shop.await_backends({NAME: 1}, seconds=MOMENT)
    until(
        "the Event about it",
        lambda: CANARY in shop.events("ReleasePlan", NAME).get("LeftoverBackend", ""),
        seconds=10,
    )
    shop.patch("httproute", {"spec": {"rules": rules}})
    shop.await_backends({NAME: 1}, seconds=MOMENT)
    assert shop.plan()["phase"] == "Held"
    assert lost(load.stop()) <= 2 * MOMENT * RATE / 2
