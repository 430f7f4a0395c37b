"""What judging costs: processor time for a look, for many releases, and memory by looks.

Times are of the processor and the least of several rounds, so that other work on the machine
counts little.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np

from bench.judge import gauges, histogram_twin
from bench.judge.histogram_twin import Latencies
from bench.judge.shapes import lognormal
from bench.report import Row, at_most
from controller.judge import (
    Arm,
    CountsEvidence,
    CountsLook,
    CountsQuestion,
    GaugeEvidence,
    GaugeLook,
    HistogramEvidence,
    HistogramLook,
    MetricEvidence,
    Noise,
    Refused,
    judge,
)

LOOKS, ROUNDS = 200, 5
LOOK_GOAL, PASS_GOAL = 100.0, 1.0  # microseconds, seconds
Kept = CountsEvidence | HistogramEvidence | GaugeEvidence
Looked = CountsLook | HistogramLook | GaugeLook


def rows(releases: int = 1000) -> list[Row]:
    """Measure, and return the rows."""
    rng = np.random.default_rng(41)
    kinds: tuple[tuple[str, Kept, Sequence[Looked]], ...] = (
        ("errors, three canary pods", *_counts(rng, 3)),
        ("errors, eight canary pods", *_counts(rng, 8)),
        ("latency, 12 classic buckets", *_latency(native=False)),
        ("latency, native buckets", *_latency(native=True)),
        ("a gauge, 3 pods beside 10", *_gauge(rng)),
    )
    found = []
    for words, evidence, looks in kinds:
        each = 1e6 * _least(lambda e=evidence, m=looks: _judged(e, m)) / len(looks)  # type: ignore[misc]  # mypy has no types for defaults of a lambda
        figure = f"G10 a look, judged and with a verdict: {words}"
        found.append(at_most(figure, each, LOOK_GOAL, "µs", len(looks)))
    found.append(_pass(kinds, releases))
    found += [_growth(words, evidence, looks) for words, evidence, looks in kinds[::2]]
    return found


def _least(work: Callable[[], object]) -> float:
    """Return the least processor time of some rounds, in seconds."""
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def _judged(evidence: Kept, looks: Sequence[Looked]) -> Kept:
    """Return the evidence after looks, with a verdict asked for after each."""
    for look in looks:
        evidence = _after(evidence, look)
        judge(
            [MetricEvidence("metric", required=True, evidence=evidence)],
            false_rollback=0.01,
            false_promotion=0.05,
        )
    return evidence


def _after(evidence: Kept, look: Looked) -> Kept:
    grown = evidence.after(look)  # type: ignore[arg-type]  # evidence and looks are of one kind
    assert not isinstance(grown, Refused), grown
    return grown


def _pass(kinds: Sequence[tuple[str, Kept, Sequence[Looked]]], releases: int) -> Row:
    """Judge one look of five metrics for many releases: three of errors, latency, a gauge."""
    mix = (kinds[0], kinds[0], kinds[0], kinds[2], kinds[4])
    begun = [(_judged(evidence, looks[:20]), looks[20]) for _, evidence, looks in mix]

    def once() -> None:
        for _ in range(releases):
            metrics = [
                MetricEvidence(str(at), required=True, evidence=_after(evidence, look))
                for at, (evidence, look) in enumerate(begun)
            ]
            judge(metrics, false_rollback=0.01, false_promotion=0.05)

    figure = f"{releases:,} releases of five metrics, one look and a verdict each, on one core"
    return at_most(figure, _least(once), PASS_GOAL * releases / 1000, "s", releases)


def _growth(words: str, evidence: Kept, looks: Sequence[Looked]) -> Row:
    """Compare what is stored after 20 and after all looks."""
    early, late = (len(_judged(evidence, looks[:count]).pack()) for count in (20, len(looks)))
    figure = f"Bytes stored after {len(looks)} looks more than after 20: {words}"
    return at_most(figure, late - early, 0, "", len(looks), more=f"of {late:,}: ")


def _counts(rng: np.random.Generator, pods: int) -> tuple[CountsEvidence, list[CountsLook]]:
    asked = CountsQuestion(prior_bad=855, prior_total=85_500, noise=Noise(1.07, 0.0, pods=10))
    looks = []
    for _ in range(LOOKS):
        own = {}
        for pod in range(pods):
            total = int(rng.poisson(75 / pods)) + 1
            own[f"canary-{pod}"] = Arm(float(rng.binomial(total, 0.01)), float(total))
        canary = Arm(sum(arm.bad for arm in own.values()), sum(arm.total for arm in own.values()))
        stable = Arm(float(rng.binomial(1425, 0.01)), 1425.0)
        looks.append(CountsLook(canary, stable, own, stable_pods=10))
    return CountsEvidence.start(asked), looks


def _latency(*, native: bool) -> tuple[HistogramEvidence, list[HistogramLook]]:
    streams = histogram_twin.simulate(
        Latencies(lognormal, lognormal, native=native), releases=1, looks=LOOKS, seed=42
    )
    looks = [
        HistogramLook(
            *(
                histogram_twin.histogram(x[look, 0], streams)
                for x in (streams.canary, streams.stable)
            )
        )
        for look in range(LOOKS)
    ]
    return HistogramEvidence.start(histogram_twin.question(streams, 0)), looks


def _gauge(rng: np.random.Generator) -> tuple[GaugeEvidence, list[GaugeLook]]:
    return gauges.begin(gauges.Gauges(0.8, 0.05, looks=LOOKS), rng)
