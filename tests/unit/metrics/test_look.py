"""One look: what is counted for whom, and every reason why there is none."""

import pytest

from controller.metrics.arms import Arms
from controller.metrics.evidence import ArmLook, Look, NoEvidence, Reason, Series
from controller.metrics.look import warming_up
from tests.unit.metrics.given import (
    PER_SERVICE,
    T0,
    Point,
    a_gateway_series,
    a_histogram,
    a_pod,
    a_series,
    a_spec,
    histograms,
    look_at,
    reason,
    some_arms,
    steady,
)

STABLE, CANARY = "checkout-1", "checkout-canary-1"
NAN = float("nan")


def both(
    canary: list[Point] | None = None, stable: list[Point] | None = None, **labels: str
) -> list[Series]:
    """Return one series for each arm; by default each counts 2 and 20 requests a second."""
    return [
        a_series(CANARY, canary or steady(2, offset=1), **labels),
        a_series(STABLE, stable or steady(20, offset=2), **labels),
    ]


def taken(outcome: Look | NoEvidence) -> Look:
    assert isinstance(outcome, Look), outcome
    return outcome


def test_a_look_counts_both_arms_over_the_same_window() -> None:
    errors = [
        a_series(CANARY, [(-4, 3), (1, 3), (6, 5), (11, 5), (16, 6), (21, 6), (26, 8)], code="500"),
        a_series(STABLE, [(7, 4), (12, 4), (17, 4), (22, 4), (27, 5)], code="503"),
    ]
    look = taken(look_at(both() + errors, since=0))
    # The canary's newest sample is at 26, stable's at 27, so the window ends at 26; at or before it
    # stable's last samples are at 22, and at or before 0 the first ones at -4 and -3.
    assert (look.start - T0, look.end - T0) == (0, 26)
    assert look.canary == ArmLook(5, 60 + 5, met=60 + 5, met_bad=5, pods={CANARY: (5, 65)})
    assert look.stable == ArmLook(4, 500 + 4, met=500 + 4, met_bad=4, pods={STABLE: (4, 504)})


def test_what_stable_counted_before_the_look_is_known() -> None:
    errors = [(-8, 2), (-3, 9), (2, 9), (7, 9), (12, 9), (17, 9), (22, 9), (27, 9)]
    bad = a_series(STABLE, errors, code="500")
    look = taken(look_at([*both(), bad], since=10))
    assert (look.start - T0, look.end - T0) == (10, 26)
    # As long before the look as it is long, from -6 to 10: stable's samples from -8 to 7.
    assert look.before == ArmLook(7, 300 + 7, met=307, met_bad=7, pods={STABLE: (7, 307)})
    # Whatever the weight or the warm-up: they are the canary's.
    again = taken(look_at([*both(), bad], since=0, changed=10, warm_up=1000))
    assert again.before == look.before


def test_the_next_look_begins_where_this_one_ends() -> None:
    early = both(canary=steady(2, offset=1, end=17), stable=steady(20, offset=2, end=17))
    first = taken(look_at(early, since=0, now=17))
    assert first.end == T0 + 16
    second = taken(look_at(both(), since=first.end - T0))
    whole = taken(look_at(both(), since=0))
    assert second.start == first.end
    assert first.stable.total + second.stable.total == whole.stable.total


def test_requests_before_the_weight_changed_are_met_but_not_judged() -> None:
    look = taken(look_at(both(), since=0, changed=8))
    # Whole scrapes behind 8: the canary's from 11 to 26, stable's from 12 to 22.
    assert look.start == T0 + 8
    assert (look.canary.total, look.canary.met) == (2 * 15, 2 * 30)
    assert (look.stable.total, look.stable.met) == (20 * 10, 20 * 25)


def test_each_pod_is_judged_after_its_own_warm_up() -> None:
    arms = some_arms(canary=[a_pod(CANARY), a_pod("checkout-canary-2", ready=0, started=-3)])
    young = a_series("checkout-canary-2", steady(4, start=-2, offset=0))
    look = taken(look_at([*both(), young], arms=arms, since=0, warm_up=10))
    # The young pod's samples behind its warm-up are at 13, 18 and 23.
    assert look.canary.total == 2 * 30 + 4 * 10
    assert look.canary.met == 2 * 30 + 4 * 25


def test_a_pod_that_is_not_ready_is_met_but_not_judged() -> None:
    arms = some_arms(canary=[a_pod(CANARY), a_pod("checkout-canary-2", ready=None)])
    other = a_series("checkout-canary-2", steady(4))
    look = taken(look_at([*both(), other], arms=arms, since=0))
    assert (look.canary.total, look.canary.met) == (2 * 30, 2 * 30 + 4 * 25)


def test_without_warm_up_a_new_pod_counts_from_zero() -> None:
    arms = some_arms(canary=[a_pod(CANARY, ready=3, started=2)])
    series = both(canary=[(6, 5), (11, 12), (16, 20), (21, 30), (26, 41)])
    look = taken(look_at(series, arms=arms, since=0, changed=0))
    assert (look.canary.total, look.canary.met) == (41, 41)


def test_no_errors_at_all_is_a_look() -> None:
    look = taken(look_at(both()))
    assert (look.canary.bad, look.stable.bad) == (0, 0)


def test_a_pod_scraped_twice_counts_once() -> None:
    again = [a_series(STABLE, steady(20, offset=4), job="again")]
    assert taken(look_at(both() + again)).stable.total == 500


def test_after_an_outage_the_look_covers_everything_since() -> None:
    series = both(canary=steady(2, end=900, offset=1), stable=steady(20, end=900, offset=2))
    look = taken(look_at(series, since=0, now=900))
    assert (look.end - T0, look.canary.total, look.stable.total) == (896, 1800, 17_900)


def test_a_scrape_under_way_ends_the_window_before_it() -> None:
    arms = some_arms(stable=[a_pod(STABLE), a_pod("checkout-2")])
    slow = a_series("checkout-2", steady(20, end=17, offset=0))  # due at 20, not stored yet
    look = taken(look_at([*both(), slow], arms=arms, since=0))
    assert look.end - T0 == 15 + 0.9 * 5


def test_a_pod_without_fresh_samples_is_left_out_while_two_thirds_are_seen() -> None:
    pods = [a_pod(f"checkout-{i}") for i in range(1, 4)]
    live = [*both(), a_series("checkout-2", steady(20))]
    dead = a_series("checkout-3", steady(20, end=5))
    for series in ([*live, dead], live):
        look = taken(look_at(series, arms=some_arms(stable=pods), since=0))
        assert look.stable.total >= 900


@pytest.mark.parametrize(
    ("dead", "named"),
    [
        (2, "2 of 3 stable pods have no fresh sample: checkout-1, checkout-2;"),
        (5, "5 of 6 stable pods have no fresh sample: checkout-1, checkout-2, checkout-3 ...;"),
    ],
)
def test_more_dead_pods_are_named(dead: int, named: str) -> None:
    pods = [a_pod(f"checkout-{i}") for i in range(1, dead + 2)]
    series = [a_series(pod.name, steady(20, end=5)) for pod in pods[:-1]]
    series += [a_series(pods[-1].name, steady(20)), both()[0]]
    outcome = look_at(series, arms=some_arms(stable=pods))
    assert isinstance(outcome, NoEvidence)
    assert outcome.reason == "PodsNotScraped"
    assert outcome.message.startswith(named)


def test_young_pods_need_not_be_seen() -> None:
    canary = [a_pod(CANARY), *(a_pod(f"young-{i}", ready=20) for i in range(3))]
    look = look_at(both(), arms=some_arms(canary=canary), warm_up=90)
    assert taken(look).canary.total == 60


def test_a_pod_that_became_ready_just_now_need_not_be_seen_yet() -> None:
    for ready, expected in ((15, "Look"), (10, "NoEvidence")):
        canary = [a_pod(CANARY), a_pod("checkout-canary-2", ready=ready)]
        outcome = look_at(both(), arms=some_arms(canary=canary), warm_up=0)
        assert type(outcome).__name__ == expected


@pytest.mark.parametrize(
    ("changed", "ready", "warm_up", "expected"),
    [(18, -100, 0, "TooEarly"), (17, -100, 0, "NoData"), (-50, 8, 10, "TooEarly")],
)
def test_a_canary_that_just_got_its_weight_may_be_without_a_sample(
    changed: float, ready: float, warm_up: float, expected: Reason
) -> None:
    arms = some_arms(canary=[a_pod(CANARY, ready=ready)])
    outcome = look_at(both()[1:], arms=arms, changed=changed, warm_up=warm_up)
    assert reason(outcome) == expected


def test_a_canary_pod_without_a_request_is_missed_only_after_its_weight_came() -> None:
    arms = some_arms(canary=[a_pod(CANARY), a_pod("checkout-canary-2")])
    for changed, expected in ((15, "Look"), (14, "NoEvidence")):
        outcome = look_at(both(), arms=arms, changed=changed)
        assert type(outcome).__name__ == expected


def test_what_a_former_canarys_service_counted_is_no_sample_of_this_one() -> None:
    series = [
        a_gateway_series("checkout", steady(20)),
        a_gateway_series("checkout-canary", steady(2, end=-60)),
    ]
    spec = a_spec(PER_SERVICE, per="Service")
    assert reason(look_at(series, spec=spec, changed=20)) == "TooEarly"
    assert reason(look_at(series, spec=spec, changed=10)) == "NoData"


def service_look(canary: list[Point], **kwargs: float) -> Look | NoEvidence:
    series = [
        a_gateway_series("checkout", steady(20)),
        a_gateway_series("checkout-canary", canary),
        a_gateway_series("checkout-canary", [(25, 2), (30, 3)], code="502"),
    ]
    arms = some_arms(canary=[a_pod(CANARY, ready=-5), a_pod("checkout-canary-2", ready=0)])
    return look_at(series, arms=arms, spec=a_spec(PER_SERVICE, per="Service"), **kwargs)


def test_a_gateways_new_series_count_from_zero() -> None:
    look = taken(service_look([(5, 7), (10, 9), (15, 12), (20, 15), (25, 17), (30, 20)], since=1))
    assert look.canary == ArmLook(bad=3, total=23, met=23, met_bad=3)
    assert look.stable.total == 600


def test_a_service_is_judged_after_the_youngest_pods_warm_up() -> None:
    look = taken(service_look([(5, 7), (10, 9), (15, 12), (20, 15), (25, 17), (30, 20)], warm_up=9))
    assert (look.canary.total, look.canary.met) == (11 + 3, 23)
    assert look.stable.total == 400


def test_a_service_is_judged_since_the_weight_changed() -> None:
    look = taken(service_look([(5, 7), (10, 9), (15, 12), (20, 15), (25, 17), (30, 20)], changed=9))
    assert (look.canary.total, look.canary.met) == (11 + 3, 23)


ENDED: list[Point] = steady(2, end=5)
LATER = 120.0


@pytest.mark.parametrize(
    ("series", "now", "answered_at", "expected", "words"),
    [
        ([], 30, None, "NoData", "no series of spec.counts.total for the canary (1 pods)"),
        (both()[:1], 30, None, "NoData", "for the stable (1 pods)"),
        (both(canary=[(-4, 3), (26, NAN)]), 30, None, "NotANumber", 'canary-1"} is nan'),
        (both(canary=[(26, float("inf"))]), 30, None, "NotANumber", "is inf"),
        (both(stable=[(26, -2)]), 30, None, "NotANumber", "is -2"),
        (both(canary=ENDED), 30, None, "PodsNotScraped", "1 of 1 canary pods have no fresh sample"),
        (both(), LATER, None, "PodsNotScraped", "no pod has been scraped for 93 s"),
        (both(), -5, None, "ClocksDiffer", "32 s ahead of Gander's clock"),
        (both(), 400, 30, "ClocksDiffer", "373 s old by Gander's clock but not by Prometheus'"),
        (both(canary=[(25, 5)], stable=[(25, 5)]), 30, None, "TooEarly", "no new sample"),
        (both(canary=steady(0)), 30, None, "NoTraffic", "no requests on the canary"),
        (both(stable=steady(0)), 30, None, "NoTraffic", "no requests on the stable"),
    ],
)  # fmt: skip
def test_no_evidence_says_why(
    series: list[Series], now: float, answered_at: float | None, expected: Reason, words: str
) -> None:
    outcome = look_at(series, now=now, answered_at=answered_at)
    assert isinstance(outcome, NoEvidence)
    assert outcome.reason == expected
    assert words in outcome.message


def test_a_slow_clock_within_minutes_is_no_obstacle() -> None:
    assert taken(look_at(both(), now=LATER, answered_at=30)).end == T0 + 26


def test_a_look_is_no_shorter_than_a_scrape() -> None:
    assert reason(look_at(both(), since=22)) == "TooEarly"
    assert taken(look_at(both(), since=21)).canary.total == 10
    assert reason(look_at(both(), since=0, changed=22)) == "TooEarly"


def test_two_samples_behind_the_weight_change_are_needed() -> None:
    outcome = look_at(both(canary=[*steady(2, end=1, offset=1), (24, 600)]), since=0, changed=19)
    assert reason(outcome) == "TooEarly"
    assert "since the last weight change" in getattr(outcome, "message", "")


def test_the_slower_scraped_arm_sets_the_interval() -> None:
    slow = [(-60.0, 0.0), (-30.0, 100.0), (0.0, 200.0)]
    assert reason(look_at(both(stable=slow), since=-10)) == "TooEarly"
    assert taken(look_at(both(stable=slow), since=-30)).stable.total == 100


def test_one_nan_in_the_past_does_no_harm() -> None:
    points = [(t, NAN if t == 11 else v) for t, v in steady(2, offset=1)]
    assert taken(look_at(both(canary=points))).canary.total == 60


def test_a_backend_that_left_the_gateway_is_named() -> None:
    series = [
        a_gateway_series("checkout", steady(20)),
        a_gateway_series("checkout-canary", steady(2, end=5)),
    ]
    gone = look_at(series, spec=a_spec(PER_SERVICE, per="Service"))
    assert isinstance(gone, NoEvidence)
    assert gone.reason == "NoData"
    assert "the series of the canary's Service have ended" in gone.message


@pytest.mark.parametrize(
    ("canary", "stable", "expected", "words"),
    [
        ([], [-100], "NoPods", "there is no canary pod"),
        ([-100], [], "NoPods", "there is no stable pod"),
        ([None, None], [-100], "NoReadyPods", "no canary pod is ready, of 2"),
        ([-100], [None], "NoReadyPods", "no stable pod is ready, of 1"),
        ([-30, -20], [-100], "WarmingUp", "the oldest canary pod is judged in 60 s, 90 s after"),
        ([-100], [-30], "WarmingUp", "the oldest stable pod"),
        ([-100, -20, None], [-100, -5], None, ""),
    ],
)
def test_pods_that_are_too_young_are_not_asked_about(
    canary: list[float | None], stable: list[float | None], expected: Reason | None, words: str
) -> None:
    arms = Arms(
        namespace="shop",
        canary=tuple(a_pod(f"c{i}", ready=ready) for i, ready in enumerate(canary)),
        stable=tuple(a_pod(f"s{i}", ready=ready) for i, ready in enumerate(stable)),
        stable_service="checkout",
        canary_service="checkout-canary",
    )
    found = warming_up(arms, "Pod", warm_up=90, now=T0)
    assert (found and found.reason) == expected
    assert words in (found.message if found else "")


def test_a_service_waits_for_its_youngest_canary_pod_only() -> None:
    pods = [a_pod("a", ready=-100), a_pod("b", ready=-20), a_pod("c", ready=None)]
    found = warming_up(some_arms(canary=pods), "Service", warm_up=90, now=T0)
    assert found is not None
    assert "the youngest canary pod is judged in 70 s" in found.message
    assert warming_up(some_arms(stable=pods), "Service", warm_up=90, now=T0) is None


def test_a_scrape_that_may_be_under_way_is_waited_for_after_failed_ones_too() -> None:
    # One scrape of the second pod failed; the next takes 4 s and is stored at 20.25 as of 16.25.
    late = a_series("checkout-2", [(-3.75, 50), (1.25, 60), (6.25, 70)])
    arms = some_arms(stable=[a_pod(STABLE), a_pod("checkout-2"), a_pod("checkout-3")])
    fresh = both(canary=steady(2, end=20), stable=steady(20, end=20))
    third = a_series("checkout-3", steady(20, end=20))
    look = taken(look_at([*fresh, late, third], arms=arms, since=0, now=20.125))
    assert look.end == T0 + 15


def test_each_pod_is_counted_for_itself_too() -> None:
    second = a_series("checkout-canary-2", steady(4, offset=1))
    arms = some_arms(canary=[a_pod(CANARY), a_pod("checkout-canary-2")])
    look = taken(look_at([*both(), second], arms=arms))
    assert look.canary.pods == {CANARY: (0, 60), "checkout-canary-2": (0, 120)}
    assert look.stable.pods == {STABLE: (0, 500)}


def test_a_histogram_is_counted_bucket_by_bucket() -> None:
    canary = histograms(2, CANARY, fast=0.5, slow=0.9)
    stable = histograms(20, STABLE, fast=0.8, slow=1.0)
    look = taken(look_at([*canary, *stable], spec=a_histogram(), since=0))
    assert look.canary.buckets == pytest.approx({"0.1": 30, "0.5": 54, "+Inf": 60})
    assert look.stable.buckets == pytest.approx({"0.1": 480, "0.5": 600, "+Inf": 600})
    # It knows how many requests there were, and of no bad ones.
    assert (look.canary.total, look.canary.met) == (60, 60)
    assert (look.canary.bad, look.canary.met_bad, look.canary.pods) == (0, 0, {})


def test_a_histograms_requests_before_the_weight_changed_are_not_judged() -> None:
    canary = histograms(2, CANARY, fast=0.5, slow=0.9)
    stable = histograms(20, STABLE, fast=0.8, slow=1.0)
    look = taken(look_at([*canary, *stable], spec=a_histogram(), since=0, changed=8))
    assert look.canary.buckets == pytest.approx({"0.1": 20, "0.5": 36, "+Inf": 40})
    assert look.canary.met == 60


def test_buckets_of_several_series_of_a_pod_add_up() -> None:
    paths = histograms(2, CANARY, fast=0.5, slow=0.9)
    more = [Series({**one.labels, "path": "/x"}, one.times, one.values) for one in paths]
    stable = histograms(20, STABLE, fast=0.8, slow=1.0)
    look = taken(look_at([*paths, *more, *stable], spec=a_histogram()))
    assert look.canary.buckets == pytest.approx({"0.1": 60, "0.5": 108, "+Inf": 120})


def test_a_histogram_without_series_names_its_own_field() -> None:
    found = look_at(histograms(20, STABLE, fast=0.8, slow=1.0), spec=a_histogram())
    assert isinstance(found, NoEvidence)
    assert "no series of spec.histogram.buckets for the canary" in found.message
