"""How much of a step's weight the canary gets: it is eased in as the evidence grows.

A step's weight is a ceiling. Under it the weight is what the evidence so far can justify
(`weight.justified` in the status, from controller.judge.exposure by way of each look): it begins
tiny, rises several-fold a look, and falls when traffic rises. At 0, before the first step's first
weight, the look is at stable alone and says how many requests there are.

Promises: never above the ceiling, nor above WORTH times what is justified; the first weight, which
an unknown version gets, not above what is justified at all. The same evidence twice changes the
weight once.
"""

import math

from controller.api.base import format_percent
from controller.api.release import Release, ReleaseStatus, Weights

SMALLEST = 0.01  # percent: no route expresses less, and with nothing nothing would be learned
# A change costs the window of a look, so weights no further apart than this are as good as equal.
WORTH = 2.0


def ceiling_of(release: Release) -> int:
    """Return the weight of the release's step in percent, 0 before the first step."""
    step = release.status.step
    return release.spec.rules.steps[step - 1].weight if step else 0


def eased(weight: Weights, ceiling: float) -> float:
    """Return the weight to want now, in percent, in multiples of 0.01.

    The first weight is what is justified. Then it rises to that where that is WORTH times as much,
    and goes the last way to the ceiling as soon as that is at most WORTH times what is justified.
    It falls to what is justified when it is more than WORTH times as much. Without an answer of
    Prometheus it stays.
    """
    if weight.justified is None:
        return float(min(weight.wanted, ceiling))
    target = float(min(ceiling, max(SMALLEST, math.floor(100 * weight.justified) / 100)))
    if weight.wanted == 0:
        return target
    if target > weight.wanted and WORTH * target >= ceiling:
        return float(ceiling)
    stays = target < WORTH * weight.wanted and weight.wanted <= WORTH * target
    return weight.wanted if stays else target


def want(status: ReleaseStatus, weight: float) -> ReleaseStatus:
    """Return the status that wants another weight; its evidence begins anew once confirmed."""
    weights = status.weight.model_copy(update={"wanted": weight})
    return status.model_copy(update={"weight": weights, "step_since": None})


def in_words(status: ReleaseStatus, ceiling: int) -> str:
    """Return as in "5 %", or "0.4 of 5 %" below the step's weight."""
    wanted = status.weight.wanted
    return format_percent(wanted) if wanted >= ceiling else f"{wanted:g} of {ceiling} %"
