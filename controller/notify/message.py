"""The alert about a release that was taken back, in words for whoever is woken up by it.

In ten seconds it must say: what, how bad, is it over, what must I do. Pure: a Release and the time
in, an Alert out; the same Release gives the same labels at every repetition. Left out: releases
that a person aborted or a newer template ended; for those nobody is woken up.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from controller.api.base import format_percent
from controller.api.release import Entry, MetricStatus, Phase, Release
from controller.judge.quantiles import duration
from controller.judge.quantities import Unit, amount
from controller.judge.words import percent
from controller.release.takedown import TOO_LATE

NAME = "GanderReleaseRolledBack"
DEFAULT_SEVERITY = "page"

# Repeated within this time, an alert goes on firing through restarts; without Gander it ends.
FIRES_FOR = timedelta(minutes=10)

_LONGEST = 1000
LATENCY, GAUGE = "P99Seconds", "PodMean"  # of MetricStatus.measure
_LONGEST_SUMMARY = 200


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of Alertmanager: labels are its identity, annotations are what people read.

    `key` names the release and the transition it tells of; it is the same at every repetition.
    """

    key: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime


def rollback_alert(
    release: Release,
    *,
    labels: Mapping[str, str],
    runbook_url: str | None,
    now: datetime,
    resolved: bool,
) -> Alert:
    """Return the alert about a release whose version was at fault, firing or resolved.

    `labels` are the plan's own; they may change the severity and add others, not the identity.
    """
    start = _start(release, now)
    told = {name: _cut(text, _LONGEST) for name, text in _annotations(release, start) if text}
    return Alert(
        key=f"{release.metadata.uid}/{Phase.ROLLED_BACK}",
        labels=_labels(release, start.reason, labels),
        annotations=told | ({"runbook_url": runbook_url} if runbook_url else {}),
        starts_at=start.at,
        ends_at=max(now, start.at) if resolved else now + FIRES_FOR,
    )


def _start(release: Release, now: datetime) -> Entry:
    """Return the entry of the timeline with which the rollback began."""
    status = release.status
    rollbacks = [entry for entry in status.timeline if entry.phase is Phase.ROLLING_BACK]
    if rollbacks:
        return rollbacks[0]
    return Entry(
        at=status.phase_since or now,
        phase=status.phase,
        weight=status.weight.confirmed,
        reason=status.reason,
        message=status.message,
    )


def _labels(release: Release, reason: str, own: Mapping[str, str]) -> dict[str, str]:
    identity = {
        "alertname": NAME,
        "namespace": release.metadata.namespace,
        "plan": release.spec.plan,
        "release": release.metadata.name,
        "revision": release.spec.revision,
        "reason": reason,
    }
    added = {_label_name(name): value for name, value in own.items()}
    return {"severity": DEFAULT_SEVERITY, **added, **identity}


def _label_name(name: str) -> str:
    """Return the name with what Alertmanager refuses replaced by `_`."""
    return re.sub(r"^(?=[0-9])|[^a-zA-Z0-9_]", "_", name)


def _annotations(release: Release, start: Entry) -> Iterator[tuple[str, str]]:
    culprits = [metric for metric in release.status.metrics if metric.state == "Regressed"]
    images = ", ".join(release.status.canary.images or release.spec.images)
    yield "summary", _cut(_summary(release, start), _LONGEST_SUMMARY)
    yield "description", _description(release, start, images)
    yield "cause", start.message
    canary = (_value(m, m.canary, m.canary_requests, m.canary_pods) for m in culprits)
    stable = (_value(m, m.stable, m.stable_requests, m.stable_pods) for m in culprits)
    yield "canary", "; ".join(canary)
    yield "stable", "; ".join(stable)
    yield "ratio", "; ".join(filter(None, map(_ratio, culprits)))
    yield "exposure", _exposure(release)
    yield "image", images
    yield "done", _done(release)
    yield "next", _next(release)


def _summary(release: Release, start: Entry) -> str:
    title = f"{release.metadata.namespace}/{release.spec.plan}: release {release.spec.number}"
    if _is_late(release):
        return f"{title} is bad and stable runs it: {start.message}"
    if release.status.traffic_off_at is None:
        return f"{title} is being taken back: {start.message}"
    return f"{title} was taken back, users are on stable: {start.message}"


def _description(release: Release, start: Entry, images: str) -> str:
    plan = f"{release.metadata.namespace}/{release.spec.plan}"
    weight = format_percent(start.weight)
    where = f"{release.metadata.name} of {plan}, {start.reason} at {weight} of the traffic"
    return "\n".join(
        (
            f"What: {where}. {_cut(start.message, 300)}",
            f"How bad: {_exposure(release)}",
            f"Over: {_over(release)}",
            f"To do: {_todo(release)}",
            f"Image: {_cut(images, 300)}",
        )
    )


def _over(release: Release) -> str:
    if _is_late(release):
        return "no. It showed too late: stable's own pods run this revision."
    since = release.status.traffic_off_at
    if since is None:
        return "not yet. The gateway has not confirmed that all requests go to stable."
    return f"yes, since {_clock(since)} every request goes to stable."


def _todo(release: Release) -> str:
    namespace, plan = release.metadata.namespace, release.spec.plan
    if _is_late(release):
        target = f"deployment/{plan} -n {namespace}"
        images = ", ".join(release.spec.stable.images)
        return (
            f"go back now, past the guard: kubectl annotate {target} gander.dev/bypass=rollback, "
            f"then kubectl set image {target} with {images}; take the annotation off afterwards."
        )
    if release.status.traffic_off_at is None:
        return f"watch it: kubectl get release {release.metadata.name} -n {namespace} -w"
    return "nothing now. Look at it when you are awake; this revision stays out until then."


def _done(release: Release) -> str:
    status, traffic = release.status, release.spec.rules.traffic
    routes = ", ".join(
        [f"HTTPRoute {name}" for name in traffic.http_routes]
        + [f"GRPCRoute {name}" for name in traffic.grpc_routes]
    )
    if status.traffic_off_at is None:
        return f"Taking the canary out of {routes}."
    canary = "is gone" if status.phase is Phase.ROLLED_BACK else "goes once it is drained"
    return (
        f"The canary was taken out of {routes} at {_clock(status.traffic_off_at)} and {canary}. "
        f"Revision {release.spec.revision} is rejected."
    )


def _next(release: Release) -> str:
    namespace, name = release.metadata.namespace, release.metadata.name
    return "\n".join(
        (
            f"See why: kubectl describe release {name} -n {namespace}",
            f"Fix it: change the template of Deployment {release.spec.plan}, a new release begins.",
            f"Try the same again: kubectl gander retry {name} -n {namespace}",
            f"Silence this: kubectl gander acknowledge {name} -n {namespace}",
        )
    )


def _exposure(release: Release) -> str:
    status = release.status
    if status.step == 0:
        return "no user met it."
    if all(rule.spec.gauge is not None for rule in release.spec.rules.metrics):
        return "no metric of the plan counts requests, so how many met it is not known."
    if status.exposure.requests == 0:
        return "it was taken back before its first requests were counted."
    met, bad = status.exposure.requests, status.exposure.bad
    if any(metric.state == "Regressed" and metric.measure == LATENCY for metric in status.metrics):
        return f"{met:,.0f} requests met it, {bad:,.0f} of them bad; slow ones are not among these."
    return f"{met:,.0f} requests met it, {bad:,.0f} of them bad."


def _value(metric: MetricStatus, value: float | None, requests: float, pods: int) -> str:
    if metric.measure == GAUGE:
        level = amount(value or 0.0, Unit(metric.unit.lower()))
        return f"{metric.name} {level} a pod, {pods} pod{'s' if pods != 1 else ''}"
    if metric.measure == LATENCY:
        p99 = "over the last bucket" if value is None else duration(value)
        return f"{metric.name} p99 {p99} of {requests:,.0f} requests"
    return f"{metric.name} {percent(value or 0.0)} of {requests:,.0f} requests"


def _ratio(metric: MetricStatus) -> str:
    """Return ratio and interval, bounds rounded outward; empty where stable had no bad request."""
    low, high = metric.ratio_interval.low, metric.ratio_interval.high
    if metric.ratio is None or low is None:
        return ""
    at_least = f"x{math.floor(10 * low) / 10:.1f}"
    if high is None:
        return f"{metric.name} x{metric.ratio:.1f}, at least {at_least}"
    at_most = f"x{math.ceil(10 * high) / 10:.1f}"
    return f"{metric.name} x{metric.ratio:.1f}, between {at_least} and {at_most}"


def _is_late(release: Release) -> bool:
    return TOO_LATE in release.status.message


def _clock(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%H:%M:%S UTC")


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
