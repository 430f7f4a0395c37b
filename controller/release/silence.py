"""A take-down whose routes are written and that no gateway confirms.

It waits, since a gateway that has not followed yet still sends requests to the canary; it says for
whom, and after a while it says so aloud. Nobody may be there to confirm: where something is being
deleted that has to wait for the release, the canary goes after a time in which a gateway that
lives would have followed.
"""

from datetime import datetime, timedelta

from controller.api.release import ReleaseStatus
from controller.release.facts import Facts
from controller.release.record import is_noted, note
from controller.release.routes import view_routes

REASON = "RouteNotAnswered"
WORDS = "; no request may reach the canary any more, waits for "
SAID_AFTER = timedelta(seconds=5)  # gateways answer within seconds
WARNED_AFTER = timedelta(minutes=1)
UNCONFIRMED_DRAIN = timedelta(minutes=1)  # since the routes were written and the warning was given


def without_wait(status: ReleaseStatus) -> ReleaseStatus:
    """Return the status with the words of its cause alone."""
    return status.model_copy(update={"message": status.message.partition(WORDS)[0]})


def with_wait(
    facts: Facts, status: ReleaseStatus, now: datetime
) -> tuple[ReleaseStatus, datetime | None]:
    """Return the status that says who is waited for, and when there is more to say."""
    began = status.phase_since or now
    pending = view_routes(facts.routes).pending
    if not pending:
        return status, None
    if now < began + SAID_AFTER:
        return status, began + SAID_AFTER
    words = f"{WORDS}the gateway to confirm {pending}; see that its controller runs"
    status = status.model_copy(update={"message": f"{status.message}{words}"[:1024]})
    if now < began + WARNED_AFTER:
        return status, began + WARNED_AFTER
    if not is_noted(status, REASON):
        status = note(status, REASON, f"no answer for {pending}", now)
    return status, now + UNCONFIRMED_DRAIN


def may_go_unconfirmed(facts: Facts, status: ReleaseStatus) -> bool:
    """Tell whether a take-down goes on without an answer: people were told, and wait for it."""
    leaves = facts.leaving is not None and is_noted(status, REASON)
    return leaves and all(route.weight is None for route in facts.routes)
