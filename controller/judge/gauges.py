"""Evidence from a gauge per pod, such as memory: whether the canary's pods lie above stable's.

Pods of one version differ, and a value that is high stays high for a while. So a hundred looks at
three pods are not three hundred observations, and no e-value from them would be fair. The rule
here is a threshold (gauge_rule.py): the canary's mean pod has to be further above stable's than
pods of one version differ and values wander, both learned from stable's history, and the pods have
to rank so high that chance seldom does it. Reasons, and what was measured: docs/judge/gauges.md.

Promises: `GaugeEvidence` is a value. `after` never raises. It packs into 1.5 KB at any time and
comes back unchanged. `beyond(alpha)` is true in at most about alpha of the releases that are no
worse, however often it is asked; approximately, since a history of minutes has to stand for the
release. Leaves out: an e-value, so the rule needs a part of falseRollback of its own.
"""

import math
from dataclasses import dataclass
from typing import Self

from controller.judge import gauge_chance, gauge_rule, packing
from controller.judge.counts import Refused
from controller.judge.gauge_history import Gap, GaugeHistory
from controller.judge.gauge_look import (
    REASONS,
    GaugeLook,
    GaugeQuestion,
    Measure,
    comparable,
    left_out,
)
from controller.judge.gauge_rule import Margin
from controller.judge.gauge_sums import MOST_CANARY, MOST_STABLE, STARTS, Kept, Since, Sums
from controller.judge.quantities import Bounds, Unit, amount, apart

# A difference matters beyond this share of the way from the fail margin to the safe margin. Two
# versions never need exactly the same memory, so a difference that is merely proven is no fault.
PRACTICAL = 0.5
HEADER = b"GG01"
MEASURES, UNITS = tuple(Measure), tuple(Unit)
SIZES = (10, 8, 7, 2 * len(REASONS), 4 * len(STARTS), 4 * MOST_CANARY, 4 * MOST_STABLE)


@dataclass(frozen=True, slots=True)
class GaugeEvidence:
    """The evidence of one gauge over some looks.

    All but `sums` is of the last look: how many pods were compared, how many left out for each of
    REASONS, and how much busier the canary's pods were.
    """

    question: GaugeQuestion
    sums: Sums
    canary_pods: int
    stable_pods: int
    canary_left_out: tuple[int, ...]
    stable_left_out: tuple[int, ...]
    busy: float

    @classmethod
    def start(cls, question: GaugeQuestion) -> Self:
        """Return the evidence before the first look."""
        nobody = (0,) * len(REASONS)
        return cls(question, Sums(), 0, 0, nobody, nobody, 1.0)

    def after(self, look: GaugeLook) -> Self | Refused:
        """Return the evidence with one more look, or why the look is no evidence."""
        question, last = self.question, self.sums.last_at
        found = comparable(question, look)
        if isinstance(found, Refused):
            return found
        if self.looks and look.at <= last:
            said = (
                f"evidence refused: the look at {look.at:.3f} s is not after that at {last:.3f} s"
            )
            return Refused("TimeNotRising", f"{said}; both have to come from one clock")
        sums = self.sums.after(
            look.at,
            found.canary,
            found.stable,
            seconds=question.history.seconds,
            memory=gauge_rule.MEMORY if question.measure is Measure.LEVEL else math.inf,
        )
        return type(self)(
            question,
            sums,
            len(found.canary),
            len(found.stable),
            found.canary_left_out,
            found.stable_left_out,
            found.busy,
        )

    @property
    def looks(self) -> int:
        """Looks that had data."""
        return self.sums.looks

    @property
    def advisory(self) -> str:
        """Why this gauge can only advise; empty if it may take a release back."""
        gap = self.question.history.gap
        if gap is not Gap.NONE or not self.looks:
            return gap.value
        canary, stable = (
            len(gauge_rule.ranked(pods, self.looks))
            for pods in (self.sums.canary, self.sums.stable)
        )
        ways, needed = gauge_chance.arrangements(canary, stable), math.ceil(1 / self.question.share)
        if ways < needed:
            return f"{_pods(canary)} against {stable} can rank in {ways} ways, {needed} are needed"
        return ""

    def beyond(self, alpha: float) -> bool:
        """Whether the canary is worse than the fail margin, wrong with probability `alpha` at most.

        False where the history says too little. Raises ValueError for a probability outside 0 to 1.
        """
        if self.question.history.gap is not Gap.NONE or not self.suspects(alpha):
            return False
        return gauge_rule.rank_above(self.question, self.sums) <= alpha

    def suspects(self, alpha: float) -> bool:
        """Whether the means alone say so, without ranks: worth a pause where `advisory` is set."""
        _check("alpha", alpha)
        return bool(gauge_rule.above(self.question, self.sums, alpha))

    def safe(self, beta: float) -> bool:
        """Whether the canary is within its safe margin, wrong with probability `beta` at most."""
        _check("beta", beta)
        if self.question.history.gap is not Gap.NONE:
            return False
        within = gauge_rule.under(self.question, self.sums, beta)
        return within and gauge_rule.rank_under(self.question, self.sums) <= beta

    @property
    def matters(self) -> bool:
        """Whether the canary is, since any start, so far above stable that a person would care."""
        fail, safe = (gauge_rule.fail_margin(self.question), gauge_rule.safe_margin(self.question))
        line = Margin(*(f + PRACTICAL * max(0.0, s - f) for f, s in zip(fail, safe, strict=True)))
        return any(
            gauge_rule.excess(self.question, self.sums, number, line) > 0
            for number, start in enumerate(STARTS)
            if self.looks >= start + (gauge_rule.SETTLED if start else 1)
        )

    @property
    def within_margin(self) -> bool:
        """Whether the values, chance aside, lie within the safe margin; False before any look."""
        margin = gauge_rule.safe_margin(self.question)
        return self.looks > 0 and gauge_rule.excess(self.question, self.sums, 0, margin) <= 0

    @property
    def breach(self) -> str:
        """Which version is out of absolute bounds; empty, since a question has none."""
        return ""

    def interval(self, confidence: float = 0.95) -> Bounds:
        """Return the canary's level over stable's, or what it gains on stable in an hour (growth).

        It may be read at any look. It speaks of the start that the evidence is strongest from.
        Raises ValueError for a confidence outside 0 to 1.
        """
        _check("confidence", confidence)
        return gauge_rule.interval(self.question, self.sums, self._shown, 1.0 - confidence)

    def explain(self, name: str, metrics: int) -> str:  # noqa: ARG002  # a gauge has its own share
        """Return both values, how far apart they are, how many pods, and what chance can do.

        As in "memory 412 MiB a pod against 305 MiB (x1.35, between x1.2 and x1.5), 3 pods against
        10, more than pods of one version differ".
        """
        if not self.looks:
            return f"{name}: no pods compared yet"
        pods = f"{_pods(self.canary_pods)} against {self.stable_pods}"
        parts = [f"{name} {self._compared}", pods]
        if self._shown:
            parts.append(f"since look {STARTS[self._shown]} of {self.looks}")
        if self.busy > 1.0:
            parts.append(f"the canary's divided by its x{self.busy:.3g} load")
        parts += left_out("the canary", self.canary_left_out)
        parts += left_out("stable", self.stable_left_out)
        return ", ".join([*parts, self._chance])

    def pack(self) -> str:
        """Return the evidence as one line of text, 1.5 KB at any time."""
        asked, history, sums = self.question, self.question.history, self.sums
        numbers: list[float] = [
            *(MEASURES.index(asked.measure), UNITS.index(asked.unit)),
            *(asked.safe_relative, asked.safe_absolute, asked.fail_relative, asked.fail_absolute),
            *(asked.follows_load, asked.warm_up, asked.horizon, asked.share),
            *(history.pods, history.looks, history.seconds, history.level, history.spread),
            *(history.within, history.phi, history.slope_spread),
            *(sums.looks, self.canary_pods, self.stable_pods),
            *(sums.first_at, sums.last_at, sums.covered, self.busy),
            *(*self.canary_left_out, *self.stable_left_out),
            *(number for since in sums.since for number in since),
        ]
        for pods, most in ((sums.canary, MOST_CANARY), (sums.stable, MOST_STABLE)):
            numbers += [number for pod in pods for number in pod]
            numbers += [0.0] * (4 * (most - len(pods)))
        return packing.pack(HEADER, numbers)

    @classmethod
    def unpack(cls, text: str) -> Self:
        """Return the evidence that `pack` wrote; raises ValueError if the text is not its own."""
        numbers = packing.unpack(HEADER, text, sum(SIZES))
        asked, learned, seen, out, since, canary, stable = packing.split(numbers, SIZES)
        looks, canary_pods, stable_pods, first_at, last_at, covered, busy = seen
        counts = tuple(int(count) for count in out)
        return cls(
            question=_question(asked, learned),
            sums=Sums(
                looks=int(looks),
                first_at=first_at,
                last_at=last_at,
                covered=covered,
                since=tuple(Since(*row) for row in packing.split(since, (4,) * len(STARTS))),
                canary=_kept(canary),
                stable=_kept(stable),
            ),
            canary_pods=int(canary_pods),
            stable_pods=int(stable_pods),
            canary_left_out=counts[: len(REASONS)],
            stable_left_out=counts[len(REASONS) :],
            busy=busy,
        )

    @property
    def _shown(self) -> int:
        """The start since which the canary is above its margin most clearly; else the beginning."""
        return gauge_rule.clearest(self.question, self.sums, self.question.share)

    @property
    def _compared(self) -> str:
        unit, since = self.question.unit, self.sums.since[self._shown]
        mine, theirs = amount(since.canary, unit), amount(since.stable, unit)
        low, high = self.interval()
        if self.question.measure is Measure.GROWTH:
            gain = gauge_rule.slope(self.sums, self._shown)
            gain *= gauge_rule.HOUR / self.sums.spacing if self.sums.spacing > 0 else 0.0
            known = math.isfinite(low) and math.isfinite(high)
            between = f", between {amount(low, unit)} and {amount(high, unit)}" if known else ""
            return f"gains {amount(gain, unit)} an hour{between} ({mine} a pod against {theirs})"
        if since.stable <= 0.0:
            return f"{mine} a pod against {theirs}"
        ratio = since.canary / since.stable
        return f"{mine} a pod against {theirs} ({apart(low, ratio, high)})"

    @property
    def _chance(self) -> str:
        if self.advisory:
            return f"advice only: {self.advisory}"
        if self.beyond(self.question.share) and self.matters:
            return "more than pods of one version differ"
        return "no more than pods of one version may differ"


def _check(field: str, probability: float) -> None:
    if not 0.0 <= probability < 1.0:
        raise ValueError(f"{field} is {probability}; write a probability such as 0.01")


def _pods(count: int) -> str:
    return f"{count} pod{'s' if count != 1 else ''}"


def _question(asked: tuple[float, ...], learned: tuple[float, ...]) -> GaugeQuestion:
    """Return the question from its numbers as packed."""
    pods, looks, *history = learned
    return GaugeQuestion(
        history=GaugeHistory(int(pods), int(looks), *history),
        measure=MEASURES[int(asked[0])],
        unit=UNITS[int(asked[1])],
        safe_relative=asked[2],
        safe_absolute=asked[3],
        fail_relative=asked[4],
        fail_absolute=asked[5],
        follows_load=bool(asked[6]),
        warm_up=asked[7],
        horizon=asked[8],
        share=asked[9],
    )


def _kept(numbers: tuple[float, ...]) -> tuple[Kept, ...]:
    """Return the pods of one arm from their numbers; a pod that was kept has at least one look."""
    rows = packing.split(numbers, (4,) * (len(numbers) // 4))
    return tuple(Kept(int(row[0]), int(row[1]), *row[2:]) for row in rows if row[1])
