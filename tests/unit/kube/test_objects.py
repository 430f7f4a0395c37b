"""Projections decoded from what a real API server sent."""

import copy
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from controller.kube import objects
from controller.kube.objects import ContainerState
from controller.kube.parts import Requirement, Selector, ServicePort, condition
from tests.unit.kube import recorded
from tests.unit.kube.recorded import sent


def test_a_deployment_keeps_what_decisions_need() -> None:
    held = objects.decode_deployment(sent(recorded.PAUSED_DEPLOYMENT))

    assert (held.meta.namespace, held.meta.name) == ("kube-rec", "held")
    assert (held.meta.resource_version, held.meta.generation) == ("31429", 1)
    assert held.meta.creation_timestamp == datetime(2026, 11, 21, 13, 13, 52, tzinfo=UTC)
    assert held.meta.deletion_timestamp is None
    assert held.meta.labels == {"app": "held"}
    assert held.meta.annotations == {"team": "payments"}
    assert (held.paused, held.paused_by) == (True, ("kubectl-client-side-apply",))
    assert held.strategy == "RollingUpdate"
    assert (held.replicas, held.revision_history_limit) == (1, 10)
    assert held.progress_deadline_seconds == 600
    assert (held.observed_generation, held.status_replicas) == (1, 0)
    assert msgspec.json.decode(held.template) == recorded.PAUSED_DEPLOYMENT["spec"]["template"]
    progressing = condition(held.conditions, "Progressing")
    assert progressing is not None
    assert (progressing.status, progressing.reason) == ("Unknown", "DeploymentPaused")
    assert condition(held.conditions, "Available") is None


def test_a_pause_set_by_admission_has_no_manager() -> None:
    metadata = {**recorded.PAUSED_DEPLOYMENT["metadata"], "managedFields": []}
    held = objects.decode_deployment(sent({**recorded.PAUSED_DEPLOYMENT, "metadata": metadata}))
    assert (held.paused, held.paused_by) == (True, ())


def test_a_replica_set_names_its_owner() -> None:
    found = objects.decode_replica_set(sent(recorded.REPLICA_SET))
    [owner] = found.meta.owner_references
    assert (owner.kind, owner.name, owner.controller) == ("Deployment", "web", True)
    assert (found.replicas, found.status_replicas, found.ready_replicas) == (2, 2, 2)
    assert found.template_dict()["metadata"]["labels"]["pod-template-hash"] == "c89d99fb9"


def test_a_ready_pod_says_since_when() -> None:
    pod = objects.decode_pod(sent(recorded.READY_POD))
    assert (pod.phase, pod.ready, pod.node) == ("Running", True, "node1")
    assert pod.ready_since == datetime(2026, 11, 21, 13, 13, 53, tzinfo=UTC)
    assert pod.start_time == datetime(2026, 11, 21, 13, 13, 52, tzinfo=UTC)
    assert pod.containers == (
        ContainerState(
            name="app",
            image="localhost/pause:1",
            image_id="sha256:0cc19ed1f3556697e5a1ae9e50dbcfb29505dc68a02b4344c94089192301061b",
            ready=True,
            started=True,
            restart_count=0,
        ),
    )


def test_pods_with_equal_requests_and_limits_say_so_in_equal_words() -> None:
    item: Any = copy.deepcopy(recorded.READY_POD)
    assert objects.decode_pod(sent(item)).resources == ""
    item["spec"]["containers"][0]["resources"] = {"limits": {"memory": "128Mi"}}
    one, other = (objects.decode_pod(sent(item)).resources for _ in range(2))
    assert one == other == 'app {"limits":{"memory":"128Mi"}}'
    assert one is other  # thousands of pods share a few of them
    item["spec"]["resources"] = {"limits": {"cpu": "1"}}
    whole = objects.decode_pod(sent(item)).resources
    assert whole == 'pod {"limits":{"cpu":"1"}}, app {"limits":{"memory":"128Mi"}}'


def test_a_crashing_container_says_why_now_and_before() -> None:
    pod = objects.decode_pod(sent(recorded.CRASHING_POD))
    [app] = pod.containers
    assert (pod.ready, pod.ready_since) == (False, None)
    assert (app.restart_count, app.waiting_reason) == (2, "RunContainerError")
    assert app.waiting_message.endswith("no such file or directory")
    assert (app.terminated_reason, app.terminated_exit_code) == ("", None)
    assert (app.last_terminated_reason, app.last_terminated_exit_code) == ("StartError", 128)
    assert app.last_terminated_message.endswith("no such file or directory")


def test_an_image_that_cannot_be_pulled_is_told_by_the_init_container() -> None:
    pod = objects.decode_pod(sent(recorded.UNPULLED_POD))
    assert [each.waiting_reason for each in pod.containers] == ["PodInitializing"]
    assert [each.waiting_reason for each in pod.init_containers] == ["ErrImagePull"]
    assert "failed to pull" in pod.init_containers[0].waiting_message


def test_an_unschedulable_pod_has_no_node_and_the_schedulers_sentence() -> None:
    pod = objects.decode_pod(sent(recorded.UNSCHEDULABLE_POD))
    scheduled = condition(pod.conditions, "PodScheduled")
    assert scheduled is not None
    assert (pod.node, pod.start_time) == ("", None)
    assert scheduled.message == "0/1 nodes are available: 1 Insufficient memory."


def test_a_service_keeps_its_ports_and_selector() -> None:
    service = objects.decode_service(sent(recorded.SERVICE))
    assert service.selector == {"app": "web"}
    assert service.ports == (
        ServicePort(port=80, name="http", protocol="TCP", target_port="http", app_protocol="http"),
    )
    assert service.type == "ClusterIP"


def test_a_whole_object_is_kept_without_managed_fields() -> None:
    item = objects.decode_json(sent(recorded.PAUSED_DEPLOYMENT))
    expected = dict(recorded.PAUSED_DEPLOYMENT)
    expected["metadata"] = {
        key: value for key, value in expected["metadata"].items() if key != "managedFields"
    }
    assert item == expected


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"spec": {"replicas": "three"}}, r"Expected `int`, got `str` - at `\$\.spec\.replicas`"),
        ({"status": {"conditions": {}}}, r"Expected `array`, got `object`"),
        ({"spec": None}, r"Expected `object`, got `null` - at `\$\.spec`"),
    ],
)
def test_a_field_of_another_type_is_an_error_that_names_it(
    change: dict[str, Any], sentence: str
) -> None:
    item = {**recorded.PAUSED_DEPLOYMENT, **change}
    if change.get("spec"):
        item["spec"] = {**recorded.PAUSED_DEPLOYMENT["spec"], **change["spec"]}
    with pytest.raises(msgspec.ValidationError, match=sentence):
        objects.decode_deployment(sent(item))


def test_a_projection_is_small_and_does_not_hold_the_page_it_came_from() -> None:
    padding = {"padding": "x" * 100_000}
    page = sent({**recorded.PAUSED_DEPLOYMENT, "ignored": padding})
    tracemalloc.start()
    try:
        # A page of its own for each: bytes(page) would be the same one.
        kept = [objects.decode_deployment(bytes(bytearray(page))) for _ in range(200)]
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used / len(kept) < 5_000


@pytest.mark.parametrize(
    ("selector", "labels", "matches"),
    [
        (Selector(), {}, True),
        (Selector({"app": "web"}), {"app": "web", "track": "canary"}, True),
        (Selector({"app": "web"}), {"app": "db"}, False),
        (Selector({"app": "web", "track": "stable"}), {"app": "web"}, False),
        (Selector({}, (Requirement("app", "In", ("web", "api")),)), {"app": "api"}, True),
        (Selector({}, (Requirement("app", "In", ("web", "api")),)), {}, False),
        (Selector({}, (Requirement("app", "NotIn", ("web",)),)), {}, True),
        (Selector({}, (Requirement("app", "NotIn", ("web",)),)), {"app": "web"}, False),
        (Selector({}, (Requirement("app", "Exists"),)), {"app": ""}, True),
        (Selector({}, (Requirement("app", "Exists"),)), {}, False),
        (Selector({}, (Requirement("app", "DoesNotExist"),)), {}, True),
        (Selector({"app": "web"}, (Requirement("x", "Exists"),)), {"app": "web"}, False),
    ],
)
def test_a_selector_matches_as_the_api_server_does(
    selector: Selector, labels: dict[str, str], *, matches: bool
) -> None:
    assert selector.matches(labels) is matches


def test_an_unknown_operator_is_named() -> None:
    with pytest.raises(ValueError, match="operator 'Like' on 'app' is not known"):
        Selector({}, (Requirement("app", "Like"),)).matches({})
