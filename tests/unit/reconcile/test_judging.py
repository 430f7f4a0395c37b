"""What was read of a metric becomes evidence of its kind, and the status shows it."""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from controller.api.release import MetricRule, MetricStatus, Release
from controller.judge import CountsEvidence, HistogramEvidence
from controller.metrics.reader import ArmLook, Look, NoEvidence, Past
from controller.reconcile.judging import judge_look
from controller.reconcile.questions import look_of
from controller.release.facts import Judged
from tests.unit.reconcile.counts import STABLE as REQUESTS
from tests.unit.reconcile.counts import a_look, answers, arm, past
from tests.unit.release import given
from tests.unit.release.given import LOOK, METRIC, NOW, at_step

BUCKETS = 'latency_bucket{pod=~"{{ pods }}"}'
LATENCY: dict[str, Any] = {
    "name": "latency",
    "required": True,
    "spec": {"histogram": {"buckets": BUCKETS}},
}
BOUNDS = ("0.05", "0.1", "0.25", "0.5", "1", "+Inf")
USUAL = (0.5, 0.75, 0.95, 0.99, 0.999, 1.0)
SLOW = (0.3, 0.5, 0.8, 0.93, 0.98, 1.0)
PODS = ("checkout-1", "checkout-2", "checkout-3")
Answers = Mapping[str, Look | NoEvidence]


def slower(_rule: object) -> Past:
    """Return what three stable pods counted in fifteen minutes, bucket by bucket."""
    each = np.rint(400 * np.array(USUAL))
    return Past(PODS, BOUNDS, np.broadcast_to(each, (60, 3, len(BOUNDS))).copy())


def unknown(_rule: object) -> None:
    """Say that nothing is known of the past."""


def histogram(requests: float, shares: tuple[float, ...]) -> ArmLook:
    buckets = {le: float(round(requests * share)) for le, share in zip(BOUNDS, shares, strict=True)}
    return ArmLook(0.0, requests, met=requests, met_bad=0.0, buckets=buckets)


def latencies(number: int, canary: tuple[float, ...]) -> Answers:
    """Return look `number`: of the canary's 200 requests these shares are within the bounds."""
    end = NOW + number * LOOK
    return {"latency": a_look(end, histogram(200, canary), STABLE)}


STABLE = histogram(4000, USUAL)


def a_release(stored: list[dict[str, Any]], metric: dict[str, Any], **analysis: Any) -> Release:
    """Return a release at its first step, judged by one metric, with this stored of it."""
    release = given.release(**at_step(metrics=stored))
    rules = release.spec.rules.model_copy(
        update={
            "metrics": (MetricRule.model_validate(metric),),
            "analysis": release.spec.rules.analysis.model_copy(update=analysis),
        }
    )
    spec = release.spec.model_copy(update={"rules": rules})
    return release.model_copy(update={"spec": spec})


def judged_after(
    looks: list[Answers], read_past: Any, metric: dict[str, Any], **analysis: Any
) -> list[Judged]:
    """Judge one look after the other; each goes on from what the one before has stored."""
    stored: list[dict[str, Any]] = []
    found = []
    for number, answer in enumerate(looks, start=1):
        release = a_release(stored, metric, **analysis)
        judged = judge_look(release, answer, read_past, NOW + number * LOOK)
        assert judged is not None
        found.append(judged)
        stored = [one.wire() for one in judged.metrics]
    return found


def latest(judged: list[Judged]) -> MetricStatus:
    return judged[-1].metrics[0]


def test_a_slower_canary_is_taken_back_and_the_status_says_by_how_much() -> None:
    judged = judged_after([latencies(1, SLOW), latencies(2, SLOW)], slower, LATENCY)
    assert judged[-1].verdict == "Regressed"
    found = latest(judged)
    assert (found.measure, found.state, found.looks) == ("P99Seconds", "Regressed", 2)
    assert found.stable == pytest.approx(0.5, rel=0.02)
    assert found.canary is None  # beyond the last bound
    assert (found.canary_requests, found.stable_requests) == (400, 8000)
    assert "latency p95 660 ms against 250 ms" in found.message
    assert found.message in judged[-1].cause


def test_bounds_in_milliseconds_are_told_as_such() -> None:
    metric = copy.deepcopy(LATENCY)
    metric["spec"]["histogram"]["unit"] = "Milliseconds"
    found = latest(judged_after([latencies(1, SLOW), latencies(2, SLOW)], slower, metric))
    assert found.stable == pytest.approx(0.0005, rel=0.02)
    assert "p95 660 µs against 250 µs" in found.message


def test_an_equal_canary_gets_safe() -> None:
    judged = judged_after([latencies(n, USUAL) for n in range(1, 8)], slower, LATENCY)
    assert (judged[0].verdict, judged[-1].verdict) == ("Inconclusive", "Safe")
    assert (latest(judged).ratio, latest(judged).state) == (1.0, "Safe")


def test_evidence_of_a_histogram_goes_on_from_what_was_stored() -> None:
    judged = judged_after([latencies(n, USUAL) for n in range(1, 4)], slower, LATENCY)
    evidence = HistogramEvidence.unpack(latest(judged).evidence)
    assert (evidence.looks, evidence.requests) == (3, 600)
    assert latest(judged).looks_at_weight == 3
    assert len(latest(judged).evidence) <= 3072


def test_a_histogram_without_a_past_waits_for_one() -> None:
    refused = judged_after([latencies(1, SLOW)], unknown, LATENCY)
    assert refused[0].problem is not None
    assert refused[0].problem.reason == "NoHistory"
    assert refused[0].verdict == "Inconclusive"
    assert latest(refused).evidence == ""
    # Nothing is fixed, so the next look asks for the past again.
    release = a_release([latest(refused).wire()], LATENCY)
    judged = judge_look(release, latencies(2, SLOW), slower, NOW + 2 * LOOK)
    assert judged is not None
    assert judged.problem is None
    assert judged.metrics[0].looks == 1


def three_pods(bad: tuple[float, float, float], number: int = 1) -> Answers:
    """Return look `number`: three canary pods with 100 requests each, this many of them bad."""
    end = NOW + number * LOOK
    pods = {f"canary-{i}": (one, 100.0) for i, one in enumerate(bad)}
    canary = ArmLook(sum(bad), 300, met=300, met_bad=sum(bad), pods=pods)
    stable = ArmLook(12, 1200, met=1200, met_bad=12, pods=dict.fromkeys(PODS, (4.0, 400.0)))
    return {"http-errors": a_look(end, canary, stable)}


def test_one_bad_pod_of_three_holds_and_is_said() -> None:
    looks = [three_pods((20, 1, 1), n) for n in range(1, 5)]
    (first, *_, last) = judged_after(looks, past, METRIC)
    assert last.verdict == "Inconclusive"
    assert last.problem is not None
    assert last.problem.reason == "OnePodWorse"
    assert "one of the canary's pods is worse than stable" in last.problem.message
    assert first.verdict == "Inconclusive"


def test_all_pods_bad_is_a_regression() -> None:
    looks = [three_pods((8, 7, 7), n) for n in range(1, 5)]
    assert judged_after(looks, past, METRIC)[-1].verdict == "Regressed"


def test_pods_that_are_alike_need_no_second_pod() -> None:
    looks = [three_pods((20, 1, 1), n) for n in range(1, 5)]
    assert judged_after(looks, past, METRIC, pods="Alike")[-1].verdict == "Regressed"


def noisy(_rule: object) -> Past:
    """Return the past of three pods of which the third fails ten times as often."""
    counts = np.zeros((60, 4, 2))
    counts[:, :, 0], counts[:, :, 1] = (1, 1, 1, 30), (99, 99, 99, 70)
    return Past((*PODS, "checkout-4"), ("bad", "good"), counts)


def test_a_stable_pod_that_failed_before_is_no_baseline() -> None:
    pods = {**dict.fromkeys(PODS, (4.0, 400.0)), "checkout-4": (120.0, 400.0)}
    stable = ArmLook(132, 1600, met=1600, met_bad=132, pods=pods)
    canary = ArmLook(3, 300, met=300, met_bad=3, pods={"canary-0": (3.0, 300.0)})
    look = a_look(NOW + LOOK, canary, stable)
    first, second = judged_after([{"http-errors": look}] * 2, noisy, METRIC)
    assert first.metrics[0].left_out == second.metrics[0].left_out == ("checkout-4",)
    assert (second.metrics[0].stable_bad, second.metrics[0].stable_requests) == (24, 2400)
    # Nor do its requests place the bets: of the other three 1 in 100 was bad.
    question = CountsEvidence.unpack(second.metrics[0].evidence).question
    assert (question.prior_bad, question.prior_total) == (180, 18_000)
    counts = look_of(MetricRule.model_validate(METRIC), look, ("checkout-4",))
    assert isinstance(counts, tuple)
    assert [stratum.stable_pods for stratum in counts] == [3]


def test_clumps_before_the_release_weaken_every_look() -> None:
    counts = np.zeros((60, 3, 2))
    counts[:, :, 1] = 400
    counts[::6, 0, 0], counts[3::6, 1, 0], counts[5::6, 2, 0] = 24, 24, 24
    look = answers(NOW + LOOK, canary_errors=0.2)
    clumped = judged_after([look], lambda _: Past(PODS, ("bad", "good"), counts), METRIC)
    calm = judged_after([look], past, METRIC)
    noise = CountsEvidence.unpack(latest(clumped).evidence).question.noise
    assert noise.phi > 5
    assert latest(clumped).log_e_regressed < latest(calm).log_e_regressed / 3


def edge(number: int, *, canary: float, stable: float, before: float) -> Answers:
    """Return look `number`, with these shares of bad requests."""
    mine, theirs = arm(75.0, canary), arm(REQUESTS, stable)
    return {"http-errors": a_look(NOW + number * LOOK, mine, theirs, arm(REQUESTS, before))}


def test_a_look_with_the_edge_of_an_incident_proves_nothing() -> None:
    calm = edge(1, canary=0.01, stable=0.01, before=0.01)
    # It is over; stable's pods were scraped after its end, the canary's before.
    over = edge(2, canary=0.4, stable=0.01, before=0.2)
    first, second = judged_after([calm, over], past, METRIC)
    assert (first.verdict, second.verdict) == ("Inconclusive", "Inconclusive")
    before, after = first.metrics[0], second.metrics[0]
    assert (after.looks, after.evidence) == (1, before.evidence)
    assert (after.looks_at_weight, after.until) == (2, (NOW + 2 * LOOK).timestamp())
    assert after.message == (
        f"{before.message}; the last look is left out, for stable's own rate has just jumped"
    )
    assert "left out" not in before.message
    # People are told of all who met the canary.
    assert second.exposure.bad == pytest.approx(75 * 0.4)
    (same,) = judged_after([edge(1, canary=0.4, stable=0.01, before=0.01)], past, METRIC)
    assert same.verdict == "Regressed"


def test_the_edge_of_an_incident_as_the_first_look_is_said() -> None:
    begun = edge(1, canary=0.4, stable=0.2, before=0.01)
    goes_on = edge(2, canary=0.2, stable=0.2, before=0.2)
    first, second = judged_after([begun, goes_on], past, METRIC)
    assert latest([first]).message == (
        "http-errors: the last look is left out, for stable's own rate has just jumped"
    )
    assert (latest([first]).looks, latest([second]).looks) == (0, 1)


def test_a_stable_pod_left_out_makes_no_edge() -> None:
    quiet = dict.fromkeys(PODS, (4.0, 400.0))
    stable = ArmLook(12, 1600, 1600, 12, pods={**quiet, "checkout-4": (0.0, 400.0)})
    before = ArmLook(412, 1600, 1600, 412, pods={**quiet, "checkout-4": (400.0, 400.0)})
    canary = ArmLook(3, 300, 300, 3, pods={"canary-0": (3.0, 300.0)})
    look = {"http-errors": a_look(NOW + LOOK, canary, stable, before)}
    assert latest(judged_after([look], noisy, METRIC)).looks == 1
    assert latest(judged_after([look], past, METRIC)).looks == 0


@pytest.mark.parametrize(("slo", "reason"), [("0.2", None), ("0.05", "OverSlo")])
def test_both_versions_alike_over_the_slo_hold(slo: str, reason: str | None) -> None:
    metric = copy.deepcopy(METRIC)
    metric["spec"]["slo"] = slo
    end = NOW + LOOK
    canary, stable = ArmLook(30, 300, 300, 30), ArmLook(120, 1200, 1200, 120)
    look = a_look(end, canary, stable)
    (judged,) = judged_after([{"http-errors": look}], past, metric)
    assert (judged.problem and judged.problem.reason) == reason
    if judged.problem:
        assert "the canary has 10 % and stable has 10 %, over the slo of 5 %" in (
            judged.problem.message
        )
