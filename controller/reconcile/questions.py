"""What the judge is asked about a ReleaseMetric, and what was read as a look of that kind. Pure.

A question is fixed once for a release: by the metric, by the plan, and by what stable counted in
the minutes before. Stable's past is no evidence. It says where bets are placed and how far numbers
of one version scatter.
"""

import math

import numpy as np

from controller.api.plan import Analysis
from controller.api.release import MetricRule
from controller.judge import (
    Arm,
    Classic,
    CountsLook,
    CountsQuestion,
    HistogramQuestion,
    History,
    PodHistory,
    latency_phi,
    learn,
    noisy_pods,
)
from controller.metrics.reader import BAD, Look, Past

SECONDS = {"Seconds": 1.0, "Milliseconds": 0.001}
# A gateway draws the arm of each request by the weight, so a thin past makes no metric advisory.
ROUTED = True


def counts_question(
    rule: MetricRule, analysis: Analysis, past: Past | None
) -> tuple[CountsQuestion, tuple[str, ...]]:
    """Return what is asked of counts, and the stable pods that are too bad to be compared with."""
    history: PodHistory | None = None
    noisy: tuple[str, ...] = ()
    if past is not None:
        total = past.counts.sum(axis=2)
        bad = np.zeros_like(total)
        if BAD in past.parts:
            bad = past.counts[:, :, past.parts.index(BAD)]
        history = PodHistory(past.pods, bad, total)
        noisy = noisy_pods(history)
        history = history.without(noisy)
    alpha = float(analysis.false_rollback)
    question = CountsQuestion(
        safe_relative=float(rule.spec.margin.relative),
        safe_absolute=float(rule.spec.margin.absolute),
        prior_bad=float(history.bad.sum()) if history else 0.0,
        prior_total=float(history.total.sum()) if history else 0.0,
        noise=learn(history, false_rollback=alpha, routed=ROUTED),
        alike=analysis.pods == "Alike",
    )
    return question, noisy


def latency_question(rule: MetricRule, analysis: Analysis, past: Past | None) -> HistogramQuestion:
    """Return what is asked of a histogram; without a past every look at it is refused."""
    alpha = float(analysis.false_rollback)
    buckets, phi = None, 1.0
    if past is not None:
        total = past.counts.sum(axis=(0, 1)).tolist()
        buckets = Classic.of(dict(zip(past.parts, total, strict=True)))
        bounds = [_bound(part) for part in past.parts]
        phi = latency_phi(past.pods, bounds, past.counts, false_rollback=alpha)
    unit = rule.spec.histogram.unit if rule.spec.histogram else "Seconds"
    return HistogramQuestion(
        history=History.of(buckets),
        safe_relative=float(rule.spec.margin.relative),
        safe_absolute=float(rule.spec.margin.absolute),
        phi=phi,
        false_rollback=alpha,
        false_promotion=float(analysis.false_promotion),
        seconds=SECONDS[unit],
    )


def counts_look(look: Look, left_out: tuple[str, ...]) -> CountsLook:
    """Return a look at counts without those of stable's pods."""
    canary, stable = look.canary, look.stable
    out = [arm for pod, arm in stable.pods.items() if pod in left_out]
    return CountsLook(
        canary=Arm(canary.bad, canary.total),
        stable=Arm(
            stable.bad - sum(bad for bad, _ in out), stable.total - sum(total for _, total in out)
        ),
        pods={pod: Arm(bad, total) for pod, (bad, total) in canary.pods.items()},
        stable_pods=len(stable.pods) - len(out),
    )


def _bound(le: str) -> float:
    try:
        return float(le)
    except ValueError:
        return math.nan
