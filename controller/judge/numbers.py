"""Evidence from one number per arm, whatever the query: whether the canary's is beyond stable's.

Each look gives a difference. Differences in a row resemble each other, so they are averaged over
blocks long enough for that to fade, and blocks are tested: by Student's t as an e-process (the
scale-invariant Gaussian mixture of Lai, 1976, in the form of Lindon, Ham, Tingley and Bojinov,
2022), or by their signs where values have no variance to speak of.

Promises: `NumberEvidence` is a value. `after` never raises. It packs into 0.3 KB at any time and
comes back unchanged. Its e-values may be looked at at any time. Leaves out: how pods differ. One
number says nothing about that, so two equal versions on unequal pods look different for good; the
evidence is advice, unless the question insists. Formulas and reasons: docs/judge/numbers.md.
"""

import math
from dataclasses import dataclass, replace
from typing import Self

from controller.judge import number_blocks, packing, words
from controller.judge.counts import Refused
from controller.judge.number_blocks import SHORTEST, Blocks
from controller.judge.quantities import (
    MOST_VALUE,
    Bounds,
    Unit,
    amount,
    apart,
    check_margins,
)

# A difference matters beyond this share of the way from the fail margin to the safe margin.
PRACTICAL = 0.5
HEADER = b"GN01"
UNITS = tuple(Unit)
SIZES = (9, 2, 5, 5)


@dataclass(frozen=True, slots=True)
class NumberQuestion:
    """What is asked of a number; fixed for a release.

    A canary is safe while its number is at most stable's times 1 + `safe_relative` plus
    `safe_absolute`, and worse when it is above stable's times 1 + `fail_relative` plus
    `fail_absolute`. With `lower_is_worse` it is safe while at least stable's over
    1 + `safe_relative` minus `safe_absolute`, and so on. `block` is in looks (`block_looks`).
    `robust` tests signs instead of means. `insist` lets the evidence count as more than advice.

    Raises ValueError for a margin under 0 or from 1000 (relative) or 1e18 (absolute) up, and for a
    block outside 1 to 1000.
    """

    safe_relative: float = 0.25
    safe_absolute: float = 0.0
    fail_relative: float = 0.0
    fail_absolute: float = 0.0
    lower_is_worse: bool = False
    block: int = SHORTEST
    robust: bool = False
    insist: bool = False
    unit: Unit = Unit.NONE

    def __post_init__(self) -> None:
        check_margins(
            safe_relative=self.safe_relative,
            safe_absolute=self.safe_absolute,
            fail_relative=self.fail_relative,
            fail_absolute=self.fail_absolute,
        )
        if not 1 <= self.block <= 1000:
            raise ValueError(f"block is {self.block}; write a number of looks, such as 20")

    def line(self, way: float) -> tuple[float, float, float]:
        """Return (x, y, z): x canary + y stable + z is above 0 beyond a margin.

        The margin lies `way` from the fail margin (0) to the safe one (1).
        """
        relative = self.fail_relative + way * (self.safe_relative - self.fail_relative)
        absolute = self.fail_absolute + way * (self.safe_absolute - self.fail_absolute)
        if self.lower_is_worse:
            return -1.0, 1.0 / (1.0 + relative), -absolute
        return 1.0, -1.0 - relative, -absolute


@dataclass(frozen=True, slots=True)
class NumberLook:
    """The number of each arm at one moment; None or NaN where the query returned nothing."""

    canary: float | None
    stable: float | None


@dataclass(frozen=True, slots=True)
class NumberEvidence:
    """The evidence of one number per arm over some looks.

    `stakes` are the logs of the capital that the two e-values began with, `canary` and `stable`
    sums over the looks of the block that is not full yet. `bad` and `good` count full blocks beyond
    the fail margin and within the safe margin.
    """

    question: NumberQuestion
    stakes: tuple[float, float]
    looks: int
    canary: float
    stable: float
    bad: int
    good: int
    full: Blocks

    @classmethod
    def start(cls, question: NumberQuestion) -> Self:
        """Return the evidence before the first look."""
        return cls(question, (0.0, 0.0), 0, 0.0, 0.0, 0, 0, Blocks())

    @classmethod
    def again(cls, question: NumberQuestion, log_e_regressed: float, log_e_safe: float) -> Self:
        """Return the evidence to go on from where the former one is lost: with its capital.

        Never with more than half a stake: where the two numbers are wrong as well, one loss adds at
        most half of falseRollback and of falsePromotion.
        """
        half = -math.log(2.0)
        kept = min(log_e_regressed, half), min(log_e_safe, half)
        return replace(cls.start(question), stakes=kept)

    def after(self, look: NumberLook) -> Self | Refused:
        """Return the evidence with one more look, or why the look is no evidence."""
        pair = _pair(self.question, look)
        if isinstance(pair, Refused):
            return pair
        looks, size = self.looks + 1, self.question.block
        canary, stable = self.canary + pair[0], self.stable + pair[1]
        if looks % size:
            return replace(self, looks=looks, canary=canary, stable=stable)
        mean, beside = canary / size, stable / size
        (x, y, z), (u, v, w) = self.question.line(0.0), self.question.line(1.0)
        return replace(
            self,
            looks=looks,
            canary=0.0,
            stable=0.0,
            bad=self.bad + (x * mean + y * beside + z > 0.0),
            good=self.good + (u * mean + v * beside + w < 0.0),
            full=self.full.after(mean, beside, looks // size),
        )

    @property
    def blocks(self) -> int:
        """Blocks that are full."""
        return self.looks // self.question.block

    @property
    def log_e_regressed(self) -> float:
        """Log e-value against "the canary is no worse than the fail margin"."""
        if self.question.robust:
            return self.stakes[0] + number_blocks.log_signs(self.bad, self.blocks)
        mean, squares = self.full.along(*self.question.line(0.0))
        return self.stakes[0] + number_blocks.log_student(mean, squares, self.blocks)

    @property
    def log_e_without_one_pod(self) -> float:
        """The same number, since pods are unknown."""
        return self.log_e_regressed

    @property
    def log_e_safe(self) -> float:
        """Log e-value against "the canary is worse than the safe margin"."""
        if self.question.robust:
            return self.stakes[1] + number_blocks.log_signs(self.good, self.blocks)
        mean, squares = self.full.along(*self.question.line(1.0))
        return self.stakes[1] + number_blocks.log_student(-mean, squares, self.blocks)

    @property
    def advisory(self) -> str:
        """Why this number can only advise; empty if it may take a release back."""
        if self.blocks > 1 and not self.question.robust:
            squares = [self.full.along(*self.question.line(way))[1] for way in (0.0, 1.0)]
            if min(squares) <= 0.0:
                return "the numbers never vary, so nothing says what is normal"
        if not self.question.insist:
            return "one number an arm does not show how pods of one version differ"
        return ""

    @property
    def means(self) -> tuple[float, float]:
        """The canary's and stable's mean over all looks; 0 before the first."""
        looks, full = max(1, self.looks), self.blocks * self.question.block
        mine = self.full.canary * (full / looks) + self.canary / looks
        return mine, self.full.stable * (full / looks) + self.stable / looks

    @property
    def matters(self) -> bool:
        """Whether the canary is so far beyond stable that a person would care."""
        return self._excess(PRACTICAL) > 0.0

    @property
    def within_margin(self) -> bool:
        """Whether the numbers, chance aside, lie within the safe margin; False before any look."""
        return self.looks > 0 and self._excess(1.0) <= 0.0

    @property
    def breach(self) -> str:
        """Which version is out of absolute bounds; empty, since a question has none."""
        return ""

    def interval(self, confidence: float = 0.95) -> Bounds:
        """Return the time-uniform interval of the canary's number over stable's.

        Infinite while nothing bounds it. Raises ValueError for a confidence outside 0 to 1.
        """
        if not 0.0 < confidence < 1.0:
            raise ValueError(f"confidence is {confidence}; it must lie between 0 and 1")
        full, blocks = self.full, self.blocks
        most = number_blocks.most_squared(blocks, 1.0 - confidence) / max(1, blocks)
        # Ratios r with (canary - r stable)^2 at most `most` times its sum of squares (Fieller).
        first = full.stable**2 - most * full.stable_squares
        if not first > 0.0:
            return Bounds(-math.inf, math.inf)
        middle = full.canary * full.stable - most * full.products
        last = full.canary**2 - most * full.canary_squares
        root = math.sqrt(max(0.0, middle * middle - first * last))
        return Bounds((middle - root) / first, (middle + root) / first)

    def explain(self, name: str, metrics: int) -> str:
        """Return both numbers, how far apart they are, and what chance has to do with it.

        As in "latency 412 ms against 305 ms (x1.35, between x1.2 and x1.5), 9 blocks of 20 looks,
        would be chance once in 120 releases".
        """
        if not self.looks:
            return f"{name}: no numbers compared yet"
        (mine, theirs), unit = self.means, self.question.unit
        low, high = self.interval()
        ratio = f" ({apart(max(0.0, low), mine / theirs, high)})" if theirs > 0 <= mine else ""
        parts = [f"{name} {amount(mine, unit)} against {amount(theirs, unit)}{ratio}"]
        blocks = f"{self.blocks} block{'s' if self.blocks != 1 else ''}"
        parts.append(f"{blocks} of {self.question.block} looks")
        parts.append(self._chance(metrics))
        parts += [f"advice only: {self.advisory}"] if self.advisory else []
        return ", ".join(parts)

    def pack(self) -> str:
        """Return the evidence as one line of text, 0.3 KB at any time."""
        asked = self.question
        numbers = (
            *(asked.safe_relative, asked.safe_absolute, asked.fail_relative, asked.fail_absolute),
            *(asked.lower_is_worse, asked.block, asked.robust, asked.insist),
            *(UNITS.index(asked.unit), *self.stakes),
            *(self.looks, self.canary, self.stable, self.bad, self.good, *self.full),
        )
        return packing.pack(HEADER, numbers)

    @classmethod
    def unpack(cls, text: str) -> Self:
        """Return the evidence that `pack` wrote; raises ValueError if the text is not its own."""
        numbers = packing.unpack(HEADER, text, sum(SIZES))
        asked, stakes, seen, full = packing.split(numbers, SIZES)
        looks, canary, stable, bad, good = seen
        question = NumberQuestion(
            safe_relative=asked[0],
            safe_absolute=asked[1],
            fail_relative=asked[2],
            fail_absolute=asked[3],
            lower_is_worse=bool(asked[4]),
            block=int(asked[5]),
            robust=bool(asked[6]),
            insist=bool(asked[7]),
            unit=UNITS[int(asked[8])],
        )
        return cls(
            question,
            (stakes[0], stakes[1]),
            int(looks),
            canary,
            stable,
            int(bad),
            int(good),
            Blocks(*full),
        )

    def _excess(self, way: float) -> float:
        x, y, z = self.question.line(way)
        mine, theirs = self.means
        return x * mine + y * theirs + z if self.looks else 0.0

    def _chance(self, metrics: int) -> str:
        worse, safe = self.log_e_regressed - math.log(metrics), self.log_e_safe
        if self.matters and worse >= math.log(2.0):
            return f"would be chance {words.once_in(worse)}"
        if safe >= math.log(2.0):
            return f"a version over the margin would look as good {words.once_in(safe)}"
        return "too little to tell"


def _pair(question: NumberQuestion, look: NumberLook) -> tuple[float, float] | Refused:
    """Return both numbers as floats, or why they are no evidence."""
    pair = []
    for arm, value in (("the canary", look.canary), ("stable", look.stable)):
        if value is None or math.isnan(value):
            said = f"evidence refused: the query returned nothing for {arm}"
            return Refused("NoData", f"{said}; the next look may have it")
        said = f"evidence refused: the number of {arm} is {value:g}"
        if math.isinf(value):
            return Refused("NotANumber", f"{said}; check the query for a division by zero")
        if abs(value) > MOST_VALUE:
            return Refused("ValueTooLarge", f"{said}, beyond {MOST_VALUE:g}; check the query")
        pair.append(float(value))
    if pair[1] < 0.0 and max(question.safe_relative, question.fail_relative) > 0.0:
        said = f"evidence refused: stable's number is {pair[1]:g}, and no times of it is a margin"
        return Refused("NegativeStable", f"{said}; set relative to 0 and use absolute")
    return pair[0], pair[1]
