"""How many requests there are, and what weight that and the evidence justify for a release.

Before the first weight stable's own past tells the traffic, so that even the first weight is right;
from then on every look does. Only required metrics that count bad requests say how many may be
hurt; a release that has none is not eased in.

Leaves out: what the state machine makes of the weight (release), and the formula (judge).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from controller.api.release import MetricRule, MetricStatus, Release
from controller.judge import CountsEvidence
from controller.judge.exposure import (
    busiest_rate,
    is_safe,
    largest_weight,
    likely_extra,
    seconds_to_verdict,
)
from controller.metrics.arms import Arms
from controller.metrics.reader import MAX_WINDOW, Answer, Look, NoEvidence, Past
from controller.reconcile.foresight import foresee, need_of
from controller.release.easing import ceiling_of
from controller.release.facts import Judged, Problem

PAST = 300.0  # seconds: long enough for scrapes a minute apart, short enough to be about now
WHOLE = 100.0  # percent
# What a canary with few requests may look like for so many looks: its pods have no series yet.
SPARSE = frozenset({"NoData", "NoTraffic", "PodsNotScraped"})
SPARSE_LOOKS = 4.0


def first_weight(
    release: Release,
    arms: Arms,
    read: Callable[[MetricRule], Past | NoEvidence],
    seen_nothing: Judged,
    now: datetime,
) -> Judged | None:
    """Return `seen_nothing` with the first weight, or with why there is none yet.

    `read` returns what stable counted in the last PAST seconds. None: it was scraped only once.
    Nothing is judged before the warm-up is over, so the first weight has to bear it that long.
    """
    look = release.spec.rules.analysis.look.total_seconds()
    weight, scrape, needs = WHOLE, 0.0, {}
    for rule in _counted(release):
        past = read(rule)
        if isinstance(past, NoEvidence):
            if past.reason == "NoTraffic":
                needs[rule.name] = need_of(release, rule, None, PAST)
                continue
            if past.reason == "TooEarly":
                return None
            return replace(
                seen_nothing, problem=Problem(past.reason, f"{rule.name}: {past.message}")
            )
        windows = past.counts.sum(axis=(1, 2)).tolist()
        width = PAST / len(windows)
        scrape = max(scrape, width)
        rate = busiest_rate(windows, width=width, seconds=look)
        seconds = seconds_to_verdict(look, scrape) + _warming(release, rule, arms, now)
        one = largest_weight(release.spec.rules.exposure, rate=rate, seconds=seconds, extra=1.0)
        weight = min(weight, one)
        needs[rule.name] = need_of(release, rule, past, PAST)
    return replace(seen_nothing, justified=weight, scrape=scrape, foreseen=foresee(needs))


def ease(release: Release, answers: Mapping[str, Answer], judged: Judged, now: datetime) -> Judged:
    """Return the judgement of a look with the weight that it justifies.

    A metric without an answer leaves that as it was. The few requests of a small weight may not
    have come to every pod yet; that is no problem while it is young.
    """
    if judged.problem is not None and _is_sparse(release, judged.problem, now):
        judged = replace(judged, problem=None)
    weights = [
        _justified(release, answers[rule.name], metric)
        for rule in _counted(release)
        for metric in judged.metrics
        if metric.name == rule.name
    ]
    known = [weight for weight in weights if weight is not None]
    if len(known) < len(weights):
        return judged
    return replace(judged, justified=min(known, default=WHOLE))


def _counted(release: Release) -> Iterator[MetricRule]:
    return (r for r in release.spec.rules.metrics if r.required and r.spec.counts is not None)


def _warming(release: Release, rule: MetricRule, arms: Arms, now: datetime) -> float:
    """Return the seconds until a canary pod is past its warm-up, or all of them per Service."""
    ready = [pod.ready_since for pod in arms.canary if pod.ready_since is not None]
    since = (min if rule.spec.per == "Pod" else max)(ready, default=now.timestamp())
    warm_up = release.spec.rules.analysis.warm_up.total_seconds()
    return max(0.0, since + warm_up - now.timestamp())


def _justified(release: Release, answer: Answer, metric: MetricStatus) -> float | None:
    """Return the weight that one metric justifies; None where this look says nothing of it."""
    if not isinstance(answer, Look) or not metric.evidence:
        return None
    rules = release.spec.rules
    evidence = CountsEvidence.unpack(metric.evidence)
    if is_safe(evidence, false_promotion=float(rules.analysis.false_promotion)):
        return WHOLE
    look = rules.analysis.look.total_seconds()
    return largest_weight(
        rules.exposure,
        rate=_rate(release, metric.name, answer),
        seconds=seconds_to_verdict(look, release.status.looks.scrape),
        extra=likely_extra(evidence),
    )


def _rate(release: Release, name: str, look: Look) -> float:
    """Return the requests a second of both versions.

    Of all that were met since the metric's last look, or, if that is more, of those that are judged
    since the last weight change: the first look reaches back to when the release was made.
    """
    before = next((m.until for m in release.status.metrics if m.name == name), 0.0)
    made = release.metadata.creation_timestamp
    since = max(before or (made.timestamp() if made else look.start), look.end - MAX_WINDOW)
    met = (look.canary.met + look.stable.met) / max(look.end - since, 1.0)
    judged = (look.canary.total + look.stable.total) / max(look.end - look.start, 1.0)
    return max(met, judged)


def _is_sparse(release: Release, problem: Problem, now: datetime) -> bool:
    """Tell whether a look may be without data because the weight is small and young."""
    status, analysis = release.status, release.spec.rules.analysis
    seconds = seconds_to_verdict(analysis.look.total_seconds(), status.looks.scrape)
    until = status.looks.since + analysis.warm_up.total_seconds() + SPARSE_LOOKS * seconds
    small = 0 < status.weight.wanted < ceiling_of(release)
    return small and now.timestamp() < until and problem.reason in SPARSE
