"""How slow requests cluster, learned from stable's pods."""

import numpy as np
import pytest

from controller.judge import latency_phi
from controller.judge.betting import Floats

BOUNDS = (0.1, 0.25, 0.5, np.inf)
SHARES = (0.5, 0.9, 0.99)
PODS = ("a", "b", "c", "d")


def stable(clump: int, seed: int = 3) -> Floats:
    """Return 60 looks at four pods with 300 requests each, of which `clump` fall together."""
    rng = np.random.default_rng(seed)
    parts = rng.multinomial(300 // clump, (*np.diff((0.0, *SHARES)), 1 - SHARES[-1]), (60, 4))
    return np.asarray(np.cumsum(parts * clump, axis=2), dtype=float)


def test_requests_that_are_slow_for_themselves_are_one_each() -> None:
    found = [latency_phi(PODS, BOUNDS, stable(1, seed)) for seed in range(8)]
    assert 1.0 <= min(found)
    assert float(np.mean(found)) < 1.3


@pytest.mark.parametrize("clump", [5, 15])
def test_requests_that_are_slow_together_are_found(clump: int) -> None:
    assert 0.8 * clump < latency_phi(PODS, BOUNDS, stable(clump)) < 1.8 * clump


def test_the_order_of_bounds_does_not_matter() -> None:
    counts = stable(5)
    assert latency_phi(PODS, BOUNDS, counts) == pytest.approx(
        latency_phi(PODS, BOUNDS[::-1], counts[:, :, ::-1])
    )


@pytest.mark.parametrize(
    ("bounds", "counts"),
    [
        ((), np.zeros((0, 0, 0))),
        ((np.inf,), np.ones((60, 4, 1))),
        (BOUNDS, np.zeros((60, 4, 4))),
        (BOUNDS, np.full((60, 4, 4), np.nan)),
        ((np.nan, *BOUNDS[1:]), np.ones((60, 4, 4))),
    ],
)
def test_a_past_that_says_nothing_is_no_cluster(bounds: tuple[float, ...], counts: Floats) -> None:
    assert latency_phi(PODS, bounds, counts) == 1.0
