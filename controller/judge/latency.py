"""What is asked of a latency histogram, and what one look adds to the evidence.

Stable's history fixes, before the first look, which bets are placed and at which boundaries shares
are compared. Both are functions of the question alone and remembered while it is in use.

Promises: nothing that a look is scored with depends on that look's outcomes, as fair games demand;
every number returned is finite. Leaves out: what all looks together have shown (histogram.py), and
how strongly requests cluster: `phi` is an argument.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.judge import betting
from controller.judge.betting import SAFE_STEPS, WORSE_ODDS, Floats, Null, Tally
from controller.judge.buckets import Ints
from controller.judge.counts import MOST_PRIOR, Refused
from controller.judge.layouts import Counted, History
from controller.judge.templates import WEIGHTS, Bets, bets, growth

# At most so many boundaries have to agree on Safe.
SAFE_BOUNDS = 12
# Where shares are compared if the fail margin is one on shares: the boundaries nearest to these.
MARGIN_LEVELS = (0.5, 0.75, 0.95, 0.99)
# Where requests cluster more than this, one look brings at most half of a verdict.
CLUSTERED = 1.5


@dataclass(frozen=True, slots=True)
class HistogramQuestion:
    """What is asked of a latency metric; fixed for a release.

    `history` is stable's histogram of the minutes before the release.

    A canary is safe while, at every boundary from stable's median up, the share of its requests
    that are slower is at most stable's times 1 + `safe_relative` plus `safe_absolute` (a share:
    0.005 is half a percentage point). It is worse when at some boundary that share is above
    stable's times 1 + `fail_relative` plus `fail_absolute`, after its latencies were divided by
    1 + `fail_slower`; the latter needs native histograms and is rounded up to whole buckets.

    `phi` says how many slow requests come together on average (1: each for itself); every gain and
    loss is divided by it. `false_rollback` and `false_promotion` are the plan's; they bound what a
    single look may add if requests cluster. `seconds` is the unit of the boundaries, for words:
    0.001 where they are milliseconds.

    Raises ValueError for a margin under 0, an absolute one from 1 or another from 1000 up, a phi
    under 1, a probability outside 0 to 1, or a unit that is not above 0.
    """

    history: History
    safe_relative: float = 0.5
    safe_absolute: float = 0.005
    fail_relative: float = 0.0
    fail_absolute: float = 0.0
    fail_slower: float = 0.0
    phi: float = 1.0
    false_rollback: float = 0.01
    false_promotion: float = 0.05
    seconds: float = 1.0

    def __post_init__(self) -> None:
        for field, least, under in (
            ("safe_relative", 0.0, 1000.0),
            ("safe_absolute", 0.0, 1.0),
            ("fail_relative", 0.0, 1000.0),
            ("fail_absolute", 0.0, 1.0),
            ("fail_slower", 0.0, 1000.0),
            ("phi", 1.0, math.inf),
            ("false_rollback", 0.0, 1.0),
            ("false_promotion", 0.0, 1.0),
            ("seconds", 1e-12, math.inf),
        ):
            value = getattr(self, field)
            if not least <= value < under:
                raise ValueError(
                    f"{field} is {value}; it is at least {least:g} and under {under:g}"
                )

    @property
    def safe_null(self) -> Null:
        """The line p_c = ratio * p_b + shift that a safe canary stays under at every boundary."""
        return Null(1.0 + self.safe_relative, self.safe_absolute)

    @property
    def fail_null(self) -> Null:
        """The line that a worse canary is above at some boundary."""
        return Null(1.0 + self.fail_relative, self.fail_absolute)

    @property
    def compares_shares(self) -> bool:
        """Whether the fail margin is one on shares."""
        return self.fail_relative > 0.0 or self.fail_absolute > 0.0

    @property
    def shift(self) -> int:
        """How many buckets of the history's native schema `fail_slower` is, rounded up."""
        schema = self.history.layout.schema
        if schema is None or self.fail_slower == 0.0:
            return 0
        return math.ceil(math.log2(1.0 + self.fail_slower) * 2.0**schema - 1e-9)


class Ground(NamedTuple):
    """What follows from stable's history.

    `edges` are the boundaries in their unit. The history is taken for `prior` requests, as in
    counts.py, of which `prior_slower` were beyond each boundary. `safe_at` and `margin_at` are the
    positions of the boundaries at which shares are compared.
    """

    edges: Floats
    prior: float
    prior_slower: Floats
    safe_at: Ints
    margin_at: Ints


class Board(NamedTuple):
    """Bets, and where their buckets start in each arm; None where nothing is merged."""

    bets: Bets
    canary: Ints | None
    stable: Ints | None


class Past(NamedTuple):
    """All looks before this one.

    The canary's requests per bucket, as many spread like stable's, and how many stable had.
    """

    canary: Floats
    expected: Floats
    stable: float


def slower(buckets: Floats) -> Floats:
    """Return how many requests are beyond each boundary."""
    upto = buckets.cumsum()
    beyond: Floats = upto[-1] - upto[:-1]
    return beyond


@lru_cache(maxsize=2048)
def ground(history: History) -> Ground | None:
    """Return what follows from a history; None if it is empty."""
    if not history.counts:
        return None
    counts = np.array(history.counts)
    total, beyond = counts.sum(), slower(counts)
    last = len(beyond) - 1
    median = min(int(np.count_nonzero(beyond > 0.5 * total)), last)
    spaced = np.linspace(median, last, min(SAFE_BOUNDS, last - median + 1))
    nearest = {int(np.argmin(np.abs(1.0 - beyond / total - level))) for level in MARGIN_LEVELS}
    scale = min(1.0, MOST_PRIOR / total)
    return Ground(
        edges=history.layout.edges,
        prior=float(total * scale),
        prior_slower=beyond * scale,
        safe_at=np.rint(spaced).astype(np.int64),
        margin_at=np.array(sorted(nearest)),
    )


def first_capital(question: HistogramQuestion) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the log capitals before the first look: of the bets on slower, and of those on Safe.

    The mean of each game is 1. Without a history both stay as they are.
    """
    found = ground(question.history)
    if found is None:
        return (0.0,), (0.0,) * len(SAFE_STEPS)
    worse = np.log(WEIGHTS * len(WEIGHTS))
    if question.compares_shares:
        worse = np.zeros(len(found.margin_at) * len(WORSE_ODDS))
    return tuple(worse.tolist()), (0.0,) * (len(found.safe_at) * len(SAFE_STEPS))


@lru_cache(maxsize=2048)
def board(history: History, kept: tuple[int, ...] | None, shift: int) -> Board | None:
    """Return the bets for the boundaries at the positions `kept`; None if none is left of them.

    The canary's requests up to `shift` positions further are set beside stable's.
    """
    positions = range(len(history.layout.bounds)) if kept is None else kept
    pairs = np.array([k for k in positions if k + shift in positions], dtype=np.int64)
    if not len(pairs):
        return None
    counts, edges = np.array(history.counts), history.layout.edges
    if len(pairs) == len(edges):
        return Board(bets(counts, edges), None, None)
    canary, stable = (np.concatenate([[0], 1 + pairs + by]) for by in (shift, 0))
    return Board(bets(np.add.reduceat(counts, stable), edges[pairs]), canary, stable)


def worse_growth(question: HistogramQuestion, counted: Counted, past: Past) -> Floats | Refused:
    """Return what a look adds to the log capital of each bet that the canary is slower.

    The question has a history. Refused if the buckets are too coarse for `fail_slower`.
    """
    shift = -(-question.shift // counted.step) * counted.step
    placed = board(question.history, counted.kept, shift)
    if placed is None or (question.fail_slower > 0.0 and question.history.layout.schema is None):
        return Refused(
            "MarginNeedsBuckets",
            f"evidence refused: no buckets to read a fail margin of {question.fail_slower:g} in "
            "latency from; state it in shares (relative, absolute), or expose native histograms",
        )
    found = ground(question.history)
    if question.compares_shares and found is not None:
        new, before, known = _tallies(found, counted, past, at=found.margin_at, shift=shift)
        grown = (betting.worse_growth(new, question.fail_null, before) * known).ravel()
    else:
        canary, stable = counted.canary, counted.stable
        if placed.canary is not None and placed.stable is not None:
            canary = np.add.reduceat(canary, placed.canary)
            stable = np.add.reduceat(stable, placed.stable)
        grown = growth(canary, stable, placed.bets)
    return _tempered(grown, question.phi, question.false_rollback)


def safe_growth(question: HistogramQuestion, counted: Counted, past: Past) -> Floats:
    """Return what a look adds to the log capital of each bet that the canary is within its margin.

    Eight bets for each boundary of `Ground.safe_at`. The question has a history.
    """
    found = ground(question.history)
    if found is None:
        return np.zeros(len(SAFE_STEPS))
    new, before, known = _tallies(found, counted, past, at=found.safe_at, shift=0)
    grown = (betting.safe_growth(new, question.safe_null, before) * known).ravel()
    return _tempered(grown, question.phi, question.false_promotion)


def asked(question: HistogramQuestion, counted: Counted) -> int:
    """Return the bits of the boundaries of `Ground.safe_at` that a look can be asked at."""
    found = ground(question.history)
    at = found.safe_at.tolist() if found is not None else []
    return sum(1 << i for i, k in enumerate(at) if counted.kept is None or k in counted.kept)


def _tallies(
    found: Ground, counted: Counted, past: Past, *, at: Ints, shift: int
) -> tuple[Tally, Tally, NDArray[np.bool_]]:
    """Return slow requests of the look and before it, and where the look can tell them apart.

    All have the shape (boundaries, 1).
    """
    mine = np.minimum(at + shift, len(found.edges) - 1)
    known = mine == at + shift
    if counted.kept is not None:
        known = known & np.isin(at, counted.kept) & np.isin(mine, counted.kept)
    buckets = np.array([counted.canary, counted.stable, past.canary, past.expected])
    upto = buckets.cumsum(axis=1)
    beyond = upto[:, -1:] - upto[:, :-1]
    canary, stable, before, _ = upto[:, -1].tolist()
    scale = past.stable / before if before > 0.0 else 0.0
    expected = scale * beyond[3, at] + found.prior_slower[at]
    return (
        Tally(beyond[0, mine][:, None], canary, beyond[1, at][:, None], stable),
        Tally(beyond[2, mine][:, None], before, expected[:, None], past.stable + found.prior),
        known[:, None],
    )


def _tempered(grown: Floats, phi: float, level: float) -> Floats:
    """Return log growth as if clusters of `phi` requests were one, and bounded if they are large.

    Valid for any phi from 1 on, as E[x ** (1/phi)] <= E[x] ** (1/phi).
    """
    tempered = grown / phi
    if phi > CLUSTERED and level > 0.0:
        tempered = np.minimum(tempered, -0.5 * math.log(level))
    return tempered
