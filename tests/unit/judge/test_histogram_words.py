"""What a person reads of a latency metric."""

import math
from dataclasses import replace

import numpy as np
import pytest

from bench.judge.shapes import DEFAULT, Cdf, cached, lognormal, shares, slow_tail, slower
from controller.judge.histogram import HistogramEvidence
from controller.judge.latency import HistogramQuestion
from controller.judge.layouts import HistogramLook, History
from controller.judge.quantiles import duration, quantiles, radius
from tests.unit.judge.histograms import after, classic

START = HistogramEvidence.start(
    HistogramQuestion(History.of(classic(np.rint(57_000 * shares(lognormal, DEFAULT)))))
)


def seen(canary: Cdf, requests: int, stable: Cdf = lognormal) -> HistogramEvidence:
    """Return the evidence of one look, in which requests fall as they do on average."""
    return after(
        START,
        HistogramLook(
            classic(np.rint(requests * shares(canary, DEFAULT))),
            classic(np.rint(57_000 * shares(stable, DEFAULT))),
        ),
    )


def test_a_slower_tail() -> None:
    evidence = seen(slow_tail(lognormal, 2.0), 3000)
    evidence = replace(evidence, worse=(math.log(12_345),) * len(evidence.worse))

    assert evidence.explain("latency", 1) == (
        "latency p99 500 ms against 250 ms (at least 100 ms against at least 100 ms), "
        "1 % against 0.042 % over 500 ms, 2,999 requests, would be chance once in 12,000 releases"
    )
    assert evidence.explain("latency", 5).endswith("would be chance once in 2,400 releases")


def test_the_quantile_that_differs_most_is_named() -> None:
    misses = seen(cached(0.45), 3000, stable=cached(0.6))

    assert misses.explain("latency", 1).startswith("latency p50 ")


def test_a_quantile_needs_requests_beyond_it() -> None:
    few = seen(slow_tail(lognormal, 2.0), 100)

    assert few.explain("latency", 1).startswith("latency p95 ")


def test_a_safe_version() -> None:
    evidence = seen(lognormal, 3000)
    evidence = replace(evidence, safe=(math.log(25.9),) * len(evidence.safe))

    assert evidence.explain("latency", 1).endswith(
        "a version with slow requests over the margin of x1.5 + 0.5 points would look as good "
        "once in 25 releases"
    )


def test_too_little_to_tell() -> None:
    assert seen(lognormal, 20).explain("latency", 1).endswith(" requests, too few to tell")


def test_before_the_first_look() -> None:
    assert START.explain("latency", 1) == "latency: no requests compared yet"
    assert START.quantiles() == ((), ())


def test_beyond_the_last_boundary() -> None:
    hanging = np.zeros(12)
    hanging[11] = 500.0
    evidence = after(START, HistogramLook(classic(hanging), classic(np.full(12, 50.0))))

    assert evidence.explain("latency", 1).startswith("latency p50 over 10 s against 250 ms")


def test_boundaries_in_milliseconds() -> None:
    in_ms = tuple(1000 * bound for bound in DEFAULT)
    arm = classic(np.rint(57_000 * shares(slower(lognormal, 1.0), DEFAULT)), in_ms)
    question = HistogramQuestion(History.of(arm), seconds=0.001)

    evidence = after(HistogramEvidence.start(question), HistogramLook(arm, arm))

    assert "p50 50 ms against 50 ms" in evidence.explain("latency", 1)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0, "0 ms"),
        (2.4e-5, "24 µs"),
        (0.00099, "990 µs"),
        (0.0009999, "1 ms"),
        (0.8124, "812 ms"),
        (0.9999, "1 s"),
        (2.5, "2.5 s"),
        (1234.0, "1,234 s"),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_a_band_reaches_to_the_next_boundaries() -> None:
    """Half a million requests are within 0.4 % of the truth: p50 lies in one bucket for sure."""
    edges, buckets = np.array([0.1, 0.2, 0.4]), [100_000.0, 250_000.0, 150_000.0, 10.0]

    p50, p95, p99 = quantiles(buckets, edges, requests=500_010.0, confidence=0.95)

    assert radius(500_010.0, 0.95) == pytest.approx(0.0040, abs=2e-4)
    assert (p50.low, p50.high) == (0.1, 0.2)
    assert p50.value == pytest.approx(0.1 * 2 ** ((250_005 - 100_000) / 250_000))
    assert (p95.low, p95.high) == (0.2, 0.4)
    assert (p99.low, p99.high) == (0.2, 0.4)
    assert p99.last == 0.4


def test_few_requests_bound_nothing() -> None:
    (p50, *_) = quantiles([1.0, 1.0], np.array([0.1]), requests=2.0, confidence=0.95)

    assert (p50.low, p50.high) == (0.0, None)


def test_no_quantile_is_named_that_is_far_from_the_difference() -> None:
    # Of 60 requests no five are beyond p95, and p50 says nothing of a slower tail.
    evidence = seen(slow_tail(lognormal, 6.0), 60)
    assert evidence.explain("latency", 1).startswith("latency 4.8 % against 1 % over 250 ms, 62")
