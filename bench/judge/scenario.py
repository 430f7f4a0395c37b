"""A scenario: releases to simulate, and what is asked of the outcome. Pure.

An outcome has, by the name of who judged, the seconds until each release was judged so: infinite
where it never was, not a number where nobody was asked. Names that end in ": Safe" are about that
verdict, others about Regressed.

What a figure has to reach is a check: a function of the outcome that returns a row of the table. A
share has a Clopper-Pearson interval, a mean one of the normal approximation, both at 95 %. A
release without a verdict counts as one at the end of the simulation, which makes means too small
only where the share found is given, too. A goal is met if the figure reaches it; where the interval
does not say so as clearly the row tells.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import special

from bench.report import Row
from controller.judge.betting import Floats

Outcome = Mapping[str, Floats]
Play = Callable[[int, int], Outcome]
Check = Callable[[str, Outcome], Row]
US = "Gander"
END = 3000.0  # seconds: 200 looks of 15 s
UNCLEAR = ", the interval crosses the goal"


@dataclass(frozen=True)
class Scenario:
    """What is simulated: `play` takes a number of releases and a seed.

    `releases` are simulated in batches. `chosen_on` says whether constants of the judge were chosen
    by this scenario, with other seeds; if not it is held out. `bound` is Wald's, in seconds, and
    `group` the comparison with others in which it is shown.
    """

    name: str
    play: Play
    checks: tuple[Check, ...]
    releases: int = 4000
    batch: int = 250
    chosen_on: bool = False
    bound: float = math.nan
    group: str = ""

    @property
    def label(self) -> str:
        """Return the name for people, marked where it is not held out."""
        return f"{self.name} *" if self.chosen_on else self.name


def clopper_pearson(hits: int, runs: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a share (Clopper and Pearson, Biometrika 26, 1934)."""
    tail = (1.0 - level) / 2.0
    low = float(special.betaincinv(hits, runs - hits + 1, tail)) if hits else 0.0
    high = float(special.betaincinv(hits + 1, runs - hits, 1.0 - tail)) if hits < runs else 1.0
    return low, high


def mean_interval(values: Floats) -> tuple[float, float, float]:
    """Return the mean and its 95 % interval by the normal approximation."""
    mean = float(np.mean(values))
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
    return mean, mean - 1.96 * error, mean + 1.96 * error


def at_most(who: str, bound: float, words: str = "false rollbacks", *, goal: bool = True) -> Check:
    """Check that the share of releases judged so is at most `bound`."""

    def check(name: str, outcome: Outcome) -> Row:
        found = np.isfinite(outcome[who])
        hits, runs = int(found.sum()), len(found)
        low, high = clopper_pearson(hits, runs)
        met = hits / runs <= bound
        crosses = UNCLEAR if low <= bound < high and goal else ""
        said = f"{percent(hits / runs)} ({percent(low)} to {percent(high)}){crosses}"
        aim = f"<= {percent(bound)}" if goal else ""
        return Row(f"{name}: {words}", aim, said, runs, met if goal else None)

    return check


def at_least(who: str, bound: float, *, within: float = END, words: str = "found") -> Check:
    """Check that at least a share of releases is judged so within some seconds."""

    def check(name: str, outcome: Outcome) -> Row:
        found = outcome[who] <= within
        hits, runs = int(found.sum()), len(found)
        low, high = clopper_pearson(hits, runs)
        crosses = UNCLEAR if low < bound <= high and hits < runs else ""
        said = f"{percent(hits / runs)} ({percent(low)} to {percent(high)}){crosses}"
        span = f"{within / 60:.0f} min" if within >= 60.0 else f"{within:.0f} s"
        figure = f"{name}: {words} within {span}"
        return Row(figure, f">= {percent(bound)}", said, runs, hits / runs >= bound)

    return check


def within(
    who: str, mean: float, p90: float | None = None, *, end: float = END, words: str = "found"
) -> Check:
    """Check the mean, and the 90th percentile, of the seconds to a verdict."""

    def check(name: str, outcome: Outcome) -> Row:
        said, middle, low, high = spread(outcome[who], end)
        tenth = float(np.quantile(np.minimum(outcome[who], end), 0.9))
        aim = f"mean <= {mean:.0f} s" + (f", p90 <= {p90:.0f} s" if p90 is not None else "")
        met = middle <= mean and (p90 is None or tenth <= p90)
        crosses = UNCLEAR if low <= mean < high else ""
        return Row(f"{name}: {words}", aim, said + crosses, len(outcome[who]), met)

    return check


def spread(seconds: Floats, end: float = END) -> tuple[str, float, float, float]:
    """Say mean, interval, p90 and the share that got a verdict; and return mean and interval."""
    found = np.isfinite(seconds)
    values = np.minimum(seconds, end)
    mean, low, high = mean_interval(values)
    tenth = float(np.quantile(values, 0.9))
    said = f"{mean:.0f} s ({low:.0f} to {high:.0f}), p90 {tenth:.0f} s"
    if not found.all():
        said += f", {percent(float(found.mean()))} in {end / 60:.0f} min"
    return said, mean, low, high


def ratio_to(who: str, bound: float, most: float, *, words: str = "over Wald's bound") -> Check:
    """Check how many times Wald's bound the mean takes.

    A verdict comes at the end of a look, on average half a look after it could; so a bound that is
    far under a look says nothing.
    """

    def check(name: str, outcome: Outcome) -> Row:
        mean, low, high = (x / bound for x in mean_interval(np.minimum(outcome[who], END)))
        crosses = UNCLEAR if low <= most < high else ""
        said = f"{mean:.2f} ({low:.2f} to {high:.2f}) of {bound:.0f} s{crosses}"
        return Row(f"{name}: {words}", f"<= {most:g}", said, len(outcome[who]), mean <= most)

    return check


def faster(who: str, other: str, by: float, *, end: float = END) -> Check:
    """Check that the mean is shorter than another's on the same streams by a share."""

    def check(name: str, outcome: Outcome) -> Row:
        both = ~np.isnan(outcome[other])
        mine, theirs = (np.minimum(outcome[x][both], end) for x in (who, other))
        gain, low, high = _relative(theirs, mine)
        said = f"{percent(gain)} ({percent(low)} to {percent(high)}) faster"
        crosses = UNCLEAR if low < by <= high else ""
        aim = f">= {percent(by)} faster" if by else "faster"
        return Row(f"{name}: {who} beside {other}", aim, said + crosses, len(mine), gain >= by)

    return check


def slower(who: str, than: str, by: float, words: str) -> Check:
    """Check that the mean is longer than another's on the same streams by at most a share."""

    def check(name: str, outcome: Outcome) -> Row:
        mine, theirs = (np.minimum(outcome[x], END) for x in (who, than))
        gain, low, high = _relative(theirs, mine)
        said = f"{percent(-gain)} ({percent(-high)} to {percent(-low)})"
        crosses = UNCLEAR if -high <= by < -low else ""
        return Row(f"{name}: {words}", f"<= {percent(by)}", said + crosses, len(mine), -gain <= by)

    return check


def told(who: str, words: str) -> Check:
    """Tell mean, p90 and share of a verdict that has no goal."""

    def check(name: str, outcome: Outcome) -> Row:
        return Row(f"{name}: {words}", "", spread(outcome[who])[0], len(outcome[who]))

    return check


def judged(outcome: Outcome, who: str) -> Floats:
    """Return the seconds of the releases that somebody was asked about; none if of none."""
    seconds = outcome.get(who, np.zeros(0))
    return seconds[~np.isnan(seconds)]


def percent(share: float) -> str:
    """Return a share as in "0.28 %", "12 %" or "100 %"."""
    value = 100.0 * share
    if value and abs(value) < 9.95:
        return f"{value:.2f} %" if abs(value) < 0.995 else f"{value:.1f} %"
    return f"{value:.0f} %"


def _relative(whole: Floats, part: Floats) -> tuple[float, float, float]:
    """Return 1 - part/whole of means with its 95 % interval; values are paired (delta method)."""
    ratio = float(part.mean() / whole.mean())
    rest = part - ratio * whole
    error = float(np.std(rest, ddof=1)) / math.sqrt(len(rest)) / float(whole.mean())
    return 1.0 - ratio, 1.0 - ratio - 1.96 * error, 1.0 - ratio + 1.96 * error
