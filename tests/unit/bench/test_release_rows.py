"""The rows of `make bench-release`, from what was seen."""

from collections import Counter
from dataclasses import replace

from bench.controller import Start
from bench.figures import Scrape, Seen
from bench.release_rows import Measured, rows
from bench.report import Row
from bench.shops import Run, Series, Trial
from dev.load_figures import Answers, Summary
from dev.shop.baskets import Mix
from tests.unit.bench.test_figures import ROLLED_BACK

BACK = Trial("rollback", ("v6",), "RolledBack", "Regressed", 50.0, Mix(), 0, ())


def summary(answers: Answers, lost: int = 0) -> Summary:
    return Summary(
        started=990.0,
        ended=1020.0,
        rate=50.0,
        sent=1500,
        lost={"gateway answered 503": lost} if lost else {},
        versions={"v6": answers},
        late=0,
        late_max_ms=1.0,
        on_time=True,
    )


def run(*, hurt: int = 30, last: float = 1011.6, lost: int = 0) -> Run:
    answers = Answers(40, hurt, hurt, 1000.0, last, 1.0, 1.0)
    scrapes = {"stable": (Scrape(1010.0, 0.5),)}
    return Run("v6", tuple(ROLLED_BACK), summary(answers, lost), scrapes)


def measured(rollbacks: Series, promotions: Series | None = None) -> Measured:
    none = Series(BACK, 0)
    return Measured(
        look=5.0,
        starts=[Start(2.0, 4.0), Start(6.0, 5.0)],
        idle=80 * 2**20,
        rest_seconds=60.0,
        rest_writes=Counter({("patch", "Lease"): 30, ("patch", "Release"): 2}),
        promotions=promotions or none,
        rollbacks_loaded=none,
        rollbacks=rollbacks,
        subtle=none,
        after_rollbacks=130 * 2**20,
    )


def found(figure: str, all_rows: list[Row]) -> Row:
    (row,) = (row for row in all_rows if row.figure.startswith(figure))
    return row


def test_the_time_out_of_the_route_is_judged_by_its_p99() -> None:
    series = Series(BACK, 2, runs=[run(), run(last=1013.4)])
    row = found("Evidence in Prometheus", rows(measured(series)))
    # Known at 1010.5; out at 1011.6 + 0.4 and 1013.4 + 0.4.
    assert row == Row(row.figure, "<= 3 s", "p50 1.50 s, p99 3.3 s", 2, met=False)


def test_what_was_due_later_than_it_was_known_counts_from_then() -> None:
    early = run()
    early = replace(early, scrapes={"stable": (Scrape(1009.0, 0.2),)})
    row = found("of it, once the look was due", rows(measured(Series(BACK, 1, runs=[early]))))
    assert row.measured == "p50 2.00 s, p99 2 s"


def test_hurt_requests_have_mean_and_p90() -> None:
    series = Series(BACK, 10, runs=[run(hurt=hurt) for hurt in range(10, 20)])
    row = found("Requests hurt by a bad release, 0 -> 100 %", rows(measured(series)))
    assert row.measured.startswith("mean 14.5, p90 18 of 40 that met it")
    assert row.n == 10


def test_one_lost_request_misses_the_goal() -> None:
    promotions = Series(BACK, 2, runs=[run(), run(lost=1)])
    row = found("Requests lost in promotions", rows(measured(Series(BACK, 0), promotions)))
    assert row == Row(row.figure, "0", "of 3,000: 1", 2, met=False)


def test_writes_per_release_count_every_release_made_and_no_lease() -> None:
    series = Series(
        BACK,
        1,
        runs=[run()],
        late=[run()],
        writes=Counter({("patch", "Release"): 6, ("create", "Event"): 3, ("patch", "Lease"): 9}),
    )
    row = found("API writes per rollback", rows(measured(series)))
    assert (row.measured, row.n) == ("4.5: patch Release 3, create Event 1.5", 2)


def test_memory_starts_and_rest_have_their_goals() -> None:
    all_rows = rows(measured(Series(BACK, 0)))
    assert found("Resident memory, idle", all_rows).met is True
    assert found("Resident memory after", all_rows).met is False
    start = found("Controller: process start", all_rows)
    assert (start.measured, start.met) == ("p50 2.00 s, worst 6 s", False)
    rest = found("API writes in 60 s at rest", all_rows)
    assert (rest.measured, rest.met) == ("patch Release 2, in all 2", False)


def test_status_writes_per_look_come_from_the_histories() -> None:
    stepping = ROLLED_BACK[0].status
    later = stepping.looks.model_copy(update={"next": None})
    beside = stepping.model_copy(update={"message": "pods"})
    history = (
        Seen(1.0, stepping),
        Seen(2.0, beside),
        Seen(3.0, beside.model_copy(update={"looks": later})),
    )
    promotions = Series(BACK, 1, runs=[replace(run(), history=history)])
    row = found("Status writes for a look", rows(measured(Series(BACK, 0), promotions)))
    assert (row.measured, row.n, row.met) == ("mean 2.00, most 2", 1, False)


def test_nothing_measured_is_no_success() -> None:
    all_rows = rows(measured(Series(BACK, 0)))
    assert found("Evidence in Prometheus", all_rows).met is False
    assert found("Requests lost in promotions", all_rows).measured == "not measured"
