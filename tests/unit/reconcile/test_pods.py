"""What is wrong with canary pods, and whether the version is to blame."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from controller.kube.objects import Condition, ContainerState, Meta, Pod
from controller.reconcile.pods import find_trouble, is_running


def container(**fields: Any) -> ContainerState:
    base: dict[str, Any] = {
        "name": "checkout",
        "image": "checkout:v5",
        "image_id": "",
        "ready": False,
        "started": False,
        "restart_count": 0,
    }
    return ContainerState(**{**base, **fields})


def pod(
    *containers: ContainerState,
    conditions: tuple[Condition, ...] = (),
    phase: str = "Running",
    init: tuple[ContainerState, ...] = (),
) -> Pod:
    return Pod(
        meta=Meta(name="checkout-canary-x", uid="u", resource_version="1", namespace="shop"),
        phase=phase,
        reason="",
        message="",
        ready=False,
        ready_since=None,
        start_time=datetime(2026, 11, 1, tzinfo=UTC),
        pod_ip="",
        node="",
        conditions=conditions,
        containers=containers,
        init_containers=init,
    )


def test_a_running_pod_is_no_trouble() -> None:
    assert find_trouble([pod(container(started=True))], None) is None


def test_one_crash_may_be_a_dependency() -> None:
    crashed_once = container(restart_count=1, last_terminated_exit_code=1)
    assert find_trouble([pod(crashed_once)], None) is None


@pytest.mark.parametrize(
    "state",
    [
        container(restart_count=2, last_terminated_exit_code=1),
        container(restart_count=1, waiting_reason="CrashLoopBackOff", last_terminated_exit_code=1),
    ],
    ids=["crashed twice", "backing off"],
)
def test_a_crash_loop_is_the_versions_fault_and_names_code_and_last_words(
    state: ContainerState,
) -> None:
    told = msgspec.structs.replace(state, last_terminated_message="KeyError: 'LOYALTY_URL'")
    trouble = find_trouble([pod(told)], None)
    assert trouble is not None
    assert trouble.fault
    assert trouble.problem.reason == "CrashLoop"
    assert "exits with code 1" in trouble.problem.message
    assert "KeyError: 'LOYALTY_URL'" in trouble.problem.message


def test_running_out_of_memory_once_is_the_versions_fault() -> None:
    killed = container(restart_count=1, last_terminated_reason="OOMKilled")
    trouble = find_trouble([pod(killed)], None)
    assert trouble is not None
    assert trouble.fault
    assert trouble.problem.reason == "OOMKilled"


@pytest.mark.parametrize("reason", ["ImagePullBackOff", "CreateContainerConfigError"])
def test_what_keeps_a_container_from_starting_is_not_its_fault(reason: str) -> None:
    waiting = container(waiting_reason=reason, waiting_message="no such image")
    trouble = find_trouble([pod(waiting)], None)
    assert trouble is not None
    assert not trouble.fault
    assert trouble.problem.reason == reason
    assert "no such image" in trouble.problem.message


def test_a_pod_without_a_place_is_not_its_fault() -> None:
    unscheduled = Condition(
        type="PodScheduled", status="False", reason="Unschedulable", message="0/1 nodes available"
    )
    trouble = find_trouble([pod(conditions=(unscheduled,))], None)
    assert trouble is not None
    assert not trouble.fault
    assert "0/1 nodes available" in trouble.problem.message


def test_an_init_container_that_crashes_is_the_versions_fault() -> None:
    migrate = container(name="migrate", restart_count=2, last_terminated_exit_code=3)
    waiting = container(waiting_reason="PodInitializing")
    trouble = find_trouble([pod(waiting, init=(migrate,), phase="Pending")], None)
    assert trouble is not None
    assert trouble.fault
    assert "container migrate exits with code 3" in trouble.problem.message


@pytest.mark.parametrize(
    ("item", "running"),
    [
        (pod(container(), container(name="sidecar")), True),
        (pod(container(), container(name="sidecar", waiting_reason="ErrImagePull")), False),
        (pod(container(terminated_reason="Error", terminated_exit_code=1)), False),
        (pod(phase="Pending"), False),
    ],
    ids=["all", "one waits", "crashed", "not begun"],
)
def test_a_pod_runs_when_all_of_its_containers_do(item: Pod, *, running: bool) -> None:
    assert running == is_running(item)


def test_a_fault_counts_more_than_what_the_cluster_lacks() -> None:
    waiting = container(name="sidecar", waiting_reason="ErrImagePull", waiting_message="no")
    crashed = container(restart_count=3, last_terminated_exit_code=2)
    trouble = find_trouble([pod(waiting, crashed)], None)
    assert trouble is not None
    assert trouble.fault
