"""Takes looks: asks Prometheus about both arms, lets the judge judge, hands the result to a pass.

Looks run on threads of their own, so a Prometheus that is slow or dead never delays an abort or a
rollback. A result counts only for the very state it was taken for: if the weight, the step or the
evidence has moved meanwhile, it is dropped and the next look covers its time.

Nothing is kept here but results on their way; the evidence itself is in the release's status.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import structlog

from controller.api.release import MetricRule, MetricStatus, Phase, Release
from controller.kube.errors import ApiError
from controller.metrics.arms import Arms
from controller.metrics.reader import (
    Answer,
    GaugePast,
    NoEvidence,
    Past,
    Prometheus,
    read_gauge,
    read_gauge_past,
    read_look,
    read_past,
)
from controller.reconcile.easing import PAST, ease, first_weight
from controller.reconcile.judging import judge_look
from controller.reconcile.prometheus import SecretError, UrlError
from controller.reconcile.world import Clock, utc_now
from controller.release.facts import Facts, Judged, Problem
from controller.telemetry import LOOK_SECONDS, LOOKS

log = structlog.get_logger()

TOO_EARLY_AGAIN = timedelta(seconds=1)
STUCK_AFTER = 120.0  # seconds in one look; each of its queries has a deadline of its own
BEFORE_USERS = frozenset({Phase.PENDING, Phase.STARTING, Phase.HOLDING})
Key = tuple[str, str]
Token = tuple[Any, ...]


class Observer:
    """Runs looks in the background.

    `look` takes one, of a release at a time, and returns None while there is no new sample: then it
    is tried again without a pass writing anything. `wake(namespace, name, seconds)` asks for a
    pass, at once when a result is there.
    """

    def __init__(
        self,
        *,
        workers: int,
        look: Callable[[Release, datetime], Judged | None],
        wake: Callable[[str, str, float], None],
        clock: Clock = utc_now,
    ) -> None:
        self._clock = clock
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="look")
        self._look = look
        self._wake = wake
        self._lock = threading.Lock()
        self._under_way: dict[Key, Token] = {}
        self._results: dict[Key, tuple[Token, Judged]] = {}
        self._early: dict[Key, tuple[Token, datetime]] = {}
        self._began: dict[Key, float] = {}

    def judged(self, facts: Facts, now: datetime) -> Judged | None:
        """Return the result of the look that is due, once; start that look if need be."""
        release = facts.release
        key = (release.metadata.namespace, release.metadata.name)
        if not _is_due(facts, now):
            return None
        token = _token(release)
        with self._lock:
            found = self._results.get(key)
            if found is not None and found[0] == token:
                # It stays until a status with it is stored: a write that fails must not lose it.
                return found[1]
            self._results.pop(key, None)
            waits = self._early.get(key)
            if self._under_way.get(key) == token or (
                waits and waits[0] == token and now < waits[1]
            ):
                return None
            self._early.pop(key, None)
            self._under_way[key] = token
        self._pool.submit(self._take, key, token, release)
        return None

    def again_at(self, release: Release) -> datetime | None:
        """Return when a look that came too early is to be tried again.

        A pass in between has to keep this moment: the queue keeps one planned pass a key only.
        """
        with self._lock:
            waits = self._early.get((release.metadata.namespace, release.metadata.name))
            return waits[1] if waits else None

    def forget(self, namespace: str, name: str) -> None:
        """Drop what is known of a release that needs no looks any more."""
        with self._lock:
            self._results.pop((namespace, name), None)
            self._under_way.pop((namespace, name), None)
            self._early.pop((namespace, name), None)

    def stuck(self) -> str | None:
        """Name a look that does not end; None while all is well."""
        now = time.monotonic()
        with self._lock:
            began = dict(self._began)
        for (namespace, name), since in began.items():
            if now - since > STUCK_AFTER:
                return f"the look at release {namespace}/{name} takes {now - since:.0f}s"
        return None

    def stop(self) -> None:
        """Begin no further look."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _take(self, key: Key, token: Token, release: Release) -> None:
        """Take one look; whatever happens, the release gets an answer."""
        now = self._clock()
        with self._lock:
            self._began[key] = time.monotonic()
        try:
            with LOOK_SECONDS.time():
                result = self._look(release, now)
        except UrlError as error:
            result = blind(release, Problem("PrometheusUrlInvalid", str(error)), now)
        except (ApiError, SecretError) as error:
            result = blind(release, Problem("SecretUnusable", str(error)), now)
        except Exception as error:
            # Not in its own words: nobody knows what they hold.
            log.exception("look failed", namespace=key[0], release=key[1])
            words = f"the look failed with {type(error).__name__}; the controller's log says where"
            result = blind(release, Problem("LookFailed", words), now)
        with self._lock:
            self._began.pop(key, None)
            if self._under_way.get(key) == token:
                del self._under_way[key]
            if result is None:
                self._early[key] = (token, self._clock() + TOO_EARLY_AGAIN)
            else:
                self._results[key] = (token, result)
        if result is None:
            self._wake(*key, TOO_EARLY_AGAIN.total_seconds())
            return
        LOOKS.labels(result.problem.reason if result.problem else "ok").inc()
        self._wake(*key, 0.0)


def _is_due(facts: Facts, now: datetime) -> bool:
    status = facts.release.status
    if status.step == 0 and status.phase in BEFORE_USERS:
        # Asked until it is answered without a problem; see controller.reconcile.rehearsal.
        asked = status.looks.next
        return asked is None or (bool(status.looks.problem) and now >= asked)
    if status.step == 0 or status.step_since is None or status.looks.next is None:
        return False
    if status.weight.confirmed != status.weight.wanted or now < status.looks.next:
        return False
    if status.phase is Phase.PROMOTING:
        return facts.deployment is not None and not facts.deployment.started_rolling
    return status.phase in (Phase.STEPPING, Phase.HOLDING)


def _token(release: Release) -> Token:
    """Identify the state that a look belongs to."""
    status = release.status
    ends = tuple(metric.until for metric in status.metrics)
    return release.metadata.uid, status.step, status.step_since, status.looks.next, ends


def blind(release: Release, problem: Problem | None, now: datetime) -> Judged:
    """Return the judgement of a look that saw nothing: everything stays as it was."""
    status = release.status
    return Judged(
        verdict=status.verdict or "Inconclusive",
        metrics=status.metrics,
        next=now + release.spec.rules.analysis.look,
        exposure=status.exposure,
        problem=problem,
    )


def take_look(release: Release, arms: Arms, prometheus: Prometheus, now: datetime) -> Judged | None:
    """Read every metric since its last look and judge all of them together.

    Before the release's first weight read what stable counted. None: no metric has a new sample
    yet.
    """
    matchers = release.spec.rules.analysis.prometheus.matchers

    def lately(rule: MetricRule) -> Past | NoEvidence:
        at = now.timestamp()
        return read_past(prometheus, rule.spec, arms, matchers, now=at, seconds=PAST)

    if release.status.weight.wanted == 0:
        return first_weight(release, arms, lately, blind(release, None, now), now)
    before = {metric.name: metric for metric in release.status.metrics}
    answers: dict[str, Answer] = {}
    for rule in release.spec.rules.metrics:
        last = next(reversed(answers.values()), None)
        # One that does not answer is not asked for the other metrics: others wait for this thread.
        away = isinstance(last, NoEvidence) and last.reason == "PrometheusUnreachable"
        answers[rule.name] = (
            last
            if away and last is not None
            else _read(release, rule, before.get(rule.name), arms, prometheus, now)
        )

    def past(rule: MetricRule) -> Past | GaugePast | None:
        return _past(release, rule, arms, prometheus, now)

    judged = judge_look(release, answers, past, now)
    return judged and ease(release, answers, judged, now)


def _read(
    release: Release,
    rule: MetricRule,
    before: MetricStatus | None,
    arms: Arms,
    prometheus: Prometheus,
    now: datetime,
) -> Answer:
    analysis = release.spec.rules.analysis
    read = read_look if rule.spec.gauge is None else read_gauge
    return read(
        prometheus,
        rule.spec,
        arms,
        analysis.prometheus.matchers,
        since=before.until if before and before.until else _began(release),
        warm_up=analysis.warm_up.total_seconds(),
        now=now.timestamp(),
        changed=release.status.looks.since,
    )


def _began(release: Release) -> float:
    """Return a moment before the canary's first request, so that none of them goes uncounted."""
    made = release.metadata.creation_timestamp
    return made.timestamp() if made else release.status.looks.since


def _past(
    release: Release, rule: MetricRule, arms: Arms, prometheus: Prometheus, now: datetime
) -> Past | GaugePast | None:
    """Return what stable showed before the canary; None where nothing is known."""
    analysis = release.spec.rules.analysis
    at, matchers = release.status.looks.since or now.timestamp(), analysis.prometheus.matchers
    found: Past | GaugePast | NoEvidence
    if rule.spec.gauge is None:
        found = read_past(prometheus, rule.spec, arms, matchers, now=at)
    else:
        warm_up = analysis.warm_up.total_seconds()
        found = read_gauge_past(prometheus, rule.spec, arms, matchers, now=at, warm_up=warm_up)
    return None if isinstance(found, NoEvidence) else found
