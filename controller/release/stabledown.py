"""Stable pods that go away while the canary has traffic.

Only the canary's share is answered then. There is nothing to compare with and nobody to take
traffic back, so the weight stays where it is: neither raised, nor taken off the only pods that
serve. The evidence at this weight begins anew once a stable pod is ready.
"""

from datetime import datetime

from controller.api.names import BYPASS_ANNOTATION
from controller.api.release import Phase
from controller.release.canary import Pods
from controller.release.facts import Decision, Facts
from controller.release.record import move
from controller.release.routes import RouteView


def hold_stable_down(facts: Facts, view: RouteView, pods: Pods, now: datetime) -> Decision | None:
    """Hold while stable wants pods and none is ready; None where stable serves."""
    stable = facts.stable
    if stable.replicas == 0 or stable.ready > 0:
        return None
    plan = facts.release.spec.plan
    message = (
        f"0 of {stable.replicas} stable pods are ready; {view.highest} % of the requests go to the "
        f"canary, and nobody answers the rest. Heal stable's pods, then the release goes on by "
        f"itself; or let this version through unjudged: kubectl annotate deployment {plan} "
        f"{BYPASS_ANNOTATION}=stable-down, then kubectl rollout resume deployment {plan}"
    )
    status = facts.release.status.model_copy(update={"step_since": None})
    status = move(status, Phase.HOLDING, "StableDown", message, now)
    return Decision(status, pods.actions)
