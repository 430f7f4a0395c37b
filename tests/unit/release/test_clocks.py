"""A leader whose clock was ahead has left times that are still to come; they delay nothing."""

from datetime import timedelta
from typing import Any

import pytest

from controller.release.clocks import AHEAD, without_times_to_come
from controller.release.machine import decide
from controller.release.rehearsal import LONGEST_WAIT
from tests.unit.release.given import LOOK, NOW, SECOND, at_step, facts, release, route

HOUR = timedelta(hours=1)
BEGUN = ("phase_since", "step_since", "start_since", "traffic_off_at")


@pytest.mark.parametrize("name", BEGUN)
@pytest.mark.parametrize(("ahead", "kept"), [(AHEAD, True), (AHEAD + SECOND, False)])
def test_what_has_begun_later_than_now_begins_now(name: str, ahead: Any, *, kept: bool) -> None:
    status = without_times_to_come(release(**at_step(**{name: NOW + ahead})), NOW)
    assert getattr(status, name) == (NOW + ahead if kept else NOW)


def test_a_look_is_due_after_the_longest_wait_at_the_latest() -> None:
    kept, early = (
        without_times_to_come(release(**at_step(looks={"since": 1.0, "next": NOW + wait})), NOW)
        for wait in (LONGEST_WAIT + AHEAD, LONGEST_WAIT + AHEAD + SECOND)
    )
    assert kept.looks.next == NOW + LONGEST_WAIT + AHEAD
    assert early.looks.next == NOW


def test_what_is_judged_begins_now_where_it_began_later() -> None:
    ahead = (NOW + HOUR).timestamp()
    status = without_times_to_come(release(**at_step(looks={"since": ahead})), NOW)
    assert status.looks.since == NOW.timestamp()


def test_usual_times_stay_the_very_status() -> None:
    given = release(**at_step(looks={"since": NOW.timestamp(), "next": NOW + LOOK}))
    assert without_times_to_come(given, NOW) is given.status


def test_the_machine_writes_what_it_has_mended() -> None:
    ahead = at_step(step_since=NOW + HOUR, looks={"since": 1.0, "next": NOW + HOUR})
    status = decide(facts(release(**ahead), routes=(route(5),)), NOW).status
    assert (status.step_since, status.looks.next) == (NOW, NOW)
