"""What a load counts, and to which version and second."""

import pytest

from dev.load_figures import Answers, Outcome, Seconds, Tally, answered, percentile


def outcome(
    due: float = 100.0,
    *,
    after: float = 0.010,
    late: float = 0.0,
    version: str | None = "v1",
    status: int | None = 200,
    lost: str | None = None,
    expected: bool = True,
) -> Outcome:
    sent = due + late
    return Outcome(due, sent, sent + after, version, status, lost, expected=expected)


def test_a_response_of_the_gateways_own_is_a_loss() -> None:
    assert answered("v1", 500) == ("v1", None)
    assert answered(None, 502) == (None, "gateway answered 502")


def test_requests_are_counted_by_the_version_that_answered() -> None:
    tally = Tally()
    tally.add(outcome(100.0))
    tally.add(outcome(101.0, version="v2"))
    tally.add(outcome(102.0, version="v2", status=500))
    versions = tally.second(100).versions
    assert versions == {
        "v1": Answers(1, bad=0, hurt=0, first=100.0, last=100.0, p50_ms=10.0, p99_ms=10.0),
        "v2": Answers(2, bad=1, hurt=1, first=101.0, last=102.0, p50_ms=10.0, p99_ms=10.0),
    }


def test_a_basket_that_no_version_can_price_hurts_nobody_anew() -> None:
    tally = Tally()
    tally.add(outcome(status=503, expected=False))
    tally.add(outcome(status=500))
    tally.add(outcome())
    counted = tally.second(100).versions["v1"]
    assert (counted.requests, counted.bad, counted.hurt) == (3, 2, 1)


def test_losses_are_counted_by_reason_and_for_no_version() -> None:
    tally = Tally()
    for reason in ("gateway answered 502", "TimeoutError", "TimeoutError"):
        tally.add(outcome(version=None, status=None, lost=reason))
    second = tally.second(100)
    assert second.lost == {"gateway answered 502": 1, "TimeoutError": 2}
    assert (second.sent, second.versions) == (3, {})


def test_first_and_last_are_by_the_time_of_sending_whatever_the_order_of_answers() -> None:
    tally = Tally()
    tally.add(outcome(102.0, after=0.001))
    tally.add(outcome(101.0, after=3.0))
    tally.add(outcome(101.5, after=0.001))
    counted = tally.second(101).versions["v1"]
    assert (counted.first, counted.last) == (101.0, 102.0)


def test_latency_counts_from_when_the_request_was_due() -> None:
    tally = Tally()
    tally.add(outcome(late=0.200, after=0.010))
    assert tally.second(100).versions["v1"].p50_ms == 210.0
    assert tally.second(100).late_ms == 200.0


@pytest.mark.parametrize(("late", "on_time"), [(1, True), (2, False)])
def test_more_than_one_percent_sent_late_makes_the_figures_doubtful(
    late: int, *, on_time: bool
) -> None:
    tally = Tally()
    for number in range(100):
        tally.add(outcome(late=0.051 if number < late else 0.049))
    summary = tally.summary(started=100.0, ended=101.0, rate=100.0)
    assert (summary.late, summary.on_time) == (late, on_time)


def test_a_second_is_given_away_when_its_last_request_has_ended() -> None:
    seconds = Seconds()
    for due in (100.0, 100.5, 101.0):
        seconds.expect(due)
    seconds.add(outcome(100.0))
    seconds.add(outcome(101.0))
    assert list(seconds.complete(before=102)) == []
    seconds.add(outcome(100.5))
    assert [(s.second, s.sent) for s in seconds.complete(before=102)] == [(100, 2), (101, 1)]
    assert list(seconds.complete(before=102)) == []


def test_a_second_that_may_still_get_requests_is_kept() -> None:
    seconds = Seconds()
    seconds.expect(100.0)
    seconds.add(outcome(100.0))
    assert list(seconds.complete(before=100)) == []


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([], 99, 0.0),
        ([7.0], 99, 7.0),
        ([3.0, 1.0, 2.0], 50, 2.0),
        (range(1, 101), 99, 99.0),
        (range(1, 102), 99, 100.0),
    ],
)
def test_percentile_is_by_nearest_rank(
    values: list[float], percent: float, expected: float
) -> None:
    assert percentile(values, percent) == expected
