"""When pods crashed, as the kubelet reports it, and whether stable's do too. Pure.

Kubernetes keeps only how the last run of each container ended, which is enough: what matters is
whether stable crashed during the release, and whether it is over.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from controller.kube.objects import Pod
from controller.release.facts import StableCrash


def last_crash(pods: Iterable[Pod]) -> datetime | None:
    """Return when a container of these pods ended last; None where none ever did."""
    ends = []
    for pod in pods:
        for container in (*pod.init_containers, *pod.containers):
            ends.append(container.last_terminated_at)
            # An init container that is done has ended too.
            if container.terminated_exit_code:
                ends.append(container.terminated_at)
    return max((end for end in ends if end is not None), default=None)


def stable_crash(pods: Sequence[Pod], began: datetime | None) -> StableCrash | None:
    """Return how stable has crashed since the release `began`; None unless most of its pods did.

    A single pod that crashes beside well ones says nothing about what the arms share.
    """
    crashed = [pod for pod in pods if _is_looping(pod) or _crashed_since(pod, began)]
    if 2 * len(crashed) <= len(pods):
        return None
    ready = [pod.ready_since for pod in crashed if pod.ready_since is not None]
    return StableCrash(
        pods=len(crashed),
        example=crashed[0].meta.name,
        healed_at=max(ready) if len(ready) == len(crashed) else None,
    )


def _is_looping(pod: Pod) -> bool:
    return any(container.waiting_reason == "CrashLoopBackOff" for container in pod.containers)


def _crashed_since(pod: Pod, began: datetime | None) -> bool:
    at = last_crash([pod])
    return at is not None and (began is None or at >= began)
