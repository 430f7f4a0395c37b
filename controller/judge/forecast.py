"""What simulated releases came to, and the table of it for a terminal.

Promises: `forecast_table` is at most 80 columns wide. Leaves out: the simulation (simulation.py).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from controller.judge import words
from controller.judge.draws import Regression

WIDTH = 80  # columns


@dataclass(frozen=True, slots=True)
class Forecast:
    """What became of `runs` releases of one version.

    `found` are the seconds until those that were rolled back were, `passed` until those that earned
    every step had; both rise, and count from the first request on the canary. The others had no
    verdict within `within` seconds of a step. `hurt` is, for each release, how many more requests
    were bad by then than on stable; of a slower version all that it answered. `stable` is stable's
    share of bad requests.
    """

    regression: Regression
    stable: float
    within: float
    runs: int
    found: tuple[float, ...]
    passed: tuple[float, ...]
    hurt: tuple[float, ...]

    @property
    def share_found(self) -> float:
        """The share of releases that were rolled back."""
        return len(self.found) / self.runs

    @property
    def share_passed(self) -> float:
        """The share of releases that earned every step."""
        return len(self.passed) / self.runs

    def found_by(self, seconds: float) -> float:
        """Return the share of releases that were rolled back by then."""
        return sum(one <= seconds for one in self.found) / self.runs

    @property
    def canary(self) -> str:
        """The version in words."""
        asked = self.regression
        if asked.bad is not None:
            return f"{asked.metric} {words.percent(self.stable)} -> {words.percent(asked.bad)}"
        return f"{asked.metric} {asked.slower:g} times" if asked.metric else "as good as stable"


def mean_and_p90(values: Sequence[float]) -> tuple[float, float]:
    """Return both of some numbers, not a number where there are none."""
    if not values:
        return math.nan, math.nan
    return float(np.mean(values)), float(np.quantile(values, 0.9))


def forecast_table(forecasts: Sequence[Forecast]) -> str:
    """Return the forecasts as lines of text; times are those of the releases that got so far."""
    within = words.duration(forecasts[0].within) if forecasts else ""
    lines = [
        f"{'':27}{'rolled back after':>21}{'requests hurt':>15}{'promoted after':>15}",
        f"{'canary':27}{'share':>7}{'mean':>7}{'p90':>7}{'mean':>8}{'p90':>7}{'share':>8}{'mean':>7}",
    ]
    for one in forecasts:
        back, out, hurt = map(mean_and_p90, (one.found, one.passed, one.hurt))
        name = one.canary if len(one.canary) <= 26 else f"{one.canary[:25]}…"
        lines.append(
            f"{name:27}{_share(one.share_found):>7}{_time(back[0]):>7}{_time(back[1]):>7}"
            f"{_count(hurt[0]):>8}{_count(hurt[1]):>7}"
            f"{_share(one.share_passed):>8}{_time(out[0]):>7}"
        )
    rest = f"The rest of the releases had no verdict {within} after a step began."
    return "\n".join((*lines, rest)) if forecasts else ""


def _share(share: float) -> str:
    """Return a share in percent that says 0 or 100 only if it is."""
    inside = min(max(100.0 * share, 0.1), 99.9)
    return f"{100.0 * share:.0f} %" if share in (0.0, 1.0) else f"{inside:.3g} %"


def _time(seconds: float) -> str:
    """Return seconds as in 45s, 4m30 or 2h05; a dash for none."""
    if math.isnan(seconds):
        return "-"
    whole = math.ceil(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}"
    minutes = -(-whole // 60)
    return f"{minutes // 60}h{minutes % 60:02d}"


def _count(requests: float) -> str:
    return f"{requests:.0f}" if requests < 99_999.5 else f"{requests:.0e}"
