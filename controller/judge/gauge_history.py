"""What stable's pods taught about a gauge before the release: how pods of one version differ.

More looks do not tell a heavier version from pods that happen to be heavy, nor from values that
stay high for minutes once they are. Both can be measured on stable beforehand:

- `spread`: the standard deviation between the pods' means, and `slope_spread` between their slopes.
- `phi`: how much of a value is left in the next look (first-order autoregression), and `within`:
  the standard deviation of one pod around its own mean.

What all pods do together (load that rises, an incident) is taken out first: it hits both arms of a
comparison alike. The estimates of `phi` and `within` from a short history are too small; `phi` is
corrected by Marriott and Pope (1954), `within` by the variance that the mean of an autoregression
of that length has. After that they err upward a little.

Promises: any numbers are taken; what is no sample of a gauge is left out, never an exception. What
the history lacks is a `Gap`, and with a gap the metric may only advise.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np

from controller.judge.betting import Floats
from controller.judge.quantities import MOST_VALUE

LEAST_PODS = 5
LEAST_LOOKS = 20
MOST_PHI = 0.97
# Values that vary by less than this share of their size do not vary: that is rounding.
ROUNDING = 1e-12


class Gap(StrEnum):
    """What a history lacks. The value is the reason for a person."""

    NONE = ""
    PODS = f"the history has fewer than {LEAST_PODS} stable pods, too few to learn their spread"
    LOOKS = f"the history has fewer than {LEAST_LOOKS} looks, too few to learn what is normal"
    CONSTANT = "stable's pods never differed before the release, so nothing says what is normal"


@dataclass(frozen=True, slots=True)
class GaugeHistory:
    """Stable's pods before the release, `seconds` from look to look.

    `level` is the mean over pods, `spread`, `within` and `slope_spread` (a look) are standard
    deviations in the gauge's unit.
    """

    pods: int = 0
    looks: int = 0
    seconds: float = 15.0
    level: float = 0.0
    spread: float = 0.0
    within: float = 0.0
    phi: float = 0.0
    slope_spread: float = 0.0

    @classmethod
    def of(cls, samples: Mapping[str, Sequence[float | None]], seconds: float) -> Self:
        """Learn from each pod's samples, oldest first, one a look, None or NaN if missing.

        All pods have the same number of looks, `seconds` apart, and the same requests and limits.
        Pods that have a sample in fewer than half of the looks are left out. Raises ValueError if
        lengths differ or `seconds` is not above 0.
        """
        if not 0.0 < seconds < math.inf:
            raise ValueError(f"seconds is {seconds}; write the time between looks, such as 15")
        lengths = {len(values) for values in samples.values()}
        if len(lengths) > 1:
            raise ValueError(f"pods have {sorted(lengths)} samples; write None for a missing one")
        looks = lengths.pop() if lengths else 0
        # The order of names is fixed, so that the order in which pods came changes no digit.
        rows = [[_sample(v) for v in samples[name]] for name in sorted(samples)]
        table = np.array(rows, dtype=np.float64).reshape(len(rows), looks)
        table = table[np.isfinite(table).sum(axis=1) * 2 >= max(2, looks)]
        if len(table) < 2 or looks < 3:
            return cls(len(table), looks, seconds)
        return cls(len(table), looks, seconds, *_learn(table))

    @property
    def gap(self) -> Gap:
        """What is missing for more than advice."""
        if self.pods < LEAST_PODS:
            return Gap.PODS
        if self.looks < LEAST_LOOKS:
            return Gap.LOOKS
        rounding = ROUNDING * self.level
        return Gap.NONE if min(self.spread, self.within) > rounding else Gap.CONSTANT

    @property
    def long_run(self) -> float:
        """Return the standard deviation of white noise that moves a mean by as much."""
        return self.within * math.sqrt((1.0 + self.phi) / (1.0 - self.phi))


def _sample(value: float | None) -> float:
    good = value is not None and 0.0 <= value <= MOST_VALUE
    return float(value) if good and value is not None else math.nan


def _learn(table: Floats) -> tuple[float, float, float, float, float]:
    """Return level, spread, within, phi and slope_spread of samples by pod and look."""
    pods, looks = table.shape
    seen = np.isfinite(table)
    means = np.nanmean(table, axis=1)
    rest = table - means[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a look without any sample has no mean
        rest = np.where(seen, rest - np.nanmean(rest, axis=0), 0.0)
    index = np.where(seen, np.arange(looks) - (looks - 1) / 2, 0.0)
    index = np.where(seen, index - index.sum(axis=1, keepdims=True) / seen.sum(axis=1)[:, None], 0)
    slopes = (index * rest).sum(axis=1) / np.maximum((index * index).sum(axis=1), 1.0)
    pairs = np.count_nonzero(seen[:, 1:] & seen[:, :-1])
    # Taking out what pods have in common takes out 1 in `pods` of what they have not.
    variance = (rest * rest).sum() / (np.count_nonzero(seen) * (1.0 - 1.0 / pods))
    together = (rest[:, 1:] * rest[:, :-1]).sum() / max(1, pairs) / (1.0 - 1.0 / pods)
    phi = together / variance if variance > 0 else 0.0
    phi = min(MOST_PHI, max(0.0, (looks * phi + 1.0) / max(1, looks - 3)))
    within = math.sqrt(variance / (1.0 - _variance_of_mean(phi, looks)))
    return (
        float(means.mean()),
        float(means.std(ddof=1)),
        within,
        float(phi),
        float(slopes.std(ddof=1)),
    )


def _variance_of_mean(phi: float, looks: int) -> float:
    """Return the variance of the mean of some looks at an autoregression with variance 1."""
    rest = 1.0 - phi
    return ((1.0 + phi) / rest - 2.0 * phi * (1.0 - phi**looks) / (looks * rest * rest)) / looks
