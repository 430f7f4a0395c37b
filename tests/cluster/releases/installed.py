"""Gander as it is installed, for tests that stop, kill and question its process.

Promises: the signals are real ones, sent from the node to the process itself; every wait has a
deadline. Leaves out: clusters that are not ours, where no process can be reached.
"""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from dev import gander
from dev.environment import Environment
from dev.reach import inside, kubectl
from dev.waiting import until

Json = dict[str, Any]
READY_SECONDS = 90.0
LABELS = "app.kubernetes.io/name=gander,app.kubernetes.io/component=controller"


class Installed:
    """The Deployment `gander` of one cluster."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def kubectl(self, *words: str) -> str:
        """Return what kubectl prints about Gander's namespace."""
        return kubectl(self._environment, f"--namespace={gander.NAMESPACE}", *words)

    def pods(self) -> list[Json]:
        """Return the pods that are not being deleted."""
        found = json.loads(self.kubectl("get", "pods", f"--selector={LABELS}", "--output=json"))
        return [p for p in found["items"] if "deletionTimestamp" not in p["metadata"]]

    def pod(self) -> Json:
        """Return the only pod."""
        (pod,) = self.pods()
        return pod

    def holder(self) -> str:
        """Return the pod that leads; empty for none."""
        lease = json.loads(self.kubectl("get", "lease", "gander", "--output=json"))
        return str(lease["spec"].get("holderIdentity") or "")

    def scale(self, replicas: int) -> None:
        """Have so many replicas, and wait until they are ready or gone."""
        self.kubectl("scale", "deployment", "gander", f"--replicas={replicas}")
        self.await_ready(replicas)

    def await_ready(self, replicas: int = 1) -> None:
        """Wait until so many pods are ready, no others are there, and one of them leads."""

        def settled() -> bool:
            found = json.loads(self.kubectl("get", "pods", f"--selector={LABELS}", "-o", "json"))
            pods = found["items"]
            if len(pods) != replicas or not all(map(_ready, pods)):
                return False
            return not pods or self.holder() in {pod["metadata"]["name"] for pod in pods}

        until(f"{replicas} replicas of Gander", settled, seconds=READY_SECONDS, explain=self.told)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Run no controller during the block."""
        self.scale(0)
        try:
            yield
        finally:
            self.scale(1)

    def process(self, pod: Json) -> int:
        """Return the pid of the container's first process, as the node knows it."""
        if self._environment.name is None:
            raise AssertionError("the controller's process is out of reach: not a cluster of ours")
        return _process(container(pod)["containerID"].partition("://")[2])

    def replace(self, pod: Json) -> None:
        """Let a new pod take the place of one whose process was killed.

        The kubelet lets a container that is killed again and again wait for minutes.
        """
        words = ("--grace-period=0", "--force", "--wait=false")
        self.kubectl("delete", "pod", pod["metadata"]["name"], *words)

    def answer(self, pod: Json, path: str) -> tuple[int, str]:
        """Return status and text of a GET on the pod's port."""
        url = f"http://{pod['status']['podIP']}:8080{path}"
        with inside(self._environment):
            try:
                with urllib.request.urlopen(url, timeout=5) as got:
                    return got.status, got.read().decode()
            except urllib.error.HTTPError as refused:
                return refused.code, refused.read().decode()

    def samples(self, pod: Json) -> dict[tuple[str, tuple[str, ...]], float]:
        """Return every sample of /metrics by its name and the values of its labels."""
        _, text = self.answer(pod, "/metrics")
        return {
            (sample.name, tuple(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def told(self) -> str:
        """Return the pods and the controller's last words."""
        words = ("logs", f"--selector={LABELS}", "--tail=20", "--prefix")
        return self.kubectl("get", "pods", "-o", "wide") + self.kubectl(*words)


def container(pod: Json) -> Json:
    """Return the status of a pod's only container."""
    (status,) = pod["status"]["containerStatuses"]
    return dict(status)


def _ready(pod: Json) -> bool:
    conditions = {c["type"]: c["status"] for c in pod["status"].get("conditions", [])}
    return "deletionTimestamp" not in pod["metadata"] and conditions.get("Ready") == "True"


def _process(container: str) -> int:
    """Return the pid of a container's first process, which is its oldest."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cgroup"):
        try:
            if container in path.read_text():
                found.append(int(path.parent.name))
        except OSError:  # it ended meanwhile
            continue
    assert found, f"container {container} has no process"
    return min(found, key=_started)


def _started(pid: int) -> int:
    """Return when a process began, in clock ticks since the machine did (proc(5), field 22)."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
