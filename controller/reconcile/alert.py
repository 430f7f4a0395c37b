"""One pass over the alert of one release: fire while its revision waits rejected, then resolve.

Promises: at least once, with a stable key; a receiver that is down is tried again and keeps neither
another receiver waiting nor a release, because alerts have workers of their own. What was posted
last, to one receiver at least, stands in the release's condition Alerted, so a restart neither
forgets to resolve nor fires twice. One that misses the end sees the alert run out by itself.
"""

from dataclasses import dataclass

import structlog
from pydantic import ValidationError

from controller.api.base import ConditionStatus
from controller.api.plan import Receiver, ReleasePlan
from controller.api.release import Phase, Release
from controller.notify.alertmanager import Alertmanager, NotifyError
from controller.notify.message import rollback_alert
from controller.reconcile.patch import write_status
from controller.reconcile.world import Json, World
from controller.release.record import set_condition
from controller.telemetry import ALERTS

log = structlog.get_logger()
REPEAT = 60.0  # seconds; Alertmanager forgets an alert that nobody repeats
CONDITION = "Alerted"


@dataclass(frozen=True, slots=True)
class AlertReconciler:
    """Keeps the alert of a rolled back release firing while it is true."""

    world: World

    def reconcile(self, namespace: str, name: str) -> float | None:
        """Do one pass; returns seconds until the alert has to be repeated, or None."""
        stored = self.world.releases.get(namespace, name)
        plan = self._plan(namespace, stored)
        if stored is None or plan is None or not plan.spec.notify:
            return None
        try:
            release = Release.model_validate(stored)
        except ValidationError:
            return None
        deployment = self.world.deployments.get(namespace, release.spec.plan)
        last = number_of_last(self.world, plan)
        why = why_quiet(plan, release, deployed=deployment is not None, last=last)
        if why and not fires(release):
            return None
        failures = self._post(plan.spec.notify, stored, release, resolved=bool(why))
        if len(failures) < len(plan.spec.notify):
            self._record(stored, release, why)
        if failures:
            raise NotifyError("; ".join(failures))
        return None if why else REPEAT

    def _plan(self, namespace: str, stored: Json | None) -> ReleasePlan | None:
        spec = (stored or {}).get("spec")
        name = spec.get("plan", "") if isinstance(spec, dict) else ""
        plan = self.world.plans.get(namespace, name)
        try:
            return ReleasePlan.model_validate(plan) if plan else None
        except ValidationError:
            return None

    def _post(
        self, receivers: tuple[Receiver, ...], stored: Json, release: Release, *, resolved: bool
    ) -> list[str]:
        """Post to every receiver; return a sentence for each that did not take it."""
        failures = []
        for receiver in receivers:
            target = receiver.alertmanager
            alert = rollback_alert(
                release,
                labels=target.labels,
                runbook_url=target.runbook_url,
                now=self.world.clock(),
                resolved=resolved,
            )
            try:
                missed = Alertmanager(target.urls).post([alert])
            except NotifyError as error:
                ALERTS.labels("error").inc()
                self.world.recorder.event(stored, "Warning", "AlertNotSent", str(error))
                failures.append(str(error))
                continue
            ALERTS.labels("resolved" if resolved else "firing").inc()
            for sentence in missed:
                self.world.recorder.event(stored, "Warning", "AlertReplicaMissed", sentence)
        return failures

    def _record(self, stored: Json, release: Release, why: str) -> None:
        value: ConditionStatus = "False" if why else "True"
        message = "the alert is resolved" if why else "the alert fires in Alertmanager"
        status = release.status
        condition = set_condition(
            status.conditions,
            CONDITION,
            value,
            why or "Firing",
            message,
            release.metadata.generation,
            self.world.clock(),
        )
        others = tuple(c for c in status.conditions if c.type != CONDITION)
        updated = status.model_copy(update={"conditions": (*others, condition)})
        write_status(self.world.client, self.world.releases, stored, updated)


def number_of_last(world: World, plan: ReleasePlan) -> int:
    """Return the number of the newest release whose end the plan knows; 0 where there is none."""
    stored = world.releases.get(plan.metadata.namespace, plan.status.last_release)
    return int(stored.get("spec", {}).get("number", 0)) if stored else 0


def fires(release: Release) -> bool:
    """Tell whether what was posted last is an alert that fires."""
    return any(c.type == CONDITION and c.status == "True" for c in release.status.conditions)


def why_quiet(plan: ReleasePlan, release: Release, *, deployed: bool, last: int) -> str:
    """Return why a release's alert must not fire (one CamelCase word), or an empty string.

    `deployed` says whether the Deployment exists. `last` is the number of the newest release whose
    end the plan knows: it learns of an end in a pass of its own, so that may be one before this.
    """
    status = release.status
    if status.phase not in (Phase.ROLLING_BACK, Phase.ROLLED_BACK):
        return "NotRolledBack"
    if status.phase is Phase.ROLLING_BACK and status.outcome != "RolledBack":
        return "NotRolledBack"
    if any(order.action == "Acknowledge" for order in release.spec.orders):
        return "Acknowledged"
    if any(order.action == "Retry" for order in release.spec.orders):
        return "Retried"
    if plan.metadata.deletion_timestamp is not None:
        return "PlanDeleted"
    if not deployed:
        return "DeploymentGone"
    stable = plan.status.stable
    if plan.status.phase == "Idle" and stable and stable.revision != release.spec.revision:
        return "PlanHealthy"
    newer = plan.status.last_outcome == Phase.ROLLED_BACK and last > release.spec.number
    return "NewerAlert" if newer and status.phase is Phase.ROLLED_BACK else ""
