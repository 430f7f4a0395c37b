"""`CountsEvidence` and the verdict on it for many releases at once.

The arithmetic of bets is the judge's own (betting.py takes arrays); this file repeats what is
around it: stakes that join, games without one pod, noise, the practical gate. A unit test holds it
to the judge, look by look, to 1e-9.

Arrays are by release, game (all pods first, then without each) and bet. Leaves out: strata, and
that a look without any request of an arm is refused instead of counted.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.judge.fleets import Fleet, Releases
from controller.judge import Arm, CountsQuestion, Noise, may_be_judged
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
from controller.judge.counts import MOST_PRIOR
from controller.judge.evidence import PRACTICAL
from controller.judge.pods import MOST_TRAFFIC
from controller.judge.verdict import LEFT_OF_EVIDENCE, LEFT_OF_THRESHOLD

Flags = NDArray[np.bool_]
INDEPENDENT = Noise()


@dataclass(frozen=True)
class Rules:
    """How it is played. The defaults are what the controller ships.

    `alike` is the plan's `pods: Alike`, `first` the stake on the first start, `margin` that of the
    metric. `noisy` says whether what stable's pods showed is reckoned with.
    """

    alike: bool = False
    first: float = FIRST
    noisy: bool = True
    safe_relative: float = 0.5
    safe_absolute: float = 0.005
    false_rollback: float = 0.01
    false_promotion: float = 0.05

    @property
    def limit(self) -> float:
        """Return the log e-value at which one metric alone rolls back."""
        return -math.log(self.false_rollback)


SHIPPED = Rules()


class Course(NamedTuple):
    """What is read after each look, by look and release.

    `counted` is the log e-value that `judge` counts: cut at 0 where the difference does not matter
    or one pod carries it. `raw` is the log e-value itself, `safe` whether the metric is Safe.
    """

    counted: Floats
    raw: Floats
    safe: Flags


class Arms(NamedTuple):
    """Bad and all requests of both arms, in the order of Tally, as arrays."""

    canary_bad: Floats
    canary: Floats
    stable_bad: Floats
    stable: Floats


@dataclass
class _Board:
    """The capital of all games, and all looks so far."""

    past: Arms
    worse: Floats
    safe: Floats
    aside: float
    expected: Floats
    own: Floats


def play(
    releases: Releases, noise: list[Noise], rules: Rules = SHIPPED, judged: Flags | None = None
) -> Course:
    """Play all looks; `judged` are the looks that are no edges, by look and release."""
    canary, stable, _ = releases
    looks, count, _ = canary.bad.shape
    found = noise if rules.noisy else [INDEPENDENT] * count
    beside = (stable.total.sum(axis=0) > 0).sum(axis=1).astype(np.float64)
    board = _begun(releases, rules)
    counted, raw = np.zeros((2, looks, count))
    safe = np.zeros((looks, count), dtype=bool)
    for look in range(looks):
        on = np.ones(count, dtype=bool) if judged is None else judged[look]
        _add(board, releases, look, on, found, beside, rules)
        counted[look], raw[look], safe[look] = _read(board, rules)
    return Course(counted, raw, safe)


def first(reached: Flags) -> Floats:
    """Return the number of the first look that is marked, from 1; infinite if none is."""
    number: Floats = np.where(reached.any(axis=0), reached.argmax(axis=0) + 1.0, np.inf)
    return number


def apart_from_edges(stable: Fleet, noise: list[Noise]) -> Flags:
    """Return which looks of each release `may_be_judged` lets pass; shape (looks, releases)."""
    bad, total = stable.bad.sum(axis=2), stable.total.sum(axis=2)
    looks, releases = bad.shape
    found = np.zeros((looks, releases), dtype=bool)
    for i in range(releases):
        arms = [Arm(*counts) for counts in zip(bad[:, i], total[:, i], strict=True)]
        for t in range(looks - 1):
            before = arms[t - 1] if t else None
            found[t, i] = may_be_judged(before, arms[t], arms[t + 1], noise[i].phi)
    return found


def question(releases: Releases, release: int, noise: Noise, rules: Rules) -> CountsQuestion:
    """Return what the controller would ask about one of the releases."""
    bad, total = (float(x[:, release].sum()) for x in releases.history)
    return CountsQuestion(
        safe_relative=rules.safe_relative,
        safe_absolute=rules.safe_absolute,
        prior_bad=bad,
        prior_total=total,
        noise=noise,
        alike=rules.alike,
    )


def _begun(releases: Releases, rules: Rules) -> _Board:
    _, count, pods = releases.canary.bad.shape
    games = 1 if rules.alike else 1 + pods
    bad, total = (x.sum(axis=(0, 2))[:, None, None] for x in releases.history)
    scale = np.minimum(1.0, MOST_PRIOR / np.maximum(total, 1.0))
    none = np.zeros((count, 1, 1))
    return _Board(
        past=Arms(none, none, bad * scale, total * scale),
        worse=np.full((count, games, len(WORSE_ODDS)), math.log(rules.first)),
        safe=np.zeros((count, 1, len(SAFE_STEPS))),
        aside=1.0 - rules.first,
        expected=np.zeros(count),
        own=np.zeros((count, pods)),
    )


def _add(
    board: _Board,
    releases: Releases,
    look: int,
    on: Flags,
    noise: list[Noise],
    beside: Floats,
    rules: Rules,
) -> None:
    if board.aside > 0.0 and look and look % JOIN_EVERY == 0:
        board.worse = joined(board.worse, board.aside * JOINS)
        board.aside -= board.aside * JOINS
    tally, plays = _games(releases, look, board.worse.shape[1])
    plays = plays * on[:, None, None]
    whole = Arms(*(x[:, :1] for x in tally))
    mine = (releases.canary.total[look] > 0).sum(axis=1)
    busy = (whole.canary / whole.stable)[:, 0, 0] * beside / np.maximum(1, mine)
    phi = np.array([n.phi_at(b) for n, b in zip(noise, busy, strict=True)])[:, None, None]
    bad, total = whole.canary_bad[:, 0, 0], whole.canary[:, 0, 0]
    caps = [n.cap_of(*mine) for n, *mine in zip(noise, bad, total, strict=True)]
    cap = np.array(caps)[:, None, None]
    wider = np.zeros_like(phi)
    if not rules.alike:
        pods = zip(noise, mine, beside, strict=True)
        wider[:, 0, 0] = [n.widening(int(k), int(b)) if n.reach else 0.0 for n, k, b in pods]
    fail, margin = Null(1.0 + wider, 0.0), Null(1.0 + rules.safe_relative, rules.safe_absolute)
    won = plays * worse_growth(Tally(*tally), fail, Tally(*board.past)) / phi
    board.worse = board.worse + np.minimum(won, cap)
    taken = plays[:, :1]
    shown = safe_growth(Tally(*whole), margin, Tally(*board.past))
    board.safe = board.safe + taken * shown / phi
    board.past = Arms(*(p + taken * x for p, x in zip(board.past, whole, strict=True)))
    board.expected += (taken * whole.canary * whole.stable_bad / whole.stable)[:, 0, 0]
    board.own += taken[:, 0] * releases.canary.total[look]


def _games(releases: Releases, look: int, games: int) -> tuple[Arms, Flags]:
    """Return a look with all canary pods, then without each; shape (releases, games, 1)."""
    bad, total = (
        np.concatenate([whole, whole - own], axis=1)[:, :games, None]
        for own in (releases.canary.bad[look], releases.canary.total[look])
        for whole in [own.sum(axis=1, keepdims=True)]
    )
    plays = total >= 1.0
    beside = (x[look].sum(axis=1)[:, None, None] for x in releases.stable)
    return Arms(np.where(plays, bad, 0.0), np.where(plays, total, 1.0), *beside), plays


def _read(board: _Board, rules: Rules) -> tuple[Floats, Floats, Flags]:
    logs = _log_mean(board.worse)
    if board.aside > 0.0:
        logs = np.logaddexp(logs, math.log(board.aside))
    raw, requests = logs[:, 0], board.past.canary[:, 0, 0]
    rate = board.past.canary_bad[:, 0, 0] / np.maximum(requests, 1.0)
    beside = board.expected / np.maximum(requests, 1.0)
    line = (1.0 + rules.safe_relative) * beside + rules.safe_absolute
    matters = rate > beside + PRACTICAL * (line - beside)
    rest = raw
    if logs.shape[1] > 2:
        vouch = board.own <= MOST_TRAFFIC * requests[:, None]
        least = np.where(vouch, logs[:, 1:], np.inf).min(axis=1)
        several = ((board.own > 0).sum(axis=1) > 1) & vouch.any(axis=1)
        rest = np.where(several, least, raw)
    one_pod = rest < np.maximum(LEFT_OF_THRESHOLD * rules.limit, LEFT_OF_EVIDENCE * raw)
    counted = np.where((raw > 0.0) & ~(matters & ~one_pod), 0.0, raw)
    safe = (_log_mean(board.safe)[:, 0] >= -math.log(rules.false_promotion)) & (rate <= line)
    holds = (raw >= rules.limit) & matters & one_pod
    return counted, raw, safe & ~holds


def _log_mean(logs: Floats) -> Floats:
    top = logs.max(axis=2)
    mean: Floats = top + np.log(np.exp(logs - top[:, :, None]).mean(axis=2))
    return mean
