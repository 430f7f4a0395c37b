"""When a retry is one, and what is said when it is none."""

import pytest

from controller.api.names import revision_of
from controller.cli.orders import why_no_effect, why_not_tried
from tests.unit.reconcile.known import Json
from tests.unit.reconcile.shop import template
from tests.unit.release import given

NEXT, STABLE = revision_of(template(2)), revision_of(template(1))


def deployment(version: int) -> Json:
    return {"metadata": {"name": "checkout"}, "spec": {"template": template(version)}}


def of_next(phase: str) -> Json:
    return given.ended(2, phase, NEXT).wire()


def test_what_the_deployment_still_holds_is_tried_again() -> None:
    assert why_not_tried(of_next("RolledBack"), deployment(2)) == ""


def test_what_it_no_longer_holds_is_not() -> None:
    assert why_not_tried(of_next("RolledBack"), deployment(1)) == (
        f"release checkout-2 is of revision {NEXT}, and Deployment checkout holds revision "
        f"{STABLE}: nothing to try again; apply the template of checkout-2 first"
    )


def test_without_a_deployment_there_is_nothing_to_try() -> None:
    assert why_not_tried(of_next("Aborted"), None) == (
        f"release checkout-2 is of revision {NEXT}, and Deployment checkout does not exist: "
        "nothing to try again"
    )


@pytest.mark.parametrize(
    ("action", "phase", "words"),
    [
        ("Abort", "Stepping", ""),
        ("Abort", "Aborted", "release checkout-2 is Aborted: nothing to abort"),
        ("Retry", "RolledBack", ""),
        ("Retry", "Succeeded", "release checkout-2 is Succeeded: nothing to try again"),
        ("Acknowledge", "RollingBack", ""),
        ("Acknowledge", "Aborted", "release checkout-2 is Aborted: no alert to acknowledge"),
    ],
)
def test_an_order_has_an_effect_in_some_phases_only(action: str, phase: str, words: str) -> None:
    assert why_no_effect(action, of_next(phase)) == words
