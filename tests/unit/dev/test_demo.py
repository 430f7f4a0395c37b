"""The demo's closing table counts what each release cost, and its verdict spares nothing."""

from dataclasses import replace
from pathlib import Path

import pytest

from dev.demo import CHAPTERS, EXAMPLE, example
from dev.demo_cost import Cost, Result, costs, failures, warning
from dev.environment import Environment
from dev.jobs import how_to_look
from dev.load_figures import Answers, Second, Summary

OURS = Environment.ours("gander", {})
THEIRS = replace(OURS, name=None, namespace_path=None, prometheus_url="http://prometheus.example")
BAD, GOOD, SLOW, CRASH = (
    Result(chapter, f"checkout-{number}", chapter.outcome, began, began + 5.0, promoted)
    for number, chapter, began, promoted in zip(
        (1, 2, 3, 4), CHAPTERS, (100.4, 110.0, 120.0, 130.0), (None, 115.0, None, None), strict=True
    )
)
PAID = [
    Cost(met=40, hurt=2, lost=0),
    Cost(met=90, hurt=0, lost=0),
    Cost(met=60, hurt=0, lost=0),
    Cost(met=0, hurt=0, lost=0),
]
LOAD = Summary(
    started=95.0,
    ended=130.0,
    rate=50.0,
    sent=1750,
    lost={},
    versions={},
    late=0,
    late_max_ms=3.0,
    on_time=True,
)


def second(number: int, lost: int = 0, **requests: int) -> Second:
    versions = {
        name: Answers(requests=n, bad=2, hurt=1, first=0.0, last=0.0, p50_ms=1.0, p99_ms=1.0)
        for name, n in requests.items()
    }
    return Second(number, 50, {"ClientOSError": lost} if lost else {}, versions, late_ms=1.0)


def test_each_release_pays_for_what_met_its_canary() -> None:
    seconds = [
        second(99, v1=50),
        second(100, v1=47, v2=3),
        second(104, v1=46, v2=4),
        second(112, v1=45, v3=5),
        # Promoted: these are stable's.
        second(115, v3=50),
        second(121, v3=50),
        second(122, v3=49, v4=1),
        second(131, v3=50),
    ]
    paid = costs([BAD, GOOD, SLOW, CRASH], seconds)
    assert paid == [Cost(7, 2, 0), Cost(5, 1, 0), Cost(1, 1, 0), Cost(0, 0, 0)]


def test_a_loss_counts_for_the_release_that_was_last_to_begin() -> None:
    seconds = [second(99, lost=9), second(100, lost=1), second(109, lost=2), second(135, lost=4)]
    assert [cost.lost for cost in costs([BAD, GOOD, SLOW, CRASH], seconds)] == [3, 0, 0, 4]


def test_expected_outcomes_without_loss_pass() -> None:
    assert list(failures([BAD, GOOD, SLOW, CRASH], PAID, LOAD)) == []


def test_another_outcome_fails() -> None:
    results = [replace(BAD, outcome="Succeeded"), GOOD, SLOW, CRASH]
    (failure,) = failures(results, PAID, LOAD)
    assert failure == "checkout-1 ended as Succeeded, not as RolledBack"


def test_a_loss_fails_whenever_it_was() -> None:
    (failure,) = failures(
        [BAD, GOOD, SLOW, CRASH], PAID, replace_load(lost={"gateway answered 502": 2})
    )
    assert failure == "2 of 1750 requests lost: 2 gateway answered 502"


def test_a_user_who_met_what_cannot_start_fails() -> None:
    (failure,) = failures([CRASH], [Cost(met=1, hurt=1, lost=0)], LOAD)
    assert "1 requests met v5" in failure


def test_a_canary_that_nobody_met_proves_nothing() -> None:
    (failure,) = failures([GOOD], [Cost(met=0, hurt=0, lost=0)], LOAD)
    assert "no request met the canary of checkout-2" in failure


def test_a_sender_that_fell_behind_is_told_and_fails_nothing() -> None:
    late = replace_load(late=40, late_max_ms=812.4, on_time=False)
    assert warning(LOAD) == ""
    assert "40 of 1750 requests were sent late, up to 812 ms" in warning(late)
    assert list(failures([BAD, GOOD, SLOW, CRASH], PAID, late)) == []


def replace_load(**changes: object) -> Summary:
    fields = {name: getattr(LOAD, name) for name in LOAD.__struct_fields__}
    return Summary(**(fields | changes))


def test_in_a_cluster_of_ours_the_example_is_applied_as_it_is() -> None:
    *metrics, plan = example(OURS)["items"]
    written = (EXAMPLE / "plan.yaml").read_text()
    assert {metric["kind"] for metric in metrics} == {"ReleaseMetric"}
    used = {each["metric"] for each in plan["spec"]["analysis"]["metrics"]}
    assert {metric["metadata"]["name"] for metric in metrics} == used
    assert plan["spec"]["analysis"]["prometheus"]["url"] in written
    assert plan["spec"]["notify"][0]["alertmanager"]["urls"][0] in written


def test_in_another_cluster_the_plan_names_its_prometheus_and_alertmanager() -> None:
    *_, plan = example(THEIRS)["items"]
    assert plan["spec"]["analysis"]["prometheus"]["url"] == "http://prometheus.example"
    assert plan["spec"]["notify"][0]["alertmanager"]["urls"] == [THEIRS.alertmanager_url]


@pytest.mark.parametrize(
    ("environment", "look", "remove"),
    [
        (OURS, "-m dev run -- kubectl", "make down"),
        (Environment.ours("second", {}), "dev run --name second -- kubectl", "down --name second"),
        (THEIRS, "  kubectl", "helm uninstall gander"),
    ],
)
def test_what_is_left_running_can_be_seen_and_removed(
    environment: Environment, look: str, remove: str
) -> None:
    lines = how_to_look(environment)
    assert look in lines[1]
    assert remove in lines[-1]


def test_the_example_is_a_folder_that_kubectl_applies_as_a_whole() -> None:
    # The demo shows `kubectl apply -f examples/checkout/`, so nothing else may lie there.
    assert {path.name for path in Path(EXAMPLE).glob("*.yaml")} == {"metrics.yaml", "plan.yaml"}
