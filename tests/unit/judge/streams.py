"""Looks for tests: hypothesis strategies of valid ones, and simulated traffic."""

from collections.abc import Iterator

import numpy as np
from hypothesis import strategies as st

from controller.judge import Arm, CountsEvidence, CountsLook, CountsQuestion, Refused


@st.composite
def arms(draw: st.DrawFn, most: int = 2000) -> Arm:
    total = draw(st.integers(1, most))
    return Arm(draw(st.integers(0, total)), total)


def looks(most: int = 2000) -> st.SearchStrategy[CountsLook]:
    return st.builds(CountsLook, arms(most), arms(most))


@st.composite
def questions(draw: st.DrawFn) -> CountsQuestion:
    prior = draw(st.one_of(st.just(Arm(0, 0)), arms(5000)))
    return CountsQuestion(
        safe_relative=draw(st.sampled_from([0.0, 0.1, 0.5, 1.0, 4.0])),
        safe_absolute=draw(st.sampled_from([0.0, 0.0005, 0.005, 0.1])),
        fail_relative=draw(st.sampled_from([0.0, 0.25])),
        fail_absolute=draw(st.sampled_from([0.0, 0.001])),
        prior_bad=prior.bad,
        prior_total=prior.total,
    )


def after(evidence: CountsEvidence, *more: CountsLook) -> CountsEvidence:
    """Return the evidence after looks that must all be accepted."""
    for look in more:
        grown = evidence.after(look)
        assert not isinstance(grown, Refused), grown
        evidence = grown
    return evidence


def traffic(
    rng: np.random.Generator,
    *,
    canary_rate: float,
    stable_rate: float,
    rps: tuple[float, float],
    look_seconds: float,
) -> Iterator[CountsLook]:
    """Endless looks at two services with Poisson traffic; a look always has both arms."""
    while True:
        canary, stable = (max(1, rng.poisson(rate * look_seconds)) for rate in rps)
        yield CountsLook(
            Arm(rng.binomial(canary, canary_rate), canary),
            Arm(rng.binomial(stable, stable_rate), stable),
        )
