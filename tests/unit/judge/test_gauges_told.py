"""What gauge evidence tells: words, which start shows a fault, leaks, gaps, when it is safe."""

import math
from dataclasses import replace

import numpy as np
import pytest

from controller.judge import gauge_rule
from controller.judge.gauge_history import GaugeHistory
from controller.judge.gauge_look import GaugeQuestion, Measure
from controller.judge.gauge_sums import STARTS
from controller.judge.gauges import GaugeEvidence
from controller.judge.quantities import Unit
from tests.unit.judge.gauge_streams import after, looks_of

HISTORY = GaugeHistory(
    pods=10, looks=60, seconds=15, level=100, spread=3, within=2, phi=0.5, slope_spread=0.01
)
QUESTION = GaugeQuestion(HISTORY)


def test_what_a_person_reads() -> None:
    mib = 2.0**20
    history = replace(HISTORY, level=305 * mib, spread=9 * mib, within=4 * mib)
    question = GaugeQuestion(history, unit=Unit.BYTES)
    values = np.tile(np.linspace(300, 310, 10) * mib, (60, 1))
    stream = looks_of(np.tile(np.array([400.0, 412.0, 424.0]) * mib, (60, 1)), values)

    worse = after(GaugeEvidence.start(question), stream)
    same = after(GaugeEvidence.start(question), looks_of(values[:, :3], values[:, 3:]))

    assert GaugeEvidence.start(question).explain("memory", 1) == "memory: no pods compared yet"
    assert worse.explain("memory", 1) == (
        "memory 412 MiB a pod against 305 MiB (x1.35, between x1.2 and x1.5), 3 pods against 10, "
        "more than pods of one version differ"
    )
    assert same.explain("memory", 1).endswith("no more than pods of one version may differ")
    assert (worse.matters, worse.within_margin, worse.safe(0.05)) == (True, False, False)
    assert (same.matters, same.within_margin) == (False, True)


def test_a_late_fault_is_told_from_the_start_that_shows_it() -> None:
    values = np.tile(np.linspace(95, 105, 10), (160, 1))
    canary = np.tile(np.array([99.0, 100.0, 101.0]), (160, 1))
    canary[120:] *= 1.6

    evidence = after(GaugeEvidence.start(QUESTION), looks_of(canary, values))

    assert evidence.beyond(0.01)
    assert "since look 120 of 160" in evidence.explain("memory", 1)


def test_a_leak_in_words() -> None:
    question = GaugeQuestion(HISTORY, measure=Measure.GROWTH, unit=Unit.NONE)
    grows = np.tile(np.array([99.0, 100.0, 101.0]), (120, 1)) + 0.25 * np.arange(120)[:, None]
    stream = looks_of(grows, np.tile(np.linspace(95, 105, 10), (120, 1)))

    evidence = after(GaugeEvidence.start(question), stream)

    assert evidence.beyond(0.01)
    assert evidence.explain("memory", 1).startswith("memory gains 60 an hour, between ")
    assert evidence.explain("memory", 1).endswith("more than pods of one version differ")
    assert evidence.matters


def test_the_interval_ends_where_the_rule_does() -> None:
    stable = np.tile(np.linspace(95, 105, 10), (60, 1))
    stream = looks_of(1.4 * stable[:, 4:7], stable)

    low = after(GaugeEvidence.start(QUESTION), stream).interval(0.9).low

    for fail, found in ((low - 1.0001, True), (low - 0.9999, False)):
        question = replace(QUESTION, fail_relative=fail)
        assert found is after(GaugeEvidence.start(question), stream).suspects(0.05)


def test_looks_that_come_faster_than_the_historys_prove_less() -> None:
    stable = np.tile(np.linspace(95, 105, 10), (30, 1))
    slow = looks_of(1.4 * stable[:, 4:7], stable)
    fast = [replace(seen, at=seen.at / 3) for seen in looks_of(stable[:, 4:7], stable, origin=0.0)]

    wide, wider = (
        gauge_rule.chance(QUESTION, after(GaugeEvidence.start(QUESTION), stream).sums, 0, 0.5, 0.01)
        for stream in (slow, fast)
    )

    assert wider == pytest.approx(math.sqrt(3) * wide)


def test_a_gap_between_looks_does_not_make_the_others_prove_more() -> None:
    stable = np.tile(np.linspace(95, 105, 10), (30, 1))
    fast = [replace(seen, at=seen.at / 3) for seen in looks_of(stable[:, 4:7], stable, origin=0.0)]
    gap = [*fast[:15], *(replace(seen, at=seen.at + 7200) for seen in fast[15:])]

    found = [
        gauge_rule.chance(QUESTION, after(GaugeEvidence.start(QUESTION), stream).sums, 0, 0.5, 0.01)
        for stream in (fast, gap)
    ]

    assert found[1] == pytest.approx(found[0], rel=0.05)


def test_what_grew_and_stays_is_no_leak() -> None:
    question = GaugeQuestion(HISTORY, measure=Measure.GROWTH)
    rises = 130 - 80 * np.exp(-np.arange(200) / 20)
    stream = looks_of(
        rises[:, None] + np.linspace(-1, 1, 3), np.tile(np.linspace(95, 105, 10), (200, 1))
    )
    evidence = GaugeEvidence.start(question)

    for seen in stream:
        evidence = after(evidence, [seen])
        assert not evidence.suspects(0.01)
    assert after(GaugeEvidence.start(QUESTION), stream).beyond(0.01)


def test_the_starts_share_one_probability() -> None:
    shares = [gauge_rule.noise_share(start, 0.01) for start in range(len(STARTS))]

    assert shares[0] == 0.005
    assert sum(shares) == pytest.approx(0.01)


def test_pods_that_just_came_are_not_ranked() -> None:
    stable = np.tile(np.linspace(95, 105, 10), (60, 1))
    stream = [
        replace(seen, canary=seen.canary[: 1 if number < 41 else 3])
        for number, seen in enumerate(looks_of(1.4 * stable[:, :3], stable))
    ]

    before = after(GaugeEvidence.start(QUESTION), stream)
    later = after(before, [replace(stream[-1], at=stream[-1].at + 15)])

    assert before.advisory.startswith("1 pod against 10 can rank in 11 ways")
    assert later.advisory == ""


def test_safe_needs_room_and_ranks() -> None:
    stable = np.tile(np.linspace(95, 105, 10), (120, 1))

    tight = np.tile(np.linspace(99.5, 100.5, 10), (120, 1))
    near = after(GaugeEvidence.start(QUESTION), looks_of(tight[:, 4:7] * 1.22, tight))
    equal = after(GaugeEvidence.start(QUESTION), looks_of(stable[:, 4:7], stable))
    alone = after(GaugeEvidence.start(QUESTION), looks_of(stable[:, 4:5], stable))

    assert not near.safe(0.05)
    assert equal.safe(0.05)
    assert not alone.safe(0.05)
    assert not equal.safe(0.0)
