"""What the releases of the demo cost, and whether all went as it has to. Pure."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dev.load_figures import Second, Summary


@dataclass(frozen=True)
class Chapter:
    """One version that is let loose, and what has to become of it.

    `starts` is false if its canary cannot start, so that no request may meet it.
    """

    version: str
    words: str
    outcome: str
    starts: bool = True


@dataclass(frozen=True)
class Result:
    """What became of one version. Times are Unix time in seconds.

    `promoted` is when stable pods began to become of that version, None if they never did.
    """

    chapter: Chapter
    release: str
    outcome: str
    began: float
    ended: float
    promoted: float | None


@dataclass(frozen=True)
class Cost:
    """Requests that met the canary, of those bad because of it, and requests lost.

    A request counts as lost for the release that was the last to begin.
    """

    met: int
    hurt: int
    lost: int


def costs(results: Sequence[Result], seconds: Sequence[Second]) -> list[Cost]:
    """Return the cost of each release; `seconds` are those of the whole load.

    A version and its canary are told apart by time, so the second of a change counts as a whole.
    """
    bounds = [*(math.floor(result.began) for result in results), math.inf]
    return [
        _cost(result, [second for second in seconds if since <= second.second < until])
        for result, since, until in zip(results, bounds, bounds[1:], strict=False)
    ]


def _cost(result: Result, seconds: Sequence[Second]) -> Cost:
    end = math.inf if result.promoted is None else result.promoted
    version = result.chapter.version
    met = [s.versions[version] for s in seconds if version in s.versions and s.second < end]
    return Cost(
        met=sum(answers.requests for answers in met),
        hurt=sum(answers.hurt for answers in met),
        lost=sum(sum(second.lost.values()) for second in seconds),
    )


def failures(results: Sequence[Result], paid: Sequence[Cost], load: Summary) -> Iterator[str]:
    """Give all that went another way than it has to, as sentences; nothing if the demo passed."""
    for result, cost in zip(results, paid, strict=True):
        chapter = result.chapter
        if result.outcome != chapter.outcome:
            yield f"{result.release} ended as {result.outcome}, not as {chapter.outcome}"
        if cost.met and not chapter.starts:
            yield f"{cost.met} requests met {chapter.version}, which cannot even start"
        if chapter.starts and not cost.met:
            yield f"no request met the canary of {result.release}, so nothing is proven"
    if lost := sum(load.lost.values()):
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(load.lost.items()))
        yield f"{lost} of {load.sent} requests lost: {reasons}"


def warning(load: Summary) -> str:
    """Return what to hold against the figures, or nothing.

    Late requests are no failure: each is sent and counted all the same, and that a busy machine
    sends them late says nothing about Gander. What suffers is the evenness of the load.
    """
    if load.on_time:
        return ""
    return (
        f"{load.late} of {load.sent} requests were sent late, up to {load.late_max_ms:.0f} ms: the "
        "machine is too busy for an even load, so take the seconds with care; the counts hold"
    )
