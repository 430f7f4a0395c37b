"""Whether a plan knows how one of its releases has ended.

A plan learns of an end, and of a revision that has to stay out, from the ended release alone. So
that release keeps its finalizer, deleted or not, until the plan's stored status says it: else a
release that is deleted at its end takes the rejection with it, and the same template starts again.
"""

from pydantic import ValidationError

from controller.api.plan import ReleasePlanStatus
from controller.api.release import Release
from controller.reconcile.world import Json, World
from controller.release.pastreleases import knows_end


def is_remembered(world: World, stored: Json) -> bool:
    """Tell whether a stored release that has ended may go.

    Also where nobody will remember it: its plan is gone, going, or another one of that name; Gander
    leaves; or the plan cannot read it.
    """
    metadata, spec = stored["metadata"], stored["spec"]
    plan = world.plans.get(metadata["namespace"], spec["plan"])
    if world.leaving or plan is None or plan["metadata"].get("deletionTimestamp"):
        return True
    owners = {owner["uid"] for owner in metadata.get("ownerReferences") or []}
    if plan["metadata"]["uid"] not in owners or not _is_readable(stored):
        return True
    try:
        status = ReleasePlanStatus.model_validate(plan.get("status") or {})
    except ValidationError:
        return False
    return knows_end(status, metadata["name"], spec["number"])


def _is_readable(stored: Json) -> bool:
    try:
        Release.model_validate(stored)
    except ValidationError:
        return False
    return True
