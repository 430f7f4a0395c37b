"""Releases played for a scenario, judged by us and by others, as seconds to a verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from bench.judge import counts_twin, histogram_twin, others
from bench.judge.counts_twin import Course, Flags, Rules, first
from bench.judge.fleets import (
    LOOK,
    Fleet,
    Releases,
    Traffic,
    noises,
    simulate,
    without_noisy_pods,
)
from bench.judge.histogram_twin import Latencies, Streams
from bench.judge.scenario import US
from controller.judge.betting import Floats

ALIKE = "Gander, pods alike"
PLAIN = "without phi"
ONE_START = "with one start"
NO_EDGES = "edges dropped"
LINDON_MALEK, KAYENTA, FLAGGER, ARGO = "Lindon-Malek", "Kayenta", "Flagger", "Argo Rollouts"
MINUTE = 60.0
VARIANTS: Mapping[str, Rules] = {
    US: Rules(),
    ALIKE: Rules(alike=True),
    PLAIN: Rules(alike=True, noisy=False),
    ONE_START: Rules(first=1.0),
}


def counts(
    traffic: Traffic,
    releases: int,
    seed: int,
    *,
    who: Sequence[str] = (US,),
    rules: Rules | None = None,
    looks: int = 200,
    beside: float = 0.0,
    warm_up: int = 0,
    onset: int = 0,
) -> dict[str, Floats]:
    """Return the seconds to verdicts on one metric that counts.

    `who` are names of VARIANTS; `rules` replace those of all of them in what is not about pods.
    `beside` is the share of releases that others judge, too. `warm_up` looks are left out, as the
    controller does. Seconds count from the look `onset`, of releases still there.
    """
    streams = _later(simulate(traffic, releases=releases, looks=looks, seed=seed), warm_up)
    known = without_noisy_pods(streams) if traffic.bad_stable else streams
    noise = noises(known.history)
    out: dict[str, Floats] = {}
    for name in who:
        own = VARIANTS[name]
        asked = own if rules is None else replace(rules, alike=own.alike, first=own.first)
        verdicts(out, name, counts_twin.play(known, noise, asked), asked)
    if onset:
        late = {name: seconds - onset * LOOK for name, seconds in out.items()}
        out = {name: seconds[seconds > 0.0] for name, seconds in late.items()}
    if beside:
        out |= judged_by_others(streams, traffic, max(1, round(beside * releases)))
    return out


def at_edges(traffic: Traffic, releases: int, seed: int) -> dict[str, Floats]:
    """Return the same with no look dropped, and one look late without those beside edges."""
    streams = simulate(traffic, releases=releases, seed=seed)
    noise = noises(streams.history)
    judged = counts_twin.apart_from_edges(streams.stable, noise)
    out: dict[str, Floats] = {}
    verdicts(out, US, counts_twin.play(streams, noise), Rules())
    verdicts(out, NO_EDGES, counts_twin.play(streams, noise, judged=judged), Rules())
    return out


def together(traffic: Traffic, releases: int, seed: int, *, metrics: int = 5) -> dict[str, Floats]:
    """Return the seconds to Regressed of metrics of equal weight, the first like `traffic`.

    The others are as frequent as the first is on stable, and no worse.
    """
    rules, logs = Rules(), []
    for metric in range(metrics):
        kind = traffic if metric == 0 else replace(traffic, worse=1.0)
        streams = simulate(kind, releases=releases, seed=seed * metrics + metric)
        logs.append(counts_twin.play(streams, noises(streams.history), rules).counted)
    mean = np.logaddexp.reduce(np.array(logs), axis=0) - np.log(metrics)
    return {US: LOOK * first(mean >= rules.limit)}


def latency(
    latencies: Latencies,
    releases: int,
    seed: int,
    *,
    looks: int = 200,
    safe: bool = False,
    level: float | None = None,
    warm_up: int = 0,
) -> dict[str, Floats]:
    """Return the seconds to verdicts on one latency metric.

    `level` is the quantile that is given to Kayenta; without it no others are asked.
    """
    streams = histogram_twin.simulate(latencies, releases=releases, looks=looks, seed=seed)
    streams = streams._replace(canary=streams.canary[warm_up:], stable=streams.stable[warm_up:])
    questions = [histogram_twin.question(streams, i) for i in range(releases)]
    out: dict[str, Floats] = {}
    verdicts(out, US, histogram_twin.play(streams, questions, safe=safe), Rules())
    if level is not None:
        out |= _quantiles_by_others(streams, level)
    return out


def verdicts(out: dict[str, Floats], name: str, course: Course, rules: Rules) -> None:
    """Add the seconds to Regressed, and to Safe where that came before."""
    regressed, safe = first(course.counted >= rules.limit), first(course.safe)
    out[name] = LOOK * regressed
    out[f"{name}: Safe"] = LOOK * np.where(safe < regressed, safe, np.inf)


def judged_by_others(streams: Releases, traffic: Traffic, releases: int) -> dict[str, Floats]:
    """Return when others give the canary up, for the first of the releases."""
    count = streams.canary.bad.shape[1]
    arms = [Fleet(*(x[:, :releases].sum(axis=2) for x in arm)) for arm in streams[:2]]
    canary, stable = arms
    share = traffic.canary / (traffic.canary + traffic.stable)
    minutes = [Fleet(*(others.by_minute(x) for x in arm)) for arm in arms]
    rates = [arm.bad / np.maximum(arm.total, 1.0) for arm in minutes]
    failed: Flags = rates[0] > 1.0 - others.LEAST_SUCCESS
    found = {
        LINDON_MALEK: LOOK * others.lindon_malek(canary.bad, stable.bad, share),
        KAYENTA: MINUTE * others.kayenta(*rates),
        FLAGGER: MINUTE * others.flagger(failed),
        ARGO: MINUTE * others.argo(failed),
    }
    missing = np.full(count - releases, np.nan)
    return {name: np.concatenate([seconds, missing]) for name, seconds in found.items()}


def _quantiles_by_others(streams: Streams, level: float) -> dict[str, Floats]:
    canary, stable = (others.by_minute(x) for x in (streams.canary, streams.stable))
    values = [others.quantile(x, streams.edges, level) for x in (canary, stable)]
    failed: Flags = others.quantile(canary, streams.edges, 0.99) > others.MOST_P99
    return {
        KAYENTA: MINUTE * others.kayenta(*values),
        FLAGGER: MINUTE * others.flagger(failed),
        ARGO: MINUTE * others.argo(failed),
    }


def _later(streams: Releases, looks: int) -> Releases:
    canary, stable = (Fleet(x.bad[looks:], x.total[looks:]) for x in streams[:2])
    return Releases(canary, stable, streams.history)
