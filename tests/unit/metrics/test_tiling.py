"""Whatever the scrapes do, looks lose no request and count none twice.

A small world: pods that count requests at random moments, targets that are scraped at their own
moments, some scrapes slow (stored late, under the time at which they began), some missing; and
looks at random moments, each of which begins where the last one ended. The truth is what the
counters themselves say.
"""

from bisect import bisect_right
from dataclasses import dataclass

from hypothesis import event, given, settings
from hypothesis import strategies as st

from controller.metrics.evidence import Look
from tests.unit.metrics.given import INTERVAL, T0, a_pod, a_series, look_at, some_arms

BEGIN, END = -160, 120


def eighths(low: float, high: float) -> st.SearchStrategy[float]:
    """Draw moments that stay exact when T0 is added."""
    return st.integers(int(8 * low), int(8 * high)).map(lambda n: n / 8)


SCRAPES = int((END - BEGIN) / INTERVAL)


@dataclass(frozen=True)
class Scrape:
    at: float  # when it began, which is its samples' time
    stored: float


@dataclass(frozen=True)
class World:
    """One pod: the moments of its requests by code, and its target's scrapes."""

    name: str
    requests: dict[str, list[float]]
    scrapes: list[Scrape]

    def count(self, code: str, at: float) -> int:
        return bisect_right(self.requests[code], at)

    def counted(self, code: str, since: float, end: float) -> int:
        """Return the requests between the last scrapes at or before the two moments."""
        times = [scrape.at for scrape in self.scrapes]
        origin, last = (times[bisect_right(times, moment) - 1] for moment in (since, end))
        return self.count(code, last) - self.count(code, origin)

    def visible(self, code: str, now: float, since: float) -> list[tuple[float, float]]:
        """Return the samples that a query at `now` would bring; a counter begins with a request."""
        return [
            (scrape.at, self.count(code, scrape.at))
            for scrape in self.scrapes
            if scrape.stored <= now and scrape.at > since and self.count(code, scrape.at)
        ]


@st.composite
def worlds(draw: st.DrawFn, name: str) -> World:
    moments = eighths(-155, END)
    offset = draw(eighths(0, INTERVAL - 1))
    delays = draw(
        st.lists(st.sampled_from([0.01] * 6 + [4.0, None]), min_size=SCRAPES, max_size=SCRAPES)
    )
    scrapes = [
        Scrape(BEGIN + offset + i * INTERVAL, BEGIN + offset + i * INTERVAL + delay)
        for i, delay in enumerate(delays)
        if delay is not None or i < 5
        for delay in [delay or 0.01]
    ]
    good = sorted([BEGIN, *draw(st.lists(moments, max_size=40))])
    bad = sorted(draw(st.lists(moments, max_size=10)))
    return World(name, {"200": good, "500": bad}, scrapes)


@settings(max_examples=200, deadline=None)
@given(
    canary=st.tuples(worlds("c1"), worlds("c2")),
    stable=st.tuples(worlds("s1"), worlds("s2"), worlds("s3")),
    moments=st.lists(eighths(1, END), min_size=1, max_size=12).map(sorted),
    changed=eighths(-5, 5),
)
def test_looks_tile(
    canary: tuple[World, ...], stable: tuple[World, ...], moments: list[float], changed: float
) -> None:
    arms = some_arms([a_pod(p.name) for p in canary], [a_pod(p.name) for p in stable])
    looks: list[Look] = []
    since = 0.0
    for now in moments:
        series = [
            a_series(pod.name, points, code=code)
            for pod in (*canary, *stable)
            for code in pod.requests
            if (points := pod.visible(code, now, since - 150))
        ]
        look = look_at(series, arms=arms, since=since, changed=changed, now=now)
        if isinstance(look, Look):
            looks.append(look)
            since = look.end - T0
    event(f"{len(looks)} looks")
    for arm, pods in (("canary", canary), ("stable", stable)):
        seen = [getattr(look, arm) for look in looks]
        bad = sum(pod.counted("500", 0.0, since) for pod in pods)
        good = sum(pod.counted("200", 0.0, since) for pod in pods)
        assert sum(look.met_bad for look in seen) == bad
        assert sum(look.met for look in seen) == bad + good
        judged_bad, judged = _judged(pods, changed, since)
        assert sum(look.bad for look in seen) == judged_bad
        assert sum(look.total for look in seen) == judged


def _judged(pods: tuple[World, ...], changed: float, end: float) -> tuple[int, int]:
    """Return the requests behind the first scrape at or after the weight change."""
    bad = total = 0
    for pod in pods:
        times = [scrape.at for scrape in pod.scrapes]
        # The last scrape before the first window, where that is behind the change already.
        before = times[bisect_right(times, 0.0) - 1]
        origin = before if before >= changed else next(t for t in times if t >= changed)
        last = times[bisect_right(times, end) - 1]
        if last > origin:
            bad += pod.count("500", last) - pod.count("500", origin)
            total += sum(pod.count(code, last) - pod.count(code, origin) for code in pod.requests)
    return bad, total
