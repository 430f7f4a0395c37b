"""Simulated releases of several pods, many at a time, and the judge's counts test played on them.

Counts have the shape (looks, releases, pods). The game is put together from the judge's own parts
with numpy instead of `CountsEvidence`, which plays one release at a time; a test holds the two
against each other.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.judge import Arm, Noise, PodHistory, learn, may_be_judged
from controller.judge.betting import (
    FIRST,
    JOIN_EVERY,
    JOINS,
    SAFE_STEPS,
    WORSE_ODDS,
    Floats,
    Null,
    Tally,
    joined,
    safe_growth,
    worse_growth,
)
from controller.judge.verdict import LEFT_OF_EVIDENCE, LEFT_OF_THRESHOLD

HISTORY = 60  # looks
PRIOR = 40  # of these, ten minutes of 15 s
Flags = NDArray[np.bool_]


class Fleet(NamedTuple):
    """Bad and all requests of pods."""

    bad: Floats
    total: Floats


class Releases(NamedTuple):
    """The canary and stable during releases, and stable before them."""

    canary: Fleet
    stable: Fleet
    history: Fleet


def independently(rng: np.random.Generator, total: Floats, rate: Floats) -> Floats:
    """Return bad requests that have nothing to do with each other."""
    return rng.binomial(total.astype(int), rate).astype(np.float64)


def in_clumps(mean: float) -> Callable[[np.random.Generator, Floats, Floats], Floats]:
    """Bad requests come in clumps of geometric size with this mean, each on one pod."""

    def fails(rng: np.random.Generator, total: Floats, rate: Floats) -> Floats:
        clumps = rng.poisson(total * rate / mean)
        more = rng.negative_binomial(np.maximum(clumps, 1), 1.0 / mean)
        return np.minimum(np.where(clumps > 0, clumps + more, 0.0), total)

    return fails


def always(rng: np.random.Generator, looks: int, releases: int, pods: int) -> Floats:
    """Every pod has the same rate at any time."""
    del rng
    return np.ones((looks, releases, pods))


def bad_spells(
    times: float, looks: float, every: float
) -> Callable[[np.random.Generator, int, int, int], Floats]:
    """Each pod on its own is `times` worse for some `looks` on average, once in `every` looks."""

    def factors(rng: np.random.Generator, count: int, releases: int, pods: int) -> Floats:
        bad = rng.random((releases, pods)) < looks / every
        found = np.empty((count, releases, pods))
        for look in range(count):
            found[look] = np.where(bad, times, 1.0)
            change = rng.random((releases, pods))
            bad = np.where(bad, change > 1.0 / looks, change < 1.0 / (every - looks))
        return found

    return factors


@dataclass(frozen=True)
class Traffic:
    """What happens. `canary` and `stable` are requests a look, `rate` a share of bad requests.

    Rates are multiplied by `worse` on the canary, by `bad_canary` and `bad_stable` on the first
    pods, by `during` at each moment of a pod, by the two `shared` factors of shape (looks,
    releases) for the canary and stable, and by a factor of each pod's own with the logarithm's
    standard deviation `unequal`.
    """

    canary: float = 75.0
    stable: float = 1425.0
    canary_pods: int = 3
    stable_pods: int = 10
    rate: float = 0.01
    worse: float = 1.0
    bad_canary: tuple[float, ...] = ()
    bad_stable: tuple[float, ...] = ()
    unequal: float = 0.0
    fails: Callable[[np.random.Generator, Floats, Floats], Floats] = independently
    during: Callable[[np.random.Generator, int, int, int], Floats] = always
    shared: tuple[Floats, Floats] | None = None


def simulate(traffic: Traffic, *, releases: int, looks: int = 200, seed: int) -> Releases:
    """Return what each pod counts in each look."""
    rng = np.random.default_rng(seed)

    def pods(count: int, bad: tuple[float, ...]) -> Floats:
        luck = np.exp(traffic.unequal * rng.standard_normal((1, releases, count)))
        factors = np.array([*bad, *[1.0] * (count - len(bad))])
        return traffic.rate * factors * luck / math.exp(traffic.unequal**2 / 2)

    def fleet(requests: float, rates: Floats, count: int) -> Fleet:
        shape = (count, *rates.shape[1:])
        total = rng.poisson(requests / shape[2], shape).astype(np.float64)
        rate = np.minimum(rates * traffic.during(rng, *shape), 1.0)
        return Fleet(traffic.fails(rng, total, rate), total)

    canary_pods = pods(traffic.canary_pods, traffic.bad_canary) * traffic.worse
    stable_pods = pods(traffic.stable_pods, traffic.bad_stable)
    on_canary, on_stable = traffic.shared or (np.ones((looks, releases)),) * 2
    return Releases(
        fleet(traffic.canary, canary_pods * on_canary[:, :, None], looks),
        fleet(traffic.stable, stable_pods * on_stable[:, :, None], looks),
        fleet(traffic.stable, stable_pods, HISTORY),
    )


def pod_history(history: Fleet, release: int) -> PodHistory:
    """Return stable's pods before one of the releases."""
    names = tuple(f"stable-{i}" for i in range(history.bad.shape[2]))
    return PodHistory(names, history.bad[:, release], history.total[:, release])


def noises(history: Fleet) -> list[Noise]:
    """Return what is learned before each release."""
    return [learn(pod_history(history, i)) for i in range(history.bad.shape[1])]


def apart_from_edges(stable: Fleet) -> Flags:
    """Return which looks of each release may be judged; shape (looks, releases)."""
    bad, total = stable.bad.sum(axis=2), stable.total.sum(axis=2)
    looks, releases = bad.shape
    found = np.zeros((looks, releases), dtype=bool)
    for i in range(releases):
        arms = [Arm(*counts) for counts in zip(bad[:, i], total[:, i], strict=True)]
        for t in range(looks - 1):
            found[t, i] = may_be_judged(arms[t - 1] if t else None, arms[t], arms[t + 1])
    return found


class Played(NamedTuple):
    """The number of the first look with Regressed and with Safe in each release; 0 if never."""

    regressed: Floats
    safe: Floats


def play(
    releases: Releases,
    noise: list[Noise] | None = None,
    *,
    without_one_pod: bool = False,
    first: float = 1.0,
    judged: Flags | None = None,
    level: float = 0.01,
) -> Played:
    """Play the game of `CountsEvidence` and the verdict of `judge` on one metric.

    The defaults play it without any repair: `first` is the stake on the first start.
    """
    canary, stable, history = releases
    looks, count, pods = canary.bad.shape
    found = noise or [Noise()] * count
    phi = np.array([n.phi for n in found])[:, None, None]
    cap = np.array([n.cap for n in found])[:, None, None]
    wider = np.array([n.widening(pods, stable.bad.shape[2]) for n in found])[:, None, None]
    fail, margin = Null(1.0 + wider, 0.0), Null(1.5, 0.005)
    prior = [x[-PRIOR:].sum(axis=(0, 2))[:, None, None] for x in history]
    scale = np.minimum(1.0, 2000.0 / np.maximum(prior[1], 1.0))
    none = np.zeros((count, 1, 1))
    past = Tally(none, none, prior[0] * scale, prior[1] * scale)
    capital = np.full((count, 1 + pods, len(WORSE_ODDS)), math.log(first))
    safe, aside, expected = np.zeros((count, 1, len(SAFE_STEPS))), 1.0 - first, none
    result, limit = np.zeros((2, count)), -math.log(level)
    for look in range(looks):
        if aside and look and look % JOIN_EVERY == 0:
            capital = joined(capital, aside * JOINS)
            aside -= aside * JOINS
        on = np.ones(count, dtype=bool) if judged is None else judged[look]
        tally, plays = left_out(canary, stable, look)
        plays = plays * on[:, None, None]
        whole = Tally(*(np.broadcast_to(x, plays.shape)[:, :1] for x in tally))
        busy = np.maximum(1.0, whole.canary / pods / (whole.stable / stable.bad.shape[2]))
        divisor = 1.0 + (phi - 1.0) * busy
        capital = capital + np.minimum(plays * worse_growth(tally, fail, past) / divisor, cap)
        safe = safe + plays[:, :1] * safe_growth(whole, margin, past) / divisor
        past = Tally(*(p + plays[:, :1] * x for p, x in zip(past, whole, strict=True)))
        expected = expected + plays[:, :1] * whole.canary * whole.stable_bad / whole.stable
        rate, beside = (
            (x / np.maximum(past.canary, 1.0))[:, 0, 0] for x in (past.canary_bad, expected)
        )
        log_e = np.log(np.exp(np.minimum(capital, 500.0)).mean(axis=2) + aside)
        regressed = (log_e[:, 0] >= limit) & (rate > beside + 0.1 * (0.5 * beside + 0.005))
        if without_one_pod:
            least = np.maximum(LEFT_OF_THRESHOLD * limit, LEFT_OF_EVIDENCE * log_e[:, 0])
            regressed &= log_e[:, 1:].min(axis=1) >= least
        is_safe = np.exp(np.minimum(safe, 500.0)).mean(axis=2)[:, 0] >= 1 / 0.05
        is_safe &= rate <= 1.5 * beside + 0.005
        for row, now in enumerate((regressed, is_safe)):
            result[row] = np.where((result[row] == 0) & now, look + 1, result[row])
    return Played(*result)


def as_shipped(releases: Releases) -> Played:
    """Play with every repair but the late judgement beside edges."""
    return play(releases, noises(releases.history), without_one_pod=True, first=FIRST)


def left_out(canary: Fleet, stable: Fleet, look: int) -> tuple[Tally, Flags]:
    """Return a look with all canary pods, then without each; shape (releases, 1 + pods)."""
    bad, total = (
        np.concatenate([whole, whole - own], axis=1)[:, :, None]
        for own in (canary.bad[look], canary.total[look])
        for whole in [own.sum(axis=1, keepdims=True)]
    )
    beside = (x[look].sum(axis=1)[:, None, None] for x in stable)
    plays = total >= 1.0
    return Tally(np.where(plays, bad, 0.0), np.where(plays, total, 1.0), *beside), plays
