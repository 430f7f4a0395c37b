"""What became of the requests of a load, per second and in all. Pure.

A request belongs to the second in which it was due. Its latency counts from then as well, so a
stalled server cannot hide by keeping requests from being sent. Times are Unix time in seconds,
latencies milliseconds.
"""

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

# The service names its version in each response of its own.
VERSION_HEADER: Final = "x-shop-version"
# A request sent later than this after it was due says more about the sender than about the server.
LATE_MS: Final = 50.0
LATE_SHARE: Final = 0.01


class Began(msgspec.Struct, frozen=True, tag="began"):
    """The load has started; the first request is due at `started`."""

    started: float
    rate: float


class Answers(msgspec.Struct, frozen=True):
    """What one version of the service answered.

    `bad` are answers other than 200; `hurt` are those among them that a good version would not
    have given. `first` and `last` are when the first and the last of its requests were sent.
    """

    requests: int
    bad: int
    hurt: int
    first: float
    last: float
    p50_ms: float
    p99_ms: float


class Second(msgspec.Struct, frozen=True, tag="second"):
    """The requests due in one second, all of which have come to an end.

    `lost` counts by reason those that no version answered. `late_ms` is the worst delay between
    due and sent.
    """

    second: int
    sent: int
    lost: dict[str, int]
    versions: dict[str, Answers]
    late_ms: float


class Summary(msgspec.Struct, frozen=True, tag="summary"):
    """All requests of a load. `on_time` is false if its figures are not to be trusted.

    `late` counts requests sent over 50 ms after they were due.
    """

    started: float
    ended: float
    rate: float
    sent: int
    lost: dict[str, int]
    versions: dict[str, Answers]
    late: int
    late_max_ms: float
    on_time: bool


Figures = Began | Second | Summary


@dataclass(frozen=True)
class Outcome:
    """The end of one request: when it was due, sent and over, and who answered what.

    `version` is None if no version answered; `lost` then says why. `expected` is whether a good
    version would have answered 200.
    """

    due: float
    sent: float
    ended: float
    version: str | None
    status: int | None
    lost: str | None
    expected: bool = True


def answered(version: str | None, status: int) -> tuple[str | None, str | None]:
    """Return the version that answered, or else why the request counts as lost.

    A response without a version is the gateway's own.
    """
    return (version, None) if version else (None, f"gateway answered {status}")


@dataclass
class _Arm:
    """Answers of one version, being counted."""

    first: float
    last: float
    bad: int = 0
    hurt: int = 0
    latencies: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, outcome: Outcome) -> None:
        self.first = min(self.first, outcome.sent)
        self.last = max(self.last, outcome.sent)
        bad = outcome.status != 200
        self.bad += bad
        self.hurt += bad and outcome.expected
        self.latencies.append((outcome.ended - outcome.due) * 1000)

    def answers(self) -> Answers:
        return Answers(
            requests=len(self.latencies),
            bad=self.bad,
            hurt=self.hurt,
            first=round(self.first, 3),
            last=round(self.last, 3),
            p50_ms=percentile(self.latencies, 50),
            p99_ms=percentile(self.latencies, 99),
        )


class Tally:
    """Counts outcomes as they come, in any order."""

    def __init__(self) -> None:
        self._arms: dict[str, _Arm] = {}
        self._lost: Counter[str] = Counter()
        self._sent = 0
        self._late = 0
        self._late_max_ms = 0.0

    def add(self, outcome: Outcome) -> None:
        """Count one request."""
        self._sent += 1
        late_ms = (outcome.sent - outcome.due) * 1000
        self._late += late_ms > LATE_MS
        self._late_max_ms = max(self._late_max_ms, late_ms)
        if outcome.version is None:
            self._lost[outcome.lost or "unknown"] += 1
            return
        arm = self._arms.setdefault(outcome.version, _Arm(outcome.sent, outcome.sent))
        arm.add(outcome)

    def second(self, number: int) -> Second:
        """Return what was counted as the second `number`."""
        return Second(
            second=number,
            sent=self._sent,
            lost=dict(self._lost),
            versions={name: arm.answers() for name, arm in sorted(self._arms.items())},
            late_ms=round(self._late_max_ms, 1),
        )

    def summary(self, *, started: float, ended: float, rate: float) -> Summary:
        """Return what was counted as a whole load."""
        return Summary(
            started=round(started, 3),
            ended=round(ended, 3),
            rate=rate,
            sent=self._sent,
            lost=dict(self._lost),
            versions={name: arm.answers() for name, arm in sorted(self._arms.items())},
            late=self._late,
            late_max_ms=round(self._late_max_ms, 1),
            on_time=self._late <= LATE_SHARE * self._sent,
        )


class Seconds:
    """Counts outcomes by second, and gives each second away once all its requests have ended."""

    def __init__(self) -> None:
        self._due: Counter[int] = Counter()
        self._ended: Counter[int] = Counter()
        self._tallies: dict[int, Tally] = {}

    def expect(self, due: float) -> None:
        """Say that a request is due; seconds are expected in their order."""
        self._due[int(due)] += 1

    def add(self, outcome: Outcome) -> None:
        """Count the end of an expected request."""
        second = int(outcome.due)
        self._ended[second] += 1
        self._tallies.setdefault(second, Tally()).add(outcome)

    def complete(self, before: int) -> Iterable[Second]:
        """Give away the leading seconds below `before` that wait for no request any more."""
        for second in sorted(self._due):
            if second >= before or self._ended[second] < self._due[second]:
                return
            yield self._tallies.pop(second).second(second)
            del self._due[second], self._ended[second]


def percentile(values: Iterable[float], percent: float) -> float:
    """Return the smallest value that `percent` of the values do not exceed, to 0.1; 0 of none.

    The nearest-rank definition: rank ceil(percent/100 * n).
    """
    ordered = sorted(values)
    if not ordered:
        return 0.0
    rank = -(-len(ordered) * percent // 100)
    return round(ordered[max(int(rank), 1) - 1], 1)
