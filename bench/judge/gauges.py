"""Simulated gauges per pod, judged by the library's own evidence, one release at a time.

Values are first-order autoregressions around levels that pods keep for good, 1 on average. The
controller asks for no gauges yet, so this is the library with its defaults, each metric alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench.judge.fleets import HISTORY, LOOK
from bench.judge.scenario import US
from controller.judge import GaugeEvidence, GaugeHistory, GaugeLook, GaugeQuestion, Pod, Refused
from controller.judge.betting import Floats
from controller.judge.gauge_look import Measure

ALPHA, BETA = 0.01, 0.05
OLD = 3600.0  # seconds: past every warm-up
Levels = Callable[[np.random.Generator, int], Floats]
Effect = Callable[[int], float]


def alike(_: np.random.Generator, pods: int) -> Floats:
    """Every pod has the same level."""
    return np.ones(pods)


def apart(sd: float) -> Levels:
    """Return levels that differ by a normal law."""
    return lambda rng, pods: 1.0 + sd * rng.standard_normal(pods)


def two_kinds_of_nodes(rng: np.random.Generator, pods: int) -> Floats:
    """Three pods in ten run where they need a fifth more."""
    return np.where(rng.random(pods) < 0.3, 1.2, 1.0)


def times(factor: float, *, after: int = 0) -> Effect:
    """Return a canary that needs `factor` times as much from a look on."""
    return lambda look: factor if look >= after else 1.0


def filling(minutes: float) -> Effect:
    """Return caches that fill to stable's level, half empty at first."""
    return lambda look: float(1.0 - 0.5 * np.exp(-look * LOOK / 60.0 / minutes))


def steady(look: int) -> float:
    """Return a canary that needs what stable does."""
    del look
    return 1.0


@dataclass(frozen=True)
class Gauges:
    """What happens. `sd` is a pod's deviation around its level, `left` of which stays a look later.

    `busy` is how many times the load of a stable pod a canary pod has; with `follows_load` the
    value follows it.
    """

    left: float
    sd: float
    levels: Levels = alike
    effect: Effect = steady
    pods: tuple[int, int] = (3, 10)
    looks: int = 200
    growth: bool = False
    follows_load: bool = False
    busy: float = 1.0


def play(gauges: Gauges, releases: int, seed: int, *, onset: int = 0) -> dict[str, Floats]:
    """Return the seconds until the gauge is beyond stable, from the look `onset` on."""
    rng = np.random.default_rng(seed)
    regressed = np.full(releases, np.inf)
    for release in range(releases):
        evidence, looks = begin(gauges, rng)
        for number, look in enumerate(looks, start=1):
            grown = evidence.after(look)
            assert not isinstance(grown, Refused), grown
            evidence = grown
            if evidence.beyond(ALPHA):
                regressed[release] = LOOK * (number - onset)
                break
    return {US: regressed}


def begin(gauges: Gauges, rng: np.random.Generator) -> tuple[GaugeEvidence, list[GaugeLook]]:
    """Return the evidence before a release, and the looks at it."""
    mine, theirs = gauges.pods
    levels = gauges.levels(rng, mine + theirs)
    values = levels + wandering(rng, HISTORY + gauges.looks, mine + theirs, gauges)
    history = GaugeHistory.of(
        {f"stable-{pod}": values[:HISTORY, mine + pod].tolist() for pod in range(theirs)}, LOOK
    )
    question = GaugeQuestion(
        history,
        measure=Measure.GROWTH if gauges.growth else Measure.LEVEL,
        follows_load=gauges.follows_load,
    )
    looks = []
    for look, row in enumerate(values[HISTORY:].tolist()):
        worse = gauges.effect(look) * gauges.busy
        canary = [
            Pod(f"canary-{pod}", worse * value, OLD, load=10.0 * gauges.busy)
            for pod, value in enumerate(row[:mine])
        ]
        stable = [
            Pod(f"stable-{pod}", value, OLD, load=10.0) for pod, value in enumerate(row[mine:])
        ]
        looks.append(GaugeLook(LOOK * look, canary, stable))
    return GaugeEvidence.start(question), looks


def wandering(rng: np.random.Generator, looks: int, pods: int, gauges: Gauges) -> Floats:
    """Return each pod's deviation in each look."""
    values = rng.standard_normal((looks, pods))
    for look in range(1, looks):
        values[look] = gauges.left * values[look - 1] + np.sqrt(1 - gauges.left**2) * values[look]
    return gauges.sd * values
