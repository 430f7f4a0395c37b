"""What is kept of a gauge's looks: a few sums for each start, and a few for each pod.

A release is watched from its beginning and from nine later looks, so that a fault that comes late
is not averaged away. Of the pods, those that take part in the rank test are kept by name.

Promises: size does not depend on the number of looks or pods; the order of pods changes nothing.
Leaves out: which pods may be compared (gauge_look.py).
"""

import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

# The looks after which a mean begins anew; from 20 on each is at most twice the one before.
STARTS = (0, 20, 40, 80, 120, 200, 360, 640, 1200, 2400)
MOST_CANARY, MOST_STABLE = 6, 10


class Since(NamedTuple):
    """Means over the looks since one start.

    `canary` and `stable` are means of the pods' means, `cross` is the sum of looks' numbers, around
    their mean, times the difference of both: over their sum of squares it is the least-squares
    slope. `variance` is the mean of 1/pods of the canary + 1/pods of stable.
    """

    canary: float = 0.0
    stable: float = 0.0
    cross: float = 0.0
    variance: float = 0.0

    def after(self, looks: int, canary: float, stable: float, variance: float) -> "Since":
        """Return the means with one more look, the `looks`-th since this start."""
        mine = self.canary + (canary - self.canary) / looks
        theirs = self.stable + (stable - self.stable) / looks
        cross = self.cross + looks / 2 * (canary - stable - (mine - theirs)) if looks > 1 else 0.0
        return Since(mine, theirs, cross, self.variance + (variance - self.variance) / looks)


class Kept(NamedTuple):
    """One pod: `key` stands for its name, `mean` and `cross` (as in `Since`) for its values.

    Values are counted from stable's mean in the same look.
    """

    key: int
    looks: int = 0
    mean: float = 0.0
    cross: float = 0.0

    def after(self, value: float, memory: float) -> "Kept":
        """Return the pod with one more look; its mean forgets what is over `memory` looks ago."""
        looks = self.looks + 1
        mean = self.mean + (value - self.mean) / min(looks, memory)
        cross = self.cross + looks / 2 * (value - mean) if looks > 1 else 0.0
        return Kept(self.key, looks, mean, cross)


@dataclass(frozen=True, slots=True)
class Sums:
    """All that is kept of the looks so far.

    Times are in seconds; `covered` is the time between looks, where a step counts for no more than
    the history's. `since` is by STARTS, pods are in the order of their keys.
    """

    looks: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    covered: float = 0.0
    since: tuple[Since, ...] = (Since(),) * len(STARTS)
    canary: tuple[Kept, ...] = ()
    stable: tuple[Kept, ...] = ()

    def after(
        self,
        at: float,
        canary: Mapping[str, float],
        stable: Mapping[str, float],
        *,
        seconds: float,
        memory: float,
    ) -> Self:
        """Return the sums with one more look at both arms' values by pod; neither arm is empty.

        `seconds` is the history's step, `memory` is that of a pod's mean in looks.
        """
        looks, level = self.looks + 1, mean(stable.values())
        high, variance = mean(canary.values()), 1.0 / len(canary) + 1.0 / len(stable)
        step = min(at - self.last_at, seconds) if self.looks else 0.0
        return type(self)(
            looks=looks,
            first_at=self.first_at if self.looks else float(at),
            last_at=float(at),
            covered=self.covered + step,
            since=tuple(
                sums.after(looks - start, high, level, variance) if looks > start else sums
                for start, sums in zip(STARTS, self.since, strict=True)
            ),
            canary=_kept(self.canary, canary, level, MOST_CANARY, memory),
            stable=_kept(self.stable, stable, level, MOST_STABLE, memory),
        )

    @property
    def spacing(self) -> float:
        """Seconds from look to look; 0 before the second."""
        return (self.last_at - self.first_at) / (self.looks - 1) if self.looks > 1 else 0.0


def mean(values: Iterable[float]) -> float:
    """Return the mean, which does not depend on the order of values."""
    numbers = tuple(values)
    return math.fsum(numbers) / len(numbers)


def _kept(
    pods: Sequence[Kept], values: Mapping[str, float], level: float, most: int, memory: float
) -> tuple[Kept, ...]:
    """Return the pods kept of one arm after a look, `most` at most.

    A pod that is gone makes room for a new one, and is kept as long as nobody needs the place.
    """
    known = {pod.key: pod for pod in pods}
    now = {zlib.crc32(name.encode(errors="replace")): values[name] - level for name in values}
    staying = [key for key in now if key in known]
    coming = sorted(key for key in now if key not in known)[: most - len(staying)]
    gone = sorted((pod for pod in pods if pod.key not in now), key=lambda pod: -pod.looks)
    grown = [known[key].after(now[key], memory) for key in staying]
    grown += [Kept(key).after(now[key], memory) for key in coming]
    return tuple(sorted(grown + gone[: most - len(grown)]))
