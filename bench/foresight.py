"""What a usual plan finds how soon: `python -m bench.foresight` draws docs/judge/foresight.png.

It prints the table of the same forecasts, as docs/judge/foresight.md shows it, what `lint` says of
the plan, and the seconds that it took. The seed is fixed.
"""

import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from controller.judge import (
    Classic,
    CountsMetric,
    Course,
    Forecast,
    HistogramMetric,
    Plan,
    Step,
    Traffic,
    forecast_table,
    lint,
    simulate,
)

SEED = 20261121
PICTURE = Path(__file__).parents[1] / "docs/judge/foresight.png"
PLAN = Plan(one_look_late=False)  # as the controller judges
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, math.inf)
STABLES = (60, 400, 1800, 5000, 8300, 9880, 9990, 9999, 10_000)
METRICS = (
    CountsMetric("errors", routed=True),
    HistogramMetric("latency", history=Classic(BOUNDS, STABLES)),
)
COURSE = Course((Step(5), Step(25), Step(50)))
TRAFFIC = Traffic(rate=50.0, canary_pods=1, stable_pods=10, bad=0.01)


def main() -> None:
    """Simulate, print and draw."""
    began, found = time.monotonic(), []
    for forecast in simulate(PLAN, METRICS, COURSE, TRAFFIC, np.random.default_rng(SEED)):
        found.append(forecast)
        print(f"{forecast.canary}: {time.monotonic() - began:.1f} s", file=sys.stderr)
    print(forecast_table(found))
    for remark in lint(PLAN, METRICS, COURSE, TRAFFIC):
        print(f"\n{remark}")
    # Without the program's name the same figures give the same file.
    draw(found).savefig(PICTURE, dpi=120, metadata={"Software": None})


def draw(forecasts: Sequence[Forecast]) -> Figure:
    """Return the share of releases that were rolled back by each moment, for each version."""
    mpl.rcParams.update({"font.size": 10})
    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    axes = figure.subplots()
    within = max(forecast.within for forecast in forecasts)
    at = np.geomspace(60.0, within, 400)
    counts = [one for one in forecasts if one.regression.bad is not None]
    slower = [one for one in forecasts if one.regression.slower != 1.0]
    good = [one for one in forecasts if one not in (*counts, *slower)]
    for kind, colours, dots in (
        (counts, "viridis", "-"),
        (slower, "autumn", "--"),
        (good, "gray", ":"),
    ):
        shades = mpl.colormaps[colours](np.linspace(0.0, 0.85, len(kind)))
        for forecast, shade in zip(kind, shades, strict=True):
            shares = [100.0 * forecast.found_by(seconds) for seconds in at]
            axes.plot(at, shares, color=shade, linestyle=dots, label=forecast.canary)
    axes.set(xscale="log", ylim=(-2, 102), ylabel="% of releases rolled back by then")
    marks = [mark for mark in (60, 120, 300, 600, 1800, 3600) if mark <= within]
    axes.set_xticks(marks, [f"{mark // 60} min" for mark in marks])
    axes.minorticks_off()
    axes.set_xlabel("after the first request on the canary, warm-up of 90 s included")
    axes.set_title("50 requests a second, 1 % errors on stable, steps of 5, 25 and 50 %")
    axes.legend(fontsize=8, loc="upper left")
    return figure


if __name__ == "__main__":
    main()
