"""Whether the canary gets the share of requests that the routes promise it.

A share that is off says that something between the routes and the counts is broken: a gateway that
ignores the weight, a canary that hangs and so finishes nothing. It is no evidence of a regression,
it holds.

Requests are not independent here: a client with a long connection sends all of its own one way. So
looks are put together in blocks of BLOCK, and the blocks' log odds, less those of the weight, are
held against their own scatter by a t test that may be read at every block (Lindon, Ham, Tingley and
Bojinov, 2022: a Gaussian mixture over the mean in units of the deviation). It alarms only while the
odds are off by more than a third, too, for shares that are a little off harm no comparison.

Promises: any numbers are taken; those that are no counts are left out. Weights may change.
"""

import math
from dataclasses import dataclass, replace
from typing import Self

from controller.judge import packing
from controller.judge.counts import Arm, refusal

HEADER = b"GS01"
BLOCK = 4
OFF = math.log(4.0 / 3.0)
LEVEL = 0.01  # probability of ever alarming by chance, over a release
PRIOR = 2.0  # blocks that the mixture over means is worth


@dataclass(frozen=True, slots=True)
class ShareCheck:
    """The shares of all blocks so far, and the block under way.

    `blocks`, `total` and `squares` count the finished blocks, their log odds off the weight and
    those squared. `canary` and `stable` are requests of the `looks` under way, at `weight`.
    """

    blocks: int = 0
    total: float = 0.0
    squares: float = 0.0
    weight: float = 0.0
    looks: int = 0
    canary: float = 0.0
    stable: float = 0.0

    def after(self, weight: float, canary: float, stable: float) -> Self:
        """Return the check with one look; `weight` is the canary's share, above 0 and under 1.

        A block that a change of weight cuts short is dropped.
        """
        if not 0.0 < weight < 1.0 or refusal("look", Arm(0.0, canary + stable)):
            return self
        if refusal("canary", Arm(0.0, canary)) or refusal("stable", Arm(0.0, stable)):
            return self
        begun = self if weight == self.weight else replace(self, looks=0, canary=0.0, stable=0.0)
        block = replace(
            begun,
            weight=weight,
            looks=begun.looks + 1,
            canary=float(begun.canary + canary),
            stable=float(begun.stable + stable),
        )
        if block.looks < BLOCK:
            return block
        # Half a request more on each side keeps an arm without any finite.
        off = math.log((block.canary + 0.5) / (block.stable + 0.5))
        off -= math.log(weight / (1.0 - weight))
        return replace(
            block,
            blocks=self.blocks + 1,
            total=self.total + off,
            squares=self.squares + off * off,
            looks=0,
            canary=0.0,
            stable=0.0,
        )

    @property
    def log_e(self) -> float:
        """Log e-value against "the share is the weight, up to scatter"; 0 before two blocks."""
        freedom = self.blocks - 1
        if freedom < 1:
            return 0.0
        mean = self.total / self.blocks
        scatter = max(self.squares - self.blocks * mean * mean, 1e-12 * (1.0 + self.squares))
        ratio = self.blocks * mean * mean / scatter  # t squared over the degrees of freedom
        part = PRIOR / (PRIOR + self.blocks)
        return 0.5 * math.log(part) + 0.5 * self.blocks * (
            math.log1p(ratio) - math.log1p(part * ratio)
        )

    def pack(self) -> str:
        """Return the check as one line of 88 characters."""
        counted = (self.blocks, self.total, self.squares, self.weight)
        return packing.pack(HEADER, (*counted, self.looks, self.canary, self.stable))

    @classmethod
    def unpack(cls, text: str) -> Self:
        """Return the check that `pack` wrote; raises ValueError if the text is not its own."""
        blocks, total, squares, weight, looks, *arms = packing.unpack(HEADER, text, 7)
        return cls(int(blocks), total, squares, weight, int(looks), *arms)

    def explain(self) -> str:
        """Say that the share is off; empty while it is not."""
        if self.log_e < -math.log(LEVEL) or abs(self.total) <= OFF * self.blocks:
            return ""
        times = math.exp(self.total / self.blocks)
        return (
            f"the canary gets x{times:.2g} the requests that its weight promises, beside stable; "
            "compare the weights that the routes confirm with what the gateway does, and see "
            "whether the canary's requests end at all"
        )
