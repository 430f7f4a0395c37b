"""How long a cache waits after errors. What it does with them is tested on a real cluster."""

import pytest

from controller.kube.cache import LONGEST_PAUSE, pause


@pytest.mark.parametrize(
    ("failures", "shortest", "longest"),
    [(1, 0.25, 0.5), (2, 0.5, 1.0), (3, 1.0, 2.0), (5, 4.0, 8.0), (6, 5.0, 10.0), (999, 5.0, 10.0)],
)
def test_the_pause_doubles_and_is_spread_over_its_upper_half(
    failures: int, shortest: float, longest: float
) -> None:
    assert pause(failures, 0.0) == pytest.approx(shortest)
    assert pause(failures, 0.999999) == pytest.approx(longest, rel=1e-3)
    assert pause(failures, 0.999999) < LONGEST_PAUSE
