"""Evidence from histograms packs into a short line of text and comes back unchanged."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.judge.buckets import Classic
from controller.judge.histogram import HistogramEvidence
from controller.judge.latency import HistogramQuestion
from controller.judge.layouts import CLASSIC_BOUNDS, NATIVE_BOUNDS, HistogramLook, History
from tests.unit.judge.histograms import after, classic, looks, native, questions

PACKED = HistogramEvidence.start(
    HistogramQuestion(History.of(classic(np.arange(12, dtype=np.float64))))
).pack()


@settings(max_examples=40, deadline=None)
@given(questions(), st.lists(looks(most=10**6), min_size=1, max_size=6), st.integers(0, 6))
def test_a_restart_after_any_look_changes_nothing(
    question: HistogramQuestion, stream: list[HistogramLook], restart: int
) -> None:
    through = after(HistogramEvidence.start(question), *stream)

    packed = after(HistogramEvidence.start(question), *stream[:restart]).pack()
    resumed = after(HistogramEvidence.unpack(packed), *stream[restart:])

    assert resumed == through
    assert resumed.pack() == through.pack()


@pytest.mark.parametrize("shares_margin", [0.0, 0.25])
def test_packed_evidence_has_three_thousand_characters_at_most(shares_margin: float) -> None:
    bounds = tuple(0.01 * 1.1**k for k in range(CLASSIC_BOUNDS))
    wide = classic(np.linspace(1e5, 1e6, CLASSIC_BOUNDS + 1).round(), bounds)
    torn = list(wide.counts)
    for k in (3, 9, 15, 21):
        torn[k] = torn[k - 1] - 1.0
    fine = native(np.array([9e9 + 1, *[1e9 + 7] * (NATIVE_BOUNDS - 2)]), -30)
    for arm, torn_arm, buckets in (
        (wide, Classic(wide.bounds, tuple(torn)), CLASSIC_BOUNDS + 1),
        (fine, fine, NATIVE_BOUNDS + 1),
    ):
        question = HistogramQuestion(History.of(arm), fail_relative=shares_margin)
        evidence = after(HistogramEvidence.start(question), HistogramLook(torn_arm, torn_arm))

        assert len(evidence.canary) == buckets
        assert [len(owed) for owed in evidence.owed] == [4 if arm is wide else 0] * 2
        assert len(evidence.pack()) <= 3000
        assert HistogramEvidence.unpack(evidence.pack()) == evidence


@given(st.integers(4, 1000), st.integers(1, 255))
def test_no_changed_character_goes_unnoticed(position: int, by: int) -> None:
    text = PACKED
    at = 8 + position % (len(text) - 12)
    other = chr(65 + (ord(text[at]) + by) % 26)
    if other == text[at]:
        return

    with pytest.raises(ValueError, match="checksum"):
        HistogramEvidence.unpack(text[:at] + other + text[at + 1 :])


@given(st.one_of(st.text(), st.just("R0gwMQ=="), st.just("R0gwMTR2jKE=")))
def test_any_text_either_unpacks_or_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="packed evidence"):
        HistogramEvidence.unpack(text)
