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
        node="",
        conditions=conditions,
        containers=containers,
        init_containers=init,
    )


def test_a_running_pod_is_no_trouble() -> None:
    assert find_trouble([pod(container(started=True))], None) is None


@pytest.mark.parametrize("code", [0, 1, 143])
@pytest.mark.parametrize("again", [True, False], ids=["runs again", "is down"])
def test_one_end_may_be_a_dependency_s_doing(code: int, *, again: bool) -> None:
    running = container(restart_count=1, last_terminated_exit_code=code)
    down = container(terminated_reason="Error", terminated_exit_code=code)
    assert find_trouble([pod(running if again else down)], None) is None


@pytest.mark.parametrize(
    "state",
    [
        container(restart_count=2, last_terminated_exit_code=1),
        container(restart_count=1, waiting_reason="CrashLoopBackOff", last_terminated_exit_code=1),
        container(
            restart_count=1,
            terminated_reason="Error",
            terminated_exit_code=1,
            terminated_message="KeyError: 'LOYALTY_URL'",
        ),
    ],
    ids=["crashed twice", "backing off", "down for the second time"],
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


def said(state: ContainerState) -> tuple[str, bool, str]:
    """Return the reason, whether the version is at fault, and the words without the pod's name."""
    trouble = find_trouble([pod(state)], None)
    assert trouble is not None
    words = trouble.problem.message.removeprefix("pod checkout-canary-x")
    return trouble.problem.reason, trouble.fault, words


@pytest.mark.parametrize(
    ("restarts", "words"), [(1, "1 restart"), (2, "2 restarts"), (12, "12 restarts")]
)
def test_a_server_that_ends_by_itself_again_and_again_is_at_fault(
    restarts: int, words: str
) -> None:
    state = container(
        restart_count=restarts,
        waiting_reason="CrashLoopBackOff",
        last_terminated_reason="Completed",
        last_terminated_exit_code=0,
        last_terminated_message="done",
    )
    told = f": container checkout exits with code 0 instead of running on ({words})"
    assert said(state) == ("CrashLoop", True, told)


@pytest.mark.parametrize("code", [137, 143])
def test_the_last_words_before_a_signal_from_outside_are_left_out(code: int) -> None:
    state = container(
        restart_count=2,
        last_terminated_reason="Error",
        last_terminated_exit_code=code,
        last_terminated_message="GET /health 200",
    )
    told = (
        f": container checkout exits with code {code}, stopped from outside, "
        "as by a liveness probe (2 restarts)"
    )
    assert said(state) == ("CrashLoop", True, told)


def test_the_newest_end_is_told() -> None:
    state = container(
        restart_count=1,
        terminated_reason="Error",
        terminated_exit_code=2,
        terminated_message="new",
        last_terminated_reason="Error",
        last_terminated_exit_code=1,
        last_terminated_message="old",
    )
    told = ": container checkout exits with code 2 (1 restart): new"
    assert said(state) == ("CrashLoop", True, told)


NO_BINARY = 'exec: "/no/such/binary": stat /no/such/binary: no such file or directory'


@pytest.mark.parametrize("reason", ["StartError", "ContainerCannotRun"])
@pytest.mark.parametrize("waits", [True, False], ids=["waits", "has just ended"])
def test_a_container_that_never_started_is_not_its_fault(reason: str, *, waits: bool) -> None:
    end = "last_terminated" if waits else "terminated"
    state = container(
        restart_count=3,
        waiting_reason="CrashLoopBackOff" if waits else "",
        **{f"{end}_reason": reason, f"{end}_exit_code": 128, f"{end}_message": NO_BINARY},
    )
    assert said(state) == (reason, False, f", container checkout: {NO_BINARY}")


def test_what_once_did_not_start_and_runs_now_is_no_trouble() -> None:
    state = container(
        restart_count=2, last_terminated_reason="StartError", last_terminated_exit_code=128
    )
    assert find_trouble([pod(state)], None) is None


def test_an_init_container_that_is_done_again_is_no_trouble() -> None:
    """A node that starts again runs them once more; one that failed before may succeed."""
    done = container(
        name="migrate", restart_count=2, terminated_reason="Completed", terminated_exit_code=0
    )
    assert find_trouble([pod(container(started=True), init=(done,))], None) is None


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
