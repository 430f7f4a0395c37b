"""What scrapes and connections do to counts, played through the code that reads them.

Counters that dip go through controller/metrics, torn histograms and shares of requests through the
judge itself, one release at a time.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

import numpy as np

from bench.judge import counts_twin, histogram_twin
from bench.judge.counts_twin import Rules
from bench.judge.fleets import LOOK, Fleet, Releases, Traffic, noises, simulate
from bench.judge.plays import verdicts
from bench.judge.scenario import US
from bench.judge.shapes import lognormal
from controller.judge import HistogramEvidence, HistogramLook, Refused, ShareCheck
from controller.judge.betting import Floats
from controller.metrics.counters import rising

NAIVE = "every fall a reset"
CLIPPED = "negative buckets cut to 0"
LIMIT = np.log(100.0)
DAY = 86_400 / LOOK  # looks
Read = Callable[[Sequence[float], Sequence[float]], tuple[float, ...]]


def dips(releases: int, seed: int) -> dict[str, Floats]:
    """Play counters of which one sample in fifty is a hundredth too low, as a lagging replica's.

    Every pod's counters had a day of requests before. Naively each fall counts as a new start.
    """
    traffic = Traffic(rate=0.01)
    streams = simulate(traffic, releases=releases, seed=seed)
    out: dict[str, Floats] = {}
    for name, read in ((US, risen), (NAIVE, restarted)):
        rng = np.random.default_rng(seed + 1)
        canary, stable = (_as_read(arm, traffic.rate, rng, read) for arm in streams[:2])
        course = counts_twin.play(
            Releases(canary, stable, streams.history), noises(streams.history)
        )
        verdicts(out, name, course, Rules())
    return out


def torn(releases: int, seed: int) -> dict[str, Floats]:
    """Play classic histograms of which one scrape in five is read in the middle of an update.

    A torn scrape has up to three requests in some series and not yet in those of larger boundaries.
    """
    latencies = histogram_twin.Latencies(lognormal, lognormal)
    streams = histogram_twin.simulate(latencies, releases=releases, seed=seed)
    rng = np.random.default_rng(seed + 1)
    regressed = np.full((2, releases), np.inf)
    for i in range(releases):
        asked = histogram_twin.question(streams, i)
        mine, theirs = (_torn(rng, x[:, i]) for x in (streams.canary, streams.stable))
        for row, cut in enumerate((False, True)):
            evidence = HistogramEvidence.start(asked)
            for look, arms in enumerate(zip(mine, theirs, strict=True), start=1):
                both = [np.maximum(x, 0.0) if cut else x for x in arms]
                grown = evidence.after(
                    HistogramLook(*(histogram_twin.histogram(x, streams) for x in both))
                )
                evidence = evidence if isinstance(grown, Refused) else grown
                if evidence.log_e_regressed >= LIMIT and evidence.matters:
                    regressed[row, i] = LOOK * look
                    break
    return {US: regressed[0], CLIPPED: regressed[1]}


def scattered(releases: int, seed: int) -> dict[str, Floats]:
    """Play the share check where the canary's share scatters by 40 % from look to look."""
    rng = np.random.default_rng(seed)
    alarmed = np.full(releases, np.inf)
    for i in range(releases):
        check = ShareCheck()
        canary = rng.poisson(75.0 * np.exp(0.4 * rng.standard_normal(200)))
        for look, met in enumerate(canary.tolist(), start=1):
            check = check.after(0.05, float(met), float(rng.poisson(1425)))
            if check.explain():
                alarmed[i] = LOOK * look
                break
    return {US: alarmed}


def connections(releases: int, seed: int, *, ends: float = 1.0) -> dict[str, Floats]:
    """Play the share check on clients with long connections; a canary ends only a part of its own.

    Sixty clients share 100 requests a second unevenly, choose their version anew every ten minutes
    or so, each on its own, at a weight of 10 %.
    """
    rng, weight, clients = np.random.default_rng(seed), 0.1, 60
    alarmed = np.full(releases, np.inf)
    for i in range(releases):
        rates = rng.gamma(2.0, 1.0, clients)
        rates *= 1500.0 / rates.sum()
        on = rng.random(clients) < weight
        check = ShareCheck()
        for look in range(1, 201):
            anew = rng.random(clients) < LOOK / 600.0
            on = np.where(anew, rng.random(clients) < weight, on)
            met = [float(rng.poisson(rates[arm].sum())) for arm in (on, ~on)]
            check = check.after(weight, float(rng.binomial(int(met[0]), ends)), met[1])
            if check.explain():
                alarmed[i] = LOOK * look
                break
    return {US: alarmed}


def risen(times: Sequence[float], values: Sequence[float]) -> tuple[float, ...]:
    """Return the running total of a counter as the controller reads it."""
    return rising(times, values, None)


def restarted(times: Sequence[float], values: Sequence[float]) -> tuple[float, ...]:
    """Return the running total if every fall were a counter that began anew."""
    del times
    steps = (b - a if b >= a else b for a, b in pairwise(values))
    return tuple(accumulate(steps, initial=0.0))


def _as_read(arm: Fleet, rate: float, rng: np.random.Generator, read: Read) -> Fleet:
    """Return what is counted where all requests go through counters with dips."""
    looks, releases, pods = arm.total.shape
    day = np.round(arm.total.mean() * DAY)
    before = np.stack(
        [rng.binomial(int(day), rate, (releases, pods)), np.full((releases, pods), day)]
    )
    dipped = np.where(rng.random((looks + 1, releases, pods)) < 0.02, 0.99, 1.0)
    times = tuple(LOOK * look for look in range(looks + 1))
    found = []
    for counted, start in zip(arm, before, strict=True):
        values = np.concatenate([np.zeros((1, releases, pods)), counted.cumsum(axis=0)]) + start
        values = np.floor(values * dipped)
        totals = np.array(
            [
                [read(times, values[:, release, pod].tolist()) for pod in range(pods)]
                for release in range(releases)
            ]
        )
        found.append(np.moveaxis(np.diff(totals, axis=2), 2, 0))
    return Fleet(np.minimum(found[0], found[1]), found[1])


def _torn(rng: np.random.Generator, buckets: Floats) -> Floats:
    """Return requests per bucket and look as torn scrapes show them.

    A request counts in the series of its boundary and of all larger ones. A torn scrape has it up
    to some boundary only: the bucket after that one seems to have a request less, until the next.
    """
    looks, count = buckets.shape
    at = rng.integers(0, count - 1, looks)
    under = np.take_along_axis(buckets.cumsum(axis=1), at[:, None], 1)[:, 0]
    missing = np.where(rng.random(looks) < 0.2, rng.integers(1, 4, looks), 0)
    moved = np.zeros((looks + 1, count))
    moved[np.arange(1, looks + 1), at + 1] = np.minimum(missing, under)
    torn: Floats = buckets + moved[:-1] - moved[1:]
    return torn
