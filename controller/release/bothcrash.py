"""Crashes that hit stable too, so that no fault is laid on the canary.

A database that is gone, or a node that kills, crashes both versions. The canary then gets no
traffic, and nothing is decided about it until stable is well. A crash of the canary that comes
later than that is its own.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from controller.api.release import Phase
from controller.release.facts import Decision, Facts, Problem, SetWeight, Trouble
from controller.release.record import move
from controller.release.routes import RouteView

REASON = "BothArmsCrash"
CALM = timedelta(seconds=30)  # stable stays ready for so long before the canary gets traffic again
# The canary comes back when stable does, give or take what its own start needs.
SHARED = timedelta(minutes=2)


def share_blame(facts: Facts, now: datetime) -> Facts:
    """Return the facts with the canary's fault taken off it where stable has crashed with it.

    What is left is a trouble of this module's reason, or none once both are well again.
    """
    crash, canary = facts.stable.crash, facts.canary
    if crash is None or canary is None or canary.trouble is None or not canary.trouble.fault:
        return facts
    healed = crash.healed_at
    if healed is not None:
        if canary.crashed_at is not None and canary.crashed_at > healed + SHARED:
            return facts
        if now >= healed + CALM and canary.running >= canary.replicas:
            return replace(facts, canary=replace(canary, trouble=None))
    message = (
        f"{canary.trouble.problem.message}; {crash.pods} of {facts.stable.replicas} stable pods "
        f"have crashed since the release began too, such as {crash.example}. So this version is "
        "not blamed: it gets no traffic until both run again; see what the two have in common"
    )
    trouble = Trouble(Problem(REASON, message), fault=False)
    return replace(facts, canary=replace(canary, trouble=trouble))


def is_shared(facts: Facts) -> bool:
    """Tell whether both arms crash, of facts that `share_blame` has returned."""
    trouble = facts.canary.trouble if facts.canary else None
    return trouble is not None and trouble.problem.reason == REASON


def hold_both_crash(facts: Facts, view: RouteView, now: datetime) -> Decision | None:
    """Take the canary's weight to 0 and hold while both arms crash; None where they do not."""
    if facts.canary is None or facts.canary.trouble is None or not is_shared(facts):
        return None
    # No deadline of the canary's runs meanwhile, and what was collected at this weight is stale.
    forgotten = {"step_since": None, "start_since": None}
    status = facts.release.status.model_copy(update=forgotten)
    status = move(status, Phase.HOLDING, REASON, facts.canary.trouble.problem.message, now)
    crash = facts.stable.crash
    due = crash.healed_at + CALM if crash and crash.healed_at else None
    return Decision(status, (SetWeight(0),) if view.highest > 0 else (), due)
