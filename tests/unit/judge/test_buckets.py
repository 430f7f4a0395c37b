"""Histograms are read as they are, brought to common boundaries, and refused by name if bad."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.judge.betting import Floats
from controller.judge.buckets import Classic, Histogram, Native, Span
from controller.judge.counts import Refused
from controller.judge.layouts import (
    CLASSIC_BOUNDS,
    NATIVE_BOUNDS,
    Counted,
    HistogramLook,
    History,
    Layout,
    Owed,
    count,
)
from tests.unit.judge.histograms import classic, filled, native

LAYOUT = Layout(None, (0.1, 0.25, 0.5))
NOTHING: tuple[Owed, Owed] = ((), ())
GOOD = classic(np.array([4.0, 3.0, 2.0, 1.0]), LAYOUT.bounds)


def counted(
    layout: Layout, canary: Histogram, stable: Histogram, owed: tuple[Owed, Owed] = NOTHING
) -> Counted:
    found = count(layout, HistogramLook(canary, stable), owed)
    assert not isinstance(found, Refused), found
    return found


def refused(layout: Layout, canary: Histogram, stable: Histogram) -> Refused:
    found = count(layout, HistogramLook(canary, stable), NOTHING)
    assert isinstance(found, Refused)
    assert found.message.startswith("evidence refused: ")
    return found


def test_labels_are_numbers() -> None:
    old = Classic.of({"1": 5.0, "0.5": 2.0, "+Inf": 7.0})
    new = Classic.of({"+Inf": 7.0, "0.5": 2.0, "1.0": 5.0})

    assert old == new == Classic((0.5, 1.0, math.inf), (2.0, 5.0, 7.0))


def test_labels_for_the_same_boundary_add_up() -> None:
    assert Classic.of({"1": 2.0, "1.0": 3.0, "+Inf": 5.0}).counts == (5.0, 5.0)


def test_equal_boundaries_are_counted_one_by_one() -> None:
    found = counted(LAYOUT, GOOD, GOOD)

    assert found.canary.tolist() == [4, 3, 2, 1]
    assert found.kept is None


def test_a_version_with_other_boundaries_is_compared_at_those_in_common() -> None:
    canary = Classic((0.05, 0.1, 0.5, 1.0, math.inf), (2.0, 6.0, 8.0, 9.0, 10.0))

    found = counted(LAYOUT, canary, GOOD)

    assert found.kept == (0, 2)
    assert found.canary.tolist() == [6, 0, 2, 2]
    assert found.stable.tolist() == [4, 0, 5, 1]


@settings(max_examples=50, deadline=None)
@given(filled(4), st.sets(st.integers(0, 2), min_size=1))
def test_merging_loses_no_request(buckets: Floats, kept: set[int]) -> None:
    bounds = tuple(LAYOUT.bounds[k] for k in sorted(kept))
    canary = Classic((*bounds, math.inf), tuple(buckets[: k + 1].sum() for k in (*sorted(kept), 3)))

    found = counted(LAYOUT, canary, GOOD)

    assert found.canary.sum() == buckets.sum()
    assert found.stable.sum() == 10


def test_what_a_torn_scrape_counted_too_often_is_taken_off_later() -> None:
    torn = Classic((*LAYOUT.bounds, math.inf), (5.0, 7.0, 6.0, 9.0))

    first = counted(LAYOUT, torn, GOOD)
    second = counted(LAYOUT, GOOD, GOOD, first.owed)

    assert first.canary.tolist() == [5, 2, 0, 3]
    assert first.owed == (((2, -1.0),), ())
    assert second.canary.tolist() == [4, 3, 1, 1]
    assert second.owed == ((), ())


def test_what_is_owed_by_a_bucket_moves_to_the_one_it_is_merged_into() -> None:
    coarse = Classic((0.1, math.inf), (4.0, 10.0))

    found = counted(LAYOUT, coarse, GOOD, (((1, -2.0),), ()))

    assert found.canary.tolist() == [4, 0, 0, 4]


@settings(max_examples=60, deadline=None)
@given(st.lists(filled(4, 40), min_size=1, max_size=6), st.integers(0, 2), st.integers(1, 8))
def test_torn_scrapes_count_every_request_once_in_the_end(
    looks: list[Floats], bucket: int, moved: int
) -> None:
    """A scrape that reads one boundary late counts requests of the next look below it."""
    moved = min(moved, *(int(buckets[bucket + 1]) for buckets in looks), 3)
    owed, total = NOTHING, np.zeros(4)
    shift = np.zeros(4)
    shift[bucket], shift[bucket + 1] = moved, -moved
    for turn, buckets in enumerate(looks):
        torn = buckets + (shift if turn % 2 == 0 else -shift)
        if torn.min() < 0:
            torn = buckets
            shift = np.zeros(4)
        found = counted(LAYOUT, classic(torn, LAYOUT.bounds), GOOD, owed)
        owed, total = found.owed, total + found.canary

    left = sum(amount for _, amount in owed[0])
    assert total.sum() + left == sum(buckets.sum() for buckets in looks)


@pytest.mark.parametrize(
    ("bad", "reason", "said"),
    [
        pytest.param(Classic((0.1, 0.5), (1.0, 2.0)), "NoInfBucket", "+Inf", id="no +Inf"),
        pytest.param(Classic((), ()), "NoInfBucket", "+Inf", id="empty"),
        pytest.param(Classic((math.inf,), (9.0,)), "OneBucket", "+Inf only", id="one bucket"),
        pytest.param(
            Classic((0.1, math.inf), (math.nan, 2.0)), "NotANumber", "nan", id="NaN count"
        ),
        pytest.param(
            Classic((0.1, math.inf), (1.0, math.inf)), "NotANumber", "inf", id="infinite count"
        ),
        pytest.param(Classic((0.1, math.inf), (-1.0, 2.0)), "NegativeCount", "-1", id="negative"),
        pytest.param(Classic((0.1, math.inf), (1.5, 2.0)), "NotWhole", "1.5", id="fraction"),
        pytest.param(
            Classic((0.1, math.inf), (1.0, 1e12)), "CountTooLarge", "1e+11", id="too large"
        ),
        pytest.param(
            Classic((0.1, math.inf), (1.0, 10**400)), "CountTooLarge", "1e+11", id="no float"
        ),
        pytest.param(
            Classic((0.1, math.inf), (0.0, 0.0)), "NoRequests", "no requests", id="no requests"
        ),
        pytest.param(
            Classic((math.nan, math.inf), (1.0, 2.0)), "BadBoundary", "no number", id="NaN le"
        ),
        pytest.param(
            Classic((10**400, math.inf), (1.0, 2.0)), "BadBoundary", "no number", id="no float le"
        ),
        pytest.param(
            Classic((0.5, 0.1, math.inf), (1.0, 2.0, 3.0)), "BadBoundary", "rise", id="unsorted"
        ),
        pytest.param(
            Classic((0.1, math.inf), (1.0, 2.0, 3.0)), "BucketsDiffer", "3 counts", id="uneven"
        ),
        pytest.param(
            Classic((0.3, math.inf), (1.0, 2.0)), "NoCommonBoundary", "share", id="all differ"
        ),
        pytest.param(
            Classic((*LAYOUT.bounds, math.inf), (90.0, 3.0, 2.0, 60.0)),
            "BucketsTorn",
            "one scrape",
            id="torn apart",
        ),
        pytest.param(
            Native(3, 0.0, 1.0, (), ()), "KindsDiffer", "stable's classic", id="another kind"
        ),
    ],
)
def test_a_bad_classic_histogram_is_refused_by_name(bad: Histogram, reason: str, said: str) -> None:
    for canary, stable in ((bad, GOOD), (GOOD, bad)):
        found = refused(LAYOUT, canary, stable)

        assert found.reason == reason
    assert said in refused(LAYOUT, bad, GOOD).message


NATIVE = Layout(3, tuple(float(k) for k in range(-8, 9)))
EVEN = native(np.ones(17), -8)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        pytest.param(Native(9, 0.0, 1.0, (), ()), "UnknownSchema", id="schema 9"),
        pytest.param(Native(-53, 0.0, 1.0, (), ()), "UnknownSchema", id="custom boundaries"),
        pytest.param(Native(3, math.nan, 1.0, (), ()), "BadBoundary", id="NaN threshold"),
        pytest.param(Native(3, -1.0, 1.0, (), ()), "BadBoundary", id="negative threshold"),
        pytest.param(
            Native(3, 0.0, 1.0, (Span(0, 2), Span(-1, 1)), (1.0,) * 3), "BadBoundary", id="overlap"
        ),
        pytest.param(
            Native(3, 0.0, 1.0, (Span(10**30, 1),), (1.0,)), "BadBoundary", id="out of reach"
        ),
        pytest.param(Native(3, 0.0, 1.0, (Span(0, 3),), (1.0,)), "BucketsDiffer", id="uneven"),
        pytest.param(
            Native(3, 0.0, 1.0, (Span(0, 10**9),), ()), "BucketsDiffer", id="endless span"
        ),
        pytest.param(
            Native(3, 0.0, 1.0, (), (), (Span(0, 1),), ()), "BucketsDiffer", id="uneven below 0"
        ),
        pytest.param(Native(3, 0.0, math.nan, (), ()), "NotANumber", id="NaN zero bucket"),
        pytest.param(
            Native(3, 0.0, 0.0, (Span(0, 1),), (-3.0,)), "NegativeCount", id="negative bucket"
        ),
        pytest.param(Native(3, 0.0, 0.0, (), ()), "NoRequests", id="empty"),
        pytest.param(Native(3, 8.0, 5.0, (), ()), "SchemasDiffer", id="zero bucket too wide"),
        pytest.param(GOOD, "KindsDiffer", id="classic"),
    ],
)
def test_a_bad_native_histogram_is_refused_by_name(bad: Histogram, reason: str) -> None:
    for canary, stable in ((bad, EVEN), (EVEN, bad)):
        assert refused(NATIVE, canary, stable).reason == reason


def test_native_buckets_are_counted_by_their_number() -> None:
    spans = (Span(-20, 2), Span(16, 1), Span(30, 1))  # buckets -20, -19, -2 and 29
    canary = Native(3, 1e-9, 5.0, spans, (1.0, 2.0, 3.0, 4.0), (Span(0, 1),), (6.0,))

    found = counted(NATIVE, canary, EVEN)

    expected = np.zeros(18)
    expected[0], expected[6], expected[17] = 5 + 6 + 1 + 2, 3, 4
    assert found.canary.tolist() == expected.tolist()
    assert found.stable.tolist() == [*np.ones(17), 0]


def test_schemas_meet_at_the_lower_one() -> None:
    coarse = Native(1, 0.0, 0.0, (Span(-2, 5),), (1.0, 2.0, 3.0, 4.0, 5.0))

    found = counted(NATIVE, coarse, EVEN)

    # Schema 1 ends a bucket at every fourth number of schema 3: -8, -4, 0, 4 and 8.
    assert found.kept == (0, 4, 8, 12, 16)
    assert found.step == 4
    assert found.canary[[0, 4, 8, 12, 16, 17]].tolist() == [1, 2, 3, 4, 5, 0]
    assert found.stable[[0, 4, 8, 12, 16, 17]].tolist() == [1, 4, 4, 4, 4, 0]
    assert found.canary.sum() == 15


@given(st.integers(-4, 7), st.floats(1e-4, 1e4))
def test_downscaling_puts_a_value_where_the_lower_schema_counts_it(
    schema: int, value: float
) -> None:
    def number(of: int) -> int:
        return math.ceil(math.log2(value) * 2.0**of - 1e-9)

    layout = Layout(schema, tuple(float(number(schema) + k) for k in (-1, 0, 1)))
    fine = native(np.ones(1), number(schema + 1), schema + 1)

    found = counted(layout, fine, native(np.ones(1), number(schema), schema))

    assert found.canary.tolist() == found.stable.tolist() == [0, 1, 0, 0]


def test_nothing_is_told_apart_within_a_zero_bucket() -> None:
    canary = Native(3, 1.0, 7.0, (Span(1, 2),), (2.0, 3.0))  # everything up to 1 s, then two

    found = counted(NATIVE, canary, EVEN)

    assert found.kept == tuple(range(8, 17))
    assert found.canary[[8, 9, 10]].tolist() == [7, 2, 3]
    assert found.stable[8] == 9


def test_a_long_classic_history_keeps_the_boundaries_that_part_most_requests() -> None:
    bounds = tuple(0.01 * (k + 1) for k in range(60))
    buckets = np.ones(61)
    buckets[20:30] = 100.0

    history = History.of(classic(buckets, bounds))

    assert len(history.layout.bounds) == CLASSIC_BOUNDS
    assert set(bounds[20:29]) <= set(history.layout.bounds)
    assert sum(history.counts) == buckets.sum()


def test_a_native_history_keeps_the_finest_schema_that_spans_its_requests() -> None:
    narrow = History.of(native(np.full(30, 10.0), -40, 5))
    wide = History.of(native(np.full(300, 10.0), -100, 5))

    assert narrow.layout == Layout(5, tuple(float(k) for k in range(-40, -10)))
    assert wide.layout.schema == 2
    assert len(wide.layout.bounds) <= NATIVE_BOUNDS
    assert sum(wide.counts) == 3000


def test_a_lone_slow_request_does_not_coarsen_the_history() -> None:
    buckets = np.zeros(200)
    buckets[:30], buckets[199] = 1000.0, 1.0

    history = History.of(native(buckets, -40))

    assert history.layout.schema == 3
    assert history.counts[-1] == 1


def test_boundaries_from_zero_down_hold_no_request() -> None:
    history = History.of(Classic((-1.0, 0.0, 0.5, math.inf), (0.0, 1.0, 5.0, 9.0)))

    assert history == History(Layout(None, (0.5,)), (5.0, 4.0))


@pytest.mark.parametrize(
    "nothing",
    [
        None,
        Classic((0.1, math.inf), (0.0, 0.0)),
        Classic((0.1, math.inf), (math.nan, 1.0)),
        Classic((0.1,), (1.0,)),
        Classic((-1.0, math.inf), (1.0, 1.0)),
        Native(3, 0.0, 0.0, (), ()),
        Native(3, 0.0, 9.0, (), ()),
        Native(99, 0.0, 9.0, (), ()),
    ],
)
def test_a_history_that_tells_nothing_is_empty(nothing: Histogram | None) -> None:
    assert History.of(nothing) == History(Layout(None, ()), ())


@settings(max_examples=60, deadline=None)
@given(filled(40, 10**9), st.integers(-60, 20), st.integers(-4, 8))
def test_a_history_is_itself_when_read_again(buckets: Floats, first: int, schema: int) -> None:
    once = History.of(native(buckets, first, schema))

    assert len(once.layout.bounds) <= NATIVE_BOUNDS
    assert len(once.counts) == len(once.layout.bounds) + 1
    assert 0 < sum(once.counts) <= 1e6 + 50
