"""Which occurrences become Events, and when their counts are written."""

from datetime import UTC, datetime
from typing import Any

import pytest

from controller.kube.series import (
    COMBINED,
    EVERY,
    REMEMBERED,
    WINDOW,
    Counted,
    Occurrence,
    Regarding,
    Series,
    cut,
)

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def about(name: str = "checkout-7") -> Regarding:
    return Regarding("gander.dev/v1alpha1", "Release", "shop", name, "uid-" + name)


def occurrence(note: str = "no answer", **change: Any) -> Occurrence:
    fields = {"type": "Warning", "reason": "Blind", "action": "Hold", "at": NOON, **change}
    return Occurrence(regarding=fields.pop("regarding", about()), note=note, **fields)


def series() -> Series:
    return Series(lambda regarding: regarding.name + ".event")


def taken(series: Series, one: Occurrence, now: float) -> Counted:
    made = series.take(one, now)
    assert made is not None
    return made


def test_a_repeat_is_counted_and_written_once_a_minute() -> None:
    events = series()
    made = taken(events, occurrence(), 0.0)
    assert (made.name, made.namespace, made.count) == ("checkout-7.event", "shop", 1)
    assert events.next_due(0.0) is None

    later = datetime(2026, 11, 21, 12, 0, 9, tzinfo=UTC)
    assert events.take(occurrence(), 5.0) is None
    assert events.take(occurrence(at=later), 9.0) is None
    assert events.next_due(9.0) == EVERY - 9.0
    assert events.take_due(EVERY - 1.0) == []
    [due] = events.take_due(EVERY)
    assert (due.name, due.count, due.last) == (made.name, 3, later)
    assert events.take_due(EVERY) == []

    assert events.take(occurrence(), EVERY + 1.0) is None
    assert events.next_due(EVERY + 1.0) == EVERY - 1.0
    assert [each.count for each in events.take_due(EVERY + 1.0, everything=True)] == [4]


@pytest.mark.parametrize(
    "other",
    [
        occurrence(type="Normal"),
        occurrence(reason="NoTraffic"),
        occurrence(action="Retry"),
        occurrence("another sentence"),
        occurrence(regarding=about("checkout-8")),
    ],
)
def test_what_differs_in_anything_is_an_event_of_its_own(other: Occurrence) -> None:
    events = series()
    taken(events, occurrence(), 0.0)
    assert taken(events, other, 1.0).count == 1


def test_after_ten_notes_the_others_are_combined_in_one() -> None:
    events = series()
    for number in range(10):
        taken(events, occurrence(f"{number} requests"), number)

    combined = taken(events, occurrence("10 requests"), 10.0)
    assert combined.occurrence.note == COMBINED + "10 requests"
    assert events.take(occurrence("11 requests"), 11.0) is None
    assert events.take(occurrence("12 requests"), 12.0) is None
    assert combined.count == 3
    # One of the first ten is still counted in its own Event.
    assert events.take(occurrence("4 requests"), 13.0) is None
    assert combined.count == 3


def test_after_ten_quiet_minutes_it_is_news_again() -> None:
    events = series()
    for number in range(11):
        taken(events, occurrence(f"{number} requests"), 0.0)
    assert events.take(occurrence("0 requests"), WINDOW) is None
    later = 2 * WINDOW + 1
    assert taken(events, occurrence("0 requests"), later).count == 1
    assert taken(events, occurrence("99 requests"), later).occurrence.note == "99 requests"


def test_an_event_that_is_gone_is_made_anew() -> None:
    events = series()
    made = taken(events, occurrence(), 0.0)
    events.forget(made.key)
    assert taken(events, occurrence(), 1.0).count == 1


def test_memory_is_bounded_and_the_oldest_are_forgotten() -> None:
    events = series()
    for number in range(REMEMBERED + 1):
        taken(events, occurrence(regarding=about(f"r-{number}")), 0.0)
    assert events.take(occurrence(regarding=about("r-1")), 1.0) is None
    taken(events, occurrence(regarding=about("r-0")), 1.0)


def test_an_object_without_a_namespace_has_its_events_in_default() -> None:
    events = series()
    node = Regarding("v1", "Namespace", "", "shop", "uid")
    assert taken(events, occurrence(regarding=node), 0.0).namespace == "default"


def test_an_object_and_a_reference_to_it_are_the_same() -> None:
    reference = {
        "apiVersion": "gander.dev/v1alpha1",
        "kind": "Release",
        "namespace": "shop",
        "name": "checkout-7",
        "uid": "uid-checkout-7",
    }
    item = {
        "apiVersion": "gander.dev/v1alpha1",
        "kind": "Release",
        "metadata": {"namespace": "shop", "name": "checkout-7", "uid": "uid-checkout-7"},
    }
    assert Regarding.of(reference) == Regarding.of(item) == about()


def test_a_note_is_cut_by_bytes_and_not_within_a_character() -> None:
    assert cut("short") == "short"
    assert cut("x" * 1024) == "x" * 1024
    assert cut("x" * 1025) == "x" * 1021 + "..."
    shortened = cut("é" * 600)
    assert shortened == "é" * 510 + "..."
    assert len(shortened.encode()) <= 1024
