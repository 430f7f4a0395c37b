"""How long a verdict takes at least, at the traffic that stable had before the release. Pure.

A plan whose first step gives the canary too few requests holds every release for hours, and nothing
else says why. So it is told beforehand, from numbers that are read anyway for the first weight.

Promises: words only; no verdict and no weight depends on them. The time is that of the best test
there could be, for a version that is as good as stable, so it is never too long.
Leaves out: metrics other than counts, and what ends a step that takes too long.
"""

import math
from collections.abc import Mapping
from datetime import timedelta

import numpy as np

from controller.api.release import MetricRule, Release
from controller.judge import CountsQuestion, Need, need_until_safe
from controller.metrics.reader import BAD, Past
from controller.reconcile.questions import noisy
from controller.release.facts import Foreseen

SLOW = timedelta(minutes=30)  # for one step; whoever waits longer thinks that it is stuck
WAY_OUT = "raise the first step's weight, widen the metric's margin or raise falsePromotion"


def need_of(release: Release, rule: MetricRule, past: Past | None, seconds: float) -> Need:
    """Return what a metric that counts needs at the first step's weight.

    `past` is what stable counted in the last `seconds`; None: there were no requests. Numbers that
    are no counts are taken for none.
    """
    rules = release.spec.rules
    requests, bad, total = 0.0, 0.0, 0.0
    if past is not None:
        _, requests = _counted(past, left_out=())
        bad, total = _counted(past, left_out=noisy(rule, past))
    margin = rule.spec.margin
    return need_until_safe(
        CountsQuestion(safe_relative=float(margin.relative), safe_absolute=float(margin.absolute)),
        stable_rate=bad / total if total > 0.0 else 0.0,
        share=rules.steps[0].weight / 100.0,
        rate=requests / seconds,
        false_promotion=float(rules.analysis.false_promotion),
    )


def foresee(needs: Mapping[str, Need]) -> Foreseen | None:
    """Return what is told of the slowest metric; None where there are none."""
    if not needs:
        return None
    name, need = max(needs.items(), key=lambda item: item[1].seconds)
    if need.seconds <= SLOW.total_seconds():
        return Foreseen(slow=False, message=f"{name} {need}")
    return Foreseen(slow=True, message=f"{name} {need}; {WAY_OUT}")


def _counted(past: Past, *, left_out: tuple[str, ...]) -> tuple[float, float]:
    """Return the bad and all requests of stable's pods but those left out."""
    kept = past.counts[:, [pod not in left_out for pod in past.pods]]
    with np.errstate(all="ignore"):  # sums of what is no count are no counts either
        total = float(kept.sum())
        bad = float(kept[:, :, past.parts.index(BAD)].sum()) if BAD in past.parts else 0.0
    return (bad, total) if 0.0 <= bad <= total < math.inf else (0.0, 0.0)
