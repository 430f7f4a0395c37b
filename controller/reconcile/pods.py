"""What is wrong with canary pods, in words, and whether the version is to blame.

Pure functions over what Kubernetes reports. A container that started and then ended twice, with
whatever code, ran out of memory or never got ready is the version's fault. What kept it from
starting (image, quota, scheduling, configuration, a command that the image lacks) is not, even if
it lasts: the machine gives up on it without a rejection. Left out: an init container that runs on
as a sidecar and ends with code 0, for that looks like one that is done.
"""

from collections.abc import Iterable

from controller.kube.objects import ContainerState, Deployment, Pod
from controller.release.facts import Problem, Trouble

ENDS = 2  # a single end may be a dependency's or the cluster's doing; the second one is a pattern
_NEVER_STARTED = frozenset({"StartError", "ContainerCannotRun"})  # reasons of an end
_FROM_OUTSIDE = frozenset({137, 143})  # SIGKILL and SIGTERM, as by the kubelet for a liveness probe
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
    containers = [(container, False) for container in pod.init_containers]
    containers += [(container, True) for container in pod.containers]
    for container, runs_on in containers:
        trouble = _fault(name, container, runs_on=runs_on) or _cannot_start(name, container)
        if trouble is not None:
            yield trouble
    for condition in pod.conditions:
        if condition.type == "PodScheduled" and condition.status == "False":
            message = f"pod {name}: {condition.message}"
            yield Trouble(Problem(condition.reason or "Unschedulable", message), fault=False)


def _fault(pod: str, container: ContainerState, *, runs_on: bool) -> Trouble | None:
    """Return what a container that started did wrong; one that `runs_on` must not end at all."""
    times = f"{container.restart_count} restart{'' if container.restart_count == 1 else 's'}"
    where = f"pod {pod}: container {container.name}"
    if "OOMKilled" in (container.terminated_reason, container.last_terminated_reason):
        message = f"{where} ran out of memory and was killed ({times})"
        return Trouble(Problem("OOMKilled", message), fault=True)
    reason, code, words = _last_end(container)
    backs_off = container.waiting_reason == "CrashLoopBackOff"
    is_down = backs_off or container.terminated_exit_code is not None
    if reason in _NEVER_STARTED or container.restart_count + is_down < ENDS:
        return None
    if code == 0 and not runs_on:
        return None
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    message = f"{where} exits" + (f" with code {code}" if code is not None else "")
    if code == 0:
        message += f" instead of running on ({times})"
    elif code in _FROM_OUTSIDE:  # what it wrote last is not why
        message += f", stopped from outside, as by a liveness probe ({times})"
    elif lines:  # the last line of a trace says what it was
        message += f" ({times}): {lines[-1][-300:]}"
    else:
        message += f" ({times})"
    return Trouble(Problem("CrashLoop", message), fault=True)


def _cannot_start(pod: str, container: ContainerState) -> Trouble | None:
    """Return what keeps a container from starting."""
    reason, said = container.waiting_reason, container.waiting_message
    is_down = bool(reason) or container.terminated_exit_code is not None
    ended, _, words = _last_end(container)
    if is_down and ended in _NEVER_STARTED:
        reason, said = ended, words
    elif reason not in _CANNOT_START:
        return None
    problem = Problem(reason, f"pod {pod}, container {container.name}: {said}")
    return Trouble(problem, fault=False)


def _last_end(container: ContainerState) -> tuple[str, int | None, str]:
    """Return how the container ended last: the reason, the code, its words or the runtime's."""
    if container.terminated_exit_code is not None:
        return (
            container.terminated_reason,
            container.terminated_exit_code,
            container.terminated_message,
        )
    return (
        container.last_terminated_reason,
        container.last_terminated_exit_code,
        container.last_terminated_message,
    )
