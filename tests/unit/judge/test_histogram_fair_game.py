"""No bet on latencies pays on average while its claim is true: exact, by enumeration.

Every look with so many requests in three or four buckets is played through the evidence itself,
with what its outcome is likely to be. Ville's inequality needs nothing else, so this is the proof
that the error bounds hold, up to independence of the requests.
"""

import math
from collections.abc import Iterator

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.judge.betting import Floats
from controller.judge.histogram import HistogramEvidence
from controller.judge.latency import HistogramQuestion
from controller.judge.layouts import HistogramLook, History
from tests.unit.judge.histograms import after, classic, filled, looks, native, questions

BUCKETS = 4
BOUNDS = (0.05, 0.1, 0.25)


@st.composite
def distributions(draw: st.DrawFn, buckets: int = BUCKETS) -> Floats:
    weights = draw(st.lists(st.floats(0.0, 1.0), min_size=buckets, max_size=buckets))
    weights[draw(st.integers(0, buckets - 1))] += 0.1
    return np.array(weights) / sum(weights)


def every(requests: int, buckets: int) -> Iterator[tuple[int, ...]]:
    """Yield every way in which requests fall into buckets."""
    if buckets == 1:
        yield (requests,)
        return
    for first in range(requests + 1):
        for rest in every(requests - first, buckets - 1):
            yield (first, *rest)


def chance(counts: tuple[int, ...], rates: Floats) -> float:
    """Return the probability of the counts under the multinomial distribution."""
    ways = math.factorial(sum(counts)) / math.prod(math.factorial(n) for n in counts)
    return float(ways * np.prod(rates ** np.array(counts)))


def expected_capital(
    evidence: HistogramEvidence, requests: tuple[int, int], rates: tuple[Floats, Floats]
) -> tuple[float, float]:
    """Return the mean capital after one more look: against "no slower", and against "unsafe"."""
    worse = safe = total = 0.0
    for canary in every(requests[0], BUCKETS):
        for stable in every(requests[1], BUCKETS):
            look = HistogramLook(
                classic(np.array(canary), BOUNDS), classic(np.array(stable), BOUNDS)
            )
            grown = after(evidence, look)
            likely = chance(canary, rates[0]) * chance(stable, rates[1])
            worse += likely * math.exp(grown.log_e_regressed)
            safe += likely * math.exp(grown.log_e_safe)
            total += likely
    assert math.isclose(total, 1.0)
    return worse, safe


def tails(rates: Floats) -> Floats:
    return 1.0 - np.cumsum(rates)[:-1]


def from_tails(beyond: Floats) -> Floats:
    return np.clip(-np.diff(beyond, prepend=1.0, append=0.0), 0.0, 1.0)


@settings(max_examples=25, deadline=None)
@given(
    question=questions(BOUNDS),
    past=st.lists(looks(BOUNDS), max_size=2),
    requests=st.tuples(st.integers(1, 2), st.integers(1, 3)),
    stable=distributions(),
    below=st.floats(0.0, 1.0),
)
def test_betting_on_slower_does_not_pay_while_the_canary_is_no_slower(
    question: HistogramQuestion,
    past: list[HistogramLook],
    requests: tuple[int, int],
    stable: Floats,
    below: float,
) -> None:
    evidence = after(HistogramEvidence.start(question), *past)
    allowed = np.minimum(1.0, question.fail_null.ratio * tails(stable) + question.fail_null.shift)
    canary = from_tails(np.minimum.accumulate(allowed * below ** np.arange(1.0, BUCKETS)))

    worse, _ = expected_capital(evidence, requests, (canary, stable))

    assert worse <= math.exp(evidence.log_e_regressed) * (1 + 1e-9)


@settings(max_examples=25, deadline=None)
@given(
    question=questions(BOUNDS),
    past=st.lists(looks(BOUNDS), max_size=2),
    requests=st.tuples(st.integers(1, 2), st.integers(1, 3)),
    stable=distributions(),
    faster=distributions(),
    at=st.integers(0, BUCKETS - 2),
)
def test_betting_on_safe_does_not_pay_while_one_boundary_is_over_the_margin(
    question: HistogramQuestion,
    past: list[HistogramLook],
    requests: tuple[int, int],
    stable: Floats,
    faster: Floats,
    at: int,
) -> None:
    evidence = after(HistogramEvidence.start(question), *past)
    asked = len(evidence.safe) // 8
    at = max(at, BUCKETS - 1 - asked)  # boundaries under the median are not asked
    line = question.safe_null.ratio * tails(stable)[at] + question.safe_null.shift
    if line > 1.0:
        return  # no canary is over this margin
    beyond = np.array(tails(faster))
    beyond[: at + 1] = np.maximum(beyond[: at + 1], line)
    beyond[at:] = np.minimum(beyond[at:], line)
    played = evidence.safe[8 * (asked - (BUCKETS - 1 - at)) :][:8]
    before = math.log(np.exp(played).mean())

    _, safe = expected_capital(evidence, requests, (from_tails(beyond), stable))

    assert safe <= math.exp(before) * (1 + 1e-9)


@settings(max_examples=15, deadline=None)
@given(
    past=filled(7, 200),
    stable=distributions(6),
    below=st.floats(0.0, 1.0),
    by=st.sampled_from([0.09, 0.19]),
)
def test_a_canary_slower_by_the_margin_does_not_pay(
    past: Floats, stable: Floats, below: float, by: float
) -> None:
    """Buckets of schema 3 are 9 % wide, so the margin moves the canary by one or two of them."""
    question = HistogramQuestion(History.of(native(past, -30)), fail_slower=by)
    evidence = HistogramEvidence.start(question)
    canary = from_tails(tails(stable) * below)
    mean = 0.0
    for mine in range(6):
        for theirs in range(6):
            # The canary's own buckets are as many further up as the margin allows.
            look = HistogramLook(
                native(np.eye(6)[mine], -29 + question.shift), native(np.eye(6)[theirs], -29)
            )
            likely = canary[mine] * stable[theirs]
            mean += likely * math.exp(after(evidence, look).log_e_regressed)

    assert mean <= 1 + 1e-9


@settings(max_examples=10, deadline=None)
@given(
    question=questions(BOUNDS),
    before=st.lists(looks(BOUNDS), max_size=3),
    stable=distributions(),
)
def test_evidence_that_was_lost_goes_on_as_the_same_game(
    question: HistogramQuestion, before: list[HistogramLook], stable: Floats
) -> None:
    lost = after(HistogramEvidence.start(question), *before)

    again = HistogramEvidence.again(question, lost.log_e_regressed, lost.log_e_safe)

    least = min(lost.log_e_regressed, -math.log(2.0))
    assert math.isclose(again.log_e_regressed, least, rel_tol=1e-9, abs_tol=1e-9)
    worse, _ = expected_capital(again, (1, 2), (stable, stable))
    assert worse <= math.exp(least) * (1 + 1e-9)
