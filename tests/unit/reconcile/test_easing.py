"""What a look makes of a weight: the requests there are, and what the evidence allows."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from controller.api.release import MetricRule, Release
from controller.judge import CountsEvidence
from controller.judge.exposure import extra_bad
from controller.metrics.arms import Arms, PodRef
from controller.metrics.reader import Look, NoEvidence, Past
from controller.reconcile.easing import PAST, ease, first_weight
from controller.reconcile.judging import judge_look
from controller.reconcile.looks import blind
from controller.release.facts import Judged, Problem
from tests.unit.reconcile.counts import answers, arm
from tests.unit.reconcile.counts import past as stables_past
from tests.unit.release import given
from tests.unit.release.given import LOOK, NOW, SECOND, at_step

AT = NOW + LOOK
WARM_UP = timedelta(seconds=90)
COUNTING = given.release(
    **at_step(weight={"wanted": 0, "confirmed": 0}, metrics=[], looks={"since": NOW.timestamp()})
)


def at(wanted: float, **status: Any) -> Release:
    """Return a release that has this much of its first step's 5 % since NOW, scraped every 5 s."""
    weight = {"wanted": wanted, "confirmed": wanted, "justified": wanted}
    looks = {"since": NOW.timestamp(), "scrape": 5.0}
    return given.release(**at_step(weight=weight, metrics=[], looks=looks, **status))


def past(rate: float, *, scrape: float = 5.0, pods: int = 3) -> Past:
    """Return stable's past at so many requests a second, of which 1 % were bad."""
    shape = (int(PAST / scrape), pods, 2)
    counts = np.full(shape, rate * scrape / pods) * np.array([0.01, 0.99])
    return Past(tuple("abc"[:pods]), ("bad", "good"), counts)


def ready(*seconds: float) -> Arms:
    """Return arms whose canary pods have been ready for so long at NOW."""
    pods = (PodRef(f"c-{s}", NOW.timestamp() - s, NOW.timestamp() - s) for s in seconds)
    return Arms("shop", (), tuple(pods), "checkout", "checkout-canary")


WARM = ready(600)


def begin(
    answer: Past | NoEvidence, release: Release = COUNTING, arms: Arms = WARM
) -> Judged | None:
    def read(_rule: MetricRule) -> Past | NoEvidence:
        return answer

    return first_weight(release, arms, read, blind(release, None, NOW), NOW)


@pytest.mark.parametrize(
    ("rate", "scrape", "weight"),
    [
        pytest.param(50.0, 5.0, 100 * 10 / 750, id="a look is longer than scrapes"),
        pytest.param(50.0, 15.0, 100 * 10 / 1125, id="a weight waits for the second scrape"),
        pytest.param(0.1, 5.0, 100.0, id="nobody is there to be hurt"),
    ],
)
def test_the_first_weight_comes_from_stables_traffic(
    rate: float, scrape: float, weight: float
) -> None:
    found = begin(past(rate, scrape=scrape))
    assert found is not None
    assert found.justified == pytest.approx(weight)
    assert found.scrape == scrape
    assert found.problem is None
    assert (found.metrics, found.verdict) == ((), "Inconclusive")


@pytest.mark.parametrize(("per", "seconds"), [("Pod", 15 + 90 - 40), ("Service", 15 + 90 - 10)])
def test_the_first_weight_has_to_bear_the_warm_up(per: str, seconds: float) -> None:
    rules = COUNTING.spec.rules
    (errors,) = rules.metrics
    spec = errors.spec.model_copy(update={"per": per})
    rules = rules.model_copy(update={"metrics": (errors.model_copy(update={"spec": spec}),)})
    counting = COUNTING.spec.model_copy(update={"rules": rules})
    release = COUNTING.model_copy(update={"spec": counting})

    found = begin(past(50.0), release, ready(40, 10))

    assert found is not None
    assert found.justified == pytest.approx(100 * 10 / (50 * seconds))


def test_a_service_without_traffic_gets_the_whole_weight() -> None:
    found = begin(NoEvidence("NoTraffic", "no requests on stable in 300 s"))
    assert found is not None
    assert (found.justified, found.problem) == (100.0, None)


def test_a_past_that_cannot_be_read_gives_no_weight_and_says_why() -> None:
    found = begin(NoEvidence("PrometheusUnreachable", "it does not answer"))
    assert found is not None
    assert found.justified is None
    assert found.problem == Problem("PrometheusUnreachable", "http-errors: it does not answer")


def test_a_past_of_one_scrape_is_read_again_soon() -> None:
    assert begin(NoEvidence("TooEarly", "stable has been scraped only once so far")) is None


def test_a_plan_without_a_required_count_is_not_eased_in() -> None:
    rules = COUNTING.spec.rules
    (errors,) = rules.metrics
    advisory = errors.model_copy(update={"required": False})
    rules = rules.model_copy(update={"metrics": (advisory,)})
    spec = COUNTING.spec.model_copy(update={"rules": rules})
    found = begin(NoEvidence("NoData", "no series"), COUNTING.model_copy(update={"spec": spec}))
    assert found is not None
    assert (found.justified, found.problem) == (100.0, None)


def looked(release: Release, reads: Any, now: Any = AT) -> Judged:
    judged = judge_look(release, reads, stables_past, now)
    assert judged is not None
    return ease(release, reads, judged, now)


def test_a_good_look_justifies_more() -> None:
    judged = looked(at(1.33), answers(AT, canary_errors=0.0))
    assert judged.justified is not None
    evidence = CountsEvidence.unpack(judged.metrics[0].evidence)
    assert extra_bad(evidence) == pytest.approx(0.045, abs=0.003)  # after 75 good requests
    # 85 requests a second, in looks of 15 s.
    assert judged.justified == pytest.approx(100 * 10 / (85 * 15 * extra_bad(evidence)))


def test_a_bad_look_justifies_less_than_a_good_one() -> None:
    good, bad = (looked(at(1.33), answers(AT, canary_errors=e)).justified for e in (0.0, 0.04))
    assert good is not None
    assert bad is not None
    assert bad < good / 2


def test_a_canary_seen_to_fail_everything_gets_no_more() -> None:
    judged = looked(at(1.33), answers(AT, canary_errors=1.0))
    assert judged.verdict == "Regressed"
    assert judged.justified is not None
    # 85 requests a second, in looks of 15 s, 99 points more than stable's.
    assert judged.justified == pytest.approx(100 * 10 / (85 * 15 * 0.99) / 2)


def test_a_canary_within_its_margin_may_have_all() -> None:
    release, judged = at(5), looked(at(5), answers(AT, canary_errors=0.0))
    for number in range(2, 20):
        now = NOW + number * LOOK
        status = release.status.model_copy(update={"metrics": judged.metrics})
        release = release.model_copy(update={"status": status})
        judged = looked(release, answers(now, canary_errors=0.01), now)
        if judged.verdict == "Safe":
            break
    assert judged.verdict == "Safe"
    assert judged.justified == 100.0


def test_a_look_without_data_leaves_the_weight_as_it_was() -> None:
    nothing = {"http-errors": NoEvidence("PrometheusUnreachable", "it does not answer")}
    judged = looked(at(1.33), nothing)
    assert judged.justified is None
    assert judged.problem is not None


@pytest.mark.parametrize(
    ("wanted", "after", "reason", "holds"),
    [
        (1.33, LOOK, "PodsNotScraped", False),
        (1.33, LOOK, "NoTraffic", False),
        (1.33, 4 * LOOK + WARM_UP, "PodsNotScraped", True),
        (5.0, LOOK, "PodsNotScraped", True),
        (1.33, LOOK, "PrometheusUnreachable", True),
    ],
    ids=["few requests", "none yet", "for long", "at the whole weight", "another reason"],
)
def test_few_requests_that_have_not_come_to_every_pod_hold_nothing(
    wanted: float,
    after: Any,
    reason: Any,
    holds: bool,  # noqa: FBT001  # a column
) -> None:
    judged = looked(at(wanted), {"http-errors": NoEvidence(reason, "see there")}, NOW + after)
    assert (judged.problem is not None) is holds


def test_traffic_that_rises_justifies_less() -> None:
    calm = looked(at(1.33), answers(AT, canary_errors=0.0))
    quiet = answers(AT, canary_errors=0.0)["http-errors"]
    assert isinstance(quiet, Look)
    busy = replace(quiet, stable=arm(9 * 1275.0, 0.01))
    rushed = looked(at(1.33), {"http-errors": busy})
    assert calm.justified is not None
    assert rushed.justified is not None
    assert rushed.justified < calm.justified / 8


def test_the_release_made_a_while_ago_does_not_thin_the_traffic_out() -> None:
    made = at(1.33)
    metadata = made.metadata.model_copy(update={"creation_timestamp": NOW - 600 * SECOND})
    old = made.model_copy(update={"metadata": metadata})
    reads = answers(AT, canary_errors=0.0)
    assert looked(old, reads).justified == looked(made, reads).justified
