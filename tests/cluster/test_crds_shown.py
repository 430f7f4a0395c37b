"""What a real API server adds to our objects, and how kubectl shows them."""

from collections.abc import Iterator

import pytest

from controller.api import crd
from controller.api.plan import ReleasePlanStatus
from controller.api.release import ReleaseStatus
from controller.kube import kinds
from controller.kube.client import Client
from tests.cluster import chart
from tests.cluster.commands import run
from tests.cluster.samples import KINDS, PLAN, RELEASE
from tests.waiting import eventually

pytestmark = pytest.mark.disruptive


@pytest.fixture(scope="module", autouse=True)
def crds(client: Client) -> Iterator[None]:
    """Have our kinds, and no controller that writes a status of its own."""
    with chart.controller_stopped(client):
        chart.install_crds(client)
        yield


@pytest.mark.parametrize("name", KINDS)
def test_the_server_s_defaults_are_the_models_defaults(
    client: Client, namespace: str, name: str
) -> None:
    kind, item = KINDS[name]
    model = next(each.model for each in crd.KINDS if each.name == item["kind"])
    stored = client.create(kind, namespace, item, dry_run=True)
    assert (
        stored["spec"]
        == model.model_validate(item).model_dump(
            mode="json", by_alias=True, exclude_none=True, include={"spec"}
        )["spec"]
    )


def test_the_defaults_of_a_status_are_the_models_defaults(client: Client, namespace: str) -> None:
    client.create(kinds.RELEASE_PLAN, namespace, PLAN)
    client.create(kinds.RELEASE, namespace, RELEASE)
    plan = client.merge_patch(
        kinds.RELEASE_PLAN,
        namespace,
        "checkout",
        {"status": {"phase": "Idle"}},
        subresource="status",
    )
    release = client.merge_patch(
        kinds.RELEASE, namespace, "checkout-1", {"status": {"step": 1}}, subresource="status"
    )
    assert plan["status"] == ReleasePlanStatus(phase="Idle").wire()
    assert release["status"] == ReleaseStatus(step=1).wire()


def test_a_status_is_written_through_its_subresource_only(client: Client, namespace: str) -> None:
    created = client.create(kinds.RELEASE_PLAN, namespace, {**PLAN, "status": {"phase": "Idle"}})
    assert "status" not in created
    body = {"status": {"phase": "Idle"}, "spec": {"history": 5}}
    through_main = client.merge_patch(kinds.RELEASE_PLAN, namespace, "checkout", body)
    assert "status" not in through_main
    through_status = client.merge_patch(
        kinds.RELEASE_PLAN,
        namespace,
        "checkout",
        {"status": {"phase": "Idle"}, "spec": {"history": 7}},
        subresource="status",
    )
    assert through_status["status"]["phase"] == "Idle"
    assert through_status["spec"]["history"] == 5
    assert through_status["metadata"]["generation"] == through_main["metadata"]["generation"]


def test_a_status_with_texts_of_any_length_can_be_written(client: Client, namespace: str) -> None:
    client.create(kinds.RELEASE, namespace, RELEASE)
    status = ReleaseStatus().model_copy(
        update={"message": "é" * 5000, "reason": "R" * 100, "progress": "9" * 50}
    )
    written = client.merge_patch(
        kinds.RELEASE, namespace, "checkout-1", {"status": status.wire()}, subresource="status"
    )
    assert len(written["status"]["message"]) == 1024


def test_kubectl_get_tells_the_story(client: Client, namespace: str) -> None:
    for kind, item in KINDS.values():
        client.create(kind, namespace, item)
    status = {
        "phase": "RollingBack",
        "progress": "1/2",
        "weight": {"wanted": 0, "confirmed": 0.4},
        "verdict": "Regressed",
        "reason": "Regressed",
        "message": "5.0 % of 940 requests were bad",
    }
    client.merge_patch(
        kinds.RELEASE, namespace, "checkout-1", {"status": status}, subresource="status"
    )

    header, line = run("kubectl", "get", "rel", "-n", namespace).splitlines()
    assert " ".join(header.split()) == "NAME PLAN PHASE STEP WEIGHT VERDICT REASON AGE"
    assert " ".join(line.split()).startswith(
        "checkout-1 checkout RollingBack 1/2 0.4 Regressed Regressed "
    )
    wide = run("kubectl", "get", "releases", "-n", namespace, "-o", "wide")
    assert "5.0 % of 940 requests were bad" in wide


def test_kubectl_get_shows_plans_and_metrics(client: Client, namespace: str) -> None:
    for kind, item in KINDS.values():
        client.create(kind, namespace, item)
    ready = {
        "type": "Ready",
        "status": "False",
        "reason": "RevisionRejected",
        "message": "revision x stays out",
        "lastTransitionTime": "2026-11-21T12:00:00Z",
    }
    status = {
        "phase": "Rejected",
        "guard": "Guarded",
        "stable": {
            "revision": "a",
            "replicaSet": "checkout-1",
            "images": ["shop:1"],
            "version": "shop:1",
        },
        "activeRelease": "checkout-2",
        "conditions": [ready],
    }
    client.merge_patch(
        kinds.RELEASE_PLAN, namespace, "checkout", {"status": status}, subresource="status"
    )

    header, line = run("kubectl", "get", "plan", "-n", namespace).splitlines()
    assert " ".join(header.split()) == "NAME PHASE GUARD STABLE RELEASE READY REASON AGE"
    assert " ".join(line.split()).startswith(
        "checkout Rejected Guarded shop:1 checkout-2 False RevisionRejected "
    )
    header, errors, latency, memory = run("kubectl", "get", "relm", "-n", namespace).splitlines()
    assert " ".join(header.split()) == "NAME TOTAL BAD BUCKETS SERIES PER AGE"
    assert errors.startswith("http-errors ")
    assert "latency_bucket{" in latency
    assert "memory_bytes{" in memory
    everything = run("kubectl", "get", "gander", "-n", namespace, "-o", "name").split()
    assert everything == [
        "releasemetric.gander.dev/http-errors",
        "releasemetric.gander.dev/http-latency",
        "releasemetric.gander.dev/memory",
        "releaseplan.gander.dev/checkout",
        "release.gander.dev/checkout-1",
    ]


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("plan.spec.steps.hold", "The shortest stay at the whole weight"),
        ("plan.spec.analysis.prometheus.secretRef", "Credentials."),
        ("rel.status.exposure.bad", "Of these, the bad ones."),
        ("relm.spec.counts.total", "Series selector of the counter over all requests"),
    ],
)
def test_kubectl_explain_reads_like_documentation(field: str, words: str) -> None:
    def explained() -> str:
        return run("kubectl", "explain", field)

    text = eventually(explained, within=30, what=field, tolerate=(AssertionError,))
    assert words in " ".join(text.split())
