"""The Service is edited in the middle of a release, so that it selects the canary's pods too."""

from collections.abc import Callable

from dev.shop.deploy import NAME, await_rolled_out
from dev.waiting import until
from tests.cluster.releases.story import Story

CANARY = f"{NAME}-canary"
STEPS = [{"weight": 5, "hold": "1h"}]


def test_nobody_meets_the_canary_past_the_routes(story: Callable[..., Story]) -> None:
    shop = story(replicas=2, adopt=False)
    shop.patch("deployment", {"spec": {"template": {"metadata": {"labels": {"tier": "web"}}}}})
    await_rolled_out(shop.shop)
    shop.adopt(steps=STEPS)
    shop.load()
    shop.set_image("v3")
    shop.await_evidence()

    shop.patch("service", {"spec": {"selector": {"app": None, "tier": "web"}}})
    held = shop.await_release("Holding", reason="TrackLabelNotSelected")
    assert held["message"].startswith(f"Service {NAME}: spec.selector (tier=web) selects canary")
    assert f"add app={NAME} to it" in held["message"]

    def unreached() -> bool:
        pods = [p["metadata"]["name"] for p in shop.get("pods")["items"]]
        return not any(name.startswith(CANARY) for name in pods)

    until("the canary's pods to be gone", unreached, seconds=60, explain=shop.told)
    assert 0 == shop.backends()[CANARY]
    assert 0 == shop.canary()["spec"]["replicas"]

    shop.patch("service", {"spec": {"selector": {"app": NAME}}})
    shop.await_backends({NAME: 950, CANARY: 50})
    shop.await_release("Stepping", reason="Collecting")
    shop.await_evidence()
