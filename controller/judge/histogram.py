"""Evidence from latency histograms: what all looks together have shown of one metric.

Regressed is played with the bets of templates.py against "the canary is no slower": at every
boundary at least as many of its requests are faster. With a margin on shares it is played with
betting.py at a few boundaries instead. Safe is played downward at every boundary from the median
up, and all of them have to agree, so that a rare tail of the canary's own is not averaged away.

`HistogramEvidence` is a value. `after(look)` returns the evidence with one more look, or a
`Refused` that says what is wrong with the numbers; it never raises and lets no bad number in. Its
size does not depend on the number of looks. It packs into one line of text and comes back
unchanged.

Leaves out: what several metrics say together (verdict.py). Definitions and proofs:
docs/judge/latency.md.
"""

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from controller.judge import betting, packing, words
from controller.judge.betting import SAFE_STEPS, Floats, Null
from controller.judge.counts import Refused
from controller.judge.evidence import PRACTICAL
from controller.judge.latency import (
    HistogramQuestion,
    Past,
    asked,
    first_capital,
    ground,
    safe_growth,
    slower,
    worse_growth,
)
from controller.judge.layouts import HistogramLook, History, Layout, Owed, count
from controller.judge.quantiles import Quantile, beyond, compared, most_apart, quantiles

HEADER = b"GH01"
ASKED = (
    "safe_relative",
    "safe_absolute",
    "fail_relative",
    "fail_absolute",
    "fail_slower",
    "phi",
    "false_rollback",
    "false_promotion",
    "seconds",
)
PARTS = 8  # bounds, history, canary, expected, owed twice, worse, safe
HEAD = (1, PARTS, len(ASKED), 4)
NO_HISTORY = Refused(
    "NoHistory",
    "evidence refused: stable's history holds no requests, or no histogram that could be read; "
    "start the metric again once stable has had traffic",
)


@dataclass(frozen=True, slots=True)
class HistogramEvidence:
    """The evidence of one metric over some looks.

    `canary` is the canary's requests per bucket of the question's layout, over all looks;
    `expected` are as many requests, spread in each look as stable's were. `stable` is the number of
    stable's requests, `noise` the sum over looks of canary**2 / stable, from which follows how many
    requests `expected` is worth. `owed` is what torn buckets of both arms give back later. `worse`
    and `safe` are log capitals: of each bet, and of eight for each boundary that Safe may ask at.
    `asked` are those of them that both arms had in the first look, as the bits of a number.
    """

    question: HistogramQuestion
    looks: int
    canary: tuple[float, ...]
    expected: tuple[float, ...]
    stable: float
    noise: float
    asked: int
    owed: tuple[Owed, Owed]
    worse: tuple[float, ...]
    safe: tuple[float, ...]

    @classmethod
    def start(cls, question: HistogramQuestion) -> Self:
        """Return the evidence before the first look."""
        none = (0.0,) * len(question.history.counts)
        worse, safe = first_capital(question)
        return cls(question, 0, none, none, 0.0, 0.0, 0, ((), ()), worse, safe)

    @classmethod
    def again(cls, question: HistogramQuestion, log_e_regressed: float, log_e_safe: float) -> Self:
        """Return the evidence to go on from where the former one is lost.

        The two numbers are the last that were read from it. As for counts the game goes on with
        that capital, and with half a stake at most.
        """
        half = -math.log(2.0)
        fresh = cls.start(question)
        worse = tuple(stake + min(log_e_regressed, half) for stake in fresh.worse)
        return replace(fresh, worse=worse, safe=(min(log_e_safe, half),) * len(fresh.safe))

    def after(self, look: HistogramLook) -> Self | Refused:
        """Return the evidence with one more look, or why the look is no evidence."""
        question = self.question
        if not question.history.counts:
            return NO_HISTORY
        counted = count(question.history.layout, look, self.owed)
        if isinstance(counted, Refused):
            return counted
        past = Past(np.array(self.canary), np.array(self.expected), self.stable)
        worse = worse_growth(question, counted, past)
        if isinstance(worse, Refused):
            return worse
        requests, beside = float(counted.canary.sum()), float(counted.stable.sum())
        return type(self)(
            question=question,
            looks=self.looks + 1,
            canary=tuple((past.canary + counted.canary).tolist()),
            expected=tuple((past.expected + counted.stable * (requests / beside)).tolist()),
            stable=self.stable + beside,
            noise=self.noise + requests * requests / beside,
            asked=self.asked if self.looks else asked(question, counted),
            owed=counted.owed,
            worse=tuple((np.array(self.worse) + worse).tolist()),
            safe=tuple((np.array(self.safe) + safe_growth(question, counted, past)).tolist()),
        )

    @property
    def log_e_regressed(self) -> float:
        """Log e-value against "the canary is no slower than the fail margin"."""
        return betting.log_mean(self.worse)

    @property
    def log_e_without_one_pod(self) -> float:
        """The same number, since buckets are summed over pods."""
        return self.log_e_regressed

    @property
    def log_e_safe(self) -> float:
        """Log e-value against "at some boundary the canary is over the safe margin".

        The least of all boundaries' e-values, so at most that of one where the claim is true. All
        boundaries are those that both versions have; if none of them can be asked, none is refuted.
        """
        size = len(SAFE_STEPS)
        slots = range(len(self.safe) // size)
        played = [slot for slot in slots if self.asked >> slot & 1] or slots
        return min(betting.log_mean(self.safe[at * size : (at + 1) * size]) for at in played)

    @property
    def requests(self) -> float:
        """How many of the canary's requests were compared."""
        return math.fsum(self.canary)

    @property
    def matters(self) -> bool:
        """Whether at some boundary so many more requests are slower that a person would care.

        The line is the fail margin plus PRACTICAL of the way from there to the safe margin, as for
        counts.
        """
        if not self.looks:
            return False
        mine, theirs = self._shares_slower()
        shift = self.question.shift
        mine, theirs = mine[shift:], theirs[: len(theirs) - shift]
        fail, safe = _line(self.question.fail_null, theirs), _line(self.question.safe_null, theirs)
        return bool((mine > fail + PRACTICAL * np.maximum(safe - fail, 0.0)).any())

    @property
    def within_margin(self) -> bool:
        """Whether the canary is within the safe margin, chance aside; False before any look."""
        found = ground(self.question.history)
        if not self.looks or found is None:
            return False
        mine, theirs = (shares[found.safe_at] for shares in self._shares_slower())
        return bool((mine <= _line(self.question.safe_null, theirs)).all())

    @property
    def advisory(self) -> str:
        """Why the metric may only advise; empty, since it may decide."""
        return ""

    @property
    def breach(self) -> str:
        """Which version is out of absolute bounds; empty, since a question has none."""
        return ""

    def quantiles(
        self, confidence: float = 0.95
    ) -> tuple[tuple[Quantile, ...], tuple[Quantile, ...]]:
        """Return p50, p95 and p99 of canary and stable, with bands that hold at every look.

        All bands hold together with `confidence`. Stable's requests are weighted look by look like
        the canary's, so an incident that hits both arms counts the same in both. Empty before the
        first look.
        """
        found = ground(self.question.history)
        if not self.looks or found is None:
            return (), ()
        requests, each = self.requests, (1.0 + confidence) / 2.0
        worth = requests / self.question.phi, requests * requests / self.noise / self.question.phi
        return (
            quantiles(self.canary, found.edges, requests=worth[0], confidence=each),
            quantiles(self.expected, found.edges, requests=worth[1], confidence=each),
        )

    def explain(self, name: str, metrics: int) -> str:
        """Return a quantile of both arms, the canary's requests, and what chance has to do with it.

        As in "latency p99 812 ms against 410 ms (at least 250 ms against 250 ms to 500 ms), 4.2 %
        against 1 % over 500 ms, 3,012 requests, would be chance once in 12,000 releases". Named are
        the boundary at which the arms are most apart, and a quantile near it if there is one.
        """
        found = ground(self.question.history)
        if not self.looks or found is None:
            return f"{name}: no requests compared yet"
        requests, unit = self.requests, self.question.seconds
        mine, theirs = self._shares_slower()
        at = most_apart(mine, theirs, requests=requests)
        shares = float(mine[at]), float(theirs[at])
        slow = beyond(*shares, float(found.edges[at]), unit=unit)
        quantile = compared(*self.quantiles(), shares=shares, requests=requests, unit=unit)
        said = (quantile, slow, f"{requests:,.0f} requests", self._chance(metrics))
        return f"{name} {', '.join(filter(None, said))}"

    def pack(self) -> str:
        """Return the evidence as one line of text, at most 3 KB at any time."""
        history = self.question.history
        schema, bounds = history.layout.schema, history.layout.bounds
        parts = (
            bounds if schema is None else bounds[:1],  # native ones are consecutive
            history.counts,
            self.canary,
            self.expected,
            *([number for entry in arm for number in entry] for arm in self.owed),
            self.worse,
            self.safe,
        )
        kind = math.nan if schema is None else float(schema)
        lengths = (float(len(part)) for part in parts)
        told = (getattr(self.question, field) for field in ASKED)
        seen = (float(self.looks), self.stable, self.noise, float(self.asked))
        head = (kind, *lengths, *told, *seen)
        return packing.pack(HEADER, (*head, *(number for part in parts for number in part)))

    @classmethod
    def unpack(cls, text: str) -> Self:
        """Return the evidence that `pack` wrote; raises ValueError if the text is not its own."""
        count = max(0, (len(text.rstrip("=")) * 3 // 4 - 8) // 8)
        numbers = packing.unpack(HEADER, text, count)
        kind, lengths, told, seen = packing.split(numbers, HEAD)
        sizes = [int(length) for length in lengths]
        if len(numbers) < sum(HEAD) or len(numbers) != sum(HEAD) + sum(sizes):
            raise ValueError(f"packed evidence has {len(numbers)} numbers, not those that it names")
        bounds, counts, canary, expected, *owed, worse, safe = packing.split(
            numbers[sum(HEAD) :], sizes
        )
        schema = None if math.isnan(kind[0]) else int(kind[0])
        if schema is not None:
            bounds = tuple(bounds[0] + k for k in range(len(counts) - 1))
        mine, theirs = (tuple(zip(map(int, arm[::2]), arm[1::2], strict=True)) for arm in owed)
        return cls(
            question=HistogramQuestion(History(Layout(schema, bounds), counts), *told),
            looks=int(seen[0]),
            canary=canary,
            expected=expected,
            stable=seen[1],
            noise=seen[2],
            asked=int(seen[3]),
            owed=(mine, theirs),
            worse=worse,
            safe=safe,
        )

    def _shares_slower(self) -> tuple[Floats, Floats]:
        """Return the share of both arms' requests beyond each boundary."""
        requests = self.requests
        return slower(np.array(self.canary)) / requests, slower(np.array(self.expected)) / requests

    def _chance(self, metrics: int) -> str:
        worse, safe = self.log_e_regressed - math.log(metrics), self.log_e_safe
        if self.matters and worse >= math.log(2.0):
            return f"would be chance {words.once_in(worse)}"
        if safe >= math.log(2.0):
            margin = words.margin(self.question.safe_relative, self.question.safe_absolute)
            return (
                f"a version with slow requests over the margin of {margin} would look as good "
                f"{words.once_in(safe)}"
            )
        return "too few to tell"


def _line(null: Null, share: Floats) -> Floats:
    return null.ratio * share + null.shift
