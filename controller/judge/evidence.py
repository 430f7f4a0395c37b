"""Evidence from counts: what all looks together have shown of one metric.

`CountsEvidence` is a value. `after(look)` returns the evidence with one more look, or a `Refused`
that says what is wrong with the numbers; it never raises and lets no bad number in. Its size does
not depend on the number of looks. It packs into one line of text and comes back unchanged.

Leaves out: what several metrics say together (verdict.py).
"""

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from controller.judge import betting, packing, words
from controller.judge.betting import SAFE_STEPS, WORSE_ODDS, Floats, Tally
from controller.judge.counts import Arm, CountsLook, CountsQuestion, Refused, usable
from controller.judge.history import Gap, Noise
from controller.judge.interval import STAKES, Interval, Sums, interval
from controller.judge.pods import MOST_TRAFFIC, Slot, by_slot, key_of, left_out, with_new_pods

# A difference matters beyond this share of the way from the fail margin to the safe margin.
PRACTICAL = 0.1
# Each stratum has a past of its own, and the evidence has to stay small.
MOST_STRATA = 8
HEADER = b"GC02"
GAPS = tuple(Gap)
SIZES = (2, 8, 5, 3, len(WORSE_ODDS), len(SAFE_STEPS), *3 * (len(STAKES),))


@dataclass(frozen=True, slots=True)
class Stratum:
    """The requests of one part of the traffic so far; `key` identifies its name."""

    key: int
    canary: Arm
    stable: Arm


@dataclass(frozen=True, slots=True)
class CountsEvidence:
    """The evidence of one metric over some looks.

    `expected_bad` is how many of the canary's requests would have been bad at the rate that stable
    had in the same look. `worse` and `safe` are the log capitals of the bets in betting.py, `aside`
    is the stake that has not joined `worse` yet. `slots` are the games without one pod, `sums` is
    what interval.py keeps.
    """

    question: CountsQuestion
    looks: int
    strata: tuple[Stratum, ...]
    expected_bad: float
    aside: float
    worse: tuple[float, ...]
    safe: tuple[float, ...]
    slots: tuple[Slot, ...]
    sums: Sums

    @classmethod
    def start(cls, question: CountsQuestion) -> Self:
        """Return the evidence before the first look."""
        return cls._with_capital(question, 0.0, 0.0)

    @classmethod
    def again(cls, question: CountsQuestion, log_e_regressed: float, log_e_safe: float) -> Self:
        """Return the evidence to go on from where the former one is lost.

        The two numbers are the last that were read from it. The game goes on with that capital, so
        falseRollback and falsePromotion hold as if nothing had been lost. It is never more than
        half a stake: where the two are wrong as well, one loss adds at most half of each bound.
        """
        half = -math.log(2.0)
        return cls._with_capital(question, min(log_e_regressed, half), min(log_e_safe, half))

    @classmethod
    def _with_capital(cls, question: CountsQuestion, worse: float, safe: float) -> Self:
        return cls(
            question=question,
            looks=0,
            strata=(),
            expected_bad=0.0,
            aside=(1.0 - betting.FIRST) * math.exp(worse),
            worse=(worse + math.log(betting.FIRST),) * len(WORSE_ODDS),
            safe=(safe,) * len(SAFE_STEPS),
            slots=(),
            sums=Sums.zero(),
        )

    def after(self, *strata: CountsLook) -> Self | Refused:
        """Return the evidence with one more look, or why the look is no evidence.

        A look is one `CountsLook`, or one for each stratum. All stakes are fixed by earlier looks,
        so the order of strata does not matter.
        """
        looks = usable(strata)
        if isinstance(looks, Refused):
            return looks
        pasts = {stratum.key: stratum for stratum in self.strata}
        if len(pasts.keys() | {key_of(look.stratum) for look in looks}) > MOST_STRATA:
            said = f"evidence refused: there are more than {MOST_STRATA} strata"
            return Refused("TooManyStrata", f"{said}; group the values of that label")
        question, noise = self.question, self.question.noise
        begun = self._joined()
        slots = () if question.alike else with_new_pods(begun.slots, looks, begun.worse)
        won: Floats = np.zeros((1 + len(slots), len(WORSE_ODDS)))
        requests = np.array([slot.requests for slot in slots])
        safe, sums = np.array(self.safe), self.sums
        for look in looks:
            key, phi = key_of(look.stratum), noise.phi_at(look.busy)
            past, own = self._past(pasts.get(key)), by_slot(look, slots)
            tally, plays = left_out(look, own)
            won += plays * betting.worse_growth(tally, question.fail_null_at(look), past) / phi
            safe += betting.safe_growth(look.tally, question.safe_null, past) / phi
            sums = sums.after(Tally(*(n / phi for n in look.tally)), question.prior_rate)
            pasts[key] = _longer(pasts.get(key), look)
            requests += own[1:, 1]
        capital = np.array([begun.worse, *(slot.worse for slot in slots)])
        bad = math.fsum(look.canary.bad for look in looks)
        total = math.fsum(look.canary.total for look in looks)
        capital += np.minimum(won, noise.cap_of(bad, total))
        worse, *without = map(tuple, capital.tolist())
        return type(self)(
            question=question,
            looks=self.looks + 1,
            strata=tuple(pasts[key] for key in sorted(pasts)),
            expected_bad=float(self.expected_bad + math.fsum(x.expected_bad for x in looks)),
            aside=begun.aside,
            worse=worse,
            safe=tuple(safe.tolist()),
            slots=tuple(map(Slot, (s.key for s in slots), requests.tolist(), without)),
            sums=sums,
        )

    @property
    def log_e_regressed(self) -> float:
        """Log e-value against "the canary is no worse than the fail margin"."""
        return betting.log_mean(self.worse, self.aside)

    @property
    def log_e_safe(self) -> float:
        """Log e-value against "the canary is worse than the safe margin"."""
        return betting.log_mean(self.safe)

    @property
    def log_e_without_one_pod(self) -> float:
        """The smallest log e-value of the games that leave one of the canary's pods out.

        That of all pods where there is no second pod to compare with.
        """
        most = MOST_TRAFFIC * self.canary.total
        rest = [slot.worse for slot in self.slots if slot.requests <= most]
        if len(self.slots) < 2 or not rest:
            return self.log_e_regressed
        return min(betting.log_mean(worse, self.aside) for worse in rest)

    @property
    def advisory(self) -> str:
        """Why the metric may only advise; empty if it may decide."""
        return self.question.noise.gap.value

    @property
    def canary(self) -> Arm:
        """The canary's requests so far."""
        return _total(stratum.canary for stratum in self.strata)

    @property
    def stable(self) -> Arm:
        """Stable's requests so far."""
        return _total(stratum.stable for stratum in self.strata)

    @property
    def canary_rate(self) -> float:
        """The canary's share of bad requests; 0 before the first look."""
        canary = self.canary
        return canary.bad / canary.total if self.looks else 0.0

    @property
    def stable_rate(self) -> float:
        """Stable's share of bad requests, each look counted by the canary's requests in it.

        So an incident that hits both arms weighs the same in both rates, at any traffic weight.
        """
        return self.expected_bad / self.canary.total if self.looks else 0.0

    @property
    def breach(self) -> str:
        """Say which version is over the `slo`; empty if none is."""
        return words.breach(self.question.slo, self.canary_rate, self.stable_rate)

    @property
    def matters(self) -> bool:
        """Whether the canary's rate is so far above stable's that a person would care.

        The line is the fail margin plus PRACTICAL of the way from there to the safe margin.
        """
        fail = self.question.fail_null.at(self.stable_rate)
        safe = self.question.safe_null.at(self.stable_rate)
        return self.canary_rate > fail + PRACTICAL * max(0.0, safe - fail)

    @property
    def within_margin(self) -> bool:
        """Whether the canary's rate is at most the safe margin; False before the first look."""
        return self.looks > 0 and self.canary_rate <= self.question.safe_null.at(self.stable_rate)

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
        """Return the evidence as one line of text: 1.4 KB, with 8 pods and 8 strata 2.7 KB."""
        asked, noise = self.question, self.question.noise
        numbers = [len(self.strata), len(self.slots), asked.safe_relative, asked.safe_absolute]
        numbers += [asked.fail_relative, asked.fail_absolute]
        numbers += [asked.prior_bad, asked.prior_total, asked.alike, asked.slo]
        numbers += [noise.phi, noise.reach, noise.cap, noise.pods, GAPS.index(noise.gap)]
        numbers += [self.looks, self.expected_bad, self.aside, *self.worse, *self.safe]
        numbers += [number for row in self.sums for number in row]
        for part in self.strata:
            numbers += [part.key, part.canary.bad, part.canary.total]
            numbers += [part.stable.bad, part.stable.total]
        for slot in self.slots:
            numbers += [slot.key, slot.requests, *slot.worse]
        return packing.pack(HEADER, numbers)

    @classmethod
    def unpack(cls, text: str) -> Self:
        """Return the evidence that `pack` wrote; raises ValueError if the text is not its own."""
        numbers = packing.unpack(HEADER, text)
        if len(numbers) < sum(SIZES):
            raise ValueError(f"packed evidence has {len(numbers)} numbers, at least {sum(SIZES)}")
        counts, asked, learned, seen, worse, safe, *sums = packing.split(numbers, SIZES)
        strata, slots = (int(count) for count in counts)
        more = packing.split(numbers[sum(SIZES) :], (5,) * strata + (2 + len(WORSE_ODDS),) * slots)
        safe_by, safe_plus, fail_by, fail_plus, bad, total, alike, slo = asked
        phi, reach, cap, pods, gap = learned
        looks, expected_bad, aside = seen
        return cls(
            question=CountsQuestion(
                safe_relative=safe_by,
                safe_absolute=safe_plus,
                fail_relative=fail_by,
                fail_absolute=fail_plus,
                prior_bad=bad,
                prior_total=total,
                noise=Noise(phi, reach, cap, int(pods), GAPS[int(gap)]),
                alike=bool(alike),
                slo=slo,
            ),
            looks=int(looks),
            expected_bad=expected_bad,
            aside=aside,
            worse=worse,
            safe=safe,
            sums=Sums(*sums),
            strata=tuple(
                Stratum(int(key), Arm(canary_bad, canary), Arm(stable_bad, stable))
                for key, canary_bad, canary, stable_bad, stable in more[:strata]
            ),
            slots=tuple(
                Slot(int(key), requests, tuple(worse)) for key, requests, *worse in more[strata:]
            ),
        )

    def _joined(self) -> Self:
        """Return the evidence with the part of the stake in play that joins at this look."""
        if self.looks == 0 or self.looks % betting.JOIN_EVERY:
            return self
        stake = self.aside * betting.JOINS
        worse = np.array([self.worse, *(slot.worse for slot in self.slots)])
        first, *rest = (tuple(row) for row in betting.joined(worse, stake).tolist())
        slots = tuple(replace(slot, worse=row) for slot, row in zip(self.slots, rest, strict=True))
        return replace(self, aside=self.aside - stake, worse=first, slots=slots)

    def _past(self, own: Stratum | None) -> Tally:
        """Return what the stakes on a stratum are placed by: its past and stable's history."""
        prior = self.question.prior
        if own is None:
            return Tally(0.0, 0.0, prior.bad, prior.total)
        stable = own.stable.plus(prior)
        return Tally(own.canary.bad, own.canary.total, stable.bad, stable.total)

    def _chance(self, metrics: int) -> str:
        worse, safe = self.log_e_regressed - math.log(metrics), self.log_e_safe
        if self.advisory:
            return f"advises only: {self.advisory}"
        if self.matters and worse >= math.log(2.0):
            return f"would be chance {words.once_in(worse)}"
        if safe >= math.log(2.0):
            margin = words.margin(self.question.safe_relative, self.question.safe_absolute)
            return f"a version over the margin of {margin} would look as good {words.once_in(safe)}"
        return "too few to tell"


def _longer(past: Stratum | None, look: CountsLook) -> Stratum:
    canary, stable = look.canary, look.stable
    if past is not None:
        canary, stable = past.canary.plus(canary), past.stable.plus(stable)
    return Stratum(key_of(look.stratum), canary, stable)


def _total(arms: Iterable[Arm]) -> Arm:
    return functools.reduce(Arm.plus, arms, Arm(0.0, 0.0))
