"""A version that is worse is taken back, its revision stays out, and people are told why."""

import re
from collections.abc import Callable

from tests.cluster.releases.instruments import alerts, await_alert, await_no_alert
from tests.cluster.releases.story import ONE_BECOMES_FIVE, Json, Story, lost

RATES = re.compile(r"http-errors ([\d.]+) % against ([\d.]+) % \(x[\d.]+, between x[\d.]+ and ")


def test_one_percent_errors_become_five(story: Callable[..., Story]) -> None:
    shop = story()
    load = shop.load(mix=ONE_BECOMES_FIVE)
    shop.set_image("v2")
    # A fault of four requests in a hundred takes some hundred of the canary's to be proven.
    status = shop.await_end(seconds=480)

    assert ("RolledBack", "Regressed") == (status["phase"], status["reason"])
    assert {entry["weight"] for entry in status["timeline"]} == {0, 5}
    assert shop.backends() == {"checkout": 1}
    assert shop.canary() == {}
    plan = shop.await_plan("Rejected")
    assert ["checkout-1"] == [rejection["release"] for rejection in plan["rejected"]]

    summary = load.stop()
    assert lost(summary) == 0
    seen, met = status["exposure"], summary.versions["v2"]
    assert 0 < seen["bad"] <= met.bad
    assert seen["bad"] < seen["requests"] <= met.requests
    rates = both_rates(status["message"])
    assert rates == (in_words(status, "canary"), in_words(status, "stable"))
    assert float(rates[0]) > float(rates[1])

    alert = await_alert(shop.shop)
    assert (
        alert["labels"].items()
        >= {
            "alertname": "GanderReleaseRolledBack",
            "plan": "checkout",
            "release": "checkout-1",
            "reason": "Regressed",
            "team": "shop",
        }.items()
    )
    told = alert["annotations"]
    assert rates == both_rates(told["summary"]) == both_rates(told["cause"])
    assert told["canary"].startswith(f"http-errors {rates[0]} % of ")
    assert told["stable"].startswith(f"http-errors {rates[1]} % of ")
    assert re.match(r"http-errors x[\d.]+, between x[\d.]+ and x[\d.]+$", told["ratio"])
    exposure = f"{seen['requests']:,.0f} requests met it, {seen['bad']:,.0f} of them bad."
    assert exposure == told["exposure"]
    assert shop.images["v2"].partition("@")[2] in told["image"]
    assert "kubectl gander retry checkout-1" in told["next"]

    marks = {c["type"]: c for c in shop.deployment()["status"]["conditions"]}
    assert ("True", "RevisionRejected") == (marks["Stalled"]["status"], marks["Stalled"]["reason"])
    assert rates == both_rates(marks["Stalled"]["message"])
    assert rates == both_rates(shop.events("Release", "checkout-1")["Regressed"])
    assert rates == both_rates(shop.events("ReleasePlan", "checkout")["RevisionRejected"])

    shop.set_image("v1")
    shop.await_plan("Idle")
    await_no_alert(shop.shop)
    assert "Stalled" not in {c["type"] for c in shop.deployment()["status"]["conditions"]}


def test_an_acknowledged_alert_is_resolved(story: Callable[..., Story]) -> None:
    shop = story()
    shop.load()
    shop.set_image("v6")
    shop.await_end()
    await_alert(shop.shop)
    shop.gander("acknowledge", "checkout-1", "--reason=the shop team looks at it")
    await_no_alert(shop.shop)
    assert "Rejected" == shop.plan()["phase"]
    assert [] == alerts(shop.shop)


def both_rates(text: str) -> tuple[str, str]:
    """Return the canary's and stable's rate as a sentence gives them, in percent."""
    found = RATES.search(text)
    assert found, text
    return found[1], found[2]


def in_words(status: Json, arm: str) -> str:
    """Return the rate of an arm to two digits, in percent."""
    return f"{100 * status['metrics'][0][arm]:.2g}"
