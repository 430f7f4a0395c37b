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
@pytest.mark.parametrize("left", [(), (2,)], ids=["gone", "being deleted"])
def test_a_retry_is_advised_only_while_its_release_stays(
    end: str, phase: str, left: tuple[int, ...]
) -> None:
    stored = plan(**waits(end))
    there = plan_facts(plan=stored, deployment=waiting(), releases=(ended(2, end),))
    going = tuple(ended(number, end, deleted=True) for number in left)
    gone = plan_facts(plan=stored, deployment=waiting(), releases=going)

    before, after = (decide_plan(facts, NOW).status for facts in (there, gone))

    assert before.phase == after.phase == phase
    assert before.conditions[0].message.endswith(
        "Change the template, or try it again with kubectl gander retry checkout-2 -n shop"
    )
    assert after.conditions[0].message.endswith(
        "Release checkout-2 is deleted, so nothing can order a retry of it. Change the template; "
        "kubectl rollout restart deployment/checkout -n shop releases the same images anew"
    )
