"""One pass over one release: gather facts, decide, act, report.

Promises: nothing here waits for Prometheus (looks are taken elsewhere and come in as facts); what
takes traffic away is done before the status is written; a status is written only where it differs
and only onto the version that was read.
"""

from dataclasses import dataclass, replace
from typing import Any

import structlog

from controller.api.names import FINALIZER, canary_name
from controller.api.release import ENDED, Phase, Release, ReleaseStatus
from controller.kube import kinds
from controller.kube.objects import Deployment
from controller.reconcile.act import Actor
from controller.reconcile.attempts import act_for_release, is_refusal
from controller.reconcile.canary import canary_facts
from controller.reconcile.crashes import stable_crash
from controller.reconcile.ends import is_remembered
from controller.reconcile.looks import Observer
from controller.reconcile.patch import write_status
from controller.reconcile.rollout import deployment_facts
from controller.reconcile.routes import gather_routes
from controller.reconcile.strays import gather_stray
from controller.reconcile.unreadable import read_release
from controller.reconcile.world import Json, World
from controller.release.facts import REFUSED, Decision, Facts, Problem, StableFacts
from controller.release.machine import absorb, decide
from controller.release.promoting import UNHINDERED
from controller.release.record import with_conditions
from controller.release.silence import REASON as ROUTE_NOT_ANSWERED
from controller.telemetry import RELEASES_ENDED
from controller.traffic.service import differences

log = structlog.get_logger()
NOTHING_TO_DO: float | None = None
BAD = frozenset({Phase.HOLDING, Phase.ROLLING_BACK, Phase.ROLLED_BACK, Phase.ABORTED})


@dataclass(frozen=True, slots=True)
class ReleaseReconciler:
    """Carries releases on. `reconcile` returns seconds until the next pass, or None."""

    world: World
    observer: Observer

    def reconcile(self, namespace: str, name: str) -> float | None:
        """Do one pass."""
        stored = self.world.releases.get(namespace, name)
        if stored is None:
            self.observer.forget(namespace, name)
            return NOTHING_TO_DO
        release = read_release(self.world, stored)
        if release is None:
            if stored["metadata"].get("deletionTimestamp"):
                self._let_go(stored)
            return NOTHING_TO_DO
        if release.status.phase in ENDED:
            self.observer.forget(namespace, name)
            if is_remembered(self.world, stored):
                self._let_go(stored)
            return NOTHING_TO_DO
        now = self.world.clock()
        facts = gather(self.world, release)
        facts = replace(facts, judged=self.observer.judged(facts, now))
        decision = decide(facts, now)
        decision = self._act(stored, facts, decision)
        status = with_conditions(decision.status, release.metadata.generation, now)
        changed = write_status(self.world.client, self.world.releases, stored, status)
        if changed:
            self._tell(stored, release, status)
            return 0.0
        planned = [at for at in (decision.again_at, self.observer.again_at(release)) if at]
        if not planned:
            return NOTHING_TO_DO
        return max(0.05, (min(planned) - self.world.clock()).total_seconds())

    def _act(self, stored: Json, facts: Facts, decision: Decision) -> Decision:
        """Do what was decided; say what the cluster refused."""
        do = Actor(self.world, facts.release).do
        # What the judge has shown stays also where a write is refused.
        before = absorb(facts, self.world.clock()).release.status
        decision, failures = act_for_release(before, decision, do, self.world.clock)
        for error in failures:
            log.warning("action failed", error=str(error))
            if is_refusal(error):
                self.world.recorder.event(stored, "Warning", REFUSED, str(error))
        return decision

    def _tell(self, stored: Json, release: Release, status: ReleaseStatus) -> None:
        """Write an Event for each new line of the timeline; count what has ended."""
        before = release.status.timeline[-1:]
        if status.timeline[-1:] == before:
            return
        entry = status.timeline[-1]
        hindered = entry.phase is Phase.PROMOTING and entry.reason not in UNHINDERED
        bad = entry.reason == ROUTE_NOT_ANSWERED or entry.phase in BAD or hindered
        note = f"{entry.phase}: {status.message}"
        self.world.recorder.event(stored, "Warning" if bad else "Normal", entry.reason, note)
        log.info(
            "release moved",
            phase=entry.phase.value,
            reason=entry.reason,
            message=entry.message,
            weight=status.weight.wanted,
        )
        if status.phase in ENDED:
            RELEASES_ENDED.labels(status.phase.value, status.reason).inc()

    def _let_go(self, stored: Json) -> None:
        """Take our finalizer off a release that has ended; the record itself stays."""
        metadata = stored["metadata"]
        finalizers = metadata.get("finalizers") or []
        if FINALIZER not in finalizers:
            return
        rest = [finalizer for finalizer in finalizers if finalizer != FINALIZER]
        answer = self.world.client.merge_patch(
            kinds.RELEASE,
            metadata["namespace"],
            metadata["name"],
            {"metadata": {"finalizers": rest or None}},
            resource_version=metadata["resourceVersion"],
        )
        self.world.releases.observe(answer)


def gather(world: World, release: Release) -> Facts:
    """Look at everything that matters to a release now."""
    namespace, plan = release.metadata.namespace, release.spec.plan
    deployment = world.deployments.get(namespace, plan)
    canary = world.deployments.get(namespace, canary_name(plan))
    if canary is not None and not _belongs(canary, release):
        canary = None
    service = world.services.get(namespace, canary_name(release.spec.rules.traffic.service))
    owned = service is not None and _owned_by(service.meta.owner_references, release)
    users = world.services.get(namespace, release.spec.rules.traffic.service)
    differs = ""
    if owned and service is not None and users is not None:
        differs = ", ".join(differences(users, service, release.spec.rules.track_label))
    return Facts(
        release=release,
        deployment=deployment_facts(world, deployment, release) if deployment else None,
        stable=_stable(world, deployment, release),
        canary=canary_facts(world, canary) if canary else None,
        has_canary_service=owned,
        service_differs=differs,
        routes=gather_routes(world, release),
        stray=gather_stray(world, release),
        progress_deadline=float(deployment.progress_deadline_seconds) if deployment else 600.0,
        leaving=_leaving(world, release),
    )


def _belongs(canary: Deployment, release: Release) -> bool:
    return _owned_by(canary.meta.owner_references, release)


def _owned_by(owners: Any, release: Release) -> bool:
    return any(owner.uid == release.metadata.uid for owner in owners)


def _stable(world: World, deployment: Deployment | None, release: Release) -> StableFacts:
    """Count the pods that are stable now: those of the stable ReplicaSet."""
    if deployment is None:
        return StableFacts(0, 0)
    sets = world.replica_sets_of(deployment)
    stable = [s for s in sets if s.meta.name == release.spec.stable.replica_set]
    pods = world.pods_of(stable)
    crash = stable_crash(pods, release.metadata.creation_timestamp)
    return StableFacts(deployment.replicas, sum(pod.ready for pod in pods), crash)


def _leaving(world: World, release: Release) -> Problem | None:
    namespace, plan = release.metadata.namespace, release.spec.plan
    if release.metadata.deletion_timestamp is not None:
        return Problem("ReleaseDeleted", "the release is being deleted")
    if world.leaving:
        return Problem("GanderLeaves", "Gander is being removed from the cluster")
    stored = world.plans.get(namespace, plan)
    if stored is None:
        return Problem("PlanDeleted", f"ReleasePlan {plan} is gone")
    if stored["metadata"].get("deletionTimestamp"):
        return Problem("PlanDeleted", f"ReleasePlan {plan} is being deleted")
    return None
