"""The twins that play many releases at once say what the judge says, after every look."""

import math
from dataclasses import replace

import numpy as np
import pytest

from bench.judge import counts_twin, histogram_twin
from bench.judge.counts_twin import SHIPPED, Rules
from bench.judge.fleets import (
    Releases,
    Traffic,
    bad_spells,
    from_look,
    in_clumps,
    noises,
    simulate,
    without_noisy_pods,
)
from bench.judge.histogram_twin import Latencies, Streams
from bench.judge.shapes import Cdf, cached, hanging, heavy, lognormal, slow_tail, slower
from controller.judge import (
    Arm,
    CountsEvidence,
    CountsLook,
    HistogramEvidence,
    HistogramLook,
    MetricEvidence,
    Verdict,
    judge,
)
from tests.unit.judge import histograms, streams

CLUMPS = Traffic(rate=0.02, worse=1.4, unequal=0.2, fails=in_clumps(3.0))


@pytest.mark.parametrize(
    ("traffic", "rules"),
    [
        pytest.param(CLUMPS, SHIPPED, id="pods that differ, in clumps"),
        pytest.param(replace(CLUMPS, canary_pods=1), SHIPPED, id="one canary pod"),
        pytest.param(replace(CLUMPS, canary_pods=5, worse=3.0), SHIPPED, id="found soon"),
        pytest.param(CLUMPS, Rules(alike=True), id="alike"),
        pytest.param(CLUMPS, Rules(safe_relative=0.1, safe_absolute=0.0), id="another margin"),
        pytest.param(Traffic(rate=0.0002, fails=in_clumps(10.0)), SHIPPED, id="a thin history"),
        pytest.param(Traffic(rate=0.5, worse=1.03), SHIPPED, id="high rates"),
        pytest.param(
            Traffic(weights=(0.01, 0.2, 0.5), at_weight=15, during=bad_spells(3.0, 4, 30)),
            SHIPPED,
            id="weights that rise",
        ),
        pytest.param(
            Traffic(worse=2.0, stable=75.0, stable_pods=3, before=(1425.0, 10)),
            SHIPPED,
            id="a fresh baseline",
        ),
        pytest.param(Traffic(worse=3.0, bad_stable=(20.0,)), SHIPPED, id="a noisy stable pod"),
        pytest.param(Traffic(shared=from_look(30, 6.0)), SHIPPED, id="a fault after Safe"),
    ],
)
def test_counts_are_played_as_the_judge_plays_them(traffic: Traffic, rules: Rules) -> None:
    releases = simulate(traffic, releases=4, looks=60, seed=26)
    if traffic.bad_stable:
        releases = without_noisy_pods(releases)
    noise = noises(releases.history)

    course = counts_twin.play(releases, noise, rules)

    for i in range(4):
        evidence = CountsEvidence.start(counts_twin.question(releases, i, noise[i], rules))
        for look in range(60):
            evidence = streams.after(evidence, counts_look(releases, look, i))
            expected = said(evidence)
            found = (course.raw[look, i], course.counted[look, i], course.safe[look, i])
            assert expected == pytest.approx(found, rel=1e-9, abs=1e-9)


def counts_look(releases: Releases, look: int, release: int) -> CountsLook:
    """Return a look as the controller makes it; pods without any request are left out."""
    canary, stable = (
        [Arm(*arm) for arm in zip(x.bad[look, release], x.total[look, release], strict=True)]
        for x in releases[:2]
    )
    whole = [Arm(sum(a.bad for a in arms), sum(a.total for a in arms)) for arms in (canary, stable)]
    pods = {f"canary-{number}": arm for number, arm in enumerate(canary)}
    there = int((releases.stable.total[:, release].sum(axis=0) > 0).sum())
    return CountsLook(whole[0], whole[1], pods, stable_pods=there)


def said(evidence: CountsEvidence | HistogramEvidence) -> tuple[float, float, bool]:
    """Return the log e-value, the one that counts, and whether the metric is Safe."""
    metric = MetricEvidence("metric", required=True, evidence=evidence, current=evidence)
    verdict = judge([metric], false_rollback=0.01, false_promotion=0.05)
    safe = not verdict.waiting_for and not verdict.holds
    if verdict.verdict is not Verdict.REGRESSED:
        assert safe == (verdict.verdict is Verdict.SAFE)
    return evidence.log_e_regressed, verdict.log_e, safe


@pytest.mark.parametrize("native", [False, True], ids=["classic", "native"])
@pytest.mark.parametrize(
    ("stable", "canary"),
    [
        pytest.param(lognormal, lognormal, id="nothing wrong"),
        pytest.param(lognormal, slow_tail(lognormal, 1.5), id="a slower tail"),
        pytest.param(cached(0.8), cached(0.7), id="a cache"),
        pytest.param(heavy, slower(heavy, 1.2), id="heavy"),
        pytest.param(lognormal, hanging(lognormal, 0.005), id="a tail of its own"),
    ],
)
def test_histograms_are_played_as_the_judge_plays_them(
    stable: Cdf, canary: Cdf, *, native: bool
) -> None:
    played = histogram_twin.simulate(
        Latencies(stable, canary, native=native), releases=3, looks=50, seed=27
    )
    holds_to_the_judge(played, looks=50)


def test_a_tail_that_comes_after_safe_is_played_as_the_judge_plays_it() -> None:
    good, bad = (
        histogram_twin.simulate(Latencies(lognormal, shape), releases=3, looks=40, seed=29)
        for shape in (lognormal, hanging(lognormal, 0.02))
    )
    arms = [np.concatenate(both) for both in zip(good[2:4], bad[2:4], strict=True)]

    holds_to_the_judge(good._replace(canary=arms[0], stable=arms[1]), looks=80)


def test_clustered_histograms_are_played_as_the_judge_plays_them() -> None:
    pauses = Latencies(
        lognormal,
        slower(lognormal, 1.5),
        during=bad_spells(3.0, 1.5, 15),
        stretched=lambda shape: slower(shape, 3.0),
    )
    played = histogram_twin.simulate(pauses, releases=3, looks=40, seed=28)

    assert histogram_twin.question(played, 0).phi > 1.5
    holds_to_the_judge(played, looks=40)


def holds_to_the_judge(played: Streams, *, looks: int) -> None:
    questions = [histogram_twin.question(played, i) for i in range(3)]

    course = histogram_twin.play(played, questions, safe=True)

    for i, question in enumerate(questions):
        evidence = HistogramEvidence.start(question)
        for look in range(looks):
            arms = (played.canary[look, i], played.stable[look, i])
            both = (histogram_twin.histogram(x, played) for x in arms)
            evidence = histograms.after(evidence, HistogramLook(*both))
            expected = said(evidence)
            found = (course.raw[look, i], course.counted[look, i], course.safe[look, i])
            assert expected == pytest.approx(found, rel=1e-9, abs=1e-9)


def test_the_first_look_that_is_marked() -> None:
    marks = np.array([[False, False], [True, False], [True, False]])

    assert [2.0, math.inf] == counts_twin.first(marks).tolist()
