"""A small model of what Kubernetes and a gateway do with one Deployment, its canary and two routes.

Only what a release can notice: pods that start, get ready or crash; ReplicaSets that a Deployment
moves, or does not while it is paused; routes whose parents answer late. Time moves in `advance`.
Whoever reads it sees the past: `read` returns a version that is up to a few writes old, as a cache
does, but never older than what it returned before and never by more than half a second.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from controller.kube.errors import Forbidden
from controller.kube.objects import Deployment, Pod, decode_deployment, decode_pod

Nature = Literal["good", "regresses", "crashes", "never ready", "unsteady"]
SECOND = timedelta(seconds=1)
CACHE_LAG = timedelta(milliseconds=500)
PROGRESS_DEADLINE = 600.0
FROZEN = "frozen until Monday"
ROUTES = ("route a", "route b")


@dataclass(frozen=True)
class Workload:
    """The user's Deployment with its ReplicaSets: pods wanted and ready per revision."""

    template: str
    replicas: int = 4
    paused: bool = False
    labelled: bool = True
    bypassed: bool = False
    mark: str = ""
    version: int = 1
    sets: tuple[tuple[str, int], ...] = ()  # oldest first
    ready: tuple[tuple[str, int], ...] = ()
    restored: tuple[str, ...] = ()  # revisions whose ReplicaSet Gander made anew
    moved_at: datetime | None = None  # when its rollout got on last; None without one
    gave_up_at: datetime | None = None  # since when Kubernetes says ProgressDeadlineExceeded
    crashed: bool = False  # all pods did, since the release began
    healed_at: datetime | None = None  # when all of them were ready again

    def size(self, revision: str) -> int:
        """Return the pods wanted of one revision."""
        return dict(self.sets).get(revision, 0)

    def rolled(self) -> bool:
        """Tell whether all pods are of the present template and ready."""
        full = (self.template, self.replicas)
        return self.replicas > 0 and full in self.sets and self.ready == (full,)


@dataclass(frozen=True)
class Canary:
    """The canary Deployment; pods that run and pods that are ready."""

    revision: str
    replicas: int
    running: int = 0
    ready: int = 0
    crashes: int = 0
    crashed_at: datetime | None = None
    changed: bool = False  # somebody gave it another template


@dataclass(frozen=True)
class Route:
    """One route. `writer` is who wrote the backends last, empty for Gander."""

    weight: float | None = None
    uneven: bool = False
    writer: str = "kubectl"
    changed: datetime | None = None  # None once every parent has seen it
    missing: bool = False
    refused: bool = False


@dataclass
class Cluster:
    """The truth, its past, and what is broken in it now."""

    now: datetime
    natures: dict[str, Nature]
    objects: dict[str, Any] = field(default_factory=dict)
    past: dict[str, list[tuple[datetime, Any]]] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    can_start: bool = True  # images, quota and nodes let new pods start
    gateway_up: bool = True
    stable_up: bool = True
    stray: bool = False  # another Service selects canary pods
    outage: bool = False  # something that all pods need is gone: they crash and crash again
    frozen: bool = False  # every change of the Deployment is refused
    let_through: set[str] = field(default_factory=set)  # revisions that may replace stable pods

    def __post_init__(self) -> None:
        self.put("copies", ())

    @property
    def workload(self) -> Workload:
        """The user's Deployment."""
        found = self.objects["workload"]
        assert isinstance(found, Workload)
        return found

    @property
    def canary(self) -> Canary | None:
        """The canary, if there is one."""
        found: Canary | None = self.objects["canary"]
        return found

    @property
    def copies(self) -> tuple[str, ...]:
        """The ReplicaSets whose template the plan keeps."""
        found: tuple[str, ...] = self.objects["copies"]
        return found

    def resize(self, revision: str, size: int) -> None:
        """Write the size of a ReplicaSet that is there."""
        sets = tuple((name, size if name == revision else n) for name, n in self.workload.sets)
        self.change("workload", sets=sets)

    def delete_set(self, revision: str) -> None:
        """Delete a ReplicaSet, and its pods with it."""
        work = self.workload
        sets = tuple(pair for pair in work.sets if pair[0] != revision)
        ready = tuple(pair for pair in work.ready if pair[0] != revision)
        self.change("workload", sets=sets, ready=ready)

    def restore(self, revision: str) -> None:
        """Make a ReplicaSet of the paused Deployment anew, the newest of all, with every pod."""
        work = self.workload
        if work.paused and revision not in dict(work.sets):
            sets = (*work.sets, (revision, work.replicas))
            self.change("workload", sets=sets, restored=(*work.restored, revision))

    def routes(self) -> list[tuple[str, Route]]:
        """Return both routes by their keys."""
        return [(key, self.objects[key]) for key in ROUTES]

    def put(self, key: str, value: Any) -> None:
        """Write one object; a write that changes nothing makes no new version."""
        if key in self.objects and self.objects[key] == value:
            return
        if isinstance(value, Workload) and "workload" in self.objects:
            value = replace(value, version=self.workload.version + 1)
        self.objects[key] = value
        self.past.setdefault(key, []).append((self.now, value))

    def change(self, key: str, **fields: Any) -> None:
        """Write some fields of one object. Raises Forbidden where that one is frozen."""
        if key == "workload" and self.frozen:
            raise Forbidden(403, "Forbidden", FROZEN)
        self.put(key, replace(self.objects[key], **fields))

    def read(self, key: str, lag: int) -> Any:
        """Return the object as a cache knows it that is at most `lag` writes late."""
        versions = self.past[key]
        oldest = self.seen.get(key, 0)
        index = len(versions) - 1
        while lag > 0 and index > oldest and versions[index][0] > self.now - CACHE_LAG:
            index, lag = index - 1, lag - 1
        self.seen[key] = index
        return versions[index][1]

    def set_template(self, revision: str) -> None:
        """Change the pod template; the API server pauses a labelled Deployment by itself."""
        held = self.workload.labelled and not self.workload.bypassed
        if revision != self.workload.template:
            paused = self.workload.paused or held
            kept = self.workload.gave_up_at if paused else None
            self.change(
                "workload", template=revision, paused=paused, moved_at=None, gave_up_at=kept
            )
            if not paused:
                self.let_through.add(revision)

    def split(self, percent: float, keys: tuple[str, ...]) -> None:
        """Give the canary its percentage in these routes, where they exist."""
        for key, route in self.routes():
            if key not in keys or route.missing:
                continue
            if route.weight != percent or route.uneven:
                self.change(key, weight=percent, uneven=False, writer="", changed=self.now)

    def merge(self, keys: tuple[str, ...]) -> None:
        """Take the canary's backend out of these routes."""
        for key, route in self.routes():
            if key in keys and route.weight is not None:
                self.change(key, weight=None, uneven=False, writer="", changed=self.now)

    def serves_canary(self) -> bool:
        """Tell whether requests to the canary are answered."""
        canary = self.canary
        well = canary is not None and canary.ready > 0 and not canary.changed
        return well and self.objects["service"] == "built"

    def advance(self, seconds: float) -> None:
        """Let time pass; controllers of the cluster act once a second."""
        until = self.now + timedelta(seconds=seconds)
        while self.now < until:
            self.now = min(self.now + SECOND, until)
            before = dict(self.objects)
            self._answer_routes()
            if self.canary is not None:
                self.put("canary", self._start_pods(self.canary))
            self.put("workload", self._crash_or_heal(self._scale(self.workload)))
            if self.workload.rolled():
                self.let_through = {self.workload.template}
            if before == self.objects and self.now + SECOND < until:
                self.now = until - SECOND  # nothing moves any more

    def _answer_routes(self) -> None:
        for key, route in self.routes():
            if self.gateway_up and route.changed and self.now - route.changed >= SECOND / 2:
                self.change(key, changed=None)

    def _start_pods(self, canary: Canary) -> Canary:
        nature = self.natures[canary.revision]
        last = canary.crashed_at
        if canary.running > 0 and (self.outage or nature == "crashes"):
            return replace(
                canary, running=0, ready=0, crashes=canary.crashes + 1, crashed_at=self.now
            )
        running = min(canary.running, canary.replicas)
        backs_off = last is not None and self.now - last < min(canary.crashes, 5) * 10 * SECOND
        if running < canary.replicas and self.can_start and not backs_off:
            running += 1
        ready = 0 if nature == "never ready" else canary.running
        return replace(canary, running=running, ready=min(ready, running))

    def _crash_or_heal(self, work: Workload) -> Workload:
        """Crash every pod of the Deployment during an outage; note when all are back."""
        if self.outage:
            return replace(work, ready=(), crashed=True, healed_at=None)
        back = sum(dict(work.ready).values()) >= sum(dict(work.sets).values())
        if work.crashed and work.healed_at is None and back:
            return replace(work, healed_at=self.now)
        return work

    def _scale(self, work: Workload) -> Workload:
        sets = dict(work.sets)
        if work.paused:
            _scale_paused(sets, work.replicas)
        else:
            self._roll(work, sets)
        ready = dict(work.ready)
        for revision, size in sets.items():
            well = self.stable_up and self.natures[revision] not in ("never ready", "crashes")
            more = ready.get(revision, 0) + self.can_start
            ready[revision] = min(more, size) if well else 0
        after = replace(work, sets=tuple(sets.items()), ready=_tuple(ready))
        return self._watch_progress(after, moved=after != work)

    def _watch_progress(self, work: Workload, *, moved: bool) -> Workload:
        """Give up a rollout that does not get on; a pause keeps what was said, and says no more."""
        if work.paused:
            return replace(work, moved_at=None)
        if {name for name, size in work.sets if size} == {work.template}:
            return replace(work, moved_at=None, gave_up_at=None)
        if moved:
            return replace(work, moved_at=self.now, gave_up_at=None)
        since = work.moved_at or self.now
        late = (self.now - since).total_seconds() >= PROGRESS_DEADLINE
        return replace(
            work, moved_at=since, gave_up_at=work.gave_up_at or (self.now if late else None)
        )

    def report(self, work: Workload) -> Deployment:
        """Return what Kubernetes says of the rollout in the Deployment's conditions."""
        conditions = []
        if work.gave_up_at is not None:
            told = {"reason": "ProgressDeadlineExceeded", "lastTransitionTime": work.gave_up_at}
            conditions.append({"type": "Progressing", "status": "False", **told})
        if not self.can_start:
            told = {"reason": "FailedCreate", "message": "exceeded quota: pods"}
            conditions.append({"type": "ReplicaFailure", "status": "True", **told})
        item = {
            "metadata": {"name": "checkout", "uid": "d-1", "resourceVersion": str(work.version)},
            "spec": {
                "selector": {},
                "template": {},
                "paused": work.paused,
                "progressDeadlineSeconds": int(PROGRESS_DEADLINE),
            },
            "status": {"conditions": conditions},
        }
        return decode_deployment(msgspec.json.encode(item))

    def unready(self, work: Workload) -> list[Pod]:
        """Return the Deployment's pods of its template that run and are not ready."""
        count = work.size(work.template) - dict(work.ready).get(work.template, 0)
        metadata = {"name": "next", "uid": "p-1", "resourceVersion": "1"}
        item = {"metadata": metadata, "spec": {}, "status": {"phase": "Running"}}
        return [decode_pod(msgspec.json.encode(item))] * (count if self.can_start else 0)

    def _roll(self, work: Workload, sets: dict[str, int]) -> None:
        """Roll by one pod: at most one more than wanted, and no pod goes before one is ready."""
        ready = dict(work.ready)
        total = sum(sets.values())
        new = sets.setdefault(work.template, 0)
        old = next((name for name, n in sets.items() if n and name != work.template), None)
        if new < work.replicas and total <= work.replicas:
            assert work.template in self.let_through, "a revision rolls that nobody let through"
            sets[work.template] += 1
        elif old is not None and (ready.get(work.template, 0) >= new or not ready.get(old)):
            sets[old] -= 1
        elif new > work.replicas:
            sets[work.template] -= 1


def _scale_paused(sets: dict[str, int], replicas: int) -> None:
    """Bring the sum to what is wanted in the largest set; without pods, in the newest one."""
    if not sets:
        return
    active = [name for name, size in sets.items() if size]
    name = max(active, key=lambda each: sets[each]) if active else list(sets)[-1]
    sets[name] = max(0, sets[name] + replicas - sum(sets.values()))


def _tuple(ready: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple((name, number) for name, number in ready.items() if number)
