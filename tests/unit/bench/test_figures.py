"""Figures of one release, from what was seen of it."""

from datetime import UTC, datetime

import pytest

from bench.figures import Scrape, Seen, changes, rank, takeback, without_lease, writes_per_look
from controller.api.release import Looks, MetricStatus, Phase, ReleaseStatus, Weights
from dev.load_figures import Answers

CANARY = Answers(requests=30, bad=30, hurt=30, first=1000.0, last=1011.6, p50_ms=1, p99_ms=1)


def status(
    phase: Phase = Phase.STEPPING,
    reason: str = "Collecting",
    due: float = 0.0,
    weight: int = 5,
    until: float = 0.0,
    message: str = "",
) -> ReleaseStatus:
    state = "Regressed" if phase is Phase.ROLLING_BACK else "Inconclusive"
    return ReleaseStatus(
        phase=phase,
        reason=reason,
        message=message,
        step=1,
        weight=Weights(wanted=weight, confirmed=weight),
        looks=Looks(next=datetime.fromtimestamp(due, UTC) if due else None),
        metrics=(MetricStatus(name="errors", required=True, state=state, until=until),),
    )


def seen(*statuses: ReleaseStatus) -> list[Seen]:
    return [Seen(1000.0 + at, each) for at, each in enumerate(statuses)]


ROLLED_BACK = [
    Seen(1005.0, status(due=1010.0)),
    Seen(1011.5, status(Phase.ROLLING_BACK, "Regressed", until=1009.0)),
    Seen(1018.0, status(Phase.ROLLED_BACK, "Regressed", until=1009.0)),
]


def test_a_rollback_is_timed_from_the_moment_all_pods_were_scraped() -> None:
    scrapes = {
        "canary": [Scrape(1004.0, 0.1), Scrape(1009.0, 0.1), Scrape(1014.0, 0.1)],
        "stable": [Scrape(1005.5, 0.1), Scrape(1010.5, 0.3)],
    }
    moments = takeback(ROLLED_BACK, CANARY, scrapes, rate=50)
    assert (moments.met, moments.scraped, moments.due) == (1000.0, 1009.0, 1010.0)
    assert moments.known == pytest.approx(1010.8)
    assert moments.verdict == 1011.5


def test_a_scrape_that_came_after_the_verdict_was_not_waited_for() -> None:
    scrapes = {"canary": [Scrape(1009.0, 0.1)], "gone": [Scrape(1004.0, 0.1), Scrape(1012.0, 0.1)]}
    assert takeback(ROLLED_BACK, CANARY, scrapes, rate=50).known == pytest.approx(1009.1)


def test_the_canary_is_out_one_spacing_after_its_last_request() -> None:
    # 5 % of 50 requests a second: one in 0.4 s.
    assert takeback(ROLLED_BACK, CANARY, {}, rate=50).out == pytest.approx(1012.0)


def test_a_rollback_for_another_reason_is_refused() -> None:
    history = seen(status(due=1010.0), status(Phase.ROLLING_BACK, "CanaryCrashed"))
    with pytest.raises(ValueError, match="not taken back on the judge's word"):
        takeback(history, CANARY, {}, rate=50)


def test_a_look_takes_one_write() -> None:
    history = seen(status(due=1.0), status(due=6.0), status(due=11.0))
    assert writes_per_look(history) == [1, 1]


def test_a_write_beside_those_of_looks_is_counted_to_the_next_look() -> None:
    history = seen(status(due=1.0), status(due=1.0, message="pods"), status(due=6.0))
    assert writes_per_look(history) == [2]


def test_a_look_after_which_the_release_moves_on_is_left_out() -> None:
    history = seen(
        status(due=1.0, message="pods"),
        status(due=1.0),
        status(due=6.0, weight=25),
        status(due=11.0, weight=25),
    )
    assert writes_per_look(history) == [1]


def test_writes_are_what_is_neither_read_nor_listed_nor_watched() -> None:
    writes = changes(
        [
            ("get", "Lease", 8.0),
            ("list", "Release", 1.0),
            ("watch", "Release", 1.0),
            ("patch", "Lease", 8.0),
            ("patch", "Release", 3.0),
            ("patch", "Release", 1.0),
            ("apply", "Service", 0.0),
        ]
    )
    assert writes == {("patch", "Lease"): 8, ("patch", "Release"): 4, ("apply", "Service"): 0}
    assert dict(without_lease(writes)) == {("patch", "Release"): 4}


def test_percentiles_are_values_that_occurred() -> None:
    assert rank([0.3, 0.1, 0.2], 50) == 0.2
    assert rank([0.3, 0.1, 0.2], 99) == 0.3
    assert rank([], 99) == 0.0
