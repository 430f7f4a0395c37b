"""The pods and Services of both arms, as far as reading metrics needs them. Values only.

Times are seconds since 1970. The two come from the API server's objects, so they are the cluster's
clock, not Prometheus'; readers allow for seconds between the two.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PodRef:
    """One pod of an arm.

    `ready_since` is None while the pod is not ready. `started_at` is the start of the container of
    the pod that has been running longest, since a sidecar that restarts says nothing about the
    counters of the others; or of the pod, where that is all that is known. `resources` is a text
    that is equal for equal requests and limits.
    """

    name: str
    ready_since: float | None
    started_at: float
    resources: str = ""


@dataclass(frozen=True, slots=True)
class Arms:
    """Both arms of one release. `canary` may be empty where only stable is read."""

    namespace: str
    stable: tuple[PodRef, ...]
    canary: tuple[PodRef, ...]
    stable_service: str
    canary_service: str
