"""What reading Prometheus can come to: samples, a look, or no evidence and why. Values only.

All times are Prometheus time in seconds since 1970, all counts are requests.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Reason = Literal[
    "AnswerTooLarge",
    "ClocksDiffer",
    "MetricInvalid",
    "NoData",
    "NoPods",
    "NoReadyPods",
    "NoTraffic",
    "NotACounter",
    "NotANumber",
    "NotPrometheus",
    "PartialAnswer",
    "PodsNotScraped",
    "PrometheusRefused",
    "PrometheusUnreachable",
    "SeriesOfBothArms",
    "SeriesOfNoArm",
    "SeveralSeries",
    "TooEarly",
    "WarmingUp",
]


@dataclass(frozen=True, slots=True)
class NoEvidence:
    """Why nothing can be said, neither good nor bad: one word, and a sentence with the way out."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Series:
    """The raw samples of one series, oldest first; values may be NaN or infinite."""

    labels: Mapping[str, str]
    times: tuple[float, ...]
    values: tuple[float, ...]

    @property
    def name(self) -> str:
        """The series as people write it, for messages."""
        metric = self.labels.get("__name__", "")
        inner = ",".join(f'{k}="{v}"' for k, v in sorted(self.labels.items()) if k != "__name__")
        return f"{metric}{{{inner}}}"

    def numbers(self) -> "Series":
        """Return the series without samples that no counter has: NaN, infinite, negative.

        The next sample holds whatever a counter has counted meanwhile, so nothing is lost by it.
        """
        if all(0 <= value < math.inf for value in self.values):
            return self
        kept = [
            (time, value)
            for time, value in zip(self.times, self.values, strict=True)
            if 0 <= value < math.inf
        ]
        return Series(self.labels, tuple(t for t, _ in kept), tuple(v for _, v in kept))


@dataclass(frozen=True, slots=True)
class Samples:
    """The answer to one range selector, whole. Each series has at least one sample.

    `window` is the range that was asked for in seconds. `answered_at` is the server's own clock to
    the second, None if it did not say.
    """

    series: tuple[Series, ...]
    window: float
    answered_at: float | None


@dataclass(frozen=True, slots=True)
class ArmLook:
    """One arm's requests in one look. `total` includes `bad`, and `met` includes `met_bad`.

    `bad` and `total` are what is judged: pods past their warm-up, since the last weight change.
    `met` and `met_bad` are for people: all requests of the window, in warm-up too. `pods` are the
    bad and all judged requests of each pod, empty where the series are per Service. `buckets` are a
    histogram's judged requests up to each `le`; such a metric knows of no bad ones.
    """

    bad: float
    total: float
    met: float
    met_bad: float
    pods: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    buckets: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Look:
    """Both arms' requests between two moments. The next look begins at `end`.

    `before` is what stable counted in as long a time before `start`, of any pods; total 0 where
    that is not known.
    """

    start: float
    end: float
    canary: ArmLook
    stable: ArmLook
    before: ArmLook


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """What stable counted before a release: `counts` has the shape (windows, pods, parts).

    Windows are consecutive and equally long. A pod is "" where the series are per Service. A part
    is "good" or "bad", or the `le` of a histogram's bucket. Never empty.
    """

    pods: tuple[str, ...]
    parts: tuple[str, ...]
    counts: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PodValue:
    """One pod's gauge in one look: its mean, None without a sample past the pod's warm-up.

    `age` is how many seconds the pod has been ready at the look's end, 0 if it is not ready.
    `resources` is equal for equal requests and limits.
    """

    name: str
    value: float | None
    age: float
    resources: str


@dataclass(frozen=True, slots=True)
class GaugeReading:
    """A gauge of both arms' pods between two moments. The next look begins at `end`."""

    start: float
    end: float
    canary: tuple[PodValue, ...]
    stable: tuple[PodValue, ...]


@dataclass(frozen=True, slots=True, eq=False)
class GaugePast:
    """What a gauge showed of stable before a release: `values` has the shape (windows, pods).

    They are means, NaN where a pod has no sample. Windows are consecutive, `seconds` long, oldest
    first. Never empty.
    """

    pods: tuple[str, ...]
    values: NDArray[np.float64]
    seconds: float


# What reading a ReleaseMetric comes to, whatever its kind.
Answer = Look | GaugeReading | NoEvidence
