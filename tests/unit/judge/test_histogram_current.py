"""The latencies at one weight: whether the canary looks well there, and nothing more."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.judge.shapes import DEFAULT
from controller.judge import (
    Classic,
    HistogramAtWeight,
    HistogramEvidence,
    HistogramLook,
    HistogramQuestion,
    History,
    Refused,
)
from tests.unit.judge.histograms import after, classic, looks, native, questions


def buckets(*requests: float) -> Classic:
    return classic(np.array(requests, dtype=np.float64), DEFAULT[:5])


QUESTION = HistogramQuestion(History.of(buckets(100, 200, 400, 200, 90, 10)))
STABLE = buckets(100, 200, 400, 200, 90, 10)


def current(question: HistogramQuestion, *stream: HistogramLook) -> HistogramAtWeight:
    """Return what is known after looks that must all be accepted."""
    found = HistogramAtWeight.start(question)
    for look in stream:
        grown = found.after(look)
        assert not isinstance(grown, Refused), grown
        found = grown
    return found


@settings(max_examples=60, deadline=None)
@given(questions(), st.lists(looks(most=60), max_size=5))
def test_it_says_what_the_evidence_of_the_same_looks_says(
    question: HistogramQuestion, stream: list[HistogramLook]
) -> None:
    evidence = after(HistogramEvidence.start(question), *stream)

    found = current(question, *stream)

    assert found.within_margin == evidence.within_margin
    assert found.looks == evidence.looks
    assert found.requests == evidence.requests
    assert found.breach == ""


@pytest.mark.parametrize(
    ("beyond", "within"), [(20.0, True), (21.0, False)], ids=["at the margin", "over it"]
)
def test_the_margin_is_half_as_much_again_and_half_a_point(beyond: float, *, within: bool) -> None:
    # Of 1,000 requests of stable 10 are beyond the last boundary: 15 and 5 may be.
    canary = buckets(100, 200, 400, 200, 100 - beyond, beyond)

    assert current(QUESTION, HistogramLook(canary, STABLE)).within_margin is within


def test_before_the_first_look_nothing_is_known() -> None:
    assert not HistogramAtWeight.start(QUESTION).within_margin
    assert not HistogramAtWeight.start(HistogramQuestion(History.of(None))).within_margin


def test_looks_that_are_no_evidence_are_refused_and_nothing_else() -> None:
    begun = current(QUESTION, HistogramLook(STABLE, STABLE))

    torn = begun.after(HistogramLook(buckets(*[math.nan] * 6), STABLE))
    other = begun.after(HistogramLook(native(np.array([5.0]), -20), STABLE))
    unknown = HistogramAtWeight.start(HistogramQuestion(History.of(None))).after(
        HistogramLook(STABLE, STABLE)
    )

    assert [one.reason for one in (torn, other, unknown) if isinstance(one, Refused)] == [
        "NotANumber",
        "KindsDiffer",
        "NoHistory",
    ]


@settings(max_examples=40, deadline=None)
@given(questions(), st.lists(looks(most=10**6), max_size=4))
def test_it_packs_into_288_characters_and_comes_back(
    question: HistogramQuestion, stream: list[HistogramLook]
) -> None:
    found = current(question, *stream)

    assert len(found.pack()) <= 288
    assert HistogramAtWeight.unpack(found.pack(), question) == found


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="packed evidence"):
        HistogramAtWeight.unpack(text, QUESTION)
