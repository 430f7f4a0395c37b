"""The analysis tried on stable alone, before any user meets the canary.

A Secret that cannot be read, an address that nobody answers at and a metric that Prometheus refuses
are found while the canary gets ready. Stable's numbers are thrown away: no traffic at night, or a
stable that is not scraped yet, is no reason to begin no release.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from controller.api.release import Phase, Release
from controller.kube.errors import ApiError
from controller.metrics.arms import Arms
from controller.metrics.reader import NoEvidence, Prometheus, read_gauge_past, read_past
from controller.reconcile.prometheus import SecretError
from controller.release.facts import Judged, Problem
from controller.release.record import reason_since
from controller.release.rehearsal import LONGEST_WAIT

SECONDS = 60.0  # of stable's past: whether it is answered is all that matters
# What no time and no traffic mends.
UNWORKABLE = frozenset(
    {
        "MetricInvalid",
        "NotACounter",
        "NotPrometheus",
        "PrometheusRefused",
        "PrometheusUnreachable",
        "SeriesOfBothArms",
        "SeveralSeries",
    }
)


def rehearse(
    release: Release, arms: Arms, connect: Callable[[], Prometheus], now: datetime
) -> Judged:
    """Ask for every required metric of stable once; return what stands in the way, if anything.

    Other errors than those of `connect`'s Secret are the caller's.
    """
    status = release.status
    problem = _problem(release, arms, connect, now)
    return Judged(
        verdict=status.verdict,
        metrics=status.metrics,
        next=now + _wait(release, now),
        exposure=status.exposure,
        problem=problem,
    )


def _problem(
    release: Release, arms: Arms, connect: Callable[[], Prometheus], now: datetime
) -> Problem | None:
    source = release.spec.rules.analysis.prometheus
    try:
        prometheus = connect()
    except (ApiError, SecretError) as error:
        name = source.secret_ref.name if source.secret_ref else ""
        return Problem(
            "SecretUnusable",
            f"{error}; make Secret {name} in namespace {release.metadata.namespace}, and let "
            "Gander read it by the chart's value prometheusSecrets",
        )
    for rule in release.spec.rules.metrics:
        if not rule.required:
            continue
        read = read_past if rule.spec.gauge is None else partial(read_gauge_past, warm_up=0.0)
        found = read(
            prometheus,
            rule.spec,
            arms,
            source.matchers,
            now=now.timestamp(),
            seconds=SECONDS,
        )
        if isinstance(found, NoEvidence) and found.reason in UNWORKABLE:
            return Problem(
                found.reason,
                f"{rule.name}: {found.message}. Asked before any user meets the canary; see "
                "analysis.prometheus of the plan and the metric",
            )
    return None


def _wait(release: Release, now: datetime) -> timedelta:
    """Return how long until it is tried again: as long as it has been in vain, within bounds."""
    status, look = release.status, release.spec.rules.analysis.look
    since = reason_since(status) if status.phase is Phase.HOLDING else None
    return min(max(look, now - since), LONGEST_WAIT) if since and status.looks.problem else look
