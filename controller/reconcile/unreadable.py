"""Releases whose stored object does not validate: what can be done about them all the same.

Promises: one that stays is left alone, with an Event, for it may be moving traffic and only a
person can tell what it was to be. One that is being deleted is taken down by its spec; where that
cannot be read either, nothing but its finalizer is left to take off.
"""

import structlog
from pydantic import ValidationError

from controller.api.release import ENDED, Release
from controller.reconcile.world import Json, World
from controller.release.planfacts import UNREADABLE

WAY_OUT = "correct the field, or delete the release"

log = structlog.get_logger()


def read_release(world: World, stored: Json) -> Release | None:
    """Return the release, without its status where only that cannot be read and it is deleted.

    None where it has to be left alone or, being deleted, can only be let go; an Event says so.
    """
    try:
        return Release.model_validate(stored)
    except ValidationError as error:
        wrong = say_unreadable(stored, error)
    log.error("release cannot be read", error=wrong)
    if not stored["metadata"].get("deletionTimestamp"):
        world.recorder.event(stored, "Warning", UNREADABLE, f"{wrong}; {WAY_OUT}")
        return None
    # What has ended stays ended: it has nothing to take down, and stable may run its revision.
    phase = (stored.get("status") or {}).get("phase", "")
    status = {"phase": phase} if phase in ENDED else {}
    try:
        return Release.model_validate({**stored, "status": status})
    except ValidationError as error:
        message = (
            f"{say_unreadable(stored, error)}: being deleted, it is let go, but the canary's "
            "backend could not be taken out of its routes; see that none of them names it"
        )
        world.recorder.event(stored, "Warning", UNREADABLE, message)
        return None


def say_unreadable(stored: Json, error: ValidationError) -> str:
    """Return the first field that is wrong with a release, and what is wrong."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    return f"Release {stored['metadata']['name']}: {field}: {first['msg']}"
