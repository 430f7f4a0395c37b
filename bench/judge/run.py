"""Plays all scenarios on all cores, a batch of releases at a time.

Seeds are made of a scenario's name and the number of the batch, so a figure changes with neither
the number of cores nor with other scenarios. Batches of all scenarios take turns: when time is up,
all have played about the same part of their releases.
"""

import multiprocessing
import os
import time
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass

import numpy as np

from bench.judge import errors, latency, pods, pulse, sweeps
from bench.judge.scenario import Outcome, Scenario
from controller.judge.betting import Floats

QUICK = 200  # releases of a scenario are divided by this for a quick try
LEAST = 8


@dataclass(frozen=True)
class Batch:
    """Some releases of the scenario with this number."""

    scenario: int
    part: int
    releases: int


@dataclass(frozen=True)
class Played:
    """A scenario and its outcome, of fewer releases than wanted where time was short."""

    scenario: Scenario
    outcome: Outcome
    releases: int
    wanted: int


def scenarios() -> list[Scenario]:
    """Return all scenarios, in the order of the table."""
    found = [
        *errors.scenarios(),
        *latency.scenarios(),
        *pulse.scenarios(),
        *pods.scenarios(),
        *sweeps.scenarios(),
    ]
    names = [scenario.name for scenario in found]
    if len(set(names)) < len(names):
        twice = sorted(name for name in set(names) if names.count(name) > 1)
        raise ValueError(f"scenarios of one name have one seed: {', '.join(twice)}")
    return found


def batches(of: Sequence[Scenario], *, quick: bool) -> list[Batch]:
    """Return the batches of all scenarios in the order in which they are played."""
    found = []
    for number, scenario in enumerate(of):
        wanted = wanted_of(scenario, quick=quick)
        parts = -(-wanted // scenario.batch)
        for part in range(parts):
            size = min(scenario.batch, wanted - part * scenario.batch)
            found.append((part / parts, Batch(number, part, size)))
    return [batch for _, batch in sorted(found, key=lambda pair: pair[0])]


def wanted_of(scenario: Scenario, *, quick: bool) -> int:
    """Return how many releases of a scenario are wanted."""
    return max(LEAST, scenario.releases // QUICK) if quick else scenario.releases


def seed_of(name: str, part: int) -> int:
    """Return the seed of a batch."""
    return zlib.crc32(f"{name} {part}".encode())


def play(batch: Batch) -> dict[str, Floats]:
    """Play a batch in a process of its own."""
    scenario = scenarios()[batch.scenario]
    return dict(scenario.play(batch.releases, seed_of(scenario.name, batch.part)))


def play_all(
    workers: int, *, quick: bool, seconds: float, done: Callable[[int, int], None]
) -> list[Played]:
    """Play everything; what is not begun after some seconds is left out.

    `done` is told how many of how many batches are played.
    """
    every, deadline = scenarios(), time.monotonic() + seconds
    waiting = batches(every, quick=quick)[::-1]
    of = len(waiting)
    found: dict[int, list[tuple[Batch, dict[str, Floats]]]] = {}
    # One thread for each process: the cores are taken by processes. Read when numpy is imported.
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        running: dict[Future[dict[str, Floats]], Batch] = {}
        while waiting or running:
            while waiting and len(running) < 2 * workers and time.monotonic() < deadline:
                batch = waiting.pop()
                running[pool.submit(play, batch)] = batch
            if not running:
                break
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                batch = running.pop(future)
                found.setdefault(batch.scenario, []).append((batch, future.result()))
                done(sum(len(parts) for parts in found.values()), of)
    return [
        _together(scenario, found.get(number, []), wanted_of(scenario, quick=quick))
        for number, scenario in enumerate(every)
    ]


def _together(
    scenario: Scenario, parts: Sequence[tuple[Batch, dict[str, Floats]]], wanted: int
) -> Played:
    """Put the batches of a scenario together, in their order."""
    ordered = sorted(parts, key=lambda pair: pair[0].part)
    names = ordered[0][1].keys() if ordered else ()
    outcome = {name: np.concatenate([part[name] for _, part in ordered]) for name in names}
    return Played(scenario, outcome, sum(batch.releases for batch, _ in ordered), wanted)
