"""A plan whose first step gives too few requests for a verdict says so, and how long it takes."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from controller.api.plan import ReleasePlanStatus
from controller.api.release import Phase, Release
from controller.judge import Need
from controller.kube import kinds
from controller.metrics.reader import NoEvidence, Past
from controller.reconcile.easing import PAST
from controller.reconcile.foresight import foresee, need_of
from controller.reconcile.looks import blind
from controller.reconcile.plan import gather_plan
from controller.release.facts import Judged
from controller.release.machine import decide
from controller.release.plans import decide_plan
from controller.release.record import SLOW_VERDICT, with_conditions
from tests.unit.reconcile.known import known
from tests.unit.reconcile.test_easing import COUNTING, begin, past
from tests.unit.reconcile.test_plan_checked import plan_item
from tests.unit.release import given
from tests.unit.release.given import NOW, SECOND, at_step

(RULE,) = COUNTING.spec.rules.metrics


def quiet(rate: float) -> Past:
    """Return stable's past at so many requests a second, none of them bad."""
    counted = past(rate)
    total = counted.counts.sum(axis=2, keepdims=True)
    return replace(counted, counts=np.concatenate([0.0 * total, total], axis=2))


def after(foreseen: Judged | None, release: Release = COUNTING) -> Release:
    """Return the release once a pass has stored that answer."""
    facts = given.facts(release, routes=(given.route(0.0),), judged=foreseen)
    decision = decide(facts, NOW)
    status = with_conditions(decision.status, release.metadata.generation, NOW)
    return Release.model_validate({**release.wire(), "status": status.wire()})


def of_plan(*releases: Release, **status: Any) -> ReleasePlanStatus:
    facts = given.plan_facts(plan=given.plan(**given.guarded(**status)), releases=releases)
    return decide_plan(facts, NOW).status


def warnings(status: Any) -> list[tuple[str, str, str]]:
    return [(c.status, c.reason, c.message) for c in status.conditions if c.type == SLOW_VERDICT]


@pytest.mark.parametrize(
    ("rate", "slow", "words"),
    [
        (50.0, "False", "at 5 % of 50 requests a second that is 4 min"),
        (3.0, "True", "at 5 % of 3 requests a second that is 1 h 7 min; raise the first step's "),
    ],
)
def test_the_traffic_before_the_first_weight_says_how_long_a_verdict_takes(
    rate: float, slow: str, words: str
) -> None:
    release = after(begin(quiet(rate)))

    ((status, _, message),) = warnings(release.status)

    assert status == slow
    assert message.startswith("http-errors needs at least 598 canary requests to be shown safe; ")
    assert words in message


def test_errors_of_stable_take_more_requests() -> None:
    clean, dirty = (need_of(COUNTING, RULE, one, PAST) for one in (quiet(50.0), past(50.0)))
    assert dirty.requests > 1.5 * clean.requests
    assert (dirty.rate, clean.rate) == pytest.approx((50.0, 50.0))


def test_a_noisy_pod_that_is_no_baseline_has_no_errors_that_count() -> None:
    calm = replace(past(50.0, pods=10), pods=tuple("abcdefghij"))
    counts = calm.counts.copy()
    counts[:, 0] = counts[:, 0].sum(axis=1, keepdims=True) * np.array([0.9, 0.1])
    noisy = replace(calm, counts=counts)
    one, other = (need_of(COUNTING, RULE, each, PAST) for each in (calm, noisy))
    assert other.requests == pytest.approx(one.requests, rel=0.01)
    assert other.rate == pytest.approx(50.0)


def test_without_any_request_no_verdict_ever_comes() -> None:
    release = after(begin(NoEvidence("NoTraffic", "no requests on stable in 300 s")))

    ((status, reason, message),) = warnings(release.status)

    assert (status, reason) == ("True", "TooFewRequests")
    assert "at 5 % of 0 requests a second they never come" in message


def test_the_slowest_metric_is_named() -> None:
    told = foresee({"logins": Need(600, 50, 0.05), "orders": Need(600, 1, 0.05)})
    assert told is not None
    assert told.message.startswith("orders needs")
    assert told.slow


def test_nothing_is_told_without_a_required_metric_that_counts() -> None:
    advisory = RULE.model_copy(update={"required": False})
    rules = COUNTING.spec.rules.model_copy(update={"metrics": (advisory,)})
    spec = COUNTING.spec.model_copy(update={"rules": rules})
    found = begin(quiet(3.0), COUNTING.model_copy(update={"spec": spec}))
    assert found is not None
    assert found.foreseen is None


def test_a_warning_changes_neither_weight_nor_phase() -> None:
    warned = begin(quiet(3.0))
    assert warned is not None
    assert warned.foreseen is not None

    one, other = (after(each).status for each in (warned, replace(warned, foreseen=None)))

    assert warnings(one)
    assert not warnings(other)
    conditions = {"conditions": ()}
    assert one.model_copy(update=conditions) == other.model_copy(update=conditions)


def test_later_looks_leave_the_warning_as_it_was() -> None:
    warned = after(begin(quiet(3.0)))
    later = after(blind(warned, None, NOW + SECOND), warned)
    assert warnings(later.status) == warnings(warned.status) != []


def test_the_plan_says_what_its_newest_release_measured() -> None:
    old = after(begin(quiet(3.0)), given.release(number=1, **at_step(**_at_zero())))
    new = after(begin(quiet(50.0)), given.release(number=2, **at_step(**_at_zero())))
    unmeasured = given.release(number=3)

    ((status, reason, message),) = warnings(of_plan(unmeasured, old, new))

    assert (status, reason) == ("False", "EnoughRequests")
    assert message.endswith("that is 4 min (measured at the start of checkout-2)")


def test_the_plan_keeps_its_warning_once_releases_are_gone_and_writes_it_once() -> None:
    first = of_plan(after(begin(quiet(3.0))))
    again = of_plan(after(begin(quiet(3.0))), **first.model_dump())
    gone = of_plan(**first.model_dump())

    assert warnings(first) == warnings(again) == warnings(gone) != []
    assert first.conditions == again.conditions


def test_the_plan_stays_ready_and_names_the_generation_that_was_measured() -> None:
    ended = after(begin(quiet(3.0)))
    succeeded = ended.status.model_copy(update={"phase": Phase.SUCCEEDED})
    ended = ended.model_copy(update={"status": succeeded})

    status = of_plan(ended)

    by_type = {condition.type: condition for condition in status.conditions}
    assert by_type["Ready"].status == "True"
    assert by_type[SLOW_VERDICT].observed_generation == ended.spec.rules.generation


def test_a_stored_release_warns_its_stored_plan() -> None:
    release = after(begin(quiet(3.0)))
    stored = release.wire() | {"apiVersion": "gander.dev/v1alpha1", "kind": "Release"}
    stored["metadata"]["labels"] = {"gander.dev/plan": "checkout"}
    world = known(plan_item(), (kinds.RELEASE, stored))
    plan = gather_plan(world, given.plan(**given.guarded()))

    status = decide_plan(plan, NOW).status

    assert [value for value, _, _ in warnings(status)] == ["True"]


@settings(max_examples=200, deadline=None)
@drawn(arrays.arrays(np.float64, (20, 3, 2), elements=st.floats(allow_nan=True)))
def test_no_number_of_the_past_keeps_a_release_from_its_first_weight(
    counts: np.ndarray[Any, np.dtype[np.float64]],
) -> None:
    odd = Past(("a", "b", "c"), ("bad", "good"), counts)

    with np.errstate(all="ignore"):
        need = need_of(COUNTING, RULE, odd, PAST)
    told = foresee({"http-errors": need})

    assert told is not None
    assert told.message
    assert not math.isnan(need.seconds)


def _at_zero() -> dict[str, Any]:
    weight = {"wanted": 0, "confirmed": 0}
    return {"weight": weight, "metrics": [], "looks": {"since": NOW.timestamp()}}
