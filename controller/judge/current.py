"""The counts at the present traffic weight: enough to tell whether the canary looks well there.

`CountsAtWeight` is a value like `CountsEvidence`, without the bets: it proves nothing and is far
smaller. It is started again at each confirmed change of weight.
"""

from dataclasses import dataclass, replace
from typing import Self

from controller.judge import packing, words
from controller.judge.betting import Null
from controller.judge.counts import Arm, CountsLook, CountsQuestion, Refused, usable

HEADER = b"GW01"


@dataclass(frozen=True, slots=True)
class CountsAtWeight:
    """Both versions' rates over the looks at one weight.

    `expected_bad` is how many of the canary's requests would have been bad at the rate that stable
    had in the same look. `margin` is the line that a safe canary stays under, `slo` the share of
    bad requests that neither version may exceed.
    """

    margin: Null
    slo: float
    looks: int
    canary: Arm
    expected_bad: float

    @classmethod
    def start(cls, question: CountsQuestion) -> Self:
        """Return the counts before the first look at a weight."""
        return cls(question.safe_null, question.slo, 0, Arm(0.0, 0.0), 0.0)

    def after(self, *strata: CountsLook) -> Self | Refused:
        """Return the counts with one more look, or why the look is no evidence."""
        usables = usable(strata)
        if isinstance(usables, Refused):
            return usables
        canary, expected = self.canary, self.expected_bad
        for look in usables:
            canary = canary.plus(look.canary)
            expected += look.expected_bad
        return replace(self, looks=self.looks + 1, canary=canary, expected_bad=float(expected))

    @property
    def within_margin(self) -> bool:
        """Whether the canary's rate is at most the safe margin; False before the first look."""
        return self.looks > 0 and self._canary <= self.margin.at(self._stable)

    @property
    def breach(self) -> str:
        """Say which version is over the `slo` at this weight; empty if none is."""
        return words.breach(self.slo, self._canary, self._stable)

    def pack(self) -> str:
        """Return the counts as one line of 88 characters."""
        ratio, shift = self.margin
        counted = (self.looks, self.canary.bad, self.canary.total, self.expected_bad)
        return packing.pack(HEADER, (float(ratio), shift, self.slo, *counted))

    @classmethod
    def unpack(cls, text: str) -> Self:
        """Return the counts that `pack` wrote; raises ValueError if the text is not its own."""
        ratio, shift, slo, looks, bad, total, expected = packing.unpack(HEADER, text, 7)
        return cls(Null(ratio, shift), slo, int(looks), Arm(bad, total), expected)

    @property
    def _canary(self) -> float:
        return self.canary.bad / self.canary.total if self.looks else 0.0

    @property
    def _stable(self) -> float:
        return self.expected_bad / self.canary.total if self.looks else 0.0
