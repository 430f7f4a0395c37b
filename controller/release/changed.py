"""A canary Deployment whose template is no longer the one that Gander built.

Its pods are another version: they get no traffic and prove nothing, neither good nor bad. The
canary is made anew, after its traffic is off and drained as in every take-down, and the evidence
begins anew at the same weight.
"""

from datetime import datetime

from controller.api.names import canary_name
from controller.api.release import Phase
from controller.release.facts import Decision, DeleteCanary, Facts, SetWeight
from controller.release.record import move, next_second
from controller.release.routes import RouteView
from controller.release.takedown import SHORTEST_DRAIN


def is_changed(facts: Facts) -> bool:
    """Tell whether somebody gave the canary another template."""
    return facts.canary is not None and facts.canary.changed


def make_anew(facts: Facts, view: RouteView, now: datetime) -> Decision:
    """Take the traffic off, let it drain, delete what is there; the next pass makes the canary."""
    by = facts.canary.changed_by if facts.canary else ""
    message = (
        f"{by or 'somebody'} changed the template of Deployment "
        f"{canary_name(facts.release.spec.plan)}; its pods are not this release's, so it is made "
        "anew once its traffic is drained"
    )
    status = facts.release.status.model_copy(update={"step_since": None})
    status = move(status, Phase.HOLDING, "CanaryChanged", message, now)
    untouched = status.model_copy(update={"traffic_off_at": None})
    if view.highest > 0:
        return Decision(untouched, (SetWeight(0),))
    if not all(route.settled or route.strangers for route in facts.routes):
        return Decision(untouched)
    since = status.traffic_off_at or next_second(now)
    status = status.model_copy(update={"traffic_off_at": since})
    drained_at = since + max(facts.release.spec.rules.traffic.drain, SHORTEST_DRAIN)
    if now < drained_at:
        return Decision(status, again_at=drained_at)
    return Decision(status, (DeleteCanary(),))
