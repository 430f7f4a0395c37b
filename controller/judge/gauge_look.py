"""What is asked of a gauge, what a look at the pods brings, and which pods can be compared.

Promises: `comparable` takes any numbers. A pod that cannot be compared is left out and counted; a
look whose numbers are wrong, or that leaves an arm empty, is refused by name.
Leaves out: what the values say (gauges.py).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from controller.judge.counts import Refused
from controller.judge.gauge_history import GaugeHistory
from controller.judge.quantities import MOST_VALUE, Unit, check_margins


class Measure(StrEnum):
    """What of a gauge is compared: its level, or how fast it grows (a leak)."""

    LEVEL = "level"
    GROWTH = "growth"


class LeftOut(StrEnum):
    """Why a pod is not compared. The value is the reason for a person."""

    NO_SAMPLE = "without a sample"
    YOUNG = "still warming up"
    NO_LOAD = "without load to measure by"
    RESOURCES = "with other requests and limits"


REASONS = tuple(LeftOut)
LEAST_LOAD = 1e-9  # requests a second that still are a load
MOST_TIME = 1e15  # seconds that float64 tells apart by less than one


@dataclass(frozen=True, slots=True)
class GaugeQuestion:
    """What is asked of a gauge; fixed for a release. Higher is worse.

    A canary is safe while a pod's value is at most stable's times 1 + `safe_relative` plus
    `safe_absolute` (in the gauge's unit); it is worse when it is above stable's times
    1 + `fail_relative` plus `fail_absolute`. For growth the margins are what the canary may gain on
    stable in `horizon` seconds, as a share of stable's level and in the gauge's unit.

    `follows_load` is for gauges that rise with requests, such as CPU: the canary's values are then
    divided by how much busier its pods are. Pods younger than `warm_up` seconds are left out.
    `share` is the part of falseRollback that this metric is asked with, for `advisory` alone.

    Raises ValueError for a margin under 0 or from 1000 (relative) or 1e18 (absolute) up, a
    `warm_up` under 0, a `horizon` not above 0, and a `share` outside 0 to 1.
    """

    history: GaugeHistory
    measure: Measure = Measure.LEVEL
    unit: Unit = Unit.NONE
    safe_relative: float = 0.25
    safe_absolute: float = 0.0
    fail_relative: float = 0.0
    fail_absolute: float = 0.0
    follows_load: bool = False
    warm_up: float = 90.0
    horizon: float = 6 * 3600.0
    share: float = 0.01

    def __post_init__(self) -> None:
        check_margins(
            safe_relative=self.safe_relative,
            safe_absolute=self.safe_absolute,
            fail_relative=self.fail_relative,
            fail_absolute=self.fail_absolute,
        )
        if not 0.0 <= self.warm_up < math.inf:
            raise ValueError(f"warm_up is {self.warm_up}; write seconds, such as 90")
        if not 0.0 < self.horizon < math.inf:
            raise ValueError(f"horizon is {self.horizon}; write seconds, such as 21600")
        if not 0.0 < self.share < 1.0:
            raise ValueError(f"share is {self.share}; write a probability such as 0.01")


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod in one look.

    `value` is None or NaN without a sample. `age` is seconds since it got ready. `resources` is any
    text that is equal for equal requests and limits. `load` is requests a second, needed only where
    the question says `follows_load`.
    """

    name: str
    value: float | None
    age: float
    resources: str = ""
    load: float | None = None


@dataclass(frozen=True, slots=True)
class GaugeLook:
    """The pods of both arms at one moment; `at` is in seconds, on a clock that only rises."""

    at: float
    canary: Sequence[Pod]
    stable: Sequence[Pod]


class Comparable(NamedTuple):
    """Pods that can be compared: names and values, and how many were left out, in REASONS' order.

    The canary's values are divided by `busy`, at least 1: how much more load its pods have.
    """

    canary: dict[str, float]
    stable: dict[str, float]
    canary_left_out: tuple[int, ...]
    stable_left_out: tuple[int, ...]
    busy: float


def comparable(question: GaugeQuestion, look: GaugeLook) -> Comparable | Refused:
    """Return the pods of a look that can be compared, or why there are none."""
    refused = _refusal(look)
    if refused:
        return refused
    canary, canary_out = _usable(question, look.canary)
    stable, stable_out = _usable(question, look.stable)
    for arm, pods, out in (("the canary", canary, canary_out), ("stable", stable, stable_out)):
        if not pods:
            why = "; ".join(left_out(arm, tuple(out.values()))) or "there is none"
            said = f"evidence refused: no pod of {arm} can be compared"
            return Refused("NoComparablePods", f"{said}: {why}")
    kept = _resources(canary, stable)
    if kept is None:
        said = f"evidence refused: pods have {canary[0].resources!r} in the canary and"
        hint = "compare against fresh pods, or leave this metric out"
        return Refused("ResourcesDiffer", f"{said} {stable[0].resources!r} in stable; {hint}")
    canary = _kept(canary, canary_out, kept)
    stable = _kept(stable, stable_out, kept)
    busy = 1.0
    if question.follows_load:
        # A canary that has less to do is not given credit for it: part of its CPU is there at rest.
        busy = max(1.0, _mean_load(canary) / _mean_load(stable))
    return Comparable(
        canary={pod.name: float(pod.value or 0.0) / busy for pod in canary},
        stable={pod.name: float(pod.value or 0.0) for pod in stable},
        canary_left_out=tuple(canary_out.values()),
        stable_left_out=tuple(stable_out.values()),
        busy=busy,
    )


def left_out(arm: str, counts: Sequence[float]) -> list[str]:
    """Return as in ["2 pods of stable with other requests and limits"]."""
    return [
        f"{count:.0f} pod{'s' if count != 1 else ''} of {arm} {reason}"
        for reason, count in zip(REASONS, counts, strict=True)
        if count
    ]


def _refusal(look: GaugeLook) -> Refused | None:
    if not abs(look.at) <= MOST_TIME:
        said = f"evidence refused: the look's time is {look.at}"
        return Refused("NotATime", f"{said}; write seconds, such as Prometheus does")
    names = [pod.name for pod in (*look.canary, *look.stable)]
    if len(set(names)) < len(names):
        twice = min(name for name in names if names.count(name) > 1)
        said = f"evidence refused: pod {twice} has more than one value in this look"
        return Refused("PodTwice", f"{said}; the metric's selector has to pick one series a pod")
    for pod in (*look.canary, *look.stable):
        if pod.value is None or math.isnan(pod.value):
            continue
        said = f"evidence refused: the value of pod {pod.name} is {pod.value:g}"
        if math.isinf(pod.value):
            return Refused("NotANumber", f"{said}; the metric's selector has to pick a gauge")
        if pod.value < 0:
            hint = "memory, CPU and saturation are never negative; use a query for others"
            return Refused("NegativeValue", f"{said}; {hint}")
        if pod.value > MOST_VALUE:
            return Refused("ValueTooLarge", f"{said}, more than {MOST_VALUE:g}; check the selector")
    return None


def _usable(question: GaugeQuestion, pods: Sequence[Pod]) -> tuple[list[Pod], dict[LeftOut, int]]:
    usable, out = [], dict.fromkeys(REASONS, 0)
    for pod in pods:
        if pod.value is None or math.isnan(pod.value):
            out[LeftOut.NO_SAMPLE] += 1
        elif not pod.age >= question.warm_up:
            out[LeftOut.YOUNG] += 1
        elif question.follows_load and not _is_load(pod.load):
            out[LeftOut.NO_LOAD] += 1
        else:
            usable.append(pod)
    return usable, out


def _resources(canary: Sequence[Pod], stable: Sequence[Pod]) -> str | None:
    """Return the requests and limits at which both arms have pods, and most evidence."""
    have: dict[str, list[int]] = {}
    for arm, pods in enumerate((canary, stable)):
        for pod in pods:
            have.setdefault(pod.resources, [0, 0])[arm] += 1
    both = {name: 1 / one + 1 / other for name, (one, other) in have.items() if one and other}
    return min(both, key=lambda name: (both[name], name)) if both else None


def _kept(pods: Sequence[Pod], out: dict[LeftOut, int], resources: str) -> list[Pod]:
    """Return the pods with these resources by name, and count the others as left out."""
    # A fixed order, because sums of floats depend on it.
    kept = sorted((pod for pod in pods if pod.resources == resources), key=lambda pod: pod.name)
    out[LeftOut.RESOURCES] = len(pods) - len(kept)
    return kept


def _is_load(load: float | None) -> bool:
    return load is not None and LEAST_LOAD <= load <= MOST_VALUE


def _mean_load(pods: Sequence[Pod]) -> float:
    return math.fsum(pod.load or 0.0 for pod in pods) / len(pods)
