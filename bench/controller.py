"""The running controller as benchmarks see it: its start, its memory, its requests.

Everything comes through the API server, so any cluster will do.
"""

import time
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

from bench.apiserver import ApiServer
from bench.figures import Writes, changes, without_lease
from dev import gander
from dev.environment import Environment
from dev.errors import DevError
from dev.reach import kubectl
from dev.waiting import until

PODS: Final = f"/api/v1/namespaces/{gander.NAMESPACE}/pods"
SELECTOR: Final = "app.kubernetes.io/name=gander,app.kubernetes.io/component=controller"
PORT: Final = 8080
START_SECONDS: Final = 120.0
REST_SECONDS: Final = 120.0
# Of the first process of the pod, by the node's own clock: /metrics has it to a second only.
BEGAN: Final = (
    "import os,time;"
    "ticks=int(open('/proc/1/stat').read().rpartition(')')[2].split()[19]);"
    "age=time.clock_gettime(time.CLOCK_BOOTTIME)-ticks/os.sysconf('SC_CLK_TCK');"
    "print(time.time()-age)"
)


@dataclass(frozen=True)
class Reading:
    """What the controller's /metrics said at a moment. `resident` is in bytes."""

    started: float
    resident: float
    writes: Writes

    def since(self, before: "Reading") -> Writes:
        """Return the writes since an earlier reading. DevError: another process answered then."""
        if self.started != before.started:
            raise DevError("the controller started anew in the middle, so its counts are lost")
        writes = Writes(self.writes)
        writes.subtract(before.writes)
        return writes


@dataclass(frozen=True)
class Start:
    """One start, in seconds: of the process until /readyz, of the pod until it is Ready."""

    process: float
    pod: float


def read(api: ApiServer) -> Reading:
    """Read /metrics of the one controller."""
    (pod,) = _pods(api)
    samples = [
        sample
        for family in text_string_to_metric_families(api.text(_path(pod, "metrics")))
        for sample in family.samples
    ]
    values = {sample.name: sample.value for sample in samples}
    return Reading(
        started=values["process_start_time_seconds"],
        resident=values["process_resident_memory_bytes"],
        writes=changes(
            (sample.labels["verb"], sample.labels["kind"], sample.value)
            for sample in samples
            if sample.name == "rest_client_requests_total"
        ),
    )


def await_quiet(api: ApiServer, seconds: float) -> None:
    """Return once nothing but the lease has been written for so long."""
    last, since = read(api), time.monotonic()

    def is_quiet() -> bool:
        nonlocal last, since
        now = read(api)
        if without_lease(now.since(last)):
            last, since = now, time.monotonic()
        return time.monotonic() - since >= seconds

    until("the controller to be at rest", is_quiet, seconds=REST_SECONDS)


def restart(api: ApiServer, environment: Environment) -> Start:
    """Delete the controller's pod, and time the start of the next. Polled ten times a second."""
    until("one controller", lambda: len(_pods(api)) == 1, seconds=START_SECONDS)
    (old,) = _pods(api)
    name = old["metadata"]["name"]
    kubectl(environment, "delete", "pod", f"-n={gander.NAMESPACE}", name, "--wait=false")
    seen: dict[str, float] = {}

    def is_ready() -> bool:
        """Note what is seen for the first time."""
        for pod in _pods(api):
            if pod["metadata"]["uid"] == old["metadata"]["uid"]:
                continue
            seen.setdefault("pod", time.time())
            if "readyz" not in seen and _answers(api, pod):
                seen["readyz"] = time.time()
            if _is_ready(pod):
                seen.setdefault("ready", time.time())
        return "ready" in seen and "readyz" in seen

    until("the controller to be ready again", is_ready, seconds=START_SECONDS)
    until("the old controller to be gone", lambda: len(_pods(api)) == 1, seconds=START_SECONDS)
    (new,) = _pods(api)
    words = ("/venv/bin/python", "-c", BEGAN)
    began = float(
        kubectl(
            environment, "exec", f"-n={gander.NAMESPACE}", new["metadata"]["name"], "--", *words
        )
    )
    return Start(process=seen["readyz"] - began, pod=seen["ready"] - seen["pod"])


def _pods(api: ApiServer) -> list[dict[str, Any]]:
    return list(api.object(f"{PODS}?labelSelector={SELECTOR}")["items"])


def _path(pod: dict[str, Any], page: str) -> str:
    return f"{PODS}/{pod['metadata']['name']}:{PORT}/proxy/{page}"


def _answers(api: ApiServer, pod: dict[str, Any]) -> bool:
    if not pod["status"].get("podIP"):
        return False
    try:
        return bool(api.text(_path(pod, "readyz")))
    except DevError:
        return False


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
