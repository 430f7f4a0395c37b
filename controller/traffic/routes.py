"""HTTPRoutes and GRPCRoutes: how they split the Service now, and the patches that change it.

A route is the object as the API server returns it. Its rules are one atomic list, so the only way
to change a weight without owning everything is a JSON patch. Each patched rule is first tested to
have the backendRefs that were read: where somebody was faster the API server refuses the whole
patch with 422, and the caller reads and decides again. Rules, matches, filters and other backends
are never written, so people's edits survive, and a rule that names the Service from now on is split
from now on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from controller.api.names import FIELD_MANAGER
from controller.traffic.backends import Arms, Ref, entries, merge, obstacle, split
from controller.traffic.parents import read_parents

Route = Mapping[str, Any]
Patch = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Split:
    """What a route does with the Service and its canary now. Weights in percent."""

    rules: int  # rules that have one of the two Services as a backend
    weight: int | None  # the canary's share in the rule that gives it most; None without a backend
    uneven: str  # which rules are not as we write them for that weight, else empty
    accepted: bool  # every parent accepts the stored generation and has resolved its references
    silent: tuple[str, ...]  # parents that have not answered for the stored generation yet
    strangers: bool  # whether those have never answered, so that no request comes through them
    reason: Literal["", "RouteWithoutService", "RouteNotSplittable", "RouteRefused"]
    problem: str  # why no traffic can be moved, and what to change; else empty


def read_split(
    route: Route, stable_service: str, canary_service: str, peers: frozenset[str] = frozenset()
) -> Split:
    """Return what the route does with the two Services, and what its parents say of it.

    `peers` are the Services of other plans: a canary beside one of them is theirs.
    """
    arms = _arms(route, stable_service, canary_service, peers)
    ours = [
        (index, refs)
        for index, refs in _rules(route)
        if any(entry.ours for entry in entries(refs, arms))
    ]
    shares = [
        percent
        for _, refs in ours
        for entry in entries(refs, arms)
        if (percent := entry.percent()) is not None
    ]
    weight = max(shares, default=None)
    answer = read_parents(route)
    reason, problem = _problem(ours, arms, answer.problem)
    return Split(
        rules=len(ours),
        weight=weight,
        uneven="" if weight is None else _uneven(route, ours, arms, weight),
        accepted=not answer.silent and not answer.problem,
        silent=answer.silent,
        strangers=answer.strangers,
        reason=reason,
        problem=f"{describe(route)}: {problem}" if problem else "",
    )


def set_weight(
    route: Route, stable: str, canary: str, percent: int, peers: frozenset[str] = frozenset()
) -> Patch:
    """Return the JSON patch that gives the canary `percent` (0 to 100) in every rule of ours.

    At 0 our backendRef stands with weight 0. Empty where everything is so already.
    """
    if not 0 <= percent <= 100:
        raise ValueError(f"{describe(route)}: weight {percent}; it must be 0 to 100 percent")
    arms = _arms(route, stable, canary, peers)
    return _patch(route, lambda refs: split(refs, arms, percent))


def remove_canary(
    route: Route, stable: str, canary: str, peers: frozenset[str] = frozenset()
) -> Patch:
    """Return the JSON patch that takes our backendRef out and undoes our weights.

    Empty where there is nothing of ours. Weights that are not as we wrote them keep their ratio.
    """
    arms = _arms(route, stable, canary, peers)
    return _patch(
        route,
        lambda refs: (
            merge(refs, arms) if any(arms.arm_of(ref) == "canary" for ref in refs) else refs
        ),
    )


def last_foreign_manager(route: Route) -> str:
    """Return the field manager, other than Gander, that wrote the rules last; empty if unknown."""
    writers = [
        (entry.get("time", ""), entry.get("manager", ""))
        for entry in route["metadata"].get("managedFields") or []
        if "f:rules" in (entry.get("fieldsV1") or {}).get("f:spec", {})
        and entry.get("manager") != FIELD_MANAGER
    ]
    return max(writers, default=("", ""))[1]


def describe(route: Route) -> str:
    """Return kind, namespace and name of the route for messages."""
    metadata = route["metadata"]
    return f"{route.get('kind', 'Route')} {metadata['namespace']}/{metadata['name']}"


def _arms(route: Route, stable: str, canary: str, peers: frozenset[str]) -> Arms:
    return Arms(route["metadata"]["namespace"], stable, canary, peers)


def _rules(route: Route) -> list[tuple[int, Sequence[Ref]]]:
    """Return index and backendRefs of the rules that have any; redirects have none."""
    rules = route["spec"].get("rules") or []
    return [(i, rule["backendRefs"]) for i, rule in enumerate(rules) if rule.get("backendRefs")]


def _patch(route: Route, change: Callable[[Sequence[Ref]], Sequence[Ref]]) -> Patch:
    patch: Patch = []
    for index, refs in _rules(route):
        wanted = change(refs)
        if wanted != refs:
            path = f"/spec/rules/{index}/backendRefs"
            patch.append({"op": "test", "path": path, "value": refs})
            patch.append({"op": "replace", "path": path, "value": wanted})
    return patch


def _uneven(
    route: Route, ours: Sequence[tuple[int, Sequence[Ref]]], arms: Arms, weight: int
) -> str:
    """Name the rules that are not as we would write them for `weight`."""
    edited = [f"rules[{i}]" for i, refs in ours if split(refs, arms, weight) != refs]
    if not edited:
        return ""
    return (
        f"{describe(route)}: {', '.join(edited)} {'is' if len(edited) == 1 else 'are'} not as "
        f"written for {weight} % on Service {arms.canary}; somebody edited the backends"
    )


def _problem(
    ours: Sequence[tuple[int, Sequence[Ref]]], arms: Arms, refused: str
) -> tuple[Literal["", "RouteWithoutService", "RouteNotSplittable", "RouteRefused"], str]:
    """Return why this route moves no traffic, the cause nearest to the user first."""
    if not ours:
        return "RouteWithoutService", (
            f"no rule has Service {arms.stable} as a backend; add it to the backendRefs of a rule "
            "or take the route out of the plan"
        )
    for index, refs in ours:
        if why := obstacle(refs, arms):
            return "RouteNotSplittable", f"rules[{index}] {why}"
    if all(entry.weight == 0 for _, refs in ours for entry in entries(refs, arms) if entry.ours):
        return "RouteNotSplittable", (
            f"every rule gives Service {arms.stable} weight 0, so there is nothing to split; "
            "give it a weight of at least 1 in one rule"
        )
    return ("RouteRefused", refused) if refused else ("", "")
