"""A trial: what becomes of a look, whatever its kind, and that nothing is lost between looks."""

import json
import math
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.judge import (
    Arm,
    Classic,
    CountsAtWeight,
    CountsEvidence,
    CountsLook,
    GaugeLook,
    HistogramEvidence,
    HistogramLook,
    NumberLook,
    Pod,
    Refused,
    Verdict,
    away_from_edges,
)
from controller.judge.kinds import Look
from controller.judge.plan import (
    CountsMetric,
    GaugeMetric,
    HistogramMetric,
    NumberMetric,
    Plan,
    questions,
)
from controller.judge.record import RecordedLook
from controller.judge.replay import verdict
from controller.judge.trial import MetricTrial, State, Trial
from tests.unit.judge.histograms import looks as histogram_looks
from tests.unit.judge.releases import KINDS, Release, releases
from tests.unit.judge.streams import looks as counts_looks

AT_ONCE = Plan(one_look_late=False)
LATE = Plan(one_look_late=True)
ERRORS = CountsMetric("errors", prior_bad=20, prior_total=2000, routed=True)
CALM = (CountsLook(Arm(1, 100), Arm(10, 1000)),)
INCIDENT = (CountsLook(Arm(40, 100), Arm(200, 1000)),)


def after(trial: Trial, *looks: Look, share: float = 0.05) -> Trial:
    """Return a trial of one metric after looks that must all be accepted."""
    for look in looks:
        trial, refused = trial.after(share, {trial.metrics[0].name: look})
        assert refused == {}
    return trial


def told(release: Release, *, cut: int | None = None) -> list[str]:
    """Return what is said after each look, in JSON; a cut packs all and goes on from the text."""
    trial, said = Trial.start(release.plan, release.metrics), []
    for number, look in enumerate(release.looks):
        if number == cut:
            metrics = tuple(
                MetricTrial.unpack(release.plan, metric, one.pack())
                for metric, one in zip(release.metrics, trial.metrics, strict=True)
            )
            trial = Trial(release.plan, metrics, trial.share)
        trial, refused = trial.after(look.share, look.metrics)
        said.append(json.dumps(verdict(look, trial, refused), allow_nan=False))
    return said


def evidence_of(trial: Trial) -> CountsEvidence:
    found = trial.metrics[0].evidence
    assert isinstance(found, CountsEvidence)
    return found


@settings(max_examples=20, deadline=None)
@given(releases(kinds=KINDS))
def test_a_restart_after_any_look_changes_nothing(release: Release) -> None:
    through = told(release)

    for cut in range(len(release.looks)):
        assert told(release, cut=cut) == through


@settings(max_examples=60, deadline=None)
@given(releases(garbage=True, most=6))
def test_no_number_raises_and_what_is_refused_changes_nothing(release: Release) -> None:
    trial = Trial.start(release.plan, release.metrics)

    for look in release.looks:
        before = {one.name: one for one in trial.metrics}
        share = trial.share
        trial, refused = trial.after(look.share, look.metrics)

        assert math.isfinite(trial.judged().log_e)
        assert json.dumps(verdict(look, trial, refused), allow_nan=False)
        assert all(why.reason and why.message for why in refused.values())
        for name, why in refused.items():
            now = next(one for one in trial.metrics if one.name == name)
            assert now.evidence == before[name].evidence
            if trial.share == share and why.reason != "TooManyStrata":  # that is told late
                assert now == before[name]


@settings(max_examples=20, deadline=None)
@given(releases(), st.randoms(use_true_random=False))
def test_the_order_of_metrics_and_strata_does_not_matter(release: Release, random: Random) -> None:
    metrics = tuple(random.sample(release.metrics, len(release.metrics)))
    looks = tuple(
        replace(
            look,
            metrics={
                name: tuple(random.sample(one, len(one))) if isinstance(one, tuple) else one
                for name, one in random.sample(sorted(look.metrics.items()), len(look.metrics))
            },
        )
        for look in release.looks
    )

    one, other = (
        [json.loads(line) for line in told(given)]
        for given in (release, Release(release.plan, metrics, looks))
    )

    for said, shuffled in zip(one, other, strict=True):
        assert said["log_e"] == pytest.approx(shuffled["log_e"], rel=1e-9, abs=1e-9)
        assert said["metrics"] == shuffled["metrics"]
        assert said["verdict"] == shuffled["verdict"]
        assert said["refused"] == shuffled["refused"]
        for names in ("culprits", "waiting_for", "holds"):
            assert sorted(said[names]) == sorted(shuffled[names])


@settings(max_examples=40, deadline=None)
@given(stream=st.lists(counts_looks(300), min_size=1, max_size=8), late=st.booleans())
def test_counts_are_judged_away_from_edges_and_one_look_late(
    stream: list[CountsLook], *, late: bool
) -> None:
    plan = LATE if late else AT_ONCE
    direct = CountsEvidence.start(questions(plan, [ERRORS])[0])  # type: ignore[arg-type]  # a count
    for look in away_from_edges(stream) if late else stream:
        grown = direct.after(look)
        assert not isinstance(grown, Refused)
        direct = grown

    trial = after(Trial.start(plan, [ERRORS]), *((look,) for look in stream))

    assert evidence_of(trial) == direct


def test_a_look_is_not_judged_beside_a_jump_of_stable() -> None:
    calm = after(Trial.start(LATE, [ERRORS]), CALM, CALM)

    # The third look has an incident that the fourth goes on with.
    jump = after(calm, INCIDENT, INCIDENT, INCIDENT)

    assert evidence_of(calm).looks == 1
    assert evidence_of(jump).looks == 2  # the first calm one, and the middle of the incident


def test_a_look_at_an_edge_is_known_at_the_weight_and_proves_nothing() -> None:
    (metric,) = after(Trial.start(AT_ONCE, [ERRORS]), CALM).metrics

    grown, refused = metric.after(INCIDENT, at_edge=True)
    _, nonsense = metric.after((CountsLook(Arm(5, 3), Arm(1, 100)),), at_edge=True)

    assert refused is None
    assert grown.evidence == metric.evidence
    assert (metric.current.looks, grown.current.looks) == (1, 2)
    assert nonsense is not None
    assert nonsense.reason == "BadAboveTotal"


def test_a_look_that_is_refused_is_neither_held_nor_judges_the_one_before() -> None:
    held = after(Trial.start(LATE, [ERRORS]), CALM)

    trial, refused = held.after(0.05, {"errors": (CountsLook(Arm(5, 3), Arm(1, 100)),)})

    assert refused["errors"].reason == "BadAboveTotal"
    assert trial == held


def test_what_the_evidence_refuses_is_not_known_at_the_weight_either() -> None:
    look = GaugeLook(15.0, [Pod("c0", 1.0, 900.0)], [Pod("s0", 1.0, 900.0)])
    before = after(Trial.start(AT_ONCE, [GaugeMetric("memory")]), look)

    trial, refused = before.after(0.25, {"memory": look})

    assert refused["memory"].reason == "TimeNotRising"
    assert trial.metrics[0].current.looks == 0


def test_a_change_of_weight_starts_the_look_at_the_weight_again_and_keeps_the_evidence() -> None:
    before = after(Trial.start(AT_ONCE, [ERRORS]), CALM, CALM)

    trial, _ = before.after(0.25, {"errors": CALM})

    current = trial.metrics[0].current
    assert isinstance(current, CountsAtWeight)
    assert current.looks == 1
    assert evidence_of(trial).looks == 3
    assert trial.share == 0.25


def test_a_change_of_weight_without_a_look_leaves_nothing_known_at_the_new_weight() -> None:
    before = after(Trial.start(AT_ONCE, [ERRORS]), *[CALM] * 60)
    assert before.judged().verdict is Verdict.SAFE

    trial, _ = before.after(0.25, {})

    assert trial.metrics[0].current.looks == 0
    assert trial.judged().verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("plan", "canary_bad", "verdict"),
    [
        (Plan(one_look_late=False), 1, Verdict.SAFE),
        (Plan(one_look_late=False, false_promotion=1e-300), 1, Verdict.INCONCLUSIVE),
        (Plan(one_look_late=False), 5, Verdict.REGRESSED),
        (Plan(one_look_late=False, false_rollback=0.0), 5, Verdict.INCONCLUSIVE),
    ],
)
def test_the_plan_says_how_sure_is_sure(plan: Plan, canary_bad: float, verdict: Verdict) -> None:
    look = (CountsLook(Arm(canary_bad, 100), Arm(10, 1000)),)

    assert after(Trial.start(plan, [ERRORS]), *[look] * 60).judged().verdict is verdict


def test_more_strata_than_fit_are_told_when_the_look_is_judged() -> None:
    look = tuple(CountsLook(Arm(1, 30), Arm(9, 300), stratum=f"s{i}") for i in range(9))
    held = after(Trial.start(LATE, [ERRORS]), look)

    trial, refused = held.after(0.05, {"errors": CALM})

    assert refused["errors"].reason == "TooManyStrata"
    assert evidence_of(trial).looks == 0
    assert trial.metrics[0].current.looks == 2
    assert evidence_of(after(trial, CALM)).looks == 1


def test_what_is_held_back_at_a_change_of_weight_says_nothing_of_the_new_weight() -> None:
    before = after(Trial.start(LATE, [ERRORS]), CALM, CALM)

    trial, _ = before.after(0.25, {"errors": CALM})

    assert evidence_of(trial).looks == 2
    assert trial.metrics[0].current.looks == 1


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 5.0, math.nan, math.inf])
def test_a_look_without_both_versions_is_refused(share: float) -> None:
    before = after(Trial.start(AT_ONCE, [ERRORS]), CALM)

    trial, refused = before.after(share, {"errors": CALM})

    assert refused["errors"].reason == "NotAShare"
    assert str(share) in refused["errors"].message
    assert trial == before


def test_a_look_of_another_kind_is_refused() -> None:
    before = Trial.start(AT_ONCE, [ERRORS])

    trial, refused = before.after(0.05, {"errors": NumberLook(1.0, 1.0)})

    assert refused["errors"].reason == "OtherKind"
    assert trial.metrics == before.metrics


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(counts_looks(500), histogram_looks()), min_size=1, max_size=4),
    st.integers(2, 5),
)
def test_looks_of_equal_weight_may_be_merged(
    stream: list[tuple[CountsLook, HistogramLook]], times: int
) -> None:
    metrics = (ERRORS, HistogramMetric("latency", history=stream[0][1].stable))
    split = merged = Trial.start(AT_ONCE, metrics)

    for counts, buckets in stream:
        for _ in range(times):
            split, _ = split.after(0.05, {"errors": (counts,), "latency": buckets})
        both: dict[str, Look] = {
            "errors": (_times(counts, times),),
            "latency": _times_buckets(buckets, times),
        }
        merged, _ = merged.after(0.05, both)

    for one in (split, merged):
        assert math.isfinite(one.judged().log_e)
    # The bets on latency never change, so merging changes nothing at all.
    in_parts, at_once = (one.metrics[1].evidence for one in (split, merged))
    assert isinstance(in_parts, HistogramEvidence)
    assert isinstance(at_once, HistogramEvidence)
    assert in_parts.worse == pytest.approx(at_once.worse, rel=1e-9, abs=1e-9)


def _times(look: CountsLook, times: int) -> CountsLook:
    canary, stable = look.canary, look.stable
    return CountsLook(
        Arm(canary.bad * times, canary.total * times), Arm(stable.bad * times, stable.total * times)
    )


def _times_buckets(look: HistogramLook, times: int) -> HistogramLook:
    arms = (arm for arm in (look.canary, look.stable) if isinstance(arm, Classic))
    grown = (Classic(arm.bounds, tuple(times * n for n in arm.counts)) for arm in arms)
    return HistogramLook(*grown)


@settings(max_examples=10, deadline=None)
@given(releases(most=3, kinds=KINDS))
def test_the_text_does_not_grow_with_looks(release: Release) -> None:
    trial = Trial.start(release.plan, release.metrics)
    sizes = []
    for number in range(120):
        look = release.looks[number % len(release.looks)]
        trial, _ = trial.after(look.share, look.metrics)
        packed = [one.pack() for one in trial.metrics]
        sizes.append(sum(len(text.evidence) + len(text.waiting) for text in packed))
        assert all(len(text.evidence) <= 3000 for text in packed)
        assert all(len(text.current) <= 1472 for text in packed)

    assert max(sizes[60:]) == max(sizes[:60])


def test_states() -> None:
    metrics = (ERRORS, replace(ERRORS, name="logins"), NumberMetric("orders", required=False))
    trial = Trial.start(AT_ONCE, metrics)
    waiting = [one.state(trial.judged()) for one in trial.metrics]

    for _ in range(60):
        trial, _ = trial.after(
            0.05,
            {"errors": (CountsLook(Arm(9, 100), Arm(10, 1000)),), "logins": CALM},
        )
    states = [one.state(trial.judged()) for one in trial.metrics]

    assert waiting == [State.WAITING] * 3
    assert states == [State.REGRESSED, State.SAFE, State.WAITING]


def test_a_number_that_is_insisted_on_takes_back() -> None:
    metric = NumberMetric("orders", insist=True, history=(1.0, 2.0))
    trial = Trial.start(AT_ONCE, [metric])

    for number in range(600):
        noise = 0.01 * (number % 7)
        trial, _ = trial.after(0.05, {"orders": NumberLook(2.0 + noise, 1.0 - noise)})

    assert trial.judged().culprits == ("orders",)


def test_a_pod_may_have_any_name() -> None:
    pods = {"\ud800": Arm(1, 50), "canary-1": Arm(0, 50)}
    trial = Trial.start(LATE, [ERRORS])

    looks = [(CountsLook(Arm(1, 100), Arm(10, 1000), pods, 10),)] * 2

    assert evidence_of(after(trial, *looks)).looks == 1


def test_lost_evidence_goes_on_with_its_capital() -> None:
    (question,) = questions(LATE, [ERRORS])

    trial = MetricTrial.again(LATE, ERRORS, question, log_e_regressed=-3.0, log_e_safe=2.0)

    assert isinstance(trial.evidence, CountsEvidence)
    assert trial.evidence.log_e_regressed == pytest.approx(-3.0)
    assert trial.evidence.log_e_safe == pytest.approx(-math.log(2.0))


def test_text_that_cannot_be_read_is_told_by_what_it_is() -> None:
    trial = after(Trial.start(LATE, [ERRORS]), CALM).metrics[0]
    packed = trial.pack()

    with pytest.raises(ValueError, match="this version reads"):
        MetricTrial.unpack(LATE, ERRORS, replace(packed, evidence="R1g5OQAAAAA="))
    with pytest.raises(ValueError, match="waiting"):
        MetricTrial.unpack(LATE, ERRORS, replace(packed, waiting='{"look":3}'))


def test_a_recorded_look_of_no_metric_is_a_look() -> None:
    trial = Trial.start(LATE, [ERRORS])
    look = RecordedLook(1.0, 0.05)

    after_it, refused = trial.after(look.share, look.metrics)

    assert refused == {}
    assert after_it.share == 0.05
