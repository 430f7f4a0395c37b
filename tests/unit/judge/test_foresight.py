"""How many requests a verdict takes, known beforehand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.judge import CountsQuestion, requests_until_safe


def needed(question: CountsQuestion, stable_rate: float, canary_share: float = 0.05) -> float:
    return requests_until_safe(
        question, stable_rate=stable_rate, canary_share=canary_share, false_promotion=0.05
    )


def test_without_errors_half_a_point_takes_six_hundred_requests() -> None:
    assert needed(CountsQuestion(), 0.0) == pytest.approx(598, abs=1)


@given(st.one_of(st.just(0.0), st.floats(1e-9, 0.9)), st.floats(0.01, 0.9))
def test_it_is_a_positive_number(stable_rate: float, canary_share: float) -> None:
    assert 0 < needed(CountsQuestion(), stable_rate, canary_share) < math.inf


def test_a_tighter_margin_takes_more_requests() -> None:
    margins = [0.5, 0.2, 0.1]

    numbers = [needed(CountsQuestion(safe_relative=m), 0.01) for m in margins]

    assert numbers == sorted(numbers)


def test_a_margin_of_nothing_cannot_be_shown() -> None:
    nothing = CountsQuestion(safe_relative=0.0, safe_absolute=0.0)

    assert needed(nothing, 0.01) == math.inf
