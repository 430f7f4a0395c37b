"""What a release is judged by, and what stable did before it: everything that is fixed beforehand.

A metric is written as a plan has it: kind, margins, and stable's history as raw numbers.
`questions` turns it into what its evidence is gathered for, with all that the history teaches.
The controller and a replay both start from here, so they play the same game.

Promises: histories of any numbers are taken; what is no number teaches nothing.
Leaves out: where histories come from (metrics), and the looks (trial.py).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from controller.judge.betting import Floats
from controller.judge.buckets import Classic, Histogram
from controller.judge.counts import CountsQuestion
from controller.judge.gauge_history import GaugeHistory
from controller.judge.gauge_look import GaugeQuestion, Measure
from controller.judge.history import LEAST_LEVEL, PodHistory, learn
from controller.judge.kinds import Question
from controller.judge.latency import HistogramQuestion
from controller.judge.latency_noise import latency_phi
from controller.judge.layouts import History
from controller.judge.number_blocks import block_looks
from controller.judge.numbers import NumberQuestion
from controller.judge.pods import noisy_pods
from controller.judge.quantities import Unit
from controller.judge.verdict import part_of_rules


class Pods(StrEnum):
    """Whether pods of one version may differ for good, as by their nodes and caches."""

    DIFFER = "Differ"
    ALIKE = "Alike"


@dataclass(frozen=True, slots=True)
class Plan:
    """How a release is judged. `false_rollback` and `false_promotion` are probabilities.

    `one_look_late` judges counts one look late, and not beside a jump of stable's own rate: right
    where scrapes are seconds apart.

    Raises ValueError for a probability outside 0 to 1.
    """

    false_rollback: float = 0.01
    false_promotion: float = 0.05
    pods: Pods = Pods.DIFFER
    one_look_late: bool = True

    def __post_init__(self) -> None:
        for name in ("false_rollback", "false_promotion"):
            value = getattr(self, name)
            if not 0.0 <= value < 1.0:
                raise ValueError(f"{name} is {value}; write a probability such as 0.01")


@dataclass(frozen=True, slots=True)
class PodCounts:
    """One pod's bad and all requests, a number for each look of the history, oldest first."""

    bad: Sequence[float]
    total: Sequence[float]


@dataclass(frozen=True, slots=True)
class PodBuckets:
    """Stable's pods before a release, bucket by bucket.

    `pods` are by name: for each look, oldest first, the requests up to each of `bounds`, which rise
    and end with infinity. Raises ValueError if pods or looks have different numbers of them.
    """

    bounds: Sequence[float]
    pods: Mapping[str, Sequence[Sequence[float]]]

    def __post_init__(self) -> None:
        lengths = sorted({len(looks) for looks in self.pods.values()})
        if len(lengths) > 1:
            raise ValueError(f"pods of the history have {lengths} looks; write all for each")
        if any(len(look) != len(self.bounds) for looks in self.pods.values() for look in looks):
            raise ValueError(f"a look of the history has not {len(self.bounds)} counts, as bounds")


@dataclass(frozen=True, slots=True)
class CountsMetric:
    """A metric of bad requests. Margins and `slo` as in `CountsQuestion`.

    `prior_bad` of `prior_total` are stable's own requests of the ten minutes before the release.
    `history` are its pods in consecutive, equally long looks before it; 60 are enough. `routed`
    says that a gateway draws the version of every request at random, by the weight.

    Raises ValueError if the pods of the history have different numbers of looks.
    """

    name: str
    required: bool = True
    weight: float = 1.0
    safe_relative: float = 0.5
    safe_absolute: float = 0.005
    fail_relative: float = 0.0
    fail_absolute: float = 0.0
    slo: float = 1.0
    prior_bad: float = 0.0
    prior_total: float = 0.0
    history: Mapping[str, PodCounts] = field(default_factory=dict)
    routed: bool = False

    def __post_init__(self) -> None:
        lengths = {len(one) for pod in self.history.values() for one in (pod.bad, pod.total)}
        if len(lengths) > 1:
            raise ValueError(
                f"pods of the history have {sorted(lengths)} numbers; write one a look, in bad and "
                "in total, and 0 while a pod was not there"
            )


@dataclass(frozen=True, slots=True)
class HistogramMetric:
    """A metric of latencies. Margins, `phi` and `seconds` as in `HistogramQuestion`.

    `history` is stable's histogram of the ten minutes before the release, or that of each of its
    pods at each look. From pods it is learned how requests cluster; `phi` is then the least.
    """

    name: str
    required: bool = True
    weight: float = 1.0
    safe_relative: float = 0.5
    safe_absolute: float = 0.005
    fail_relative: float = 0.0
    fail_absolute: float = 0.0
    fail_slower: float = 0.0
    phi: float = 1.0
    seconds: float = 1.0
    history: Histogram | PodBuckets | None = None


@dataclass(frozen=True, slots=True)
class GaugeMetric:
    """A gauge per pod. Margins, measure, unit, load, warm-up and horizon as in `GaugeQuestion`.

    `history` are the samples of stable's pods before the release, `history_seconds` apart, oldest
    first, null where one is missing.

    Raises ValueError if `history_seconds` is not above 0 or pods have different numbers of samples.
    """

    name: str
    required: bool = True
    weight: float = 1.0
    measure: Measure = Measure.LEVEL
    unit: Unit = Unit.NONE
    safe_relative: float = 0.25
    safe_absolute: float = 0.0
    fail_relative: float = 0.0
    fail_absolute: float = 0.0
    follows_load: bool = False
    warm_up: float = 90.0
    horizon: float = 6 * 3600.0
    history: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    history_seconds: float = 15.0

    def __post_init__(self) -> None:
        GaugeHistory.of(self.history, self.history_seconds)


@dataclass(frozen=True, slots=True)
class NumberMetric:
    """One number per version. Margins and switches as in `NumberQuestion`.

    `history` are stable's numbers at the looks before the release, oldest first.
    """

    name: str
    required: bool = True
    weight: float = 1.0
    safe_relative: float = 0.25
    safe_absolute: float = 0.0
    fail_relative: float = 0.0
    fail_absolute: float = 0.0
    lower_is_worse: bool = False
    robust: bool = False
    insist: bool = False
    unit: Unit = Unit.NONE
    history: Sequence[float | None] = ()


Metric = CountsMetric | HistogramMetric | GaugeMetric | NumberMetric


def questions(plan: Plan, metrics: Sequence[Metric]) -> tuple[Question, ...]:
    """Return the question of each metric, with what its history teaches.

    All metrics of the release are needed, since gauges share a part of falseRollback. Raises
    ValueError for a name that comes twice, a weight that is not above 0, and margins that make no
    sense.
    """
    names = [metric.name for metric in metrics]
    for metric in metrics:
        if names.count(metric.name) > 1:
            raise ValueError(f"metric {metric.name} comes twice; give each a name of its own")
        if not 0.0 < metric.weight < math.inf:
            raise ValueError(f"metric {metric.name}: weight is {metric.weight}; it is above 0")
    return tuple(_question(plan, metric, metrics) for metric in metrics)


def pod_history(metric: CountsMetric) -> PodHistory:
    """Return the history of the pods that are a baseline: without those that are far worse."""
    names = tuple(sorted(metric.history))
    rows = [(metric.history[name].bad, metric.history[name].total) for name in names]
    table: Floats = np.array(rows, dtype=np.float64).reshape(len(names), 2, -1 if names else 0)
    history = PodHistory(names, table[:, 0].T, table[:, 1].T)
    return history.without(noisy_pods(history))


def _question(plan: Plan, metric: Metric, metrics: Sequence[Metric]) -> Question:
    try:
        match metric:
            case CountsMetric():
                return _counts(plan, metric)
            case HistogramMetric():
                return _histogram(plan, metric)
            case GaugeMetric():
                return _gauge(plan, metric, metrics)
            case NumberMetric():
                return _number(metric)
    except ValueError as error:
        raise ValueError(f"metric {metric.name}: {error}") from error


def _counts(plan: Plan, metric: CountsMetric) -> CountsQuestion:
    noise = learn(pod_history(metric), false_rollback=plan.false_rollback, routed=metric.routed)
    return CountsQuestion(
        safe_relative=metric.safe_relative,
        safe_absolute=metric.safe_absolute,
        fail_relative=metric.fail_relative,
        fail_absolute=metric.fail_absolute,
        prior_bad=metric.prior_bad,
        prior_total=metric.prior_total,
        noise=noise,
        alike=plan.pods is Pods.ALIKE,
        slo=metric.slo,
    )


def _histogram(plan: Plan, metric: HistogramMetric) -> HistogramQuestion:
    history, phi = metric.history, metric.phi
    if isinstance(history, PodBuckets):
        names = sorted(history.pods)
        rows = [history.pods[name] for name in names]
        looks, bounds = len(rows[0]) if rows else 0, tuple(history.bounds)
        table: Floats = np.array(rows, dtype=np.float64).reshape(len(rows), looks, len(bounds))
        with np.errstate(all="ignore"):  # sums of what is no count are no counts either
            learned = latency_phi(
                names, bounds, table.swapaxes(0, 1), false_rollback=plan.false_rollback
            )
            history = Classic(bounds, tuple(table.sum(axis=(0, 1)).tolist()))
        phi = max(phi, learned)
    return HistogramQuestion(
        History.of(history),
        safe_relative=metric.safe_relative,
        safe_absolute=metric.safe_absolute,
        fail_relative=metric.fail_relative,
        fail_absolute=metric.fail_absolute,
        fail_slower=metric.fail_slower,
        phi=phi,
        false_rollback=plan.false_rollback,
        false_promotion=plan.false_promotion,
        seconds=metric.seconds,
    )


def _gauge(plan: Plan, metric: GaugeMetric, metrics: Sequence[Metric]) -> GaugeQuestion:
    ruled = [one.weight for one in metrics if isinstance(one, GaugeMetric)]
    part = part_of_rules(bets=len(ruled) < len(metrics), rules=True)
    share = plan.false_rollback * part * metric.weight / math.fsum(ruled)
    return GaugeQuestion(
        GaugeHistory.of(metric.history, metric.history_seconds),
        measure=metric.measure,
        unit=metric.unit,
        safe_relative=metric.safe_relative,
        safe_absolute=metric.safe_absolute,
        fail_relative=metric.fail_relative,
        fail_absolute=metric.fail_absolute,
        follows_load=metric.follows_load,
        warm_up=metric.warm_up,
        horizon=metric.horizon,
        share=max(share, LEAST_LEVEL),
    )


def _number(metric: NumberMetric) -> NumberQuestion:
    return NumberQuestion(
        safe_relative=metric.safe_relative,
        safe_absolute=metric.safe_absolute,
        fail_relative=metric.fail_relative,
        fail_absolute=metric.fail_absolute,
        lower_is_worse=metric.lower_is_worse,
        block=block_looks(metric.history),
        robust=metric.robust,
        insist=metric.insist,
        unit=metric.unit,
    )
