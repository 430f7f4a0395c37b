"""Requests drawn at random, as counters would have them: what `simulate` puts before the judge.

Requests come at random moments (Poisson), evenly over a version's pods, and fail independently.
Promises: nothing is drawn but from the given generator. Leaves out: pods that differ, failures in
clumps, and traffic that changes; each of them costs time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from controller.judge.betting import Floats
from controller.judge.buckets import Classic, read_classic
from controller.judge.counts import Arm, CountsLook, Refused
from controller.judge.course import Traffic
from controller.judge.kinds import Look
from controller.judge.layouts import HistogramLook
from controller.judge.plan import (
    CountsMetric,
    HistogramMetric,
    Metric,
    PodBuckets,
    PodCounts,
)

# Annotations with a generator are in quotes: read, they would load numpy.random, which takes time
# and only simulations need.

# What the controller reads of stable before a release.
HISTORY_LOOKS, HISTORY_SECONDS = 60, 15.0


@dataclass(frozen=True, slots=True)
class Regression:
    """How a canary is worse in one metric: by its share of bad requests, or by being slower.

    Every request takes `slower` times as long as on stable. Without a metric it is like stable.
    """

    metric: str = ""
    bad: float | None = None
    slower: float = 1.0


@dataclass(frozen=True, slots=True)
class Version:
    """One version's requests in some stretch of time.

    `total` are requests by pod, `bad` the same of each metric that counts, `buckets` requests per
    bucket of each histogram, not cumulative. Both are by the metrics' names.
    """

    total: Floats
    bad: Mapping[str, Floats]
    buckets: Mapping[str, Floats]

    def plus(self, more: "Version") -> "Version":
        """Return both stretches together."""
        return Version(
            self.total + more.total,
            {name: bad + more.bad[name] for name, bad in self.bad.items()},
            {name: counts + more.buckets[name] for name, counts in self.buckets.items()},
        )


@dataclass(frozen=True, slots=True)
class Rates:
    """The shares by which a version's requests are drawn, by the metrics' names."""

    bad: Mapping[str, float]
    buckets: Mapping[str, Floats]


def rates(metrics: Sequence[Metric], traffic: Traffic, regression: Regression) -> Rates:
    """Return a version's rates; raises ValueError for a metric that cannot be drawn."""
    bad, buckets = {}, {}
    for metric in metrics:
        worse = metric.name == regression.metric
        match metric:
            case CountsMetric(name=name):
                share = regression.bad if worse else None
                bad[name] = traffic.bad if share is None else share
            case HistogramMetric(name=name):
                buckets[name] = _shares(_classic(metric), regression.slower if worse else 1.0)
            case _:
                raise ValueError(
                    f"metric {metric.name}: only counts and histograms are simulated; leave it out"
                )
    return Rates(bad, buckets)


def draw(
    rng: "np.random.Generator", rates: Rates, requests: float, pods: int, looks: int | None = None
) -> Version:
    """Return one stretch of a version's requests, `requests` on average over all its pods.

    With `looks` it is so many stretches, one after the other: arrays of shape (looks, pods).
    """
    shape = pods if looks is None else (looks, pods)
    total = rng.poisson(requests / pods, shape)
    return Version(
        total.astype(np.float64),
        {name: rng.binomial(total, p).astype(np.float64) for name, p in rates.bad.items()},
        {
            name: rng.multinomial(int(total.sum()), shares).astype(np.float64)
            for name, shares in rates.buckets.items()
        },
    )


def with_history(metric: Metric, past: Version) -> Metric:
    """Return the metric with what stable's pods counted before the release, if it has none."""
    if not isinstance(metric, CountsMetric) or metric.history:
        return metric
    bad = past.bad[metric.name]
    pods = zip(bad.T.tolist(), past.total.T.tolist(), strict=True)
    return replace(
        metric,
        prior_bad=float(bad.sum()),
        prior_total=float(past.total.sum()),
        history={f"stable-{i}": PodCounts(mine, all_) for i, (mine, all_) in enumerate(pods)},
    )


def look_at(metric: Metric, canary: Version, stable: Version) -> Look:
    """Return what both versions counted, as the judge takes it."""
    if isinstance(metric, HistogramMetric):
        bounds = tuple(_classic(metric).bounds)
        mine, theirs = (
            Classic(bounds, tuple(arm.buckets[metric.name].cumsum().tolist()))
            for arm in (canary, stable)
        )
        return HistogramLook(mine, theirs)
    bad = canary.bad[metric.name]
    pods = enumerate(zip(bad.tolist(), canary.total.tolist(), strict=True))
    look = CountsLook(
        canary=Arm(float(bad.sum()), float(canary.total.sum())),
        stable=Arm(float(stable.bad[metric.name].sum()), float(stable.total.sum())),
        pods={f"canary-{i}": Arm(*counted) for i, counted in pods},
        stable_pods=len(stable.total),
    )
    return (look,)


def _classic(metric: HistogramMetric) -> Classic:
    """Return stable's latencies; raises ValueError where the metric has none that can be drawn."""
    history = metric.history
    if isinstance(history, PodBuckets):
        summed = np.sum([look for looks in history.pods.values() for look in looks], axis=0)
        history = Classic(tuple(history.bounds), tuple(np.atleast_1d(summed).tolist()))
    problem = "it is no classic histogram"
    if isinstance(history, Classic):
        checked = read_classic("stable's history", history)
        problem = checked.message if isinstance(checked, Refused) else ""
        if not problem and history.counts[-1] > 0.0:
            return history
    raise ValueError(
        f"metric {metric.name}: history has no latencies to draw from"
        f"{problem and f' ({problem})'}; give it stable's requests up to each bound"
    )


def _shares(history: Classic, slower: float) -> Floats:
    """Return the share of requests per bucket where all take `slower` times as long.

    Within a bucket latencies are spread evenly, as Prometheus takes them to be.
    """
    edges = np.array(history.bounds[:-1])
    below = np.maximum.accumulate(np.array(history.counts[:-1]) / history.counts[-1])
    moved = np.interp(edges / slower, [0.0, *edges], [0.0, *below])
    shares: Floats = np.diff(np.minimum(moved, 1.0), prepend=0.0, append=1.0)
    return shares
