"""Easing in: under its step's weight the canary gets what the evidence justifies."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from controller.api.release import Weights
from controller.release.easing import SMALLEST, WORTH, eased
from controller.release.facts import Decision, EnsureCanary, Facts, SetWeight
from controller.release.machine import decide
from tests.unit.release.given import (
    HOLD,
    LOOK,
    NOW,
    SECOND,
    assert_settled,
    at_step,
    canary,
    facts,
    judged,
    release,
    route,
    seen,
)

percents = st.one_of(st.just(0.0), st.floats(0, 100))
ceilings = st.integers(1, 90)


@drawn(percents, percents, ceilings)
def test_a_weight_rises_only_as_far_as_the_evidence_justifies(
    wanted: float, justified: float, ceiling: int
) -> None:
    before = min(round(wanted, 2), ceiling)
    weight = eased(Weights(wanted=before, justified=justified), ceiling)

    assert 0 < weight <= ceiling
    assert weight <= WORTH * max(SMALLEST, justified)
    if weight > before:
        last_way = before > 0 and weight == ceiling
        assert weight <= max(SMALLEST, justified) or last_way
    assert round(weight, 2) == weight


@drawn(percents, percents, ceilings)
def test_the_same_evidence_twice_changes_the_weight_once(
    wanted: float, justified: float, ceiling: int
) -> None:
    once = eased(Weights(wanted=wanted, justified=justified), ceiling)
    assert eased(Weights(wanted=once, justified=justified), ceiling) == once


@pytest.mark.parametrize(
    ("wanted", "justified", "ceiling", "weight"),
    [
        pytest.param(0.0, 1.337, 5, 1.33, id="the first weight, rounded down"),
        pytest.param(0.0, 4.2, 5, 4.2, id="the first weight goes no last way"),
        pytest.param(4.2, 4.2, 5, 4.2, id="nor does it before there is new evidence"),
        pytest.param(0.0, 0.0001, 5, 0.01, id="never 0"),
        pytest.param(1.33, 2.65, 50, 1.33, id="a little more is not worth a look's window"),
        pytest.param(1.33, 2.66, 50, 2.66, id="twice as much is"),
        pytest.param(1.33, 2.5, 5, 5.0, id="the last way to the step's weight"),
        pytest.param(1.33, 2.49, 5, 1.33, id="too far for the last way"),
        pytest.param(4.0, 100.0, 5, 5.0, id="the step's weight is the most"),
        pytest.param(5.0, 2.5, 5, 5.0, id="a little more traffic lowers nothing"),
        pytest.param(5.0, 2.49, 5, 2.49, id="twice as much does"),
        pytest.param(5.0, 0.0, 5, 0.01, id="lowered, and not to 0"),
        pytest.param(4.0, None, 5, 4.0, id="without an answer it stays"),
    ],
)
def test_the_next_weight(
    wanted: float, justified: float | None, ceiling: int, weight: float
) -> None:
    assert eased(Weights(wanted=wanted, justified=justified), ceiling) == weight


def begun() -> tuple[Facts, Decision]:
    """Return a release that has its backend at weight 0, and how its first step begins.

    Prometheus has answered while the canary started.
    """
    starting = release(phase="Starting", reason="AddingBackend", looks={"next": NOW})
    given = facts(starting, routes=(route(0),))
    return given, decide(given, NOW)


def under_way(wanted: float = 1.33, **status: Any) -> Facts:
    """Return a release at its first step of 5 %, at a smaller weight that is confirmed."""
    weight = {"wanted": wanted, "confirmed": wanted, "justified": wanted}
    eased = at_step(reason="Raising", weight=weight, **status)
    return facts(release(**eased), routes=(route(wanted),))


def looked(of: Facts, justified: float, verdict: str = "Inconclusive") -> Facts:
    """Return the facts with what a look at NOW + LOOK has shown."""
    return replace(of, judged=judged(verdict, justified=justified, next=NOW + 2 * LOOK))


def test_the_first_look_is_at_stable_alone_and_due_at_once() -> None:
    given, decision = begun()
    assert (decision.status.step, decision.status.weight.wanted) == (1, 0)
    counting = decide(seen(given, decision, NOW), NOW)
    assert counting.actions == ()
    assert counting.status.looks.next == NOW
    assert (counting.status.phase, counting.status.reason) == ("Stepping", "Raising")
    assert "how many requests" in counting.status.message


def test_without_an_answer_of_prometheus_nobody_meets_the_canary() -> None:
    given, decision = begun()
    counting = seen(given, decision, NOW)
    counting = seen(counting, decide(counting, NOW), NOW)
    assert_settled(counting, NOW)


def test_the_first_weight_is_what_the_traffic_justifies_and_follows_once_stored() -> None:
    given, decision = begun()
    counting = seen(given, decision, NOW)
    counting = seen(counting, decide(counting, NOW), NOW)
    known = replace(counting, judged=judged("Inconclusive", justified=1.337, scrape=5.0))
    decision = decide(known, NOW)
    assert decision.actions == ()
    assert decision.status.weight.wanted == 1.33
    assert decision.status.looks.scrape == 5.0
    stored = seen(counting, decision, NOW)
    assert decide(stored, NOW).actions == (SetWeight(1.33),)


def test_after_a_look_the_weight_rises_and_its_evidence_begins_anew() -> None:
    given = looked(under_way(0.5), justified=2.2)
    decision = decide(given, NOW + LOOK)
    assert decision.actions == ()
    assert decision.status.weight.wanted == 2.2
    assert decision.status.step_since is None
    raising = seen(given, decision, NOW + LOOK)
    assert decide(raising, NOW + LOOK).actions == (SetWeight(2.2),)
    carried = replace(raising, routes=(route(2.2),))
    confirmed = decide(carried, NOW + LOOK).status
    assert confirmed.weight.confirmed == 2.2
    assert confirmed.looks.since == (NOW + LOOK).timestamp()
    assert [metric.looks_at_weight for metric in confirmed.metrics] == [0]
    assert confirmed.message == "2.2 of 5 % confirmed; errors 1.0 %"


def test_below_its_weight_a_step_is_not_passed_whatever_the_evidence() -> None:
    safe = replace(under_way(1.5), judged=judged(justified=2.0, next=NOW + 11 * HOLD))
    decision = decide(safe, NOW + 10 * HOLD)
    assert (decision.status.step, decision.status.weight.wanted) == (1, 1.5)


def test_the_hold_begins_when_the_step_has_its_weight() -> None:
    given = looked(under_way(), justified=100.0, verdict="Safe")
    late = NOW + 10 * HOLD
    raising = seen(given, decide(given, late), late, routes=(route(5),))
    full = seen(raising, decide(raising, late), late)
    assert full.release.status.reason == "Collecting"
    safe = replace(full, judged=judged(next=late + HOLD + LOOK))
    assert decide(safe, late + HOLD - SECOND).status.step == 1
    assert decide(safe, late + HOLD).status.step == 2


def test_more_traffic_lowers_the_weight_in_the_very_pass_that_sees_it() -> None:
    given = looked(under_way(4.0), justified=0.5)
    decision = decide(given, NOW + LOOK)
    assert decision.actions == (SetWeight(0.5),)
    assert decision.status.weight.wanted == 0.5
    assert (decision.status.phase, decision.status.reason) == ("Stepping", "Lowering")
    assert decision.status.step_since is None
    lower = seen(given, decision, NOW + LOOK, routes=(route(0.5),))
    again = decide(lower, NOW + LOOK)
    assert again.actions == ()
    assert again.status.weight.confirmed == 0.5


def test_a_route_that_is_lowered_and_not_recorded_is_not_raised_again() -> None:
    given = replace(looked(under_way(4.0), justified=0.5), routes=(route(0.5),))
    decision = decide(given, NOW + LOOK)
    assert SetWeight(4.0) not in decision.actions
    assert decision.status.weight.wanted == 0.5


def test_a_weight_above_what_was_asked_is_still_somebody_elses() -> None:
    given = replace(looked(under_way(4.0), justified=0.5), routes=(route(30.0),))
    decision = decide(given, NOW + LOOK)
    assert decision.actions == (SetWeight(0.5),)
    assert (decision.status.phase, decision.status.reason) == ("Holding", "WeightTooHigh")


def test_the_pods_are_those_of_the_whole_step_from_its_beginning() -> None:
    weight = {"wanted": 6.0, "confirmed": 5, "justified": 6.0}
    status = at_step(2, reason="Raising", step_since=None, weight=weight)
    given = facts(release(**status), routes=(route(5),), canary=canary(1, 1))
    assert decide(given, NOW).actions == (EnsureCanary(2),)
    ready = replace(given, canary=canary(2, 2))
    assert decide(ready, NOW).actions == (SetWeight(6.0),)


@pytest.mark.parametrize(("justified", "begins"), [(5.5, 5.0), (20.0, 20.0), (100.0, 50.0)])
def test_a_step_begins_with_what_the_one_before_has_justified(
    justified: float, begins: float
) -> None:
    given = facts(release(**at_step()), routes=(route(5),), judged=judged(justified=justified))
    decision = decide(given, NOW + HOLD)
    assert (decision.status.step, decision.status.weight.wanted) == (2, begins)


def test_a_release_of_an_older_gander_goes_on_at_its_weight() -> None:
    whole = at_step(weight={"wanted": 5, "confirmed": 5})
    given = facts(release(**whole), routes=(route(5),), judged=judged(justified=None))
    decision = decide(given, NOW + HOLD - SECOND)
    assert (decision.status.reason, decision.status.weight.wanted) == ("Safe", 5)


def test_without_evidence_no_weight_rises() -> None:
    blind = under_way(looks={"since": NOW.timestamp(), "next": NOW + LOOK, "problem": "NoData"})
    given = replace(blind, release=with_justified(blind, 5.0))
    decision = decide(given, NOW + SECOND)
    assert (decision.status.phase, decision.status.weight.wanted) == ("Holding", 1.33)


def test_a_step_that_is_eased_in_tells_no_longer_story() -> None:
    given, decision = begun()
    now, reasons = NOW, []
    for justified in (0.02, 0.02, 0.1, 0.4, 1.7, 7.0, 100.0):
        given, now = carried_out(given, decision, now)
        given = replace(given, judged=judged("Inconclusive", justified=justified, next=now + LOOK))
        decision = decide(given, now)
    given, now = carried_out(given, decision, now)
    assert given.release.status.weight.confirmed == 5
    reasons = [entry.reason for entry in given.release.status.timeline]
    assert reasons == ["Raising", "Collecting"]


def carried_out(given: Facts, decision: Decision, now: datetime) -> tuple[Facts, datetime]:
    """Store a decision and go on until its weight is confirmed; return the facts when it is."""
    for _ in range(4):
        given = seen(given, decision, now)
        wanted = [a.percent for a in decision.actions if isinstance(a, SetWeight)]
        given = replace(given, routes=(route(wanted[-1]),)) if wanted else given
        now += timedelta(seconds=1)
        decision = decide(given, now)
    return seen(given, decision, now), now + LOOK


def with_justified(of: Facts, justified: float) -> Any:
    """Return the facts' release with more justified than it wants."""
    status = of.release.status
    weight = status.weight.model_copy(update={"justified": justified})
    return of.release.model_copy(update={"status": status.model_copy(update={"weight": weight})})
