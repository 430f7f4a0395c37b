"""`HistogramEvidence` for many releases at once, and simulated requests by bucket.

Bets and Safe's stakes are the judge's own (templates.py, latency.py, betting.py); this file repeats
what is around them for many releases. A unit test holds it to the judge, look by look, to 1e-9.

Counts have the shape (looks, releases, buckets). Both arms and the history have the same buckets.
Leaves out: margins on latency, torn scrapes, layouts that differ (scrapes.py plays those on the
judge itself).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bench.judge.counts_twin import Course, Flags
from bench.judge.fleets import HISTORY, During, always
from bench.judge.shapes import DEFAULT, Cdf, native_edges, shares
from controller.judge import Classic, HistogramQuestion, History, Native, Span, latency_phi
from controller.judge.betting import SAFE_STEPS, Floats, Null, Tally, safe_growth
from controller.judge.evidence import PRACTICAL
from controller.judge.latency import CLUSTERED, ground
from controller.judge.templates import WEIGHTS, bets
from controller.judge.verdict import LEFT_OF_THRESHOLD

FIRST, LAST = -96, 0  # native bucket numbers at schema 3: 0.2 ms to 1 s, and the rest
NATIVE_EDGES = native_edges(FIRST, LAST - 1)
CLASSIC_EDGES: Floats = np.array(DEFAULT)


@dataclass(frozen=True)
class Latencies:
    """What happens: the shapes of both arms, requests a look, pods.

    `stretched` is how much longer a pod's requests take while `during` says so (its factors are 1
    or more, and `stretched` holds beyond 1), for each pod on its own. `bad_canary` are shapes of
    the canary's first pods. `by_look` gives both arms' shapes where they change with time.
    """

    stable: Cdf
    canary: Cdf
    native: bool = False
    rps: tuple[float, float] = (5.0, 95.0)
    pods: tuple[int, int] = (3, 10)
    during: During = always
    stretched: Callable[[Cdf], Cdf] | None = None
    bad_canary: tuple[Cdf, ...] = ()

    @property
    def edges(self) -> Floats:
        """The boundaries at which requests are counted."""
        return NATIVE_EDGES if self.native else CLASSIC_EDGES


class Streams(NamedTuple):
    """Requests by look, release and bucket, and before that those of stable's pods by pod too."""

    edges: Floats
    native: bool
    canary: Floats
    stable: Floats
    history: Floats


def simulate(
    latencies: Latencies, *, releases: int, looks: int = 200, seed: int, seconds: float = 15.0
) -> Streams:
    """Return what is counted; requests come at random, so each bucket's count is Poisson."""
    rng = np.random.default_rng(seed)
    edges = latencies.edges.tolist()

    def arm(rps: float, pods: list[Cdf], count: int) -> Floats:
        shape = (count, releases, len(pods))
        found: Floats = np.zeros((*shape, len(edges) + 1))
        slow = latencies.during(rng, *shape) > 1.0
        for i, pod in enumerate(pods):
            rates = np.broadcast_to(shares(pod, edges), (*shape[:2], len(edges) + 1))
            if latencies.stretched is not None:
                spell = shares(latencies.stretched(pod), edges)
                rates = np.where(slow[:, :, i, None], spell, rates)
            found[:, :, i] = rng.poisson(np.maximum(rates, 0.0) * (rps * seconds / len(pods)))
        return found

    mine, theirs = latencies.pods
    canary = [*latencies.bad_canary, *[latencies.canary] * (mine - len(latencies.bad_canary))]
    return Streams(
        latencies.edges,
        latencies.native,
        arm(latencies.rps[0], canary, looks).sum(axis=2),
        arm(latencies.rps[1], [latencies.stable] * theirs, looks).sum(axis=2),
        arm(latencies.rps[1], [latencies.stable] * theirs, HISTORY),
    )


def question(streams: Streams, release: int) -> HistogramQuestion:
    """Return what the controller asks about one of the releases, of classic histograms.

    It reads no native ones yet; those are asked about in the same way.
    """
    by_pod = streams.history[:, release]
    total = by_pod.sum(axis=(0, 1))
    pods = tuple(f"stable-{i}" for i in range(by_pod.shape[1]))
    bounds = [*streams.edges.tolist(), math.inf]
    return HistogramQuestion(
        History.of(histogram(total, streams)),
        phi=latency_phi(pods, bounds, by_pod.cumsum(axis=2)),
    )


def histogram(buckets: Floats, streams: Streams) -> Classic | Native:
    """Return requests per bucket as a histogram such as Prometheus has it."""
    if streams.native:
        counts = tuple(buckets.tolist())
        return Native(3, 2.0**-128, 0.0, (Span(FIRST, len(counts)),), counts)
    return Classic((*streams.edges.tolist(), math.inf), tuple(buckets.cumsum().tolist()))


def play(
    streams: Streams,
    questions: list[HistogramQuestion],
    *,
    safe: bool = False,
    limit: float = math.log(100.0),
) -> Course:
    """Play all looks. Without `safe` that side is left out and never reached.

    `limit` is the log e-value at which the release is rolled back.
    """
    looks, count = streams.canary.shape[:2]
    counted, raw = np.zeros((2, looks, count))
    passed = np.zeros((looks, count), dtype=bool)
    for at, asked in enumerate(questions):
        mine, theirs = (_on(asked.history, x[:, at]) for x in streams[2:4])
        log_e, matters = _slower(asked, mine, theirs)
        raw[:, at], enough = log_e, log_e >= LEFT_OF_THRESHOLD * limit
        counted[:, at] = np.where((log_e > 0.0) & ~(matters & enough), 0.0, log_e)
        if safe:
            passed[:, at] = _safe(asked, mine, theirs)
    return Course(counted, raw, passed)


def _on(history: History, buckets: Floats) -> Floats:
    """Return requests by look on the boundaries of the history."""
    layout = history.layout
    if layout.schema is None:
        return buckets
    upto = buckets.cumsum(axis=1)
    numbers = np.array(layout.bounds) * 2.0 ** (3 - layout.schema) - FIRST
    upto = np.column_stack([upto[:, numbers.astype(int)], upto[:, -1]])
    return np.diff(upto, axis=1, prepend=0.0)


def _slower(asked: HistogramQuestion, mine: Floats, theirs: Floats) -> tuple[Floats, Flags]:
    """Return the log e-value after each look, and whether the difference matters."""
    placed = bets(np.array(asked.history.counts), asked.history.layout.edges)
    share = mine.sum(axis=1) / (mine + theirs).sum(axis=1)
    means = np.log1p(share[:, None, None] * placed.excess)
    grown = mine @ placed.logs.T - np.einsum("tkb,tb->tk", means, mine + theirs)
    grown = _tempered(grown, asked.phi, asked.false_rollback)
    capital = np.log(WEIGHTS) + grown.cumsum(axis=0)
    log_e = np.logaddexp.reduce(capital, axis=1)
    canary, expected, _ = _so_far(mine, theirs)
    requests = canary.sum(axis=1, keepdims=True)
    at_most, beside = ((requests - x.cumsum(axis=1)[:, :-1]) / requests for x in (canary, expected))
    margin = asked.safe_relative * beside + asked.safe_absolute
    return log_e, (at_most > beside + PRACTICAL * margin).any(axis=1)


def _safe(asked: HistogramQuestion, mine: Floats, theirs: Floats) -> Flags:
    """Return whether the metric is Safe after each look."""
    found = ground(asked.history)
    if found is None:
        return np.zeros(len(mine), dtype=bool)
    at = found.safe_at
    canary, expected, beside = _so_far(mine, theirs)

    def beyond(buckets: Floats) -> Floats:
        upto = buckets.cumsum(axis=1)
        slow: Floats = (upto[:, -1:] - upto[:, :-1])[:, at]
        return slow

    def before(sums: Floats) -> Floats:
        return np.concatenate([np.zeros_like(sums[:1]), sums[:-1]])

    earlier, stable = before(canary).sum(axis=1), before(beside)
    scale = np.where(earlier > 0.0, stable / np.maximum(earlier, 1.0), 0.0)
    prior = beyond(before(expected)) * scale[:, None] + found.prior_slower[at]
    new = (beyond(mine), mine.sum(axis=1)[:, None], beyond(theirs), theirs.sum(axis=1)[:, None])
    past = (beyond(before(canary)), earlier[:, None], prior, (stable + found.prior)[:, None])
    null = Null(1.0 + asked.safe_relative, asked.safe_absolute)
    grown = safe_growth(
        Tally(*(x[:, :, None] for x in new)), null, Tally(*(x[:, :, None] for x in past))
    )
    capital = _tempered(grown, asked.phi, asked.false_promotion).cumsum(axis=0)
    log_e = np.logaddexp.reduce(capital, axis=2).min(axis=1) - math.log(len(SAFE_STEPS))
    requests = canary.sum(axis=1)[:, None]
    shown = log_e >= -math.log(asked.false_promotion)
    within = beyond(canary) <= null.ratio * beyond(expected) + null.shift * requests
    flags: Flags = shown & within.all(axis=1)
    return flags


def _so_far(mine: Floats, theirs: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the canary's requests up to each look, as many spread like stable's, and stable's."""
    ratio = mine.sum(axis=1, keepdims=True) / theirs.sum(axis=1, keepdims=True)
    return mine.cumsum(axis=0), (theirs * ratio).cumsum(axis=0), theirs.sum(axis=1).cumsum()


def _tempered(grown: Floats, phi: float, level: float) -> Floats:
    tempered = grown / phi
    return np.minimum(tempered, -0.5 * math.log(level)) if phi > CLUSTERED else tempered
