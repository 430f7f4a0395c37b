"""The boundaries that both arms and stable's history have in common, and a look counted on them.

Two versions of a program may use different boundaries. A look is read on those that are shared:
equal `le` for classic histograms, the lowest of the schemas for native ones. To merge buckets is
always valid, it costs resolution only.

Classic buckets are series of their own and may be read in the middle of an update; a bucket between
two boundaries then seems to have shrunk. What is below zero is owed: it is taken off what that
bucket gets in its next look. Were it dropped, some requests would count twice.

Promises: nothing here raises; what cannot be brought together is `Refused` with the reason.
Leaves out: bad numbers (buckets.py), and what the counts say (histogram.py).
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Self

import numpy as np

from controller.judge.betting import Floats
from controller.judge.buckets import (
    LOWEST_SCHEMA,
    Classic,
    Cumulative,
    Exponential,
    Histogram,
    Ints,
    Native,
    read_classic,
    read_native,
)
from controller.judge.counts import Refused

# A scrape in the middle of an update tears few buckets, and moves fewer requests than it counts.
MOST_TORN = 4
# What packed evidence has room for.
CLASSIC_BOUNDS, NATIVE_BOUNDS = 26, 40
# The shares of stable's fastest and slowest requests that a native window need not tell apart.
FASTEST, SLOWEST = 0.05, 0.001
MOST_HISTORY = 1e6

# Per torn bucket: its position in the layout, and the negative number of requests it owes.
Owed = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class HistogramLook:
    """Both arms over the same window of time, within which the traffic weight did not change."""

    canary: Histogram
    stable: Histogram


@dataclass(frozen=True, slots=True)
class Layout:
    """The upper bounds of all buckets but the last, which has none.

    `bounds` are boundaries for classic histograms (`schema` None), and consecutive bucket numbers
    of `schema` for native ones.
    """

    schema: int | None
    bounds: tuple[float, ...]

    @property
    def edges(self) -> Floats:
        """The bounds in the unit of the histogram."""
        bounds = np.array(self.bounds, dtype=np.float64)
        return bounds if self.schema is None else np.exp2(bounds * 2.0**-self.schema)


@dataclass(frozen=True, slots=True)
class History:
    """Stable's histogram of the minutes before a release, on the boundaries that are judged.

    It says where to place stakes and is no evidence. Empty if there was nothing to learn from.
    """

    layout: Layout
    counts: tuple[float, ...]

    @classmethod
    def of(cls, histogram: Histogram | None) -> Self:
        """Return what is kept of a histogram: at most 40 bounds and a million requests.

        Classic boundaries over CLASSIC_BOUNDS go where they part the fewest requests. A native
        window starts below stable's fastest twentieth, at the finest schema that fits.
        """
        found: tuple[Layout, Floats] | None = None
        if isinstance(histogram, Classic):
            classic = read_classic("stable's history", histogram)
            found = None if isinstance(classic, Refused) else _classic_history(classic)
        elif isinstance(histogram, Native):
            native = read_native("stable's history", histogram)
            found = None if isinstance(native, Refused) else _native_history(native)
        if found is None:
            return cls(Layout(None, ()), ())
        layout, counts = found
        scaled = np.rint(counts * min(1.0, MOST_HISTORY / counts.sum()))
        return cls(layout, tuple(scaled.tolist()))


class Counted(NamedTuple):
    """A look on the boundaries that all have in common.

    `canary` and `stable` are requests per bucket of the layout. `kept` are the positions of the
    bounds in common, None if that is all of them; the requests of a merged bucket stand in the last
    of its parts. `step` is how many buckets of a native layout make one of this look. `owed` is,
    for canary and stable, what torn buckets have to give back.
    """

    canary: Floats
    stable: Floats
    kept: tuple[int, ...] | None
    step: int
    owed: tuple[Owed, Owed]


def count(layout: Layout, look: HistogramLook, owed: tuple[Owed, Owed]) -> Counted | Refused:
    """Return a look on the boundaries of `layout`, as far as both arms have them."""
    canary, stable = look.canary, look.stable
    if isinstance(canary, Classic) and isinstance(stable, Classic) and layout.schema is None:
        counted = _count_classic(layout, canary, stable, owed)
    elif isinstance(canary, Native) and isinstance(stable, Native) and layout.schema is not None:
        counted = _count_native(layout, layout.schema, canary, stable)
    else:
        kinds = (isinstance(h, Native) for h in (canary, stable))
        said = [("native" if n else "classic") for n in (*kinds, layout.schema is not None)]
        return Refused(
            "KindsDiffer",
            f"evidence refused: the canary's histogram is {said[0]}, stable's {said[1]} and its "
            f"history's {said[2]}; let both versions expose the same kind",
        )
    if isinstance(counted, Refused):
        return counted
    for name, counts in (("the canary", counted.canary), ("stable", counted.stable)):
        if counts.sum() < 1.0:
            said_none = f"evidence refused: {name} had no requests in this look"
            return Refused("NoRequests", f"{said_none}; the next look covers it")
    return counted


def _count_classic(
    layout: Layout, canary: Classic, stable: Classic, owed: tuple[Owed, Owed]
) -> Counted | Refused:
    first, second = read_classic("the canary", canary), read_classic("stable", stable)
    if isinstance(first, Refused):
        return first
    if isinstance(second, Refused):
        return second
    shared = _shared(layout.bounds, first.bounds, second.bounds)
    if shared is None:
        return Refused(
            "NoCommonBoundary",
            "evidence refused: canary, stable and stable's history share no boundary but +Inf; "
            "let both versions have some in common",
        )
    settled = []
    for name, arm, at, before in (
        ("the canary", first, shared.canary, owed[0]),
        ("stable", second, shared.stable, owed[1]),
    ):
        buckets = (arm.counts if at is None else arm.counts[at]).copy()
        buckets[1:] -= buckets[:-1].copy()
        ready = _settle(name, _spread(buckets, shared.kept, len(layout.bounds)), before, shared)
        if isinstance(ready, Refused):
            return ready
        settled.append(ready)
    (mine, mine_owed), (theirs, theirs_owed) = settled
    return Counted(mine, theirs, shared.kept, 1, (mine_owed, theirs_owed))


class _Shared(NamedTuple):
    """Where the common bounds stand: in the layout and in each arm; None where nothing differs."""

    kept: tuple[int, ...] | None
    canary: Ints | None
    stable: Ints | None


@lru_cache(maxsize=1024)
def _shared(
    bounds: tuple[float, ...], canary: tuple[float, ...], stable: tuple[float, ...]
) -> _Shared | None:
    """Return the bounds that all three have in common; None if there is none but infinity."""
    kept = tuple(k for k, bound in enumerate(bounds) if bound in canary and bound in stable)
    if not kept:
        return None
    wanted = [*(bounds[k] for k in kept), math.inf]
    places = [
        None if list(arm) == wanted else np.array([arm.index(bound) for bound in wanted])
        for arm in (canary, stable)
    ]
    return _Shared(None if len(kept) == len(bounds) else kept, *places)


def _settle(
    name: str, buckets: Floats, owed: Owed, shared: _Shared
) -> tuple[Floats, Owed] | Refused:
    """Return buckets of at least 0 after paying what was owed, and what is owed from now on."""
    for position, amount in owed:
        buckets[_holder(position, shared.kept, len(buckets) - 1)] += amount
    if buckets.min() >= 0.0:
        return buckets, ()
    torn, taken = np.flatnonzero(buckets < 0.0), np.maximum(buckets, 0.0)
    if len(torn) > MOST_TORN or taken.sum() > 2.0 * buckets.sum():
        return Refused(
            "BucketsTorn",
            f"evidence refused: in {len(torn)} buckets of {name} fewer requests are up to the "
            "larger boundary than up to the smaller; check that all series le come from one scrape",
        )
    return taken, tuple((int(k), float(buckets[k])) for k in torn)


def _holder(position: int, kept: tuple[int, ...] | None, last: int) -> int:
    """Return where the requests of a bucket stand when only the bounds `kept` are told apart."""
    return position if kept is None else min((k for k in kept if k >= position), default=last)


def _spread(buckets: Floats, kept: tuple[int, ...] | None, bounds: int) -> Floats:
    if kept is None:
        return buckets
    spread = np.zeros(bounds + 1)
    spread[[*kept, bounds]] = buckets
    return spread


def _count_native(layout: Layout, schema: int, canary: Native, stable: Native) -> Counted | Refused:
    first, second = read_native("the canary", canary), read_native("stable", stable)
    if isinstance(first, Refused):
        return first
    if isinstance(second, Refused):
        return second
    common = min(schema, first.schema, second.schema)
    step = 2 ** (schema - common)
    lowest, highest = int(layout.bounds[0]), int(layout.bounds[-1])
    # Below a zero bucket's end nothing is told apart.
    zero = max(first.zero_threshold, second.zero_threshold)
    start = max(lowest, _number_of(zero, schema)) if zero > 0.0 else lowest
    low, high = -(-start // step), highest // step
    if low > high:
        return Refused(
            "SchemasDiffer",
            f"evidence refused: the canary's native histogram has schema {first.schema} and a zero "
            f"bucket up to {first.zero_threshold:g}, stable's {second.schema} and "
            f"{second.zero_threshold:g}; together they leave no boundary near stable's latency",
        )
    kept = tuple(range(low * step - lowest, highest - lowest + 1, step))
    all_kept = None if len(kept) == len(layout.bounds) else kept
    arms = [
        _spread(_binned(arm, common, low, high), all_kept, len(layout.bounds))
        for arm in (first, second)
    ]
    return Counted(arms[0], arms[1], all_kept, step, ((), ()))


def _binned(arm: Exponential, schema: int, low: int, high: int) -> Floats:
    """Return the requests up to bound `low`, between all bounds up to `high`, and beyond."""
    at = np.clip(arm.downscaled(schema) - low, 0, high - low + 1)
    binned = np.zeros(high - low + 2)
    np.add.at(binned, at, arm.counts)
    binned[0] += arm.low
    return binned


def _number_of(value: float, schema: int) -> int:
    """Return the number of the native bucket that ends at `value` or next above."""
    return math.ceil(math.log2(value) * 2.0**schema - 1e-9)


def _classic_history(histogram: Cumulative) -> tuple[Layout, Floats] | None:
    buckets = np.maximum(np.diff(histogram.counts, prepend=0.0), 0.0).tolist()
    bounds = list(histogram.bounds[:-1])
    while bounds and bounds[0] <= 0.0:  # no request is that fast, and 0 has no logarithm
        _drop(bounds, buckets, 0)
    while len(bounds) > CLASSIC_BOUNDS:
        least = min(range(len(bounds)), key=lambda k: buckets[k] + buckets[k + 1])
        _drop(bounds, buckets, least)
    if not bounds or sum(buckets) < 1.0:
        return None
    return Layout(None, tuple(bounds)), np.array(buckets)


def _drop(bounds: list[float], buckets: list[float], at: int) -> None:
    """Take one boundary out; its bucket goes to the next."""
    del bounds[at]
    below = buckets.pop(at)
    buckets[at] += below


def _native_history(histogram: Exponential) -> tuple[Layout, Floats] | None:
    populated = histogram.counts > 0.0
    if not populated.any():
        return None
    for schema in range(histogram.schema, LOWEST_SCHEMA - 1, -1):
        numbers = histogram.downscaled(schema)[populated]
        upto = histogram.low + np.cumsum(histogram.counts[populated])
        fast, slow = np.searchsorted(upto, upto[-1] * np.array([FASTEST, 1.0 - SLOWEST]))
        low, high = int(numbers[fast]) - 1, int(numbers[-1])
        if int(numbers[slow]) - low < NATIVE_BOUNDS:
            break
    high = min(high, low + NATIVE_BOUNDS - 1)
    bounds = tuple(float(number) for number in range(low, high + 1))
    return Layout(schema, bounds), _binned(histogram, schema, low, high)
