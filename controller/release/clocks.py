"""Times in a status that are still to come, as a leader leaves them whose clock was ahead.

What waits for such a time would wait for as long as that clock was wrong, and no look would be
taken meanwhile. So they are taken for now, and what they began begins again.

Leaves out: times that are too old, which make a wait shorter and no look wrong.
"""

from datetime import datetime, timedelta

from controller.api.release import Release, ReleaseStatus
from controller.release.rehearsal import LONGEST_WAIT

AHEAD = timedelta(seconds=10)  # of clocks that NTP keeps, and of times that are rounded up
_BEGUN = ("phase_since", "step_since", "start_since", "traffic_off_at")


def without_times_to_come(release: Release, now: datetime) -> ReleaseStatus:
    """Return the release's status with no time later than `now` can explain."""
    status = release.status
    latest = now + AHEAD
    begun = {name: getattr(status, name) for name in _BEGUN}
    updates: dict[str, object] = {n: now for n, at in begun.items() if at and at > latest}
    looks = status.looks
    if looks.since > latest.timestamp():
        looks = looks.model_copy(update={"since": now.timestamp()})
    longest = max(release.spec.rules.analysis.look, LONGEST_WAIT)
    if looks.next is not None and looks.next > latest + longest:
        looks = looks.model_copy(update={"next": now})
    if looks is not status.looks:
        updates["looks"] = looks
    return status.model_copy(update=updates) if updates else status
