"""What the state machine is told, and what it answers. Values only.

Weights are percent of the requests (0 to 100); times are aware datetimes.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from controller.api.release import Exposure, MetricStatus, Release, ReleaseStatus

REFUSED = "ClusterRefused"  # as a reason: the API server, or a webhook of it, says no to a write


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something cannot go on: one CamelCase word, and a sentence with the way out."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class DeploymentFacts:
    """The user's Deployment, as far as a running release cares."""

    resource_version: str
    paused: bool
    holds_release: bool  # its template is the one of this release
    started_rolling: bool  # a ReplicaSet of this release's template has pods in it
    rolled: bool  # every pod, and nothing else, is of this release's template, and available
    failed: "Trouble | None"  # why the rollout of this very promotion gave up
    stable_gone: bool = False  # stable's ReplicaSet is at 0 pods while the Deployment wants some
    paused_by: str = ""  # field manager of spec.paused, if it is neither Gander nor admission
    unfit: Problem | None = None  # why it cannot replace its pods little by little


@dataclass(frozen=True, slots=True)
class StableCrash:
    """Most of stable's pods have crashed since the release began."""

    pods: int  # how many
    example: str  # the name of one of them
    healed_at: datetime | None  # when the last of them was ready again; None while one is not


@dataclass(frozen=True, slots=True)
class StableFacts:
    """The pods that take everything back."""

    replicas: int
    ready: int
    crash: StableCrash | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why canary pods are not well; `fault` says whether the version is to blame."""

    problem: Problem
    fault: bool


@dataclass(frozen=True, slots=True)
class CanaryFacts:
    """The canary Deployment and its pods; only those of the template that Gander built count."""

    replicas: int
    ready: int
    running: int = 0  # pods of which every container runs, ready or not
    images: tuple[str, ...] = ()
    trouble: Trouble | None = None
    changed: bool = False  # somebody gave it another template
    changed_by: str = ""  # the field manager of who did it, where that is known
    crashed_at: datetime | None = None  # when one of its containers ended last


@dataclass(frozen=True, slots=True)
class RouteFacts:
    """One route as it is now. One that does not exist has no weight and counts as settled."""

    name: str  # kind and name, for messages
    weight: float | None  # percent on the canary; None where our backend is not in the route
    settled: bool  # every parent has seen this generation
    problem: Problem | None = None  # missing, refused, or without a rule for our Service
    last_writer: str = ""  # who wrote the backends last; empty where that was Gander
    uneven: bool = False  # some rule for our Service is not split as the others are
    silent: str = ""  # which parents have not seen this generation
    strangers: bool = False  # those have never seen the route, so no request comes through them


@dataclass(frozen=True, slots=True)
class Foreseen:
    """How long the slowest required count takes at least to a verdict, at the measured traffic."""

    slow: bool  # longer than people wait for a step
    message: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What one look, or the attempt at one, has shown."""

    verdict: Literal["", "Inconclusive", "Safe", "Regressed"]
    metrics: tuple[MetricStatus, ...]
    next: datetime
    exposure: Exposure
    problem: Problem | None = None  # no evidence, and why
    cause: str = ""  # Regressed: the evidence in words
    justified: float | None = None  # the most that the evidence justifies; None: as it was
    scrape: float = 0.0  # seconds between two scrapes; 0: as it was
    foreseen: Foreseen | None = None  # None: as it was


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything about one release at one moment."""

    release: Release
    deployment: DeploymentFacts | None
    stable: StableFacts
    canary: CanaryFacts | None
    has_canary_service: bool
    routes: tuple[RouteFacts, ...]
    service_differs: str = ""  # fields of the canary's Service, from what they would be made now
    progress_deadline: float = 600.0  # seconds
    judged: Judged | None = None
    stray: Problem | None = None  # another Service than the canary's own selects its pods
    leaving: Problem | None = None  # the plan, the release or Gander itself goes away

    def with_status(self, status: ReleaseStatus) -> "Facts":
        """Return the same facts about a release whose status has moved on."""
        return replace(self, release=self.release.model_copy(update={"status": status}))

    @property
    def canary_served(self) -> bool:
        """Whether a canary pod is ready and the Service in front of the canary leads to it."""
        ready = self.canary is not None and self.canary.ready > 0
        return ready and self.has_canary_service and not self.service_differs


@dataclass(frozen=True, slots=True)
class EnsureCanary:
    """Make the canary Deployment, or scale it."""

    replicas: int


@dataclass(frozen=True, slots=True)
class EnsureCanaryService:
    """Make the Service in front of the canary, or bring it in line with the user's."""


@dataclass(frozen=True, slots=True)
class SetWeight:
    """Give the canary this percentage in every route."""

    percent: float


@dataclass(frozen=True, slots=True)
class RemoveBackend:
    """Take our backendRef out of every route."""


@dataclass(frozen=True, slots=True)
class DeleteCanary:
    """Delete the canary Deployment and its Service."""


@dataclass(frozen=True, slots=True)
class Unpause:
    """Let the user's Deployment roll, if it is still the object that was judged."""

    resource_version: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop the user's Deployment from rolling on."""

    resource_version: str


@dataclass(frozen=True, slots=True)
class EmptyRevision:
    """Scale the ReplicaSet of this release's template in the user's Deployment to 0."""


Action = (
    EnsureCanary
    | EnsureCanaryService
    | SetWeight
    | RemoveBackend
    | DeleteCanary
    | Unpause
    | Pause
    | EmptyRevision
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now, what to write, and when to look again at the latest.

    A status that differs from the stored one calls for another pass as soon as it is written.
    """

    status: ReleaseStatus
    actions: tuple[Action, ...] = ()
    again_at: datetime | None = None
