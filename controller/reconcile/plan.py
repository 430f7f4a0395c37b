"""One pass over one plan: gather facts, decide, act, report.

Promises: what only the cluster can refuse (a missing Service, a volume that one pod owns) becomes a
condition with a sentence; other plans go on. A plan that cannot be read says so in its own status.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

import structlog
from pydantic import ValidationError

from controller.api.base import Condition
from controller.api.names import GUARD_NAME
from controller.api.plan import ReleasePlan, ReleasePlanStatus
from controller.api.release import Release
from controller.kube import kinds
from controller.reconcile.attempts import act_for_plan, plan_due
from controller.reconcile.deployment import read_deployment, read_revisions
from controller.reconcile.orphans import give_back
from controller.reconcile.patch import write_status
from controller.reconcile.planact import PlanActor
from controller.reconcile.problems import (
    cheap_problems,
    choose_track_label,
    full_inputs,
    full_problems,
)
from controller.reconcile.routes import find_leftovers
from controller.reconcile.unreadable import WAY_OUT, say_unreadable
from controller.reconcile.world import Json, World
from controller.release.facts import Problem
from controller.release.planfacts import UNREADABLE, CreateRelease, PlanDecision, PlanFacts
from controller.release.plans import decide_plan

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Checked:
    """What a full check of a plan has said, and of what."""

    inputs: Hashable
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class PlanReconciler:
    """Cares for plans. `reconcile` returns seconds until the next pass, or None.

    `checked` is what full checks have said, by namespace and name: a controller that starts asks
    once for each plan.
    """

    world: World
    checked: dict[tuple[str, str], Checked] = field(default_factory=dict)

    def reconcile(self, namespace: str, name: str) -> float | None:
        """Do one pass."""
        stored = self.world.plans.get(namespace, name)
        if stored is None:
            self.checked.pop((namespace, name), None)
            give_back(self.world, namespace, name)
            return None
        try:
            plan = ReleasePlan.model_validate(stored)
        except ValidationError as error:
            self._refuse(stored, error)
            return None
        now = self.world.clock()
        facts = gather_plan(self.world, plan)
        decision = decide_plan(facts, now)
        problems = self._check(plan, facts, decision)
        if problems:
            facts = replace(facts, problems=(*facts.problems, *problems))
            decision = decide_plan(facts, now)
        actor = PlanActor(self.world, facts)
        status = act_for_plan(facts, decision, actor.do, actor.prove_guard, self.world.clock)
        if write_status(self.world.client, self.world.plans, stored, status):
            self._tell(stored, plan, status)
            return 0.0
        due = plan_due(decision, status, now)
        return max(0.05, (due - now).total_seconds()) if due is not None else None

    def _check(
        self, plan: ReleasePlan, facts: PlanFacts, decision: PlanDecision
    ) -> tuple[Problem, ...]:
        """Return what the whole objects say against the plan; asked once for each change of them.

        A release that runs goes by what was right at its start.
        """
        if decision.status.active_release or plan.metadata.deletion_timestamp is not None:
            return ()
        key = plan.metadata.namespace, plan.metadata.name
        inputs = full_inputs(self.world, plan, facts.track_label)
        kept = self.checked.get(key)
        if kept is None or kept.inputs != inputs or _needs_full_check(decision):
            kept = Checked(inputs, full_problems(self.world, plan, facts.track_label))
            self.checked[key] = kept
        return kept.problems

    def _tell(self, stored: Json, plan: ReleasePlan, status: ReleasePlanStatus) -> None:
        """Write an Event when the plan's state changes its reason."""
        ready = _condition(status.conditions, "Ready")
        before = _condition(plan.status.conditions, "Ready")
        if ready is None or (before is not None and before.reason == ready.reason):
            return
        stalled = status.phase in ("Rejected", "Held", "Blocked")
        self.world.recorder.event(
            stored, "Warning" if stalled else "Normal", ready.reason, ready.message
        )
        log.info("plan moved", phase=status.phase, reason=ready.reason, message=ready.message)

    def _refuse(self, stored: Json, error: ValidationError) -> None:
        """Say in the plan's own status which field cannot be read."""
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        message = f"{field}: {first['msg']}; correct the field, other plans go on"
        metadata = stored["metadata"]
        present = (stored.get("status") or {}).get("conditions") or []
        if any(c.get("reason") == "Invalid" and c.get("message") == message for c in present):
            return
        conditions = [
            Condition(
                type=kind,
                status="True" if kind == "Stalled" else "False",
                reason="Invalid",
                message=message,
                last_transition_time=self.world.clock(),
                observed_generation=metadata.get("generation", 0),
            ).wire()
            for kind in ("Ready", "Reconciling", "Stalled")
        ]
        answer = self.world.client.merge_patch(
            kinds.RELEASE_PLAN,
            metadata["namespace"],
            metadata["name"],
            {"status": {"phase": "Blocked", "conditions": conditions}},
            subresource="status",
            resource_version=metadata["resourceVersion"],
        )
        self.world.plans.observe(answer)


def gather_plan(world: World, plan: ReleasePlan) -> PlanFacts:
    """Look at everything that matters to a plan now, without asking the API server."""
    if world.leaving:
        metadata = plan.metadata.model_copy(update={"deletion_timestamp": world.clock()})
        plan = plan.model_copy(update={"metadata": metadata})
    namespace, name = plan.metadata.namespace, plan.metadata.name
    deployment = world.deployments.get(namespace, name)
    releases, unreadable = [], []
    for stored in world.releases_of(namespace, name):
        try:
            releases.append(Release.model_validate(stored))
        except ValidationError as error:
            # It may be moving traffic, so no other one is started.
            wrong = f"{say_unreadable(stored, error)}; {WAY_OUT}"
            unreadable.append(Problem(UNREADABLE, wrong))
    return PlanFacts(
        plan=plan,
        deployment=read_deployment(world, deployment) if deployment else None,
        revisions=read_revisions(world, deployment) if deployment else (),
        releases=tuple(releases),
        track_label=choose_track_label(world, plan, deployment),
        guard_policy=_guard_policy(world),
        problems=(*unreadable, *cheap_problems(world, plan)),
        copies=tuple(sorted(copy.name for copy in world.copies.by("owner", plan.metadata.uid))),
        leftovers=find_leftovers(world, plan),
    )


def _needs_full_check(decision: PlanDecision) -> bool:
    """Tell whether a pass is about to adopt or release, which has to be possible first."""
    starting = any(isinstance(action, CreateRelease) for action in decision.actions)
    return starting or decision.status.phase in ("Adopting", "Blocked")


def _guard_policy(world: World) -> str:
    """Return the versions of the policy and its binding; empty where either is missing."""
    versions = [
        item["metadata"]["resourceVersion"]
        for cache in world.guards
        for item in cache.all()
        if item["metadata"]["name"] == GUARD_NAME
    ]
    return "/".join(versions) if len(versions) == len(world.guards) else ""


def _condition(conditions: tuple[Condition, ...], kind: str) -> Condition | None:
    return next((c for c in conditions if c.type == kind), None)
