"""The Service in front of the canary is not what the user's Service makes it."""

from dataclasses import replace
from datetime import timedelta

from controller.release.facts import EnsureCanaryService, SetWeight
from controller.release.machine import decide
from tests.unit.release.given import (
    NOW,
    SECOND,
    assert_settled,
    at_step,
    canary,
    facts,
    release,
    route,
    seen,
)

DIFFERS = "spec.selector, spec.ports"


def test_its_share_goes_to_stable_before_it_is_brought_in_line_and_comes_back_a_little_later() -> (
    None
):
    given = facts(release(**at_step()), routes=(route(5),), service_differs=DIFFERS)
    decision = decide(given, NOW)
    assert decision.actions == (SetWeight(0), EnsureCanaryService())
    status = decision.status
    assert (status.phase, status.reason) == ("Holding", "CanaryServiceChanged")
    assert status.message == (
        "Service checkout-canary is not what Service checkout makes it, see its spec.selector, "
        "spec.ports; it is brought back in line, its share goes to stable meanwhile"
    )
    assert status.step_since is None  # nothing that its users met counts for the version

    mended = seen(given, decision, NOW, routes=(route(0),), service_differs="")
    mended = seen(mended, decide(mended, NOW), NOW)
    assert_settled(mended, NOW + SECOND)  # gateways learn of the pods behind it
    assert decide(mended, NOW + SECOND).again_at == NOW + 2 * SECOND
    decision = decide(mended, NOW + 2 * SECOND)
    assert decision.actions == (SetWeight(5),)
    assert decision.status.phase == "Stepping"


def test_it_is_brought_in_line_as_long_as_it_differs_without_a_word_more() -> None:
    given = facts(release(**at_step()), routes=(route(5),), service_differs=DIFFERS)
    after = seen(given, decide(given, NOW), NOW, routes=(route(0),))
    after = seen(after, decide(after, NOW), NOW)
    decision = decide(after, NOW + timedelta(hours=1))
    assert decision.actions == (EnsureCanaryService(),)
    assert decision.status == after.release.status


def test_it_is_told_also_where_some_pods_of_several_are_not_ready() -> None:
    given = facts(release(**at_step(2)), routes=(route(50),), canary=canary(1, 2))
    decision = decide(replace(given, service_differs=DIFFERS), NOW)
    assert decision.status.reason == "CanaryServiceChanged"


def test_it_is_brought_in_line_before_the_first_user_too() -> None:
    starting = release(phase="Starting", reason="AddingBackend")
    given = facts(starting, routes=(route(0),), service_differs="spec.ports")
    assert EnsureCanaryService() in decide(given, NOW).actions


def test_a_route_that_is_applied_along_with_the_service_is_put_back_as_ever() -> None:
    given = facts(release(**at_step()), routes=(route(5),), service_differs="spec.ports")
    decision = decide(given, NOW)
    applied = route(None, last_writer="kubectl-client-side-apply")
    moved = seen(given, decision, NOW, routes=(applied,), service_differs="")
    decision = decide(moved, NOW + 2 * SECOND)
    assert decision.status.reason == "RouteOverwritten"
    waits = seen(moved, decision, NOW + 2 * SECOND)
    decision = decide(waits, NOW + 22 * SECOND)
    assert decision.status.reason == "PuttingBack"
    again = seen(waits, decision, NOW + 22 * SECOND)
    assert decide(again, NOW + 22 * SECOND).actions == (SetWeight(5),)
