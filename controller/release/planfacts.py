"""What the care of a plan is told, and what it answers. Values only."""

from dataclasses import dataclass
from datetime import datetime

from controller.api.plan import ReleasePlan, ReleasePlanStatus, StableVersion
from controller.api.release import Release
from controller.release.facts import Pause, Problem, Unpause

UNREADABLE = "ReleaseUnreadable"  # a release that may be moving traffic; only a person can tell


@dataclass(frozen=True, slots=True)
class RevisionFacts:
    """A ReplicaSet of the user's Deployment."""

    replica_set: str
    revision: str
    created: datetime
    replicas: int
    ready: int
    images: tuple[str, ...]
    uid: str
    resource_version: str
    restored: bool = False  # Gander made it anew, after it had been deleted


@dataclass(frozen=True, slots=True)
class PlanDeployment:
    """The user's Deployment, as far as its plan cares."""

    resource_version: str
    revision: str  # of the template it has now
    labelled: bool
    bypassed: bool
    paused: bool
    paused_by: str  # field manager that owns spec.paused, if it is neither Gander nor admission
    replicas: int
    rolled_into: str  # the ReplicaSet that alone has pods, all available; else empty
    mark: str  # message of the Stalled condition that Gander put on it, else empty


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """Everything about one plan at one moment."""

    plan: ReleasePlan
    deployment: PlanDeployment | None
    revisions: tuple[RevisionFacts, ...]
    releases: tuple[Release, ...]
    track_label: str
    guard_policy: str  # version of the admission policy that holds changes back
    problems: tuple[Problem, ...] = ()
    copies: tuple[str, ...] = ()  # ReplicaSets whose template is kept for the plan
    leftovers: tuple[str, ...] = ()  # routes with a backendRef of ours that no release needs


@dataclass(frozen=True, slots=True)
class AddFinalizer:
    """Put our finalizer on the plan, before anything else of ours is put anywhere."""


@dataclass(frozen=True, slots=True)
class RemoveFinalizer:
    """Let the plan go."""


@dataclass(frozen=True, slots=True)
class Adopt:
    """Put the plan's label on the Deployment; from then on the API server holds it."""

    resource_version: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Take the label off; with `unpause` let it roll, else say on it why it stays paused."""

    resource_version: str
    unpause: bool


@dataclass(frozen=True, slots=True)
class ProveGuard:
    """Try a template change as a dry run and see whether the API server pauses it."""


@dataclass(frozen=True, slots=True)
class CreateRelease:
    """Start release `number` for the template that waits."""

    number: int
    stable: StableVersion


@dataclass(frozen=True, slots=True)
class DeleteRelease:
    """Drop a release beyond the plan's history."""

    name: str


@dataclass(frozen=True, slots=True)
class DeleteReplicaSet:
    """Delete an empty ReplicaSet that a held Deployment would scale up by mistake.

    Only the one that was seen empty: it may get pods, or be another one of its name by then.
    """

    name: str
    uid: str
    resource_version: str


@dataclass(frozen=True, slots=True)
class KeepCopy:
    """Keep the template of this ReplicaSet, which is stable's, apart from it."""

    replica_set: str


@dataclass(frozen=True, slots=True)
class DropCopy:
    """Drop the kept template of a ReplicaSet that is not stable's any more."""

    replica_set: str


@dataclass(frozen=True, slots=True)
class RestoreStable:
    """Make stable's ReplicaSet anew from its kept template."""

    replica_set: str


@dataclass(frozen=True, slots=True)
class EmptyReplicaSet:
    """Scale a ReplicaSet to 0 that Kubernetes scaled up while stable's was gone."""

    name: str
    resource_version: str


@dataclass(frozen=True, slots=True)
class RemoveLeftovers:
    """Take backendRefs of ours out of these routes: nothing stands behind them any more."""

    routes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """Say on the Deployment's own status why it does not roll; empty takes it off."""

    message: str
    reason: str = "RevisionRejected"


PlanAction = (
    AddFinalizer
    | RemoveFinalizer
    | Adopt
    | Leave
    | ProveGuard
    | CreateRelease
    | DeleteRelease
    | DeleteReplicaSet
    | KeepCopy
    | DropCopy
    | RestoreStable
    | EmptyReplicaSet
    | RemoveLeftovers
    | Mark
    | Pause
    | Unpause
)


@dataclass(frozen=True, slots=True)
class PlanDecision:
    """What to do now, what to write, and when to look again at the latest."""

    status: ReleasePlanStatus
    actions: tuple[PlanAction, ...] = ()
    again_at: datetime | None = None
