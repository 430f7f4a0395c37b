"""`make bench-judge`: how often the judge is wrong, how soon it is right, and beside whom.

Plays on all cores with fixed seeds and writes its section of bench/RESULTS.md and two plots. It
takes under twenty minutes on two quiet cores; what is not begun by then is left out, and the
section says so. `--quick` plays a small part of it and writes nothing unless told where.
"""

import argparse
import os
import resource
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import setting
from bench.judge import plots, speed
from bench.judge.run import play_all
from bench.judge.section import problems, section
from bench.report import replace_section

ROOT = Path(__file__).parents[2]
SECTION = "bench-judge"
MOST_MINUTES = 19.0


def main() -> int:
    """Measure and write; return 1 if not all of it could be played."""
    asked = _arguments()
    began, measured = time.monotonic(), setting.commit()
    costs = speed.rows(20 if asked.quick else 1000)
    with _progress() as bar:
        task = bar.add_task("batches", total=None)
        played = play_all(
            asked.workers,
            quick=asked.quick,
            seconds=60.0 * asked.minutes,
            done=lambda count, of: bar.update(task, completed=count, total=of),
        )
    lines = [
        *setting.machine(_command(), measured),
        f"- the machine's load in the last 15 minutes: {os.getloadavg()[2]:.1f}",
        f"- took {(time.monotonic() - began) / 60:.0f} min on {asked.workers} processes",
        f"- used {_processor_seconds() / 60:.0f} min of processor time",
    ]
    if asked.quick:
        lines.append("- **Only a quick try, not the benchmark**: one release of 200, at least 8")
    text = section(played, costs, "\n".join(lines))
    if asked.results is not None:
        old = asked.results.read_text() if asked.results.exists() else ""
        asked.results.write_text(replace_section(old, SECTION, text))
    if asked.plots is not None:
        plots.draw(played, asked.plots)
    Console().print(text, markup=False, highlight=False, soft_wrap=True)
    return 1 if problems(played) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.judge", description=main.__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute's try, written nowhere")
    parser.add_argument("--minutes", type=float, default=MOST_MINUTES, help="begin nothing after")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--results", type=Path, help="the document whose section is replaced")
    parser.add_argument("--plots", type=Path, help="the folder for plots")
    asked = parser.parse_args()
    if not asked.quick:
        asked.results = asked.results or ROOT / "bench/RESULTS.md"
        asked.plots = asked.plots or ROOT / "docs/judge"
    return asked


def _processor_seconds() -> float:
    """Return what this process and all that have ended have used."""
    spent = [resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in spent)


def _command() -> str:
    """Return what was asked for, as one would type it."""
    words = " ".join(sys.argv[1:])
    return f"python -m bench.judge {words}" if words else "make bench-judge"


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True))


if __name__ == "__main__":
    raise SystemExit(main())
