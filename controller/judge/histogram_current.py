"""The latencies at the present traffic weight: enough to tell whether the canary looks well there.

`HistogramAtWeight` is a value like `HistogramEvidence`, without the bets: it proves nothing and is
far smaller. It is started again at each confirmed change of weight.

Leaves out: what torn buckets owe. A few requests in a wrong bucket move no point estimate.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from controller.judge import packing
from controller.judge.counts import Refused
from controller.judge.histogram import NO_HISTORY
from controller.judge.latency import HistogramQuestion, ground, slower
from controller.judge.layouts import HistogramLook, count

HEADER = b"GL01"


@dataclass(frozen=True, slots=True)
class HistogramAtWeight:
    """Both versions' slow requests over the looks at one weight.

    `slow` are the canary's requests beyond each boundary that Safe asks at, `expected` how many of
    as many requests of stable were, look by look; `requests` are all of the canary's.
    """

    question: HistogramQuestion
    looks: int
    requests: float
    slow: tuple[float, ...]
    expected: tuple[float, ...]

    @classmethod
    def start(cls, question: HistogramQuestion) -> Self:
        """Return what is known before the first look at a weight."""
        found = ground(question.history)
        none = (0.0,) * (len(found.safe_at) if found is not None else 0)
        return cls(question, 0, 0.0, none, none)

    def after(self, look: HistogramLook) -> Self | Refused:
        """Return the same with one more look, or why the look is no evidence."""
        found = ground(self.question.history)
        if found is None:
            return NO_HISTORY
        counted = count(self.question.history.layout, look, ((), ()))
        if isinstance(counted, Refused):
            return counted
        requests = float(counted.canary.sum())
        scale = requests / float(counted.stable.sum())
        slow = np.array(self.slow) + slower(counted.canary)[found.safe_at]
        expected = np.array(self.expected) + scale * slower(counted.stable)[found.safe_at]
        return replace(
            self,
            looks=self.looks + 1,
            requests=self.requests + requests,
            slow=tuple(slow.tolist()),
            expected=tuple(expected.tolist()),
        )

    @property
    def within_margin(self) -> bool:
        """Whether the canary is within the safe margin at every boundary; False before any look."""
        if not self.looks:
            return False
        ratio, shift = self.question.safe_null
        line = ratio * np.array(self.expected) + shift * self.requests
        return bool((np.array(self.slow) <= line).all())

    @property
    def breach(self) -> str:
        """Which version is out of absolute bounds; empty, since a question has none."""
        return ""

    def pack(self) -> str:
        """Return all but the question as one line of text, at most 288 characters."""
        counted = (self.looks, self.requests, *self.slow, *self.expected)
        return packing.pack(HEADER, counted)

    @classmethod
    def unpack(cls, text: str, question: HistogramQuestion) -> Self:
        """Return what `pack` wrote for this question; raises ValueError if the text is not that."""
        fresh = cls.start(question)
        bounds = len(fresh.slow)
        looks, requests, *slow = packing.unpack(HEADER, text, 2 + 2 * bounds)
        return replace(
            fresh,
            looks=int(looks),
            requests=requests,
            slow=tuple(slow[:bounds]),
            expected=tuple(slow[bounds:]),
        )
