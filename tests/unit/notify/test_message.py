"""The alert tells in ten seconds what it is, how bad, whether it is over, and what to do."""

from datetime import timedelta
from typing import Any

import pytest

from controller.api.release import MetricRule, Release
from controller.notify.message import Alert, rollback_alert
from controller.release.takedown import TOO_LATE
from tests.unit.release.given import NOW, SECOND, release

DIGEST = "registry.example/checkout@sha256:" + "2" * 64
CAUSE = (
    "http-errors 5.2 % against 1 % (x5.2, between x2.3 and x11.8), 3,120 requests, would be "
    "chance once in 12,000 releases"
)
BEGAN = NOW - 90 * SECOND
REGRESSED = {
    "name": "http-errors",
    "required": True,
    "state": "Regressed",
    "canary": 0.052,
    "stable": 0.01,
    "ratio": 5.2,
    "ratio_interval": {"low": 2.38, "high": 11.72},
    "canary_requests": 3120,
    "stable_requests": 60_400,
}
SAFE = {"name": "http-latency", "required": True, "state": "Safe", "canary": 0.01, "stable": 0.01}


def entry(phase: str, at: Any, reason: str, message: str, weight: int = 5) -> dict[str, Any]:
    return {"at": at, "phase": phase, "weight": weight, "reason": reason, "message": message}


def taken_back(reason: str = "Regressed", cause: str = CAUSE, **status: Any) -> Release:
    """Return a release that was taken back from 5 %, confirmed 80 seconds ago."""
    given: dict[str, Any] = {
        "phase": "RolledBack",
        "outcome": "RolledBack",
        "reason": reason,
        "message": f"{cause}; the canary is gone and the revision is rejected",
        "step": 1,
        "traffic_off_at": NOW - 80 * SECOND,
        "finished_at": NOW - 70 * SECOND,
        "exposure": {"requests": 3120, "bad": 162},
        "canary": {"images": [DIGEST]},
        "metrics": [REGRESSED, SAFE],
        "timeline": [
            entry("Stepping", BEGAN - 60 * SECOND, "Stepping", "step 1 of 2"),
            entry("RollingBack", BEGAN, reason, cause, status.pop("weight", 5)),
            entry("RolledBack", NOW - 70 * SECOND, reason, cause, 0),
        ],
    }
    return release(number=12, **(given | status))


def alert(of: Release, **changes: Any) -> Alert:
    given: dict[str, Any] = {"labels": {}, "runbook_url": None, "now": NOW, "resolved": False}
    return rollback_alert(of, **(given | changes))


def test_whoever_is_woken_up_reads_what_how_bad_whether_it_is_over_and_what_to_do() -> None:
    found = alert(taken_back()).annotations

    assert (
        found["summary"]
        == f"shop/checkout: release 12 was taken back, users are on stable: {CAUSE}"
    )
    assert found["description"].splitlines() == [
        f"What: checkout-12 of shop/checkout, Regressed at 5 % of the traffic. {CAUSE}",
        "How bad: 3,120 requests met it, 162 of them bad.",
        "Over: yes, since 11:58:40 UTC every request goes to stable.",
        "To do: nothing now. Look at it when you are awake; this revision stays out until then.",
        f"Image: {DIGEST}",
    ]


def test_each_number_has_an_annotation_of_its_own() -> None:
    found = alert(taken_back(), runbook_url="https://runbooks.example/gander").annotations

    assert found["cause"] == CAUSE
    assert found["canary"] == "http-errors 5.2 % of 3,120 requests"
    assert found["stable"] == "http-errors 1 % of 60,400 requests"
    assert found["ratio"] == "http-errors x5.2, between x2.3 and x11.8"
    assert found["exposure"] == "3,120 requests met it, 162 of them bad."
    assert found["image"] == DIGEST
    assert found["done"] == (
        "The canary was taken out of HTTPRoute checkout at 11:58:40 UTC and is gone. "
        "Revision bbbbbbbbbb is rejected."
    )
    assert found["next"].splitlines() == [
        "See why: kubectl describe release checkout-12 -n shop",
        "Fix it: change the template of Deployment checkout, a new release begins.",
        "Try the same again: kubectl gander retry checkout-12 -n shop",
        "Silence this: kubectl gander acknowledge checkout-12 -n shop",
    ]
    assert found["runbook_url"] == "https://runbooks.example/gander"


@pytest.mark.parametrize(
    ("change", "ratio"),
    [
        ({"ratio": None}, None),
        ({"ratio_interval": {"low": 2.38}}, "http-errors x5.2, at least x2.3"),
        ({"ratio_interval": {}}, None),
    ],
)
def test_a_ratio_that_is_not_known_is_not_invented(
    change: dict[str, Any], ratio: str | None
) -> None:
    found = alert(taken_back(metrics=[REGRESSED | change])).annotations

    assert found.get("ratio") == ratio


def test_a_crash_before_any_traffic_says_that_nobody_met_it() -> None:
    cause = "pod checkout-canary-x: container app exits with code 1 (3 restarts): no such file"
    crashed = taken_back("CrashLoop", cause, step=0, metrics=[], exposure={}, weight=0)

    found = alert(crashed)

    assert found.labels["reason"] == "CrashLoop"
    assert "How bad: no user met it." in found.annotations["description"]
    assert f"CrashLoop at 0 % of the traffic. {cause}" in found.annotations["description"]
    assert not {"canary", "stable", "ratio"} & found.annotations.keys()


def test_a_slow_version_is_told_in_times_and_its_slow_requests_are_not_called_good() -> None:
    latency = {
        "name": "http-latency",
        "required": True,
        "state": "Regressed",
        "measure": "P99Seconds",
        "canary": 0.812,
        "stable": 0.41,
        "canaryRequests": 3120,
        "stableRequests": 59000,
    }
    told = alert(taken_back(metrics=[latency])).annotations
    assert told["canary"] == "http-latency p99 812 ms of 3,120 requests"
    assert told["stable"] == "http-latency p99 410 ms of 59,000 requests"
    assert told["exposure"].endswith("of them bad; slow ones are not among these.")


def test_a_heavier_version_is_told_by_its_mean_pod() -> None:
    memory = {
        "name": "memory",
        "required": True,
        "state": "Regressed",
        "measure": "PodMean",
        "unit": "Bytes",
        "canary": 512 * 2**20,
        "stable": 310 * 2**20,
        "ratio": 1.652,
        "ratioInterval": {"low": 1.41, "high": 1.98},
        "canaryPods": 1,
        "stablePods": 10,
    }
    told = alert(taken_back(metrics=[memory])).annotations
    assert told["canary"] == "memory 512 MiB a pod, 1 pod"
    assert told["stable"] == "memory 310 MiB a pod, 10 pods"
    assert told["ratio"] == "memory x1.7, between x1.4 and x2.0"


def test_requests_that_no_metric_counts_are_not_called_none() -> None:
    release = taken_back(exposure={})
    gauge = {"gauge": {"series": 'memory_bytes{pod=~"{{ pods }}"}'}}
    rule = MetricRule.model_validate({"name": "memory", "required": True, "spec": gauge})
    rules = release.spec.rules.model_copy(update={"metrics": (rule,)})
    spec = release.spec.model_copy(update={"rules": rules})
    found = alert(release.model_copy(update={"spec": spec})).annotations
    assert found["exposure"] == (
        "no metric of the plan counts requests, so how many met it is not known."
    )


def test_requests_that_were_not_counted_are_not_called_none() -> None:
    found = alert(taken_back(exposure={})).annotations

    assert found["exposure"] == "it was taken back before its first requests were counted."


def test_until_the_gateway_confirms_it_is_not_over() -> None:
    moving = taken_back(phase="RollingBack", traffic_off_at=None, message=CAUSE)

    found = alert(moving).annotations

    assert found["summary"].startswith("shop/checkout: release 12 is being taken back: http-errors")
    assert "Over: not yet. The gateway has not confirmed" in found["description"]
    assert "To do: watch it: kubectl get release checkout-12 -n shop -w" in found["description"]
    assert found["done"] == "Taking the canary out of HTTPRoute checkout."


def test_while_the_canary_drains_it_is_over_for_users() -> None:
    found = alert(taken_back(phase="RollingBack")).annotations

    assert "Over: yes" in found["description"]
    assert "and goes once it is drained." in found["done"]


def test_a_version_that_stable_runs_by_now_needs_a_person() -> None:
    found = alert(taken_back(message=f"{CAUSE}; {TOO_LATE}")).annotations

    assert found["summary"].startswith("shop/checkout: release 12 is bad and stable runs it:")
    assert "Over: no." in found["description"]
    assert "gander.dev/bypass=rollback" in found["description"]
    assert "kubectl set image deployment/checkout -n shop" in found["description"]


def test_the_identity_is_the_same_from_the_first_post_to_the_last() -> None:
    moving = taken_back(phase="RollingBack", traffic_off_at=None, message=CAUSE, exposure={})
    first = alert(moving, labels={"team": "payments"})
    last = alert(
        taken_back(), labels={"team": "payments"}, now=NOW + timedelta(hours=1), resolved=True
    )

    assert first.key == last.key == "uid-12/RolledBack"
    assert first.labels == last.labels
    assert first.starts_at == last.starts_at == BEGAN
    assert first.labels == {
        "alertname": "GanderReleaseRolledBack",
        "namespace": "shop",
        "plan": "checkout",
        "release": "checkout-12",
        "revision": "bbbbbbbbbb",
        "reason": "Regressed",
        "severity": "page",
        "team": "payments",
    }


def test_labels_of_the_plan_change_the_severity_but_not_the_identity() -> None:
    own = {"severity": "ticket", "plan": "other", "app.kubernetes.io/name": "shop", "2nd": "x"}

    found = alert(taken_back(), labels=own).labels

    assert (found["severity"], found["plan"]) == ("ticket", "checkout")
    assert (found["app_kubernetes_io_name"], found["_2nd"]) == ("shop", "x")


def test_it_fires_past_the_next_repetition_and_ends_when_resolved() -> None:
    assert alert(taken_back()).ends_at == NOW + timedelta(minutes=10)
    assert alert(taken_back(), resolved=True).ends_at == NOW


def test_a_clock_that_went_back_resolves_no_earlier_than_it_began() -> None:
    found = alert(taken_back(), now=BEGAN - 5 * SECOND, resolved=True)

    assert found.ends_at == found.starts_at


def test_a_release_without_its_story_still_makes_an_alert() -> None:
    found = alert(taken_back(timeline=[], phase_since=BEGAN))

    assert (found.starts_at, found.labels["reason"]) == (BEGAN, "Regressed")


def test_no_annotation_outgrows_what_receivers_show() -> None:
    found = alert(taken_back(cause="x" * 1000, canary={"images": ["i" * 500] * 32})).annotations

    assert max(map(len, found.values())) == 1000
    assert len(found["summary"]) == 200
    assert "Over: yes" in found["description"]
    assert "To do: nothing now" in found["description"]


def test_a_long_link_is_not_cut() -> None:
    link = "https://runbooks.example/" + "r" * 1500

    assert alert(taken_back(), runbook_url=link).annotations["runbook_url"] == link
