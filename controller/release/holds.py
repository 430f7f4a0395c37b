"""What keeps a canary off its traffic at any weight, before a step or the start is looked at."""

from datetime import datetime

from controller.release.bothcrash import hold_both_crash
from controller.release.changed import is_changed, make_anew
from controller.release.facts import Decision, Facts
from controller.release.routes import RouteView
from controller.release.strays import hold_stray


def keep_off(facts: Facts, view: RouteView, now: datetime) -> Decision | None:
    """Return what to do where the canary must have no traffic now; None where it may."""
    stray = hold_stray(facts, view, now)
    if stray is not None:
        return stray
    if is_changed(facts):
        return make_anew(facts, view, now)
    return hold_both_crash(facts, view, now)
