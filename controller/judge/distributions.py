"""Quantiles of Student's t and of chi-squared, so that the judge needs numpy alone.

Promises: t to 1e-9 for whole degrees of freedom, from the finite sums of Abramowitz and Stegun
(26.7.3 and 26.7.4); chi-squared to 2 % from the cube-root approximation of Wilson and Hilferty
(1931), which is enough where it only decides what is worth a closer look.
"""

import math

# Beyond this many degrees of freedom t is taken at this many, which errs on the wide side.
MOST_FREEDOM = 200


def student_t(probability: float, freedom: int) -> float:
    """Return the quantile of Student's t, for a probability from 0.5 to under 1."""
    if not 0.5 <= probability < 1.0 or freedom < 1:
        raise ValueError(
            f"no quantile at {probability} with {freedom} degrees of freedom: the first lies "
            "between 0.5 and 1, the second is at least 1"
        )
    freedom = min(freedom, MOST_FREEDOM)
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        if (1.0 + _between(middle, freedom)) / 2 < probability:
            low = middle
        else:
            high = middle
    return math.tan(low) * math.sqrt(freedom)


def chi_squared(sigmas: float, freedom: float) -> float:
    """Return the quantile of chi-squared where a normal variable lies `sigmas` above its mean."""
    part = 2.0 / (9.0 * freedom)
    return freedom * max(0.0, 1.0 - part + sigmas * math.sqrt(part)) ** 3


def _between(angle: float, freedom: int) -> float:
    """Return P(|t| < tan(angle) * sqrt(freedom))."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term = total = cosine if odd else 1.0
    for k in range(3 if odd else 2, freedom, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    if not odd:
        return sine * total
    return 2.0 / math.pi * (angle + (sine * total if freedom > 1 else 0.0))
