"""Evidence from counts: what all looks together have shown of one metric.

`CountsEvidence` is a value. `after(look)` returns the evidence with one more look, or a `Refused`
that says what is wrong with the numbers; it never raises and lets no bad number in. Its size does
not depend on the number of looks. It packs into one line of text and comes back unchanged.

Leaves out: what several metrics say together (verdict.py).
"""

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from controller.judge import betting, packing, words
from controller.judge.betting import SAFE_STEPS, WORSE_ODDS, Floats, Null, Tally
from controller.judge.counts import Arm, CountsLook, CountsQuestion, Refused, refusal
from controller.judge.interval import STAKES, Interval, Sums, interval

# A difference matters beyond this share of the way from the fail margin to the safe margin.
PRACTICAL = 0.1
HEADER = b"GC01"
SIZES = (6, 6, len(WORSE_ODDS), len(SAFE_STEPS), *3 * (len(STAKES),))


@dataclass(frozen=True, slots=True)
class CountsEvidence:
    """The evidence of one metric over some looks.

    `canary` and `stable` are cumulative. `expected_bad` is how many of the canary's requests would
    have been bad at the rate that stable had in the same look. `worse` and `safe` are the log
    capitals of the bets in betting.py, `sums` is what interval.py keeps.
    """

    question: CountsQuestion
    looks: int
    canary: Arm
    stable: Arm
    expected_bad: float
    worse: tuple[float, ...]
    safe: tuple[float, ...]
    sums: Sums

    @classmethod
    def start(cls, question: CountsQuestion) -> Self:
        """Return the evidence before the first look."""
        none = Arm(0.0, 0.0)
        worse, safe = (0.0,) * len(WORSE_ODDS), (0.0,) * len(SAFE_STEPS)
        return cls(question, 0, none, none, 0.0, worse, safe, Sums.zero())

    @classmethod
    def again(cls, question: CountsQuestion, log_e_regressed: float, log_e_safe: float) -> Self:
        """Return the evidence to go on from where the former one is lost.

        The two numbers are the last that were read from it. The game goes on with that capital, so
        falseRollback and falsePromotion hold as if nothing had been lost. It is never more than
        half a stake: where the two are wrong as well, one loss adds at most half of each bound.
        """
        half = -math.log(2.0)
        fresh = cls.start(question)
        worse = (min(log_e_regressed, half),) * len(fresh.worse)
        return replace(fresh, worse=worse, safe=(min(log_e_safe, half),) * len(fresh.safe))

    def after(self, look: CountsLook) -> Self | Refused:
        """Return the evidence with one more look, or why the look is no evidence."""
        refused = refusal("the canary", look.canary) or refusal("stable", look.stable)
        if refused:
            return refused
        new, question, prior = look.tally, self.question, self.question.prior
        canary, stable = self.canary, self.stable
        past = Tally(canary.bad, canary.total, stable.bad + prior.bad, stable.total + prior.total)
        expected = look.canary.total * (look.stable.bad / look.stable.total)
        return type(self)(
            question=question,
            looks=self.looks + 1,
            canary=_sum(canary, look.canary),
            stable=_sum(stable, look.stable),
            expected_bad=float(self.expected_bad + expected),
            worse=_grown(self.worse, betting.worse_growth(new, question.fail_null, past)),
            safe=_grown(self.safe, betting.safe_growth(new, question.safe_null, past)),
            sums=self.sums.after(new, question.prior_rate),
        )

    @property
    def log_e_regressed(self) -> float:
        """Log e-value against "the canary is no worse than the fail margin"."""
        return betting.log_mean(self.worse)

    @property
    def log_e_safe(self) -> float:
        """Log e-value against "the canary is worse than the safe margin"."""
        return betting.log_mean(self.safe)

    @property
    def canary_rate(self) -> float:
        """The canary's share of bad requests; 0 before the first look."""
        return self.canary.bad / self.canary.total if self.looks else 0.0

    @property
    def stable_rate(self) -> float:
        """Stable's share of bad requests, each look counted by the canary's requests in it.

        So an incident that hits both arms weighs the same in both rates, at any traffic weight.
        """
        return self.expected_bad / self.canary.total if self.looks else 0.0

    @property
    def matters(self) -> bool:
        """Whether the canary's rate is so far above stable's that a person would care.

        The line is the fail margin plus PRACTICAL of the way from there to the safe margin.
        """
        fail = _line(self.question.fail_null, self.stable_rate)
        safe = _line(self.question.safe_null, self.stable_rate)
        return self.canary_rate > fail + PRACTICAL * max(0.0, safe - fail)

    @property
    def within_margin(self) -> bool:
        """Whether the canary's rate is at most the safe margin; False before the first look."""
        return self.looks > 0 and self.canary_rate <= _line(
            self.question.safe_null, self.stable_rate
        )

    def interval(self, confidence: float = 0.95) -> Interval:
        """Return the time-uniform intervals of the rates' ratio and difference."""
        return interval(
            self.sums,
            self.question.prior_rate,
            canary_rate=self.canary_rate,
            stable_rate=self.stable_rate,
            confidence=confidence,
        )

    def explain(self, name: str, metrics: int) -> str:
        """Return both rates, their ratio, the canary's requests, and what chance has to do with it.

        As in "errors 4.9 % against 1.1 % (x4.4, between x2.9 and x6.8), 3,012 requests, would be
        chance once in 12,000 releases".
        """
        if not self.looks:
            return f"{name}: no requests compared yet"
        found = words.comparison(name, self.canary_rate, self.stable_rate, self.interval())
        return f"{found}, {self.canary.total:,.0f} requests, {self._chance(metrics)}"

    def pack(self) -> str:
        """Return the evidence as one line of text, 1.3 KB at any time."""
        question, canary, stable = self.question, self.canary, self.stable
        asked = (
            question.safe_relative,
            question.safe_absolute,
            question.fail_relative,
            question.fail_absolute,
            question.prior_bad,
            question.prior_total,
        )
        seen = (canary.bad, canary.total, stable.bad, stable.total)
        numbers = (*asked, self.looks, *seen, self.expected_bad, *self.worse, *self.safe)
        return packing.pack(HEADER, (*numbers, *(n for row in self.sums for n in row)))

    @classmethod
    def unpack(cls, text: str) -> Self:
        """Return the evidence that `pack` wrote; raises ValueError if the text is not its own."""
        numbers = packing.unpack(HEADER, text, sum(SIZES))
        asked, seen, worse, safe, *sums = packing.split(numbers, SIZES)
        looks, canary_bad, canary, stable_bad, stable, expected_bad = seen
        return cls(
            question=CountsQuestion(*asked),
            looks=int(looks),
            canary=Arm(canary_bad, canary),
            stable=Arm(stable_bad, stable),
            expected_bad=expected_bad,
            worse=worse,
            safe=safe,
            sums=Sums(*sums),
        )

    def _chance(self, metrics: int) -> str:
        worse, safe = self.log_e_regressed - math.log(metrics), self.log_e_safe
        if self.matters and worse >= math.log(2.0):
            return f"would be chance {words.once_in(worse)}"
        if safe >= math.log(2.0):
            margin = words.margin(self.question.safe_relative, self.question.safe_absolute)
            return f"a version over the margin of {margin} would look as good {words.once_in(safe)}"
        return "too few to tell"


def _line(null: Null, stable_rate: float) -> float:
    return null.ratio * stable_rate + null.shift


def _sum(arm: Arm, more: Arm) -> Arm:
    return Arm(float(arm.bad + more.bad), float(arm.total + more.total))


def _grown(log_capital: tuple[float, ...], growth: Floats) -> tuple[float, ...]:
    return tuple((np.array(log_capital) + growth).tolist())
