"""What stable's pods showed before the release: how much more than chance their counts scatter.

The game in betting.py is fair if requests fail independently. In production they fail in clumps
(retries, sticky sessions, a pod that has a bad minute), and pods differ for good (nodes, caches).
Neither can be seen in the release itself, where it looks like a difference between versions. It
can be seen between pods that run the same version, so `learn` looks there:

- `phi`: the variance of a pod's bad requests over what independent requests would have. Every log
  increment is divided by it.
- `reach`: how far, as a share of the rate, a few pods that differ for good may lie from the others.
  The fail margin is widened by it.
- `cap`: with clumps, what a single look may add at most, unless most of its requests are bad.

Promises: any numbers are taken; those that are no counts are left out. Only stable's past goes in,
so the game stays a game whose rules are fixed beforehand.
Leaves out: scatter in time that all pods share. It hits both arms alike and harms no comparison.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from controller.judge.betting import MOST_REQUESTS, TINY, Floats
from controller.judge.distributions import chi_squared, student_t

# Clumps show within a look, bad spells of minutes only over several. A few long blocks scatter much
# themselves, so they count only where chance explains them in less than one case of a hundred.
LONGER = (4, 12)
ONE_IN_HUNDRED = 2.3263  # standard deviations
LEAST_PODS = 3
LEAST_LOOKS = 12
CLUMPY = 1.5  # phi from which on single looks are capped
FEW_CLUMPS = 10.0
LEAST_LEVEL = 1e-6  # a plan that never rolls back learns as if it did so very seldom
ONE_IN_TEN = 1.2816


class Gap(StrEnum):
    """What the history lacks, so that its metric may only advise. The value is the reason."""

    NONE = ""
    PODS = (
        f"fewer than {LEAST_PODS} stable pods before the release: nobody can tell how far pods of "
        "one version differ"
    )
    LOOKS = (
        f"fewer than {LEAST_LOOKS} looks at stable's pods before the release: nobody can tell how "
        "far pods of one version differ"
    )


@dataclass(frozen=True, slots=True, eq=False)
class PodHistory:
    """Stable's pods before the release: bad and all requests, arrays of shape (looks, pods).

    Looks are consecutive and equally long; 60 are enough. A pod that was not there has 0 requests.
    """

    names: tuple[str, ...]
    bad: Floats
    total: Floats

    def without(self, names: tuple[str, ...]) -> "PodHistory":
        """Return the history of the other pods."""
        kept = [i for i, name in enumerate(self.names) if name not in names]
        return PodHistory(
            tuple(self.names[i] for i in kept), self.bad[:, kept], self.total[:, kept]
        )

    def counts(self) -> tuple[Floats, Floats]:
        """Return bad and all requests where both are counts, else 0."""
        bad, total = np.asarray(self.bad, float), np.asarray(self.total, float)
        good = (bad >= 0.0) & (bad <= total) & (total <= MOST_REQUESTS)
        return np.where(good, bad, 0.0), np.where(good, total, 0.0)


@dataclass(frozen=True, slots=True)
class Noise:
    """What a metric's pods do beyond chance; the default is what independent requests do.

    `phi` is at least 1. `reach` is t * s, s the relative standard deviation of pods that differ for
    good; canary and stable with k_c and k_b pods may then differ by reach * sqrt(1/k_c + 1/k_b).
    `cap` is in nats. `pods` is the number of stable pods it was learned from, 0 if none.
    """

    phi: float = 1.0
    reach: float = 0.0
    cap: float = math.inf
    pods: int = 0
    gap: Gap = Gap.NONE

    def phi_at(self, busy: float) -> float:
        """Return phi for canary pods with `busy` times the requests of a stable pod.

        Spells grow with the requests that fall into them, so busier pods scatter more. Clumps of
        their own size do not shrink on pods with less to do, so less than 1 counts as 1.
        """
        return 1.0 + (self.phi - 1.0) * max(1.0, busy)

    def cap_of(self, bad: float, total: float) -> float:
        """Return what a look may add in which so many of the canary's requests were bad.

        One in which most of them fail is no clump among good ones, and waiting costs users.
        """
        return math.inf if 2.0 * bad > total else self.cap

    def widening(self, canary_pods: int, stable_pods: int) -> float:
        """Return what is added to the fail ratio."""
        if self.reach == 0.0:
            return 0.0
        stable = stable_pods or self.pods
        return self.reach * math.sqrt(1.0 / max(1, canary_pods) + 1.0 / max(1, stable))


INDEPENDENT = Noise()


def learn(
    history: PodHistory | None, *, false_rollback: float = 0.01, routed: bool = False
) -> Noise:
    """Return the noise between stable's pods before the release, for a plan's `false_rollback`.

    `routed` says that a gateway draws the arm of every request at random by the weight. Then clumps
    need not be known for a fair game, and a history that is thin does not make a metric advisory.
    Raises ValueError for a `false_rollback` outside 0 to 1.
    """
    if not 0.0 <= false_rollback < 1.0:
        raise ValueError(f"falseRollback is {false_rollback}; write a probability such as 0.01")
    level = max(false_rollback, LEAST_LEVEL)
    bad, total = history.counts() if history is not None else (np.zeros((0, 0)), np.zeros((0, 0)))
    seen = total.sum(axis=0) > 0 if total.size else np.zeros(0, dtype=bool)
    bad, total = bad[:, seen], total[:, seen]
    pods, looks = bad.shape[1], int(np.count_nonzero(total.sum(axis=1)))
    if pods < LEAST_PODS or looks < LEAST_LOOKS:
        gap = Gap.PODS if pods < LEAST_PODS else Gap.LOOKS
        return Noise(pods=pods, gap=Gap.NONE if routed else gap)
    errors = float(bad.sum())
    if errors == 0.0:
        return Noise(cap=_cap(level, 3.0), pods=pods)
    phi = _phi(bad, total)
    spread = _spread(bad, total, phi)
    reach = student_t(1.0 - level / 2.0, pods - 1) * spread if spread > 0 else 0.0
    cap = math.inf
    if errors / phi < FEW_CLUMPS:
        cap = _cap(level, 3.0)
    elif phi > CLUMPY:
        cap = _cap(level, 2.0)
    return Noise(phi=phi, reach=reach, cap=cap, pods=pods)


def _phi(bad: Floats, total: Floats) -> float:
    """Return the largest scatter over blocks of all lengths, plus its standard error."""
    first, error = _scatter(bad, total, 1)
    phi = max(1.0, first + error)
    for block in LONGER:
        freedom = (bad.shape[1] - 1) * (len(bad) // block - 1)
        if freedom > 0:
            longer, error = _scatter(bad, total, block)
            chance = max(1.0, first) * chi_squared(ONE_IN_HUNDRED, freedom) / freedom
            phi = max(phi, longer + error if longer > chance else 1.0)
    return phi


def _scatter(bad: Floats, total: Floats, block: int) -> tuple[float, float]:
    """Return the scatter of pods in blocks of so many looks, and its jackknife standard error.

    Given a block's bad requests, independent ones spread over the pods with the variance of a
    binomial. Each pod is held against its own rate, so that pods that differ for good do not count
    as clumps. The ratio is one of sums: the mean of the blocks' ratios is too low.
    """
    blocks = len(bad) // block
    weights = total * (bad.sum(axis=0) / total.sum(axis=0))
    bad, total, weights = (
        array[: blocks * block].reshape(blocks, block, -1).sum(axis=1)
        for array in (bad, total, weights)
    )
    errors = bad.sum(axis=1, keepdims=True)
    part = weights / np.maximum(weights.sum(axis=1, keepdims=True), TINY)
    good = 1.0 - errors / np.maximum(total.sum(axis=1, keepdims=True), TINY)
    scatter = ((bad - errors * part) ** 2).sum(axis=1) * blocks / (blocks - 1)
    chance = (errors * part * (1.0 - part) * good).sum(axis=1)
    if chance.sum() <= 0.0:
        return 1.0, 0.0
    phi = float(scatter.sum() / chance.sum())
    rest = chance.sum() - chance
    without = np.where(rest > 0.0, (scatter.sum() - scatter) / np.maximum(rest, TINY), phi)
    squares = float(((without - without.mean()) ** 2).sum())
    return phi, math.sqrt((blocks - 1) / blocks * squares)


def _spread(bad: Floats, total: Floats, phi: float) -> float:
    """Return the relative standard deviation of pods that differ for good; 0 if chance explains it.

    Chi-squared of the pods' totals, less what clumps of size phi explain, over a pod's mean number
    of bad requests.
    """
    errors, requests = bad.sum(axis=0), total.sum(axis=0)
    rate = errors.sum() / requests.sum()
    freedom = len(errors) - 1
    if rate >= 1.0:
        return 0.0
    found = float((((errors - rate * requests) ** 2) / (rate * requests)).sum() / (1.0 - rate))
    if found <= phi * chi_squared(ONE_IN_TEN, freedom):
        return 0.0
    return math.sqrt(max(0.0, found / freedom - phi) / float(errors.mean()))


def _cap(level: float, looks: float) -> float:
    """Return what a look may add where it takes at least so many looks to roll back."""
    return -math.log(level) / looks
