"""What the parents of a route, gateways as a rule, say about it.

A route works when every parent that it names has accepted it, resolved its references, and did so
for the generation that is stored now. `Programmed` and addresses are the gateway's own business.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_GATEWAY_GROUP = "gateway.networking.k8s.io"


@dataclass(frozen=True, slots=True)
class Answer:
    """All parents together."""

    silent: tuple[str, ...]  # parents that have not said anything about this generation yet
    strangers: bool  # whether those have never said anything about the route, so never served it
    problem: str  # the first refusal in words, else empty


def read_parents(route: Mapping[str, Any]) -> Answer:
    """Return what the parents answer for the stored generation of the route."""
    refs = route["spec"].get("parentRefs") or []
    generation = route["metadata"].get("generation", 0)
    if not refs:
        problem = "names no parent, so no gateway serves it; fill spec.parentRefs"
        return Answer(silent=(), strangers=False, problem=problem)
    problems, silent, known = [], [], False
    for ref in refs:
        answers = [
            status
            for status in (route.get("status") or {}).get("parents") or []
            if _identity(status["parentRef"], route) == _identity(ref, route)
        ]
        refusals_of = [_refusals(status, generation) for status in answers]
        if not answers or None in refusals_of:
            silent.append(_name(ref, route))
            known |= bool(answers)
        for refusals in refusals_of:
            problems += [f"is not served by {_name(ref, route)}: {why}" for why in refusals or ()]
    return Answer(tuple(silent), bool(silent) and not known, next(iter(problems), ""))


def _refusals(status: Mapping[str, Any], generation: int) -> tuple[str, ...] | None:
    """Return what one parent has against the route, None while it lags behind.

    An implementation may accept a route and drop some of its rules, or serve an older state of it;
    both show as PartiallyInvalid.
    """
    current = {
        condition["type"]: condition
        for condition in status.get("conditions") or []
        if condition.get("observedGeneration", 0) >= generation
    }
    bad = {"Accepted": "False", "ResolvedRefs": "False", "PartiallyInvalid": "True"}
    refused = tuple(
        f"{kind} is {bad[kind]}, {condition.get('reason') or 'no reason'}: "
        f"{condition.get('message') or 'no message'}"
        for kind, condition in current.items()
        if bad.get(kind) == condition["status"]
    )
    if refused:
        return refused
    good = (current.get(kind, {}).get("status") == "True" for kind in ("Accepted", "ResolvedRefs"))
    return () if all(good) else None


def _identity(ref: Mapping[str, Any], route: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        ref.get("group", _GATEWAY_GROUP),
        ref.get("kind", "Gateway"),
        ref.get("namespace") or route["metadata"]["namespace"],
        ref["name"],
        ref.get("sectionName", ""),
        str(ref.get("port", "")),
    )


def _name(ref: Mapping[str, Any], route: Mapping[str, Any]) -> str:
    _, kind, namespace, name, section, _ = _identity(ref, route)
    return f"{kind} {namespace}/{name}" + (f" listener {section}" if section else "")
