"""What `kubectl gander status` prints of texts that it did not write."""

from io import StringIO
from typing import Any

import pytest

from controller.cli.show import show

# What a console would take for the end of a style, a style, and a picture.
WORDS = ["[/etc/app.conf:12] no such host", "[emerg] bind() failed", "took 3 :clock1: long"]


def shown(words: str) -> str:
    conditions = [{"type": "Ready", "status": "False", "message": f"plan {words}"}]
    plan: dict[str, Any] = {
        "metadata": {"name": "checkout"},
        "status": {"phase": "Rejected", "guard": "Guarded", "conditions": conditions},
    }
    metric = {"name": "http-errors", "state": "Regressed", "message": f"metric {words}"}
    status = {
        "phase": "RolledBack",
        "weight": {"confirmed": 5},
        "message": f"release {words}",
        "metrics": [metric],
    }
    out = StringIO()
    show(plan, {"metadata": {"name": "checkout-2"}, "status": status}, out)
    return out.getvalue()


@pytest.mark.parametrize("words", WORDS)
def test_messages_are_shown_as_they_are(words: str) -> None:
    lines = [line.rstrip() for line in shown(words).splitlines()]
    assert lines == [
        "plan checkout: Rejected, guard Guarded",
        f"  plan {words}",
        "release checkout-2: RolledBack at 5 %",
        f"  release {words}",
        " metric       state      evidence",
        f" http-errors  Regressed  metric {words}",
    ]


@pytest.mark.parametrize(
    ("status", "lines"), [("True", ["  warning: needs 2 h"]), ("False", [])], ids=["slow", "soon"]
)
def test_a_verdict_that_takes_too_long_is_a_warning(status: str, lines: list[str]) -> None:
    conditions = [
        {"type": "Ready", "status": "True", "message": "stable serves alone"},
        {"type": "SlowVerdict", "status": status, "message": "needs 2 h"},
    ]
    out = StringIO()
    show({"metadata": {"name": "checkout"}, "status": {"conditions": conditions}}, None, out)
    assert out.getvalue().splitlines()[2:] == lines


def test_a_new_plan_has_little_to_show() -> None:
    out = StringIO()
    show({"metadata": {"name": "checkout"}}, None, out)
    assert out.getvalue() == "plan checkout: new, guard ?\n  \n"
