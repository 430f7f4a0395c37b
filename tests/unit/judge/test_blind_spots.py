"""What a plan can never see: each remark has a plan that draws it and one that does not."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from controller.judge import (
    Classic,
    CountsMetric,
    Course,
    GaugeMetric,
    HistogramMetric,
    Metric,
    NumberMetric,
    Plan,
    Remark,
    Step,
    Traffic,
    lint,
)
from controller.judge.plan import PodCounts

ERRORS = CountsMetric("errors", slo=0.2, routed=True)
LATENCY = HistogramMetric("latency", history=Classic((0.1, 0.5, float("inf")), (900, 990, 1000)))
MEMORY = GaugeMetric("memory")
PODS = {f"stable-{i}": PodCounts((1,) * 60, (100,) * 60) for i in range(5)}


@dataclass(frozen=True)
class Premises:
    """A plan and the traffic that it meets."""

    plan: Plan
    metrics: tuple[Metric, ...]
    course: Course
    traffic: Traffic

    def remarks(self) -> tuple[Remark, ...]:
        return lint(self.plan, self.metrics, self.course, self.traffic)


SEES_ALL = Premises(
    Plan(one_look_late=False),
    (ERRORS, LATENCY),
    Course((Step(5), Step(50, hold=600)), warm_up=0.0),
    Traffic(rate=50, canary_pods=2, stable_pods=20, bad=0.05),
)


def course(**fields: Any) -> Premises:
    return replace(SEES_ALL, course=replace(SEES_ALL.course, **fields))


def metrics(*given: Metric) -> Premises:
    return replace(SEES_ALL, metrics=given)


def traffic(**fields: Any) -> Premises:
    return replace(SEES_ALL, traffic=replace(SEES_ALL.traffic, **fields))


def test_a_plan_may_draw_no_remark() -> None:
    assert SEES_ALL.remarks() == ()


NO_LATENCY, NO_COUNTS = metrics(ERRORS), metrics(LATENCY)
CASES = [
    (replace(SEES_ALL, plan=Plan(false_rollback=0.0)), "analysis.falseRollback", "for Regressed"),
    (replace(SEES_ALL, plan=Plan(false_promotion=0.0)), "analysis.falsePromotion", "for Safe"),
    (NO_LATENCY, "analysis.metrics", "answers slowly"),
    (NO_COUNTS, "analysis.metrics", "fails fast"),
    (NO_COUNTS, "exposure", "nothing bounds how many are hurt"),
    (metrics(replace(ERRORS, slo=1.0), LATENCY), "slo", "harms both versions alike"),
    (traffic(canary_pods=1), "steps[0].weight", "a noisy node under it"),
    (
        replace(traffic(stable_pods=4), metrics=(ERRORS, LATENCY, MEMORY)),
        "analysis.metrics[memory]",
        "so no step is ever earned: 4 stable pods, 5 are needed",
    ),
    (
        replace(traffic(stable_pods=9), metrics=(ERRORS, LATENCY, replace(MEMORY, required=False))),
        "analysis.metrics[memory]",
        "so it takes no release back: 2 canary pods and 9 of stable can rank in 55 ways",
    ),
    (
        metrics(replace(ERRORS, routed=False), LATENCY),
        "analysis.metrics[errors]",
        "so no step is ever earned: fewer than 3 stable pods",
    ),
    (
        metrics(ERRORS, LATENCY, NumberMetric("orders", required=False)),
        "analysis.metrics[orders]",
        "so it takes no release back: one number an arm",
    ),
    (traffic(bad=0.001), "margin of errors", "up to 0.65 % bad requests pass as Safe beside 0.1 %"),
    (traffic(rate=1), "analysis.maxStepDuration", "in 30 min the step gives 90"),
    (traffic(rate=0), "analysis.maxStepDuration", "they never come"),
    (course(max_step_duration=60), "analysis.maxStepDuration", "in 1 min the step gives 150"),
    (course(steps=(Step(5), Step(50, hold=599))), "steps[].hold", "no step holds longer than 9 mi"),
    (course(warm_up=90.0), "analysis.warmUp", "first 1 min 30 s are not judged"),
    (
        course(steps=(Step(5), Step(50, 600), Step(100))),
        "steps[-1].weight",
        "no stable pod gets requests",
    ),
    (course(steps=(Step(5), Step(49, 600))), "steps[-1].weight", "compared beyond 49 %"),
]


@pytest.mark.parametrize(("premises", "field", "words"), CASES, ids=lambda x: str(x)[:40])
def test_a_blind_spot_is_named_with_its_field(premises: Premises, field: str, words: str) -> None:
    assert [r.field for r in premises.remarks() if words in r.message] == [field]


@pytest.mark.parametrize(
    "premises",
    [
        replace(traffic(canary_pods=4), metrics=(ERRORS, LATENCY, MEMORY)),
        metrics(replace(ERRORS, routed=False, history=PODS), LATENCY),
        metrics(ERRORS, LATENCY, NumberMetric("orders", insist=True)),
        metrics(replace(ERRORS, slo=1.0), LATENCY, replace(ERRORS, name="b", required=False)),
        metrics(ERRORS, replace(ERRORS, name="b", safe_absolute=0.0004, required=False), LATENCY),
        traffic(rate=30),
        course(steps=(Step(1, hold=600), Step(90)), max_step_duration=3600.0),
    ],
    ids=lambda x: str(x)[-60:],
)
def test_what_makes_up_for_it_draws_none(premises: Premises) -> None:
    assert premises.remarks() == ()


def test_a_metric_that_is_not_required_needs_no_verdict_in_time() -> None:
    both = metrics(ERRORS, replace(ERRORS, name="rare", required=False, safe_absolute=0.0), LATENCY)
    quiet = replace(both, traffic=replace(both.traffic, rate=2.0))
    named = [remark.message for remark in quiet.remarks()]
    assert [message.split()[0] for message in named] == ["errors"]


def test_a_remark_reads_as_a_line() -> None:
    assert str(Remark("slo", "set it")) == "slo: set it"
