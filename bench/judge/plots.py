"""The plots of docs/judge: delay by the size of a regression, false rollbacks by looks."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from bench.judge import sweeps
from bench.judge.fleets import LOOK
from bench.judge.plays import ALIKE, ARGO, FLAGGER, KAYENTA, LINDON_MALEK
from bench.judge.run import Played
from bench.judge.scenario import END, US, judged

COLOURS = {
    US: "#0b6e4f",
    ALIKE: "#6bbf59",
    LINDON_MALEK: "#3a6ea5",
    KAYENTA: "#c8553d",
    FLAGGER: "#8d6a9f",
    ARGO: "#d9a441",
}
LEAST_FOUND = 0.5  # a mean of fewer would be that of the lucky ones


def draw(played: Sequence[Played], folder: Path) -> list[Path]:
    """Draw both plots into a folder and return their paths."""
    mpl.rcParams.update({"font.size": 10, "svg.hashsalt": "gander"})
    sizes = [each for each in played if each.scenario.group == sweeps.SIZES and each.outcome]
    long = [each for each in played if each.scenario.group == sweeps.LONG and each.outcome]
    found = []
    for name, figure in (("delay", _delay(sizes)), ("false-rollbacks", _alarms(long))):
        path = folder / f"{name}.png"
        # Without the date the same figures give the same file.
        figure.savefig(path, dpi=120, metadata={"Software": None})
        found.append(path)
    return found


def _delay(sizes: Sequence[Played]) -> Figure:
    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    axes = figure.subplots()
    times = [each.scenario.bound for each in sizes]
    at = list(sweeps.TIMES)[: len(sizes)]
    axes.plot(at, times, color="black", linestyle=":", label="Wald's bound")
    for name, colour in COLOURS.items():
        means = [_mean(each, name) for each in sizes]
        if np.isfinite(means).any():
            axes.plot(at, means, color=colour, marker="o", markersize=4, label=name)
    axes.axhline(LOOK, color="grey", linewidth=0.8)
    axes.text(at[-1] if at else 1.0, LOOK, "one look", ha="right", va="bottom", color="grey")
    axes.set(
        xscale="log", yscale="log", xlabel=f"errors of the canary, times {100 * sweeps.STABLE:g} %"
    )
    axes.set_xticks(at, [f"x{each:g}" for each in at])
    axes.minorticks_off()
    axes.set_ylabel("mean seconds to the rollback (not found: 3,000)")
    axes.set_title("A canary with 5 requests a second beside 95")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.legend(fontsize=8)
    return figure


def _mean(each: Played, name: str) -> float:
    """Return the mean delay; not a number where fewer than LEAST_FOUND are found."""
    seconds = judged(each.outcome, name)
    if not len(seconds) or np.isfinite(seconds).mean() < LEAST_FOUND:
        return float("nan")
    return float(np.minimum(seconds, END).mean())


def _alarms(long: Sequence[Played]) -> Figure:
    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    axes = figure.subplots()
    looks = np.arange(1, sweeps.LONG_LOOKS + 1)
    for each in long:
        for name, colour in COLOURS.items():
            seconds = judged(each.outcome, name)
            if not len(seconds):
                continue
            share = (seconds[:, None] <= looks * LOOK).mean(axis=0)
            axes.plot(
                looks,
                100.0 * share,
                color=colour,
                drawstyle="steps-post",
                label=f"{name} ({len(seconds):,} releases)",
            )
    axes.axhline(1.0, color="black", linestyle=":", label="falseRollback")
    axes.set(xscale="log", xlabel="looks of 15 s", ylabel="% rolled back although nothing is wrong")
    axes.set_yscale("symlog", linthresh=0.1)
    axes.set_ylim(0.0, 100.0)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_title("1 % errors in both versions, 5 requests a second beside 95")
    axes.legend(fontsize=8)
    return figure
