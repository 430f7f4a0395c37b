"""How long a verdict takes at least, at the traffic that stable had before the release. Pure.

A plan whose first step gives the canary too few requests holds every release for hours, and nothing
else says why. So it is told beforehand, from numbers that are read anyway for the first weight.

Promises: words only; no verdict and no weight depends on them. The time is that of the best test
there could be, for a version that is as good as stable, so it is never too long.
Leaves out: metrics other than counts, and what ends a step that takes too long.
"""

from collections.abc import Mapping
from datetime import timedelta

import numpy as np

from controller.api.release import MetricRule, Release
from controller.judge import CountsQuestion, Need, need_until_safe, questions
from controller.metrics.reader import Past
from controller.reconcile.questions import metric_of, noisy, plan_of
from controller.release.facts import Foreseen

SLOW = timedelta(minutes=30)  # for one step; whoever waits longer thinks that it is stuck
WAY_OUT = "raise the first step's weight, widen the metric's margin or raise falsePromotion"


def need_of(release: Release, rule: MetricRule, past: Past | None, seconds: float) -> Need:
    """Return what a metric that counts needs at the first step's weight.

    `past` is what stable counted in the last `seconds`; None: there were no requests.
    """
    rules = release.spec.rules
    plan = plan_of(rules.analysis)
    (question,) = questions(plan, [metric_of(rule, past, noisy(rule, past))])
    if not isinstance(question, CountsQuestion):
        raise TypeError(f"metric {rule.name} counts nothing")
    counted = float(np.sum(past.counts)) if past is not None else 0.0
    return need_until_safe(
        question,
        stable_rate=question.prior_rate,
        share=rules.steps[0].weight / 100.0,
        rate=counted / seconds,
        false_promotion=plan.false_promotion,
    )


def foresee(needs: Mapping[str, Need]) -> Foreseen | None:
    """Return what is told of the slowest metric; None where there are none."""
    if not needs:
        return None
    name, need = max(needs.items(), key=lambda item: item[1].seconds)
    if need.seconds <= SLOW.total_seconds():
        return Foreseen(slow=False, message=f"{name} {need}")
    return Foreseen(slow=True, message=f"{name} {need}; {WAY_OUT}")
