"""The gauge rule: what the sums say about a margin, and from which start.

The canary is above a margin if, since one of the starts, its mean pod is above it by more than

    h sqrt((s t)^2 + r^2),   h^2 = 1/canary pods + 1/stable pods

s is the spread between pods of one version and t Student's quantile for it: pods that differ for
good differ once, not at every look. r is how far values that wander ever get (gauge_chance.py). The
two are independent, so their squares add. For growth the same is asked of the least-squares slope,
which must also look like a leak.

Promises: pure functions; what they return is monotone in the probability. With a history that
cannot say anything every threshold is infinite. Leaves out: whether the history and the pods are
enough for more than advice (gauges.py).
"""

import math
from typing import NamedTuple

from controller.judge import gauge_chance
from controller.judge.betting import TINY
from controller.judge.gauge_history import GaugeHistory
from controller.judge.gauge_look import GaugeQuestion, Measure
from controller.judge.gauge_sums import STARTS, Kept, Sums
from controller.judge.quantities import Bounds

# A pod is ranked once it has so many looks, or half of all where there are fewer.
SETTLED = 20
# In looks: how far back a pod's mean level remembers, so that a fault that comes late shows in it.
MEMORY = 60.0
# A leak lasts, and later growth is at least this part of all growth: caches fill and stop.
LEAK_SECONDS = 600.0
LATER_PART = 0.6
HOUR = 3600.0


class Margin(NamedTuple):
    """A value of stable's times 1 + `relative` plus `absolute`."""

    relative: float
    absolute: float


def fail_margin(question: GaugeQuestion) -> Margin:
    """Return the margin that a worse canary is above."""
    return Margin(question.fail_relative, question.fail_absolute)


def safe_margin(question: GaugeQuestion) -> Margin:
    """Return the margin that a safe canary is under."""
    return Margin(question.safe_relative, question.safe_absolute)


def excess(question: GaugeQuestion, sums: Sums, start: int, margin: Margin) -> float:
    """Return how far the canary is above a margin since a start, as a level or as a slope a look.

    A start is an index into STARTS, here and below.
    """
    since = sums.since[start]
    allowed = margin.relative * since.stable + margin.absolute
    if question.measure is Measure.LEVEL:
        return since.canary - since.stable - allowed
    return slope(sums, start) - allowed * sums.spacing / question.horizon


def slope(sums: Sums, start: int) -> float:
    """Return what the canary gains on stable from look to look, since a start."""
    weight = gauge_chance.slope_weight(sums.looks - STARTS[start])
    return sums.since[start].cross / weight if weight > 0 else 0.0


def noise_share(start: int, probability: float) -> float:
    """Half for the beginning of the release, the rest for the later starts in equal parts."""
    return probability / 2 if start == 0 else probability / 2 / (len(STARTS) - 1)


def chance(question: GaugeQuestion, sums: Sums, start: int, offset: float, noise: float) -> float:
    """Return how far chance moves the arms apart: pods for good, and values that wander."""
    history, looks = question.history, sums.looks - STARTS[start]
    if not _speaks(history):
        return math.inf
    noise_scale = history.long_run * _denser(history, sums)
    if question.measure is Measure.LEVEL:
        spread, radius = history.spread, gauge_chance.mean_radius(looks, noise)
    else:
        spread = history.slope_spread * sums.spacing / history.seconds
        radius = gauge_chance.slope_radius(looks, noise)
    apart = spread * gauge_chance.offset(history.pods, offset)
    return _scale(history, sums, start) * math.hypot(apart, noise_scale * radius)


def above(question: GaugeQuestion, sums: Sums, alpha: float) -> tuple[int, ...]:
    """Return the starts since which the canary is above the fail margin, by more than chance."""
    if not _speaks(question.history):
        return ()
    margin = fail_margin(question)
    found = []
    for start, first in enumerate(STARTS):
        if sums.looks - first < 2:
            break
        wide = chance(question, sums, start, alpha / 2, noise_share(start, alpha / 2))
        if question.measure is Measure.LEVEL:
            wide *= 1.0 + margin.relative
        elif not _is_leak(question, sums, start, alpha):
            continue
        if excess(question, sums, start, margin) > wide:
            found.append(start)
    return tuple(found)


def clearest(question: GaugeQuestion, sums: Sums, alpha: float) -> int:
    """Return the start since which the canary is above its margin most clearly, or the first."""
    margin, clear = fail_margin(question), {}
    for start in above(question, sums, alpha):
        wide = chance(question, sums, start, alpha / 2, noise_share(start, alpha / 2))
        clear[start] = excess(question, sums, start, margin) / max(wide, TINY)
    return max(clear, key=lambda start: (clear[start], -start), default=0)


def under(question: GaugeQuestion, sums: Sums, beta: float) -> bool:
    """Return whether the canary is under the safe margin since the beginning, beyond chance."""
    if sums.looks < 2:
        return False
    margin = safe_margin(question)
    wide = chance(question, sums, 0, beta / 2, beta / 2)
    wide *= 1.0 + margin.relative if question.measure is Measure.LEVEL else 1.0
    return -excess(question, sums, 0, margin) > wide


def interval(question: GaugeQuestion, sums: Sums, start: int, error: float) -> Bounds:
    """Return the canary's level over stable's, or the gain on stable in an hour (growth)."""
    wide = chance(question, sums, start, error / 4, noise_share(start, error / 4))
    since = sums.since[start]
    if question.measure is Measure.LEVEL:
        low = since.canary / (since.stable + wide) if since.stable + wide > 0 else 0.0
        high = since.canary / (since.stable - wide) if since.stable > wide else math.inf
        return Bounds(low, high)
    gain, looks = slope(sums, start), HOUR / sums.spacing if sums.spacing > 0 else math.inf
    return Bounds((gain - wide) * looks, (gain + wide) * looks)


def rank_above(question: GaugeQuestion, sums: Sums) -> float:
    """Return how likely chance ranks the canary's pods so high over the fail margin."""
    mine, noise, theirs = _rank_values(question, sums, fail_margin(question))
    lowest = [value - wander for value, wander in zip(mine, noise, strict=True)]
    return gauge_chance.rank_probability(lowest, theirs)


def rank_under(question: GaugeQuestion, sums: Sums) -> float:
    """Return how likely chance ranks the canary's pods so low under the safe margin."""
    mine, noise, theirs = _rank_values(question, sums, safe_margin(question))
    highest = [value + wander for value, wander in zip(mine, noise, strict=True)]
    return gauge_chance.rank_probability(theirs, highest)


def ranked(pods: tuple[Kept, ...], looks: int) -> list[Kept]:
    """Return the pods that were there for long enough to be ranked."""
    return [pod for pod in pods if 2 * pod.looks >= min(2 * SETTLED, looks)]


def _rank_values(
    question: GaugeQuestion, sums: Sums, margin: Margin
) -> tuple[list[float], list[float], list[float]]:
    """Return a number for each canary pod, how far it wanders, and one for each stable pod.

    At the margin all of them are alike. Pods whose difference is within the standard deviation of
    one pod's number rank alike: else pods on equal nodes would change places again and again, and
    some day stand in the right order.
    """
    since = sums.since[0]
    allowed = margin.relative * since.stable + margin.absolute
    mine, theirs = ranked(sums.canary, sums.looks), ranked(sums.stable, sums.looks)
    wanders = question.history.long_run * _denser(question.history, sums)
    if question.measure is Measure.LEVEL:
        scale = 1.0 + margin.relative
        noise = [wanders / math.sqrt(min(pod.looks, MEMORY)) for pod in mine]
        return [pod.mean - allowed for pod in mine], noise, [scale * pod.mean for pod in theirs]
    allowed *= sums.spacing / question.horizon
    noise = [wanders / math.sqrt(gauge_chance.slope_weight(max(2, pod.looks))) for pod in mine]
    return [_slope_of(pod) - allowed for pod in mine], noise, [_slope_of(pod) for pod in theirs]


def _slope_of(pod: Kept) -> float:
    weight = gauge_chance.slope_weight(pod.looks)
    return pod.cross / weight if weight > 0 else 0.0


def _is_leak(question: GaugeQuestion, sums: Sums, start: int, alpha: float) -> bool:
    """Return whether growth has gone on for long, goes on, and led out of what pods differ by."""
    looks, gain = sums.looks - STARTS[start], slope(sums, start)
    if (looks - 1) * sums.spacing < LEAK_SECONDS:
        return False
    # The last start that leaves a third of the looks after it.
    later = [n for n, first in enumerate(STARTS) if 3 * (sums.looks - first) >= looks][-1]
    if later == start or slope(sums, later) <= LATER_PART * gain:
        return False
    # The level that was reached, not one that the slope foretells: caches fill in a bent line.
    history, since = question.history, sums.since[later]
    apart = history.spread * gauge_chance.offset(history.pods, alpha / 2)
    return since.canary - since.stable > _scale(history, sums, later) * apart


def _denser(history: GaugeHistory, sums: Sums) -> float:
    """Return by how much looks that come faster than the history's resemble each other more."""
    if sums.covered <= 0.0:
        return 1.0
    return math.sqrt(max(1.0, history.seconds * (sums.looks - 1) / sums.covered))


def _speaks(history: GaugeHistory) -> bool:
    return history.pods > 1 and min(history.spread, history.within, history.level) > 0


def _scale(history: GaugeHistory, sums: Sums, start: int) -> float:
    """Return h, times how much higher stable's level is than in the history.

    Pods that do twice the work differ by twice as much.
    """
    since = sums.since[start]
    return math.sqrt(since.variance) * max(1.0, since.stable / history.level)
