"""A revision that waits because of a release that is gone: a retry of it is not advised."""

from typing import Any

import pytest

from controller.release.plans import decide_plan
from tests.unit.release.given import NOW, ended, plan, plan_facts, waiting


def waits(phase: str) -> dict[str, Any]:
    """Return the status of a plan whose release 2 has ended so."""
    releases = (ended(2, phase),)
    status = decide_plan(plan_facts(deployment=waiting(), releases=releases), NOW).status
    return status.model_dump()


@pytest.mark.parametrize(
    ("end", "phase"), [("RolledBack", "Rejected"), ("Aborted", "Held")], ids=["taken back", "held"]
)
def test_a_retry_is_advised_only_while_its_release_is_there(end: str, phase: str) -> None:
    stored = plan(**waits(end))
    there = plan_facts(plan=stored, deployment=waiting(), releases=(ended(2, end),))
    gone = plan_facts(plan=stored, deployment=waiting())

    before, after = (decide_plan(facts, NOW).status for facts in (there, gone))

    assert before.phase == after.phase == phase
    assert before.conditions[0].message.endswith(
        "Change the template, or try it again with kubectl gander retry checkout-2 -n shop"
    )
    assert after.conditions[0].message.endswith(
        "Change the template; Release checkout-2 is gone, so nothing can order a retry of it"
    )
