"""Whether the plan's analysis works at all, known before the canary's first request.

The question is asked beside the passes while the canary gets ready (reconcile/rehearsal.py). Its
answer stands in the status where that of a look does: `looks.next` says that there was one.
"""

from datetime import datetime, timedelta

from controller.api.release import Phase, ReleaseStatus
from controller.release.record import move

LONGEST_WAIT = timedelta(minutes=5)  # until it is asked again, however long it was in vain


def await_rehearsal(status: ReleaseStatus, now: datetime) -> ReleaseStatus | None:
    """Return the status that waits or holds until the analysis works; None where it does."""
    looks = status.looks
    if looks.problem:
        return move(status, Phase.HOLDING, looks.problem, looks.message, now)
    if looks.next is None:
        message = "the canary is ready; asks Prometheus about stable before any user meets it"
        return move(status, Phase.STARTING, "TryingMetrics", message, now)
    return None
