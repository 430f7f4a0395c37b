"""What a plan learns from its releases: the active one, ends, rejections, retries.

Promises: a revision that was taken back stays on the list until a person says retry (of more than
twenty the oldest falls off), and the release by which it can be retried is kept as long.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from controller.api.plan import Rejection, ReleasePlanStatus
from controller.api.release import ENDED, Phase, Release

MAX_REJECTED = 20
EPOCH = datetime.fromtimestamp(0, UTC)

Releases = tuple[Release, ...]


def find_active(releases: Releases) -> Release | None:
    """Return the release that runs, if one does."""
    running = [release for release in releases if release.status.phase not in ENDED]
    return max(running, key=_number, default=None)


def retry_ordered(release: Release) -> bool:
    """Tell whether a person wants this release's revision to be tried again."""
    return any(order.action == "Retry" for order in release.spec.orders)


def remember(status: ReleasePlanStatus, releases: Releases, template: str) -> ReleasePlanStatus:
    """Return the status with what the releases have come to.

    `template` is the revision that the Deployment has now, empty where there is no Deployment.
    """
    active, ended = find_active(releases), _ended(releases)
    updates: dict[str, object] = {
        "releases": max((status.releases, *map(_number, releases))),
        "active_release": active.metadata.name if active else "",
        "rejected": _rejected(status.rejected, releases),
    }
    held = status.held
    if ended and ended[-1].metadata.name != status.last_release:
        newest = ended[-1]
        superseded = newest.status.phase is Phase.SUPERSEDED
        updates["last_release"] = newest.metadata.name
        updates["last_outcome"] = newest.status.phase.value
        updates["superseded_in_a_row"] = status.superseded_in_a_row + 1 if superseded else 0
        held = newest.spec.revision if newest.status.phase is Phase.ABORTED else ""
    retried = bool(ended) and retry_ordered(ended[-1])
    replaced = template not in ("", held)
    updates["held"] = "" if retried or replaced else held
    return status.model_copy(update=updates)


def knows_end(status: ReleasePlanStatus, name: str, number: int) -> bool:
    """Tell whether a plan's status says how this release, which has ended, did so.

    A newer release is not made before the end of this one is seen, nor recorded apart from it.
    """
    rejected = any(rejection.release == name for rejection in status.rejected)
    return status.last_release == name or rejected or status.releases > number


def find_expired(status: ReleasePlanStatus, releases: Releases, history: int) -> Iterator[str]:
    """Yield the names of ended releases beyond the plan's history that nothing refers to."""
    needed = {rejection.release for rejection in status.rejected} | {status.last_release}
    for release in _ended(releases)[:-history]:
        if release.metadata.name not in needed:
            yield release.metadata.name


def _number(release: Release) -> int:
    return release.spec.number


def _ended(releases: Releases) -> list[Release]:
    return sorted((r for r in releases if r.status.phase in ENDED), key=_number)


def _rejected(listed: tuple[Rejection, ...], releases: Releases) -> tuple[Rejection, ...]:
    """Return the revisions that stay out, oldest first, without those to be retried."""
    retried = {release.metadata.name for release in releases if retry_ordered(release)}
    kept = {rejection.release: rejection for rejection in listed}
    found = {
        release.metadata.name: Rejection(
            revision=release.spec.revision,
            release=release.metadata.name,
            at=release.status.finished_at or EPOCH,
            reason=release.status.reason,
            message=release.status.message,
        )
        for release in releases
        if release.status.phase is Phase.ROLLED_BACK
    }
    every = [rejection for name, rejection in (found | kept).items() if name not in retried]
    return tuple(sorted(every, key=lambda rejection: (rejection.at, rejection.release)))[
        -MAX_REJECTED:
    ]
