"""Gander's two controllers over the model cluster: gather, decide, act, write, as the real ones do.

Every pass takes a `Fault`: facts that lag, a write that fails before or after it took effect or
half way, after which nothing more is done, a judge whose look takes longer than the pass.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import count

from controller.api.plan import ReleasePlan, ReleasePlanStatus
from controller.api.release import (
    ENDED,
    Entry,
    Exposure,
    MetricStatus,
    Phase,
    Release,
    ReleaseStatus,
)
from controller.kube.errors import ApiError
from controller.reconcile.attempts import act_for_release
from controller.reconcile.rollout import gave_up
from controller.release import facts as f
from controller.release import planfacts as p
from controller.release.machine import absorb, decide
from controller.release.pastreleases import knows_end
from controller.release.plans import decide_plan
from controller.release.record import with_conditions
from tests.unit.release import given
from tests.unit.release.cluster import (
    PROGRESS_DEADLINE,
    ROUTES,
    SECOND,
    Canary,
    Cluster,
    Route,
    Workload,
)
from tests.unit.release.faults import Fault, PassError, do_write
from tests.unit.release.judge import find_verdict, rehearse
from tests.unit.release.ledger import Ledger

NO_EVIDENCE = f.Problem("PrometheusUnreachable", "http://prometheus:9090 does not answer")
STRAY = f.Problem("TrackLabelNotSelected", "Service checkout: selects canary pods too")
LEAVING = f.Problem("PlanDeleted", "ReleasePlan checkout is being deleted")
GUARD_POLICY = "41/42"


@dataclass
class Controllers:
    """Both controllers, the objects they write, and the judge that one of them asks."""

    cluster: Cluster
    ledger: Ledger
    plan: ReleasePlan | None = None
    prometheus_up: bool = True
    first_weight: float = 1.33  # percent that the traffic justifies before any evidence
    alarmed: set[str] = field(default_factory=set)  # releases that the judge will find worse
    story: tuple[Entry, ...] = ()  # timeline with which releases begin
    due: list[datetime] = field(default_factory=list)  # when the last passes want another

    def releases(self) -> list[Release]:
        """Return every release that exists, oldest first."""
        found = [v for k, v in self.cluster.objects.items() if k.startswith("release ")]
        return [release for release in found if release is not None]

    def active(self) -> Release | None:
        """Return the release that runs."""
        running = [r for r in self.releases() if r.status.phase not in ENDED]
        assert len(running) <= 1, "two releases of one plan run at once"
        return running[0] if running else None

    def do_pass(self, fault: Fault) -> bool:
        """Do one pass over the plan, then one over the active release; tell if they wrote."""
        before = {key: len(versions) for key, versions in self.cluster.past.items()}
        plan = self.plan
        self.due = []
        for do in (self._pass_over_plan, self._pass_over_release, self._let_go):
            try:
                do(fault)
            except (PassError, ApiError):
                continue
        self.ledger.watch_stable(self.active())
        after = {key: len(versions) for key, versions in self.cluster.past.items()}
        return before != after or plan != self.plan

    def _pass_over_release(self, fault: Fault) -> None:
        release = self.active()
        if release is None:
            return
        now = self.cluster.now
        facts = self.gather(release, fault)
        decision = decide(facts, now)
        assert decision.again_at is None or decision.again_at > now
        numbers = count()

        def do(action: f.Action) -> None:
            act = partial(self._act, facts, action, decision.status)
            do_write(fault, next(numbers), act, partial(act, half=True))
            if fault.loses_rollbacks and isinstance(action, f.RemoveBackend):
                raise PassError

        after, _ = act_for_release(absorb(facts, now).release.status, decision, do, lambda: now)
        for due in (after.again_at, after.status.looks.next):
            self._wants(due if due and due > now else None)
        status = with_conditions(after.status, release.metadata.generation, now)
        if status != release.status and status.wire() != release.status.wire():
            do_write(fault, next(numbers), partial(self._write, facts, status))

    def _let_go(self, _fault: Fault) -> None:
        """Let releases go that a person has deleted, once the plan knows how they ended."""
        for release in self.releases():
            name, number = release.metadata.name, release.spec.number
            over = release.status.phase in ENDED and release.metadata.deletion_timestamp is not None
            if over and (self.plan is None or knows_end(self.plan.status, name, number)):
                self.cluster.put(f"release {name}", None)

    def _wants(self, again_at: datetime | None) -> None:
        self.due += [again_at] if again_at is not None else []

    def gather(self, release: Release, fault: Fault) -> f.Facts:
        """Look at the cluster as the release's controller does."""
        cluster, lag = self.cluster, fault.lag
        work: Workload = cluster.read("workload", lag)
        canary, service = cluster.read("canary", lag), cluster.read("service", lag)
        mine, stable = release.spec.revision, release.spec.stable.revision
        leaves = self.plan is None or self.plan.metadata.deletion_timestamp is not None
        leaves = leaves or release.metadata.deletion_timestamp is not None
        failed = gave_up(cluster.report(work), cluster.unready(work), release, cluster.now)
        facts = f.Facts(
            release=release,
            deployment=f.DeploymentFacts(
                resource_version=str(work.version),
                paused=work.paused,
                holds_release=work.template == mine,
                started_rolling=work.size(mine) > 0,
                rolled=work.template == mine and work.rolled(),
                failed=failed if work.template == mine else None,
                stable_gone=work.size(stable) == 0 and work.replicas > 0,
            ),
            stable=f.StableFacts(
                work.replicas,
                dict(work.ready).get(stable, 0),
                f.StableCrash(work.replicas, "checkout-x", work.healed_at)
                if work.crashed
                else None,
            ),
            canary=self._canary_facts(canary) if canary else None,
            has_canary_service=service != "",
            service_differs="spec.ports" if service == "edited" else "",
            routes=tuple(_route_facts(key, cluster.read(key, lag)) for key in ROUTES),
            progress_deadline=PROGRESS_DEADLINE,
            stray=STRAY if cluster.stray else None,
            leaving=LEAVING if leaves else None,
        )
        return replace(facts, judged=None if fault.judge_is_slow else self._judge(facts))

    def _canary_facts(self, canary: Canary) -> f.CanaryFacts:
        trouble = None
        if canary.crashes > 1:
            trouble = f.Trouble(f.Problem("CrashLoop", "exits with code 1"), fault=True)
        elif canary.running < canary.replicas and not self.cluster.can_start:
            trouble = f.Trouble(f.Problem("ImagePullBackOff", "no such image"), fault=False)
        return f.CanaryFacts(
            replicas=canary.replicas,
            ready=canary.ready,
            running=canary.running,
            trouble=trouble,
            changed=canary.changed,
            crashed_at=canary.crashed_at,
        )

    def _judge(self, facts: f.Facts) -> f.Judged | None:
        """Look once where a look is due; the evidence is what the status has kept of it."""
        status = facts.release.status
        if status.step == 0:
            return self._rehearsed(facts.release)
        if status.step_since is None or status.looks.next is None:
            return None
        if status.weight.confirmed != status.weight.wanted or self.cluster.now < status.looks.next:
            return None
        rolling = facts.deployment is not None and facts.deployment.started_rolling
        if status.phase is Phase.PROMOTING and rolling:
            return None
        upcoming = self.cluster.now + given.LOOK
        if not self.prometheus_up:
            verdict = status.verdict or "Inconclusive"
            return f.Judged(verdict, status.metrics, upcoming, Exposure(), NO_EVIDENCE)
        if status.weight.wanted == 0:
            verdict = status.verdict or "Inconclusive"
            weight = self.first_weight
            return f.Judged(verdict, status.metrics, upcoming, Exposure(), justified=weight)
        before = status.metrics[0] if status.metrics else MetricStatus(name="m", required=True)
        looks, here = before.looks + 1, before.looks_at_weight + 1
        metric = before.model_copy(
            update={"looks": looks, "looks_at_weight": here, "message": f"{looks} looks"}
        )
        nature = self.cluster.natures[facts.release.spec.revision]
        alarmed = facts.release.metadata.name in self.alarmed
        verdict = find_verdict(nature, looks, here, alarmed=alarmed)
        justified = min(100.0, self.first_weight * 4.0 ** min(looks, 10))
        return f.Judged(
            verdict,
            (metric,),
            upcoming,
            Exposure(),
            cause="1 % became 5 %",
            justified=100.0 if verdict == "Safe" else justified,
        )

    def _rehearsed(self, release: Release) -> f.Judged | None:
        problem = None if self.prometheus_up else NO_EVIDENCE
        answer = rehearse(release, self.cluster.now, problem)
        if answer is not None and problem is None:
            self.ledger.rehearsed.add(release.metadata.name)
        return answer

    def _act(
        self, facts: f.Facts, action: f.Action, decided: ReleaseStatus, *, half: bool = False
    ) -> None:
        cluster, release = self.cluster, facts.release
        match action:
            case f.EnsureCanary(replicas):
                canary = cluster.canary or Canary(release.spec.revision, 0)
                cluster.put("canary", replace(canary, replicas=replicas))
            case f.EnsureCanaryService():
                cluster.put("service", "built")
            case f.SetWeight(percent):
                self.ledger.weight_is_asked(facts, percent)
                cluster.split(percent, ROUTES[: 1 if half else 2])
            case f.RemoveBackend():
                self.ledger.traffic_is_taken_off(release, decided)
                cluster.merge(ROUTES[: 1 if half else 2])
            case f.DeleteCanary():
                self.ledger.canary_is_deleted(facts)
                cluster.put("canary", None)
                cluster.put("service", cluster.objects["service"] if half else "")
            case f.Unpause(version):
                self._same(version)
                self.ledger.deployment_is_let_go(release)
                cluster.change("workload", paused=False)
            case f.Pause(version):
                self._same(version)
                cluster.change("workload", paused=True)
            case f.EmptyRevision():
                cluster.resize(release.spec.revision, 0)

    def _same(self, version: str) -> None:
        """Refuse a write that was decided on another version of the Deployment."""
        if version != str(self.cluster.workload.version):
            raise PassError

    def _write(self, facts: f.Facts, status: ReleaseStatus) -> None:
        """Store a status; a release that somebody changed meanwhile is a conflict."""
        key = f"release {facts.release.metadata.name}"
        if self.cluster.objects[key] != facts.release:
            raise PassError
        self.ledger.status_is_written(facts, status)
        stored = {**facts.release.wire(), "status": status.wire()}
        self.cluster.put(key, Release.model_validate(stored))

    def _pass_over_plan(self, fault: Fault) -> None:
        plan, now = self.plan, self.cluster.now
        if plan is None:
            return
        facts = self.gather_plan(plan, fault.lag)
        decision = decide_plan(facts, now)
        self._wants(decision.again_at)
        status = decision.status
        for number, action in enumerate(decision.actions):
            if isinstance(action, p.ProveGuard):
                proof = {"guard": "Guarded", "guard_proven_at": now, "guard_policy": GUARD_POLICY}
                status = status.model_copy(update=proof)
            else:
                do_write(fault, number, partial(self._act_for_plan, facts, action))
        changed = status != plan.status and status.wire() != plan.status.wire()
        if self.plan is plan and changed:
            do_write(fault, len(decision.actions), partial(self._write_plan, plan, status))

    def _write_plan(self, plan: ReleasePlan, status: ReleasePlanStatus) -> None:
        self.plan = ReleasePlan.model_validate({**plan.wire(), "status": status.wire()})

    def gather_plan(self, plan: ReleasePlan, lag: int) -> p.PlanFacts:
        """Look at the cluster as the plan's controller does."""
        cluster = self.cluster
        work: Workload = cluster.read("workload", lag)
        known = [cluster.read(key, lag) for key in cluster.objects if key.startswith("release ")]
        return p.PlanFacts(
            plan=plan,
            deployment=p.PlanDeployment(
                resource_version=str(work.version),
                revision=work.template,
                labelled=work.labelled,
                bypassed=work.bypassed,
                paused=work.paused,
                paused_by="",
                replicas=work.replicas,
                rolled_into=f"checkout-{work.template}" if work.rolled() else "",
                mark=work.mark,
            ),
            revisions=tuple(
                p.RevisionFacts(
                    replica_set=f"checkout-{name}",
                    revision=name,
                    created=given.NOW + age * SECOND,
                    replicas=size,
                    ready=dict(work.ready).get(name, 0),
                    images=(),
                    uid=name,
                    resource_version=str(work.version),
                    restored=name in work.restored,
                )
                for age, (name, size) in enumerate(work.sets)
            ),
            copies=cluster.read("copies", lag),
            releases=tuple(release for release in known if release is not None),
            track_label="track",
            guard_policy=GUARD_POLICY,
        )

    def _act_for_plan(self, facts: p.PlanFacts, action: p.PlanAction) -> None:
        cluster, work = self.cluster, self.cluster.workload
        match action:
            case p.RemoveFinalizer():
                assert not work.labelled, "the plan went before its label"
                assert self.active() is None, "the plan went before its release"
                self.plan = None
            case p.Adopt(version):
                self._same(version)
                cluster.change("workload", labelled=True)
            case p.Leave(version, unpause):
                self._same(version)
                lets_go = unpause and work.paused
                assert not lets_go or work.template in cluster.let_through, "unjudged"
                cluster.change("workload", labelled=False, paused=work.paused and not unpause)
            case f.Unpause(version):
                self._same(version)
                assert work.template in cluster.let_through, "let an unjudged template through"
                cluster.change("workload", paused=False)
            case f.Pause(version):
                self._same(version)
                cluster.change("workload", paused=True)
            case p.Mark(message):
                cluster.change("workload", mark=message)
            case p.CreateRelease(number, stable):
                found = facts.deployment
                assert found is not None
                self._create(number, found.revision, stable.revision, held=found.paused)
            case p.DeleteRelease(name):
                cluster.put(f"release {name}", None)
            case p.KeepCopy() | p.DropCopy() | p.RestoreStable():
                self._act_on_copies(action)
            case p.EmptyReplicaSet(name, version):
                self._same(version)
                cluster.resize(name.removeprefix("checkout-"), 0)
            case p.DeleteReplicaSet(name, _, version):
                self._same(version)
                revision = name.removeprefix("checkout-")
                assert work.size(revision) == 0, "a ReplicaSet with pods was deleted"
                cluster.delete_set(revision)
            case _:
                raise AssertionError(f"unexpected {action}")

    def _act_on_copies(self, action: p.KeepCopy | p.DropCopy | p.RestoreStable) -> None:
        cluster, name = self.cluster, action.replica_set
        match action:
            case p.KeepCopy():
                cluster.put("copies", tuple({*cluster.copies, name}))
            case p.DropCopy():
                going = self.plan is None or self.plan.metadata.deletion_timestamp is not None
                assert going or {*cluster.copies} - {name}, "the last copy was dropped"
                cluster.put("copies", tuple(each for each in cluster.copies if each != name))
            case p.RestoreStable():
                assert name in cluster.copies, "made anew from nothing"
                cluster.restore(name.removeprefix("checkout-"))

    def _create(self, number: int, revision: str, stable: str, *, held: bool) -> None:
        release = given.release(number=number, revision=revision)
        key = f"release {release.metadata.name}"
        if self.cluster.objects.get(key) is not None:
            return
        assert self.active() is None, "two releases of one plan run at once"
        self.ledger.release_is_made(release.metadata.name, revision, held=held)
        version = {"revision": stable, "replica_set": f"checkout-{stable}"}
        against = release.spec.stable.model_copy(update=version)
        spec = release.spec.model_copy(update={"stable": against})
        status = release.status.model_copy(update={"timeline": self.story})
        self.cluster.put(key, None)  # a cache that lags does not know of it yet
        self.cluster.put(key, release.model_copy(update={"spec": spec, "status": status}))


def _route_facts(key: str, route: Route) -> f.RouteFacts:
    if route.missing:
        problem = f.Problem("RouteMissing", f"{key} does not exist")
        return f.RouteFacts(key, None, settled=True, problem=problem)
    settled = route.changed is None
    refused = f.Problem("RouteRefused", f"{key} is refused") if route.refused and settled else None
    return f.RouteFacts(key, route.weight, settled, refused, route.writer, uneven=route.uneven)
