"""The share of requests that the canary gets is held against the weight that was asked for."""

import math
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaincinv

from controller.judge import ShareCheck

ANY = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.floats(0, 2))


def seen(looks: Iterable[tuple[float, float, float]]) -> ShareCheck:
    check = ShareCheck()
    for weight, canary, stable in looks:
        check = check.after(weight, canary, stable)
    return check


def traffic(seed: int, *, times: float = 1.0, scatter: float = 0.0, looks: int = 80) -> ShareCheck:
    """Return the check after looks at 5 %, with a scatter of the canary's share of its own."""
    rng = np.random.default_rng(seed)
    lucky = np.exp(scatter * rng.standard_normal(looks))
    canary = rng.poisson(75 * times * lucky)
    return seen((0.05, float(n), float(rng.poisson(1425))) for n in canary)


def test_a_share_as_asked_for_is_no_alarm() -> None:
    alarms = sum(bool(traffic(seed).explain()) for seed in range(200))

    assert alarms == 0


def test_long_connections_are_no_alarm() -> None:
    alarms = sum(bool(traffic(seed, scatter=0.4).explain()) for seed in range(200))

    assert (float(betaincinv(alarms, 200 - alarms + 1, 0.001)) if alarms else 0.0) <= 0.01


@pytest.mark.parametrize("times", [0.0, 0.4, 2.0])
def test_a_share_that_is_far_off_is_told(times: float) -> None:
    said = [traffic(seed, times=times, scatter=0.1).explain() for seed in range(20)]

    assert all("the requests that its weight promises" in text for text in said)


def test_a_share_that_is_a_little_off_is_no_alarm() -> None:
    check = traffic(1, times=1.2)

    assert check.log_e > math.log(100)
    assert check.explain() == ""


def test_two_blocks_that_disagree_show_nothing() -> None:
    check = seen([(0.05, 75, 1425)] * 4 + [(0.05, 300, 1425)] * 4)

    assert check.total / check.blocks > math.log(4 / 3)
    assert check.explain() == ""


def test_weights_may_change() -> None:
    rng = np.random.default_rng(2)
    looks = [(w, rng.poisson(1500 * w), rng.poisson(1500 * (1 - w))) for w in (0.05, 0.25, 0.5)]

    check = seen(look for look in looks for _ in range(9))

    assert check.blocks == 6
    assert not check.explain()


def test_a_change_of_weight_drops_the_block_under_way() -> None:
    assert seen([(0.05, 75, 1425)] * 3 + [(0.1, 150, 1350)] * 3).blocks == 0


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(ANY, ANY, ANY), max_size=12))
def test_any_numbers_are_taken(looks: list[tuple[float, float, float]]) -> None:
    check = seen(looks)

    assert math.isfinite(check.log_e)
    assert math.isfinite(check.total)
    assert ShareCheck.unpack(check.pack()) == check
    assert len(check.pack()) == 88
