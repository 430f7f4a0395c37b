"""One release's pods as Prometheus sees them, and a reader that remembers its last look."""

import time
from dataclasses import dataclass

from controller.api.metric import ReleaseMetricSpec
from controller.metrics.reader import Arms, Look, NoEvidence, PodRef, Prometheus, read_look
from tests.cluster.scraped import Pages, Target
from tests.waiting import eventually

SPEC = ReleaseMetricSpec.model_validate(
    {
        "counts": {
            "total": 'http_requests_total{namespace="{{ namespace }}",pod=~"{{ pods }}"}',
            "bad": 'code=~"5.."',
        }
    }
)
STABLE = ("checkout-1", "checkout-2", "checkout-3")
CANARY = "checkout-canary-1"


def targets(namespace: str, job: str = "pods") -> list[Target]:
    """Return the pods of one namespace as targets."""
    return [
        Target(
            f"{namespace}-{pod}", {"namespace": namespace, "pod": pod, "container": "app"}, job=job
        )
        for pod in (*STABLE, CANARY)
    ]


@dataclass
class Shop:
    """The pods of one namespace, and a reader that remembers where the last look ended."""

    namespace: str
    pages: Pages
    prometheus: Prometheus
    since: float = 0
    warm_up: float = 0
    started_at: float = 0

    @property
    def arms(self) -> Arms:
        def ref(pod: str) -> PodRef:
            return PodRef(pod, ready_since=self.started_at, started_at=self.started_at)

        stable = tuple(ref(pod) for pod in STABLE)
        return Arms(self.namespace, stable, (ref(CANARY),), "checkout", "checkout-canary")

    def page(self, pod: str) -> str:
        return f"{self.namespace}-{pod}"

    def add(self, amount: float, *pods: str, code: str = "200") -> None:
        for pod in pods or (*STABLE, CANARY):
            self.pages.add(self.page(pod), amount, code=code)

    def wait_scraped(self, *pods: str, times: int = 3) -> None:
        self.pages.wait_scraped(*map(self.page, pods or (*STABLE, CANARY)), times=times)

    def begin(self) -> None:
        """Count some requests, let them be scraped, and look at nothing before now."""
        self.add(1000)
        self.wait_scraped()
        self.since = time.time()

    def read(self, spec: ReleaseMetricSpec = SPEC) -> Look | NoEvidence:
        outcome = read_look(
            self.prometheus, spec, self.arms, {}, self.since, self.warm_up, time.time()
        )
        if isinstance(outcome, Look):
            self.since = outcome.end
        return outcome

    def look(self) -> Look:
        """Return the next look once everything up to now has been scraped."""
        self.wait_scraped()
        outcome = eventually(
            lambda: _unless_too_early(self.read()), within=20, what="a look, or why there is none"
        )
        assert isinstance(outcome, Look), outcome
        return outcome


def _unless_too_early(outcome: Look | NoEvidence) -> Look | NoEvidence | None:
    early = isinstance(outcome, NoEvidence) and outcome.reason == "TooEarly"
    return None if early else outcome
