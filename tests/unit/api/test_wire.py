"""Objects as they travel: what is read is what was written, and what we write is never refused."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from controller.api.base import Condition
from controller.api.plan import Rejection, ReleasePlan, ReleasePlanStatus, StableVersion
from controller.api.release import Entry, Phase, Release, ReleaseStatus

NOON = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
PLAN: dict[str, Any] = {
    "apiVersion": "gander.dev/v1alpha1",
    "kind": "ReleasePlan",
    "metadata": {"name": "checkout", "namespace": "shop"},
    "spec": {
        "traffic": {"service": "checkout", "httpRoutes": ["checkout"]},
        "steps": [{"weight": 5}, {"weight": 50, "hold": "2m"}],
        "analysis": {
            "prometheus": {"url": "http://prometheus:9090"},
            "metrics": [{"metric": "http-errors"}],
        },
    },
}


def test_a_plan_reads_with_its_defaults() -> None:
    plan = ReleasePlan.model_validate(PLAN)
    assert [step.hold for step in plan.spec.steps] == [timedelta(minutes=1), timedelta(minutes=2)]
    assert plan.spec.analysis.false_rollback == "0.01"
    assert plan.status.phase == ""


def test_what_is_written_reads_back() -> None:
    plan = ReleasePlan.model_validate(PLAN)
    assert ReleasePlan.model_validate(plan.wire()) == plan


def test_the_wire_has_camel_case_texts_and_no_nulls() -> None:
    spec = ReleasePlan.model_validate(PLAN).spec.wire()
    assert spec["steps"] == [{"weight": 5, "hold": "1m"}, {"weight": 50, "hold": "2m"}]
    assert spec["analysis"]["warmUp"] == "1m30s"
    assert spec["traffic"] == {
        "service": "checkout",
        "httpRoutes": ["checkout"],
        "grpcRoutes": [],
        "drain": "5s",
    }


def test_a_field_of_a_newer_version_is_passed_over() -> None:
    newer = {**PLAN, "spec": {**PLAN["spec"], "keepConfig": "All"}}
    assert ReleasePlan.model_validate(newer) == ReleasePlan.model_validate(PLAN)


def test_times_are_written_in_utc_to_the_second() -> None:
    at = datetime(2026, 11, 21, 14, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    entry = Entry(at=at, phase=Phase.PENDING, weight=0, reason="x", message="")
    assert entry.wire()["at"] == "2026-11-21T12:00:00Z"


def test_a_text_that_is_too_long_is_cut_and_never_refused() -> None:
    condition = Condition(
        type="Ready",
        status="False",
        reason="R" * 65,
        message="m" * 2000,
        last_transition_time=NOON,
    )
    assert condition.message == "m" * 1023 + "…"
    assert condition.reason == "R" * 63 + "…"


def test_a_copy_that_skipped_validation_is_cut_when_it_is_written() -> None:
    status = ReleaseStatus().model_copy(update={"message": "m" * 2000, "progress": "1" * 17})
    wire = status.wire()
    assert wire["message"] == "m" * 1023 + "…"
    assert wire["progress"] == "1" * 15 + "…"


def test_of_a_list_that_is_too_long_the_newest_stay() -> None:
    rejected = tuple(
        Rejection(revision=str(n), release=f"r-{n}", at=NOON, reason="x", message="")
        for n in range(25)
    )
    built = ReleasePlanStatus(rejected=rejected)
    copied = ReleasePlanStatus().model_copy(update={"rejected": rejected})
    assert [each.revision for each in built.rejected] == [str(n) for n in range(5, 25)]
    assert built.wire() == copied.wire()


def test_of_images_the_first_stay() -> None:
    images = tuple(f"image-{n}" for n in range(40))
    stable = StableVersion(revision="r", replica_set="rs", images=images)
    assert stable.images == images[:32]


@pytest.mark.parametrize(
    "spec",
    [
        {**PLAN["spec"], "steps": []},
        {**PLAN["spec"], "steps": [{"weight": 0}]},
        {**PLAN["spec"], "steps": [{"weight": 91}]},
        {**PLAN["spec"], "traffic": {"service": "Checkout"}},
        {**PLAN["spec"], "history": 0},
    ],
)
def test_what_people_write_is_refused_when_it_is_out_of_bounds(spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ReleasePlan.model_validate({**PLAN, "spec": spec})


def test_a_release_reads_without_a_status() -> None:
    spec = {
        "plan": "checkout",
        "number": 1,
        "revision": "abc",
        "template": {"spec": {}},
        "images": [],
        "stable": {"revision": "abd", "replicaSet": "checkout-1"},
        "rules": {
            "generation": 1,
            "trackLabel": "track",
            "traffic": PLAN["spec"]["traffic"],
            "steps": PLAN["spec"]["steps"],
            "analysis": PLAN["spec"]["analysis"],
            "metrics": [
                {
                    "name": "http-errors",
                    "required": True,
                    "spec": {
                        "counts": {
                            "total": 'requests_total{pod=~"{{ pods }}"}',
                            "bad": 'code=~"5.."',
                        }
                    },
                }
            ],
        },
    }
    release = Release.model_validate({"metadata": {"name": "checkout-1"}, "spec": spec})
    assert release.status.phase is Phase.PENDING
    assert Release.model_validate(release.wire()) == release
