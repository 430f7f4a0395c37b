"""Looks for tests: hypothesis strategies of valid ones, and simulated traffic."""

import math
from collections.abc import Iterator

import numpy as np
from hypothesis import strategies as st

from controller.judge import Arm, CountsEvidence, CountsLook, CountsQuestion, Noise, Refused
from controller.judge.history import Gap


@st.composite
def arms(draw: st.DrawFn, most: int = 2000) -> Arm:
    total = draw(st.integers(1, most))
    return Arm(draw(st.integers(0, total)), total)


def looks(most: int = 2000) -> st.SearchStrategy[CountsLook]:
    return st.builds(CountsLook, arms(most), arms(most))


@st.composite
def strata(draw: st.DrawFn, most: int = 500) -> tuple[CountsLook, ...]:
    """Draw one look of one to three strata, of a canary of up to four pods."""
    names = draw(st.sampled_from([("",), ("get",), ("get", "post"), ("get", "post", "put")]))
    pods = draw(st.integers(0, 4))
    return tuple(draw(pod_looks(name, pods, most)) for name in names)


@st.composite
def pod_looks(draw: st.DrawFn, stratum: str, pods: int, most: int) -> CountsLook:
    own = [draw(arms(most)) for _ in range(pods)] or [draw(arms(most))]
    canary = Arm(sum(arm.bad for arm in own), sum(arm.total for arm in own))
    names = {f"canary-{i}": arm for i, arm in enumerate(own)} if pods else {}
    stable_pods = draw(st.sampled_from([0, 1, 10]))
    return CountsLook(canary, draw(arms(4 * most)), names, stable_pods, stratum)


@st.composite
def noises(draw: st.DrawFn) -> Noise:
    return Noise(
        phi=draw(st.sampled_from([1.0, 1.3, 6.0])),
        reach=draw(st.sampled_from([0.0, 0.4])),
        cap=draw(st.sampled_from([math.inf, 2.3])),
        pods=draw(st.sampled_from([0, 8])),
        gap=draw(st.sampled_from(list(Gap))),
        doubtful=draw(st.booleans()),
    )


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
        noise=draw(st.one_of(st.just(Noise()), noises())),
        alike=draw(st.booleans()),
        slo=draw(st.sampled_from([1.0, 0.02])),
    )


def after(evidence: CountsEvidence, *more: CountsLook | tuple[CountsLook, ...]) -> CountsEvidence:
    """Return the evidence after looks, of one or more strata, that must all be accepted."""
    for look in more:
        grown = evidence.after(*look) if isinstance(look, tuple) else evidence.after(look)
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
