"""The plan's analysis is tried on stable alone, before any user meets the canary."""

import queue
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controller.api.metric import ReleaseMetricSpec
from controller.api.release import Release
from controller.kube.errors import NotFound
from controller.metrics.reader import Prometheus
from controller.reconcile.looks import Observer
from controller.reconcile.prometheus import SecretError
from controller.reconcile.rehearsal import rehearse
from controller.release.facts import Facts, Judged, Problem
from tests.unit.loopback import EMPTY, answering, with_status
from tests.unit.metrics.given import T0, a_spec, some_arms
from tests.unit.release import given
from tests.unit.release.given import LOOK, NOW, SECOND, entry

AT = datetime.fromtimestamp(T0, UTC)
BEGUN = given.release(phase="Starting", reason="CanaryStarting")
UNREADABLE = NotFound(404, "NotFound", 'secrets "nope" not found')


def judged_by(spec: ReleaseMetricSpec, *, required: bool = True) -> Release:
    """Return a release that is about to begin, with one metric."""
    (rule,) = BEGUN.spec.rules.metrics
    rules = BEGUN.spec.rules.model_copy(
        update={"metrics": (rule.model_copy(update={"spec": spec, "required": required}),)}
    )
    return BEGUN.model_copy(update={"spec": BEGUN.spec.model_copy(update={"rules": rules})})


def tried(url: str, release: Release = BEGUN) -> Problem | None:
    prometheus = Prometheus(url, timeout=5)
    try:
        return rehearse(release, some_arms(), lambda: prometheus, AT).problem
    finally:
        prometheus.close()


def test_a_stable_without_series_is_no_problem() -> None:
    with answering(with_status("200 OK", EMPTY)) as url:
        assert tried(url, judged_by(a_spec())) is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [("503 Unavailable", "PrometheusUnreachable"), ("401 Unauthorized", "PrometheusRefused")],
)
def test_a_prometheus_that_cannot_answer_is_one(answer: str, reason: str) -> None:
    with answering(with_status(answer)) as url:
        found = tried(url)
    assert found is not None
    assert found.reason == reason
    assert found.message.startswith(f"http-errors: {url}")
    assert found.message.endswith("see analysis.prometheus of the plan and the metric")


def test_only_required_metrics_hold() -> None:
    invalid = a_spec(bad='code=~"("')
    found = tried("http://127.0.0.1:1", judged_by(invalid))
    assert found is not None
    assert found.reason == "MetricInvalid"
    assert tried("http://127.0.0.1:1", judged_by(invalid, required=False)) is None


@pytest.mark.parametrize("error", [UNREADABLE, SecretError("Secret shop/nope: token is no text")])
def test_a_secret_that_cannot_be_read_names_the_way_out(error: Exception) -> None:
    def refuse() -> Prometheus:
        raise error

    found = rehearse(BEGUN, some_arms(), refuse, AT).problem
    assert found is not None
    assert found.reason == "SecretUnusable"
    assert str(error) in found.message
    assert "chart's value prometheusSecrets" in found.message


def test_what_fails_is_tried_again_less_and_less_often() -> None:
    def next_after(held: timedelta) -> timedelta:
        story = [entry("Holding", "SecretUnusable", at=AT - held)]
        looks = {"next": AT, "problem": "SecretUnusable", "message": "."}
        holding = given.release(
            phase="Holding", reason="SecretUnusable", looks=looks, timeline=story
        )

        def refuse() -> Prometheus:
            raise UNREADABLE

        return rehearse(holding, some_arms(), refuse, AT).next - AT

    waits = [next_after(timedelta(seconds=held)) for held in (0, 15, 30, 60, 100_000)]
    assert [each.total_seconds() for each in waits] == [15, 15, 30, 60, 300]


@pytest.mark.parametrize(
    ("status", "due"),
    [
        ({}, True),
        ({"phase": "Starting"}, True),
        ({"phase": "Starting", "looks": {"next": NOW - SECOND}}, False),
        ({"phase": "Holding", "looks": {"next": NOW, "problem": "SecretUnusable"}}, True),
        ({"phase": "Holding", "looks": {"next": NOW + LOOK, "problem": "SecretUnusable"}}, False),
        ({"phase": "Promoting", "reason": "StableDown"}, False),
        ({"phase": "RollingBack"}, False),
    ],
)
def test_it_is_asked_until_it_is_answered_without_a_problem(
    *, status: dict[str, Any], due: bool
) -> None:
    asked: queue.Queue[Release] = queue.Queue()

    def look(release: Release, _now: datetime) -> Judged | None:
        asked.put(release)
        return None

    observer = Observer(workers=1, look=look, wake=lambda *_: None, clock=lambda: NOW)
    first, last = given.release(**status), given.release(number=9)
    for release in (first, last):
        facts: Facts = given.facts(release)
        assert observer.judged(facts, NOW) is None
    seen = [asked.get(timeout=10)]
    while seen[-1] != last:  # one worker takes them in turn
        seen.append(asked.get(timeout=10))
    observer.stop()
    assert (first in seen) == due
