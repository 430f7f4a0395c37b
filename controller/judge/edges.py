"""Looks at the edge of an incident that hits both arms, which count it for one arm only.

Targets are scraped at moments of their own, so the arms' windows differ by up to a scrape. When the
rate of both jumps, one arm's window already holds some of it and the other's does not. Stable shows
the jump in this look or in the next, so a look is judged one look late, and not at all beside a
jump of stable's own rate.

Promises: whether a look is dropped depends on stable's counts only; chance drops one in thousands.
Leaves out: where the look waits meanwhile (trial.py).
"""

import math
from collections.abc import Iterable, Iterator

from controller.judge.counts import Arm, CountsLook

SIGMAS = 4.0
RATIO = 1.5


def jumped(before: Arm, after: Arm, phi: float = 1.0) -> bool:
    """Tell whether a rate has jumped between two looks, beyond chance in clumps of size `phi`."""
    if before.total <= 0 or after.total <= 0:
        return False
    pooled = (before.bad + after.bad) / (before.total + after.total)
    variance = phi * pooled * (1.0 - pooled) * (1.0 / before.total + 1.0 / after.total)
    first, second = before.bad / before.total, after.bad / after.total
    low, high = min(first, second), max(first, second)
    return high > RATIO * low and high - low > SIGMAS * math.sqrt(variance)


def may_be_judged(before: Arm | None, stable: Arm, after: Arm, phi: float = 1.0) -> bool:
    """Tell whether a look is apart from every edge, by stable's requests before, in and after it.

    `before` is None for the first look.
    """
    if before is not None and jumped(before, stable, phi):
        return False
    return not jumped(stable, after, phi)


def away_from_edges(looks: Iterable[CountsLook], phi: float = 1.0) -> Iterator[CountsLook]:
    """Yield the looks that may be judged, each when its successor is there."""
    before: CountsLook | None = None
    waiting: CountsLook | None = None
    for look in looks:
        if waiting is not None:
            earlier = before.stable if before is not None else None
            if may_be_judged(earlier, waiting.stable, look.stable, phi):
                yield waiting
        before, waiting = waiting, look
