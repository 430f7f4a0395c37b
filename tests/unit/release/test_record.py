"""The record: transitions, timeline, conditions, budget, times."""

from datetime import timedelta
from typing import Any

import pytest

from controller.api.release import Phase, ReleaseStatus
from controller.release.facts import Decision
from controller.release.machine import RESYNC, decide
from controller.release.record import (
    MAX_BYTES,
    move,
    next_second,
    reason_since,
    with_conditions,
)
from tests.unit.release.given import (
    NOW,
    SECOND,
    at_step,
    facts,
    metric,
    release,
    route,
    stored,
)


def test_a_change_of_phase_or_reason_is_an_entry_and_a_message_is_not() -> None:
    status = move(ReleaseStatus(), Phase.STARTING, "CanaryStarting", "0 of 1", NOW)
    status = move(status, Phase.STARTING, "CanaryStarting", "1 of 1", NOW + SECOND)
    assert [entry.message for entry in status.timeline] == ["0 of 1"]
    assert status.message == "1 of 1"
    status = move(status, Phase.STARTING, "AddingBackend", "at 0 %", NOW + 2 * SECOND)
    status = move(status, Phase.HOLDING, "AddingBackend", "at 0 %", NOW + 3 * SECOND)
    assert [entry.reason for entry in status.timeline] == [
        "CanaryStarting",
        "AddingBackend",
        "AddingBackend",
    ]
    assert status.phase_since == NOW + 3 * SECOND


def test_the_reasons_own_time_is_told_apart_from_the_phases() -> None:
    assert reason_since(ReleaseStatus()) is None
    status = move(ReleaseStatus(), Phase.HOLDING, "NoTraffic", "", NOW)
    status = move(status, Phase.HOLDING, "RouteOverwritten", "", NOW + SECOND)
    assert status.phase_since == NOW
    assert reason_since(status) == NOW + SECOND


def test_a_long_story_keeps_its_beginning_and_its_end() -> None:
    status = ReleaseStatus()
    for number in range(200):
        status = move(status, Phase.HOLDING, f"R{number}", "x" * 2000, NOW + number * SECOND)
    reasons = [entry.reason for entry in status.timeline]
    assert len(reasons) == 50
    assert reasons[:10] == [f"R{number}" for number in range(10)]
    assert reasons[10:] == [f"R{number}" for number in range(160, 200)]
    assert max(len(entry.message) for entry in status.timeline) == 240


def test_an_end_is_dated_once() -> None:
    status = move(ReleaseStatus(), Phase.ABORTED, "AbortedByPerson", "", NOW)
    assert move(status, Phase.ABORTED, "Other", "", NOW + SECOND).finished_at == NOW


def test_a_status_over_budget_loses_the_middle_of_its_story_and_no_evidence() -> None:
    metrics = tuple(
        metric(name=f"metric-{number}", message="ü" * 200, evidence="e" * 900, current="c" * 600)
        for number in range(10)
    )
    status = ReleaseStatus(metrics=metrics)
    for number in range(60):
        status = move(status, Phase.HOLDING, f"R{number}", "ü" * 300, NOW)
    whole = with_conditions(status, 1, NOW)
    assert len(whole.model_dump_json(by_alias=True, exclude_none=True).encode()) <= MAX_BYTES
    assert whole.metrics == metrics
    reasons = [entry.reason for entry in whole.timeline]
    assert reasons[:10] == [f"R{number}" for number in range(10)]
    assert reasons[-1] == "R59"
    assert 11 < len(reasons) < 50
    assert with_conditions(whole, 1, NOW) == whole


@pytest.mark.parametrize(
    ("phase", "ready", "reconciling", "stalled"),
    [
        ("Stepping", "False", "True", "False"),
        ("Succeeded", "True", "False", "False"),
        ("RolledBack", "False", "False", "True"),
        ("Aborted", "False", "False", "True"),
        ("Superseded", "False", "False", "True"),
    ],
)
def test_conditions_are_what_kstatus_reads(
    phase: str, ready: str, reconciling: str, stalled: str
) -> None:
    status = move(ReleaseStatus(), Phase(phase), "Why", "in words", NOW)
    conditions = {c.type: c for c in with_conditions(status, 7, NOW).conditions}
    assert {kind: c.status for kind, c in conditions.items()} == {
        "Ready": ready,
        "Reconciling": reconciling,
        "Stalled": stalled,
    }
    assert {c.observed_generation for c in conditions.values()} == {7}
    assert {(c.reason, c.message) for c in conditions.values()} == {("Why", "in words")}


def test_a_condition_keeps_its_time_while_its_status_stays() -> None:
    status = with_conditions(move(ReleaseStatus(), Phase.STEPPING, "A", "", NOW), 1, NOW)
    later = NOW + SECOND
    status = with_conditions(move(status, Phase.SUCCEEDED, "B", "", later), 1, later)
    times = {c.type: c.last_transition_time for c in status.conditions}
    assert times == {"Ready": later, "Reconciling": later, "Stalled": NOW}


def test_conditions_of_others_stay() -> None:
    given = {"type": "Alerted", "status": "True", "reason": "Firing", "message": ""}
    status = ReleaseStatus.model_validate({"conditions": [given | {"last_transition_time": NOW}]})
    assert "Alerted" in {c.type for c in with_conditions(status, 1, NOW).conditions}


def test_a_wait_is_not_shortened_by_rounding() -> None:
    assert next_second(NOW) == NOW
    assert next_second(NOW + timedelta(microseconds=1)) == NOW + SECOND


def test_every_running_release_is_looked_at_within_a_minute() -> None:
    overdue: dict[str, Any] = {"looks": {"next": NOW - 60 * SECOND}}
    for status in (at_step(), at_step(**overdue), at_step(phase="Promoting", **overdue)):
        decision = decide(facts(release(**status), routes=(route(5),)), NOW)
        assert decision.again_at is not None
        assert NOW < decision.again_at <= NOW + RESYNC


def test_what_is_read_back_is_what_was_written() -> None:
    of = release(**at_step())
    again = stored(of, Decision(of.status), NOW)
    assert stored(again, Decision(again.status), NOW + SECOND) == again
