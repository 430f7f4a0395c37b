"""Quantiles agree with an independent library."""

import pytest
from scipy.special import chdtri, stdtrit

from controller.judge.distributions import chi_squared, student_t


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 10, 49, 200])
@pytest.mark.parametrize("probability", [0.5, 0.9, 0.995, 0.9999])
def test_student_t(probability: float, freedom: int) -> None:
    assert student_t(probability, freedom) == pytest.approx(stdtrit(freedom, probability), rel=1e-7)


def test_many_degrees_of_freedom_err_on_the_wide_side() -> None:
    exact = stdtrit(5000, 0.995)

    assert exact < student_t(0.995, 5000) < 1.02 * exact


@pytest.mark.parametrize(("probability", "freedom"), [(0.4, 3), (1.0, 3), (0.9, 0)])
def test_what_has_no_quantile_is_named(probability: float, freedom: int) -> None:
    with pytest.raises(ValueError, match=f"{probability} with {freedom} degrees"):
        student_t(probability, freedom)


@pytest.mark.parametrize("freedom", [2, 4, 9, 72])
@pytest.mark.parametrize(("sigmas", "probability"), [(1.2816, 0.9), (2.3263, 0.99)])
def test_chi_squared(sigmas: float, probability: float, freedom: int) -> None:
    exact = chdtri(freedom, 1.0 - probability)

    assert chi_squared(sigmas, freedom) == pytest.approx(exact, rel=0.02)
