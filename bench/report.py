"""What a benchmark writes down: rows with goals, as a section of bench/RESULTS.md. Pure.

Each benchmark has a section of its own between two marks; a run replaces its section only.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

TITLE: Final = "# Results\n\nEach benchmark writes its own section, and no more.\n"


@dataclass(frozen=True)
class Row:
    """One figure. `met` is whether it reached its goal; None where there is none to reach."""

    figure: str
    goal: str
    measured: str
    n: int
    met: bool | None = None


def at_most(figure: str, value: float, bound: float, unit: str, n: int, *, more: str = "") -> Row:
    """Return the row of a figure that has to stay within a bound; of nothing measured it did not.

    `more` is put before the value, for what else is known of it.
    """
    goal = f"<= {bound:g} {unit}".strip() if bound else "0"
    if n == 0:
        return Row(figure, goal, "not measured", 0, met=False)
    number = f"{value:.2f}".rstrip("0").rstrip(".")
    return Row(figure, goal, f"{more}{number} {unit}".strip(), n, met=value <= bound)


def table(rows: Iterable[Row]) -> str:
    """Return the rows as a Markdown table; what misses its goal is marked."""
    lines = ["| figure | goal | measured | n |", "|---|---|---|---:|"]
    for row in rows:
        missed = " **(missed)**" if row.met is False else ""
        lines.append(f"| {row.figure} | {row.goal or '-'} | {row.measured}{missed} | {row.n} |")
    return "\n".join(lines)


def shortfalls(rows: Sequence[Row], problems: Sequence[str]) -> str:
    """Say what misses its goal and what could not be measured, or that all is well."""
    missed = [
        f"- {row.figure}: {row.measured}, the goal is {row.goal}"
        for row in rows
        if row.met is False
    ]
    found = [*missed, *(f"- {problem}" for problem in problems)]
    return "\n".join(found) if found else "Every goal is met."


def replace_section(text: str, name: str, section: str) -> str:
    """Return the document with the section of that name replaced, or else appended."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    marked = f"{begin}\n{section.strip()}\n{end}"
    head, found, rest = (text or TITLE).partition(begin)
    if not found:
        return f"{head.rstrip()}\n\n{marked}\n"
    _, found, tail = rest.partition(end)
    if not found:
        raise ValueError(f"{begin} has no {end}; put it behind the section")
    return f"{head}{marked}{tail}"
