"""What /metrics says about plans and releases; the chart's alerts stand on it."""

from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from controller.reconcile.inventory import Inventory


def stored(name: str, **status: str) -> dict[str, Any]:
    item: dict[str, Any] = {"metadata": {"name": name, "namespace": "shop"}}
    return {**item, "status": status} if status else item


def shown(plans: list[dict[str, Any]], releases: list[dict[str, Any]]) -> list[str]:
    registry = CollectorRegistry()
    registry.register(Inventory(lambda: plans, lambda: releases))
    text = generate_latest(registry).decode()
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_a_plan_shows_its_phase_and_its_guard() -> None:
    assert shown([stored("checkout", phase="Idle", guard="Guarded")], []) == [
        'gander_plan_info{guard="Guarded",namespace="shop",phase="Idle",plan="checkout"} 1.0'
    ]


def test_a_plan_that_nobody_has_looked_at_is_shown_all_the_same() -> None:
    assert shown([stored("checkout")], []) == [
        'gander_plan_info{guard="",namespace="shop",phase="",plan="checkout"} 1.0'
    ]


def test_a_release_shows_why_it_holds() -> None:
    releases = [stored("checkout-7", phase="Holding", reason="NoTraffic")]
    (line,) = shown([], releases)
    assert line == (
        'gander_release_info{namespace="shop",phase="Holding",reason="NoTraffic",'
        'release="checkout-7"} 1.0'
    )


def test_a_release_that_has_ended_is_not_shown() -> None:
    ended = ("Succeeded", "RolledBack", "Aborted", "Superseded")
    assert shown([], [stored(f"checkout-{phase}", phase=phase) for phase in ended]) == []


def test_a_release_without_a_status_is_pending() -> None:
    assert shown([], [stored("checkout-8")]) == [
        'gander_release_info{namespace="shop",phase="Pending",reason="",release="checkout-8"} 1.0'
    ]
