"""One pod among several: whose evidence it is, and which stable pods are no baseline.

Evidence grows with every request, and a pod on a bad node makes bad requests all day. So each of
the canary's pods has a game of its own, played with all requests but this pod's. A regression shows
in every one of them; a bad pod shows in all but its own.

Promises: memory is bounded by MOST_SLOTS; with more pods some share a slot and are left out
together. A pod keeps its slot when it goes, for its evidence stays.
Leaves out: a canary of one pod, whose bad node nobody can tell from a bad version.
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from controller.judge.betting import Floats, Tally
from controller.judge.counts import CountsLook
from controller.judge.history import LEAST_PODS, PodHistory

MOST_SLOTS = 8
# A pod with more of the canary's requests than this is the canary: the others cannot vouch for it.
MOST_TRAFFIC = 0.8

# A stable pod is no baseline if its rate is over so many times the median pod's, by so many
# standard deviations, and at most a third of the pods are.
TIMES_MEDIAN = 3.0
SIGMAS = 5.0


@dataclass(frozen=True, slots=True)
class Slot:
    """One canary pod, or several: `worse` is the game on all requests of other pods.

    `key` identifies the pod's name, `requests` are the pod's own.
    """

    key: int
    requests: float
    worse: tuple[float, ...]


def with_new_pods(
    slots: tuple[Slot, ...], looks: Iterable[CountsLook], worse: tuple[float, ...]
) -> tuple[Slot, ...]:
    """Return the slots with one for each new pod, while there is room.

    A pod that is new has added nothing to `worse`, the game on all pods, so it begins with that.
    """
    keys = {key_of(name) for look in looks for name, pod in look.pods.items() if pod.total > 0}
    new = sorted(keys - {slot.key for slot in slots})
    return slots + tuple(Slot(key, 0.0, worse) for key in new[: MOST_SLOTS - len(slots)])


def by_slot(look: CountsLook, slots: Sequence[Slot]) -> Floats:
    """Return bad and all requests of no pod and of each slot's pods; shape (1 + slots, 2)."""
    own = np.zeros((1 + len(slots), 2))
    if slots:
        place = {slot.key: i for i, slot in enumerate(slots, start=1)}
        for name in sorted(look.pods):
            key, pod = key_of(name), look.pods[name]
            own[place.get(key, 1 + key % len(slots))] += (pod.bad, pod.total)
    return own


def left_out(look: CountsLook, own: Floats) -> tuple[Tally, Floats]:
    """Return a look as every game sees it, and which of them take part in it.

    Along axis 0 the game on all pods comes first, then for each slot that without its `own`. A game
    with no request of the canary left sits the look out; its tally is then of no account.
    """
    whole = look.tally
    bad = np.maximum(whole.canary_bad - own[:, :1], 0.0)
    total = np.maximum(whole.canary - own[:, 1:], bad)
    plays = total >= 1.0
    counts = np.where(plays, bad, 0.0), np.where(plays, total, 1.0)
    return Tally(*counts, whole.stable_bad, whole.stable), plays.astype(np.float64)


def key_of(name: str) -> int:
    """Return a number of 32 bits that stands for a pod's name."""
    return zlib.crc32(name.encode(errors="replace"))


def noisy_pods(history: PodHistory, *, phi: float = 1.0) -> tuple[str, ...]:
    """Return the stable pods that are no baseline, by the history before the release only.

    A pod that fails far more than its fellows would hide a canary that does so, too.
    """
    bad, total = history.counts()
    if bad.size == 0:
        return ()
    errors, requests = bad.sum(axis=0), total.sum(axis=0)
    seen = requests > 0
    if np.count_nonzero(seen) < LEAST_PODS:
        return ()
    rates = np.where(seen, errors / np.maximum(requests, 1.0), 0.0)
    median = float(np.median(rates[seen]))
    chance = np.sqrt(phi * np.maximum(1.0, median * requests))
    far = (rates > TIMES_MEDIAN * median) & (errors - median * requests > SIGMAS * chance)
    if 3 * np.count_nonzero(far) > np.count_nonzero(seen):
        return ()
    return tuple(name for name, is_far in zip(history.names, far.tolist(), strict=True) if is_far)
