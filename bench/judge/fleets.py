"""Simulated requests of releases of several pods, many releases at a time.

Counts have the shape (looks, releases, pods). A look is 15 s; at the default traffic of 5 and 95
requests a second that is 75 and 1,425 requests.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from controller.judge import Noise, PodHistory, learn, noisy_pods
from controller.judge.betting import Floats

LOOK = 15.0  # seconds
HISTORY = 60  # looks: what the controller reads of stable before a release
Fails = Callable[[np.random.Generator, Floats, Floats], Floats]
During = Callable[[np.random.Generator, int, int, int], Floats]
Shared = Callable[[np.random.Generator, int, int], tuple[Floats, Floats]]


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


def in_clumps(mean: float) -> Fails:
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


def bad_spells(times: float, looks: float, every: float) -> During:
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


def nothing_shared(rng: np.random.Generator, looks: int, releases: int) -> tuple[Floats, Floats]:
    """Nothing changes with time."""
    del rng
    return np.ones((looks, releases)), np.ones((looks, releases))


def from_look(first: int, times: float) -> Shared:
    """Return a canary that is `times` worse from a look on."""

    def factors(rng: np.random.Generator, looks: int, releases: int) -> tuple[Floats, Floats]:
        stable = nothing_shared(rng, looks, releases)[1]
        return stable * np.where(np.arange(looks) >= first, times, 1.0)[:, None], stable

    return factors


def incidents(times: float, count: int, *, apart: float) -> Shared:
    """Return incidents of both arms: two to six looks that are `times` as bad.

    The canary's windows begin up to `apart` looks after stable's, as targets are scraped at moments
    of their own.
    """

    def factors(rng: np.random.Generator, looks: int, releases: int) -> tuple[Floats, Floats]:
        late = apart * rng.random(releases)
        found = np.ones((2, looks, releases))
        for _ in range(count):
            begin = rng.uniform(5, max(6, looks - 20), releases)
            end = begin + rng.uniform(2, 6, releases)
            for arm, shift in enumerate((late, np.zeros(releases))):
                opens = np.arange(looks)[:, None] + shift
                within = np.minimum(opens + 1, end) - np.maximum(opens, begin)
                found[arm] += (times - 1.0) * np.clip(within, 0.0, 1.0)
        return found[0], found[1]

    return factors


@dataclass(frozen=True)
class Traffic:
    """What happens. `canary` and `stable` are requests a look, `rate` a share of bad requests.

    Rates are multiplied by `worse` on the canary, by `bad_canary` and `bad_stable` on the first
    pods, by `during` at each moment of a pod, by the two `shared` factors of shape (looks,
    releases) for the canary and stable, and by a factor of each pod's own with the logarithm's
    standard deviation `unequal`. `weights` are the canary's shares of all requests, each for
    `at_weight` looks, the last to the end; without any the traffic stays as it is. `before` are
    the requests a look and the pods of stable before the release where they are not those beside
    the canary (a fresh baseline).
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
    fails: Fails = independently
    during: During = always
    shared: Shared = nothing_shared
    weights: tuple[float, ...] = ()
    at_weight: int = 20
    before: tuple[float, int] | None = None


def simulate(traffic: Traffic, *, releases: int, looks: int = 200, seed: int) -> Releases:
    """Return what each pod counts in each look."""
    rng = np.random.default_rng(seed)

    def pods(count: int, bad: tuple[float, ...]) -> Floats:
        luck = np.exp(traffic.unequal * rng.standard_normal((1, releases, count)))
        factors = np.array([*bad, *[1.0] * (count - len(bad))])
        return traffic.rate * factors * luck / math.exp(traffic.unequal**2 / 2)

    def fleet(requests: Floats, rates: Floats, looks: int) -> Fleet:
        shape = (looks, releases, rates.shape[2])
        total = rng.poisson(requests[:, None, None] / shape[2], shape).astype(np.float64)
        rate = np.minimum(rates * traffic.during(rng, *shape), 1.0)
        return Fleet(traffic.fails(rng, total, rate), total)

    canary_pods = pods(traffic.canary_pods, traffic.bad_canary) * traffic.worse
    stable_pods = pods(traffic.stable_pods, traffic.bad_stable)
    requests, count = traffic.before or (traffic.stable, traffic.stable_pods)
    before = stable_pods if traffic.before is None else pods(count, ())
    on_canary, on_stable = traffic.shared(rng, looks, releases)
    mine, theirs = requests_by_look(traffic, looks)
    return Releases(
        fleet(mine, canary_pods * on_canary[:, :, None], looks),
        fleet(theirs, stable_pods * on_stable[:, :, None], looks),
        fleet(np.full(HISTORY, requests), before, HISTORY),
    )


def requests_by_look(traffic: Traffic, looks: int) -> tuple[Floats, Floats]:
    """Return the mean requests of both arms in each look."""
    if not traffic.weights:
        return np.full(looks, traffic.canary), np.full(looks, traffic.stable)
    at = np.minimum(np.arange(looks) // traffic.at_weight, len(traffic.weights) - 1)
    share = np.array(traffic.weights)[at]
    whole = traffic.canary + traffic.stable
    return whole * share, whole * (1.0 - share)


def pod_history(history: Fleet, release: int) -> PodHistory:
    """Return stable's pods before one of the releases."""
    names = tuple(f"stable-{i}" for i in range(history.bad.shape[2]))
    return PodHistory(names, history.bad[:, release], history.total[:, release])


def noises(history: Fleet) -> list[Noise]:
    """Return what is learned before each release, as the controller asks for it."""
    return [learn(pod_history(history, i), routed=True) for i in range(history.bad.shape[1])]


def without_noisy_pods(releases: Releases) -> Releases:
    """Leave out of each release's baseline the pods that its history rules out.

    They count nothing from then on, which is the same as leaving them out.
    """
    count = releases.history.bad.shape[1]
    kept = np.ones((count, releases.stable.bad.shape[2]))
    for i in range(count):
        for name in noisy_pods(pod_history(releases.history, i)):
            kept[i, int(name.removeprefix("stable-"))] = 0.0
    stable, history = (Fleet(x.bad * kept, x.total * kept) for x in releases[1:])
    return Releases(releases.canary, stable, history)
