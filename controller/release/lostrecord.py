"""A rollback that was begun and not recorded.

Traffic is taken off before the status is written, so a controller that dies in between leaves a
route without our backend and a status that knows of nothing. Most causes are still there for the
next pass to see. The judge's is not: it comes of a look whose result is lost. So the evidence is
read once more before anything goes back to the canary, or on to stable.
"""

from controller.release.facts import Facts, Problem
from controller.release.routes import RouteView

REJUDGING = (
    "Gander took the canary out of the route and could not record why; "
    "reads the evidence again before anything goes on"
)


def must_rejudge(facts: Facts, view: RouteView) -> bool:
    """Tell whether only Gander can have taken the backend out, and no look has been taken since.

    The release stays as looks need it: its step's clock runs, its weight counts as confirmed.
    """
    taken_out = view.lowest is None and not view.writer and view.problem is None
    judged = facts.judged is not None and facts.judged.problem is None
    return taken_out and facts.release.status.step_since is not None and not judged


def record_lost(view: RouteView) -> Problem:
    """Say why a release ends whose evidence cannot be read again."""
    message = f"Gander took the canary out of {view.name} and the record of why was lost"
    return Problem("RecordLost", message)
