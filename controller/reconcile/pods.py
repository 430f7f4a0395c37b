"""What is wrong with canary pods, in words, and whether the version is to blame.

Pure functions over what Kubernetes reports. A container that started and then crashed, ran out of
memory or never got ready is the version's fault. What kept it from starting (image, quota,
scheduling, configuration) is not, even if it lasts: the machine gives up on it without a rejection.
"""

from collections.abc import Iterable

from controller.kube.objects import ContainerState, Deployment, Pod
from controller.release.facts import Problem, Trouble

CRASHES = 2  # a single crash may be a dependency's; the second one is a pattern
_CANNOT_START = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImageNeverPull",
        "InvalidImageName",
        "ImageInspectError",
        "RegistryUnavailable",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    }
)


def find_trouble(pods: Iterable[Pod], canary: Deployment | None) -> Trouble | None:
    """Return the worst that is wrong with the canary, or None."""
    troubles = [trouble for pod in pods for trouble in _of_pod(pod)]
    fault = next((trouble for trouble in troubles if trouble.fault), None)
    if fault is not None:
        return fault
    if troubles:
        return troubles[0]
    for condition in canary.conditions if canary is not None else ():
        if condition.type == "ReplicaFailure" and condition.status == "True":
            return Trouble(Problem(condition.reason, condition.message), fault=False)
    return None


def is_running(pod: Pod) -> bool:
    """Tell whether every container of a pod runs, ready or not."""
    return pod.phase == "Running" and not any(
        container.waiting_reason or container.terminated_reason for container in pod.containers
    )


def _of_pod(pod: Pod) -> Iterable[Trouble]:
    name = pod.meta.name
    for container in (*pod.init_containers, *pod.containers):
        fault = _crash(name, container)
        if fault is not None:
            yield Trouble(fault, fault=True)
        elif container.waiting_reason in _CANNOT_START:
            message = f"pod {name}, container {container.name}: {container.waiting_message}"
            yield Trouble(Problem(container.waiting_reason, message), fault=False)
    for condition in pod.conditions:
        if condition.type == "PodScheduled" and condition.status == "False":
            message = f"pod {name}: {condition.message}"
            yield Trouble(Problem(condition.reason or "Unschedulable", message), fault=False)


def _crash(pod: str, container: ContainerState) -> Problem | None:
    """Return why a started container is at fault; the cluster ending it (exit 0) is not a fault."""
    reasons = {container.terminated_reason, container.last_terminated_reason}
    times = f"{container.restart_count} restarts"
    if "OOMKilled" in reasons:
        message = (
            f"pod {pod}: container {container.name} ran out of memory and was killed ({times})"
        )
        return Problem("OOMKilled", message)
    looping = container.waiting_reason == "CrashLoopBackOff"
    if not looping and container.restart_count < CRASHES:
        return None
    code = container.last_terminated_exit_code
    if code is None:
        code = container.terminated_exit_code
    words = container.last_terminated_message or container.terminated_message
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    said = f": {lines[-1][-300:]}" if lines else ""  # the last line of a trace says what it was
    message = f"pod {pod}: container {container.name} exits with code {code} ({times}){said}"
    return Problem("CrashLoop", message)
