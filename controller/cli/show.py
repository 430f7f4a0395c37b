"""What `kubectl gander status` prints.

Messages repeat what programs and people wrote, so they are printed as they are: brackets and colons
in them are no markup.
"""

from typing import Any, TextIO

from rich.console import Console
from rich.table import Table

from controller.api.base import format_percent

Json = dict[str, Any]


def show(plan: Json, release: Json | None, out: TextIO | None = None) -> None:
    """Print where a stored plan stands and its running or newest release, to stdout by default."""
    console = Console(file=out, highlight=False, markup=False, emoji=False, soft_wrap=True)
    found = plan.get("status", {})
    conditions = {c["type"]: c for c in found.get("conditions", [])}
    name = plan["metadata"]["name"]
    console.print(f"plan {name}: {found.get('phase', 'new')}, guard {found.get('guard') or '?'}")
    console.print(f"  {conditions.get('Ready', {}).get('message', '')}")
    slow = conditions.get("SlowVerdict", {})
    if slow.get("status") == "True":
        console.print(f"  warning: {slow['message']}")
    if release is None:
        return
    now = release.get("status", {})
    weight = now.get("weight", {}).get("confirmed", 0)
    name = release["metadata"]["name"]
    console.print(f"release {name}: {now.get('phase', 'Pending')} at {format_percent(weight)}")
    console.print(f"  {now.get('message', '')}")
    table = Table("metric", "state", "evidence", box=None)
    for metric in now.get("metrics", []):
        table.add_row(metric["name"], metric["state"], metric["message"])
    console.print(table)
