"""A Service beside the canary's own that selects the canary's pods.

No weight binds its users, so the canary has neither traffic nor pods while it does. The pods go
once the routes give them nothing more, or a little later where nobody confirms that.
"""

from datetime import datetime, timedelta

from controller.api.release import Phase
from controller.release.facts import Action, Decision, EnsureCanary, Facts, SetWeight
from controller.release.record import move, reason_since
from controller.release.routes import RouteView

UNCONFIRMED_AFTER = timedelta(seconds=10)


def hold_stray(facts: Facts, view: RouteView, now: datetime) -> Decision | None:
    """Take the canary's weight and then its pods away while they are reached past the routes."""
    stray, canary = facts.stray, facts.canary
    if stray is None:
        return None
    status = facts.release.status
    shown = status.canary.model_copy(update={"replicas": 0, "ready": canary.ready if canary else 0})
    forgotten = {"step_since": None, "start_since": None, "canary": shown}
    message = f"{stray.message}. Until then the canary has no traffic and no pods"
    status = status.model_copy(update=forgotten)
    status = move(status, Phase.HOLDING, stray.reason, message, now)
    actions: tuple[Action, ...] = (SetWeight(0),) if view.highest > 0 else ()
    if canary is None or canary.replicas == 0:
        return Decision(status, actions)
    due = (reason_since(status) or now) + UNCONFIRMED_AFTER
    confirmed = all(route.settled or route.strangers for route in facts.routes)
    if (view.highest == 0 and confirmed) or now >= due:
        actions += (EnsureCanary(0),)
    return Decision(status, actions, due)
