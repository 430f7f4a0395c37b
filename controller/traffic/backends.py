"""The split within one rule of a route: backendRefs in, backendRefs out.

`split` gives the canary a share of what the rule sends to the user's Service; `merge` takes our
backendRef out again. `merge(split(refs, p)) == refs` for whatever the user wrote and every p, and
neither ever changes the ratio between the user's backends, whoever edited the rule in between.

Weights are whole numbers, so a share needs room: every weight of the rule is multiplied by the
largest of 1000, 100, 10 and 1 that keeps it at or below 1,000,000, the most the API takes. Nothing
remembers the factor. The last digit of the canary's weight tells it: a whole percentage of a weight
times 1000 ends in 0, and with the smaller factors the canary's weight is lowered, by less than 10,
until it ends in their digit. A rule in which the canary has weight 0 is not multiplied at all.

Two plans may split different Services of one rule. Both use the one factor that the rule's weights
have room for, so each finds it in the other's canary too, and whoever is the last to take its
backendRef out undoes it.

Left out: backends of other kinds or namespaces. They keep their share and are never ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

from controller.api.names import canary_name

Ref = Mapping[str, Any]

MAX_WEIGHT = 1_000_000
MAX_REFS = 16  # backendRefs in one rule, by the Gateway API's schema
_DIGITS = {1000: 0, 100: 1, 10: 2, 1: 3}
_FACTORS = {digit: factor for factor, digit in _DIGITS.items()}

# From so many units up, a whole percentage can be read back from the weights: what rounding and the
# digit take away (less than 10 units) is then less than one percent.
_FINE = 1000


@dataclass(frozen=True, slots=True)
class Arms:
    """The two Services of a release, in the namespace of the route.

    `peers` are Services beside whose backendRef another plan's release may put its canary's.
    """

    namespace: str
    stable: str
    canary: str
    peers: frozenset[str] = frozenset()

    def arm_of(self, ref: Ref) -> Literal["stable", "canary", "other"]:
        """Tell which of the two Services a backendRef names."""
        name = self.service_of(ref)
        if name == self.stable:
            return "stable"
        return "canary" if name and name == self.canary else "other"

    def service_of(self, ref: Ref) -> str:
        """Return the Service of this namespace that a backendRef names; empty where it does not."""
        kind = (ref.get("group", ""), ref.get("kind", "Service"))
        here = ref.get("namespace", self.namespace) == self.namespace
        return str(ref["name"]) if here and kind == ("", "Service") else ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One backend as the user wrote it: a Service together with its canary, or another."""

    ref: Ref
    weight: int
    ours: bool = False
    canary: int | None = None  # of `weight`; None where no canary's backendRef stands beside it
    peer: Ref | None = None  # that backendRef, where it is another plan's

    def percent(self) -> int | None:
        """Return our canary's share of this entry, rounded up; None without one."""
        if self.canary is None or not self.ours:
            return None
        return -(-100 * self.canary // self.weight) if self.weight else 0


def entries(refs: Sequence[Ref], arms: Arms) -> list[Entry]:
    """Return the user's backends in their order, with the weights as they stand.

    A backendRef to the canary without one to the user's Service is read as the latter: its requests
    belong to the Service, and a rule must not end up without a backend.
    """
    mates, peers = _mates(refs, arms), _peers(refs, arms)
    result = []
    for index, ref in enumerate(refs):
        weight = _weight(ref)
        match arms.arm_of(ref):
            case "other" if index in peers:
                peer = refs[index + 1]
                canary = _weight(peer)
                result.append(Entry(ref, weight + canary, canary=canary, peer=peer))
            case "other" if index - 1 not in peers:
                result.append(Entry(ref, weight))
            case "stable" if index in mates:
                canary = _weight(refs[mates[index]])
                result.append(Entry(ref, weight + canary, ours=True, canary=canary))
            case "stable":
                result.append(Entry(ref, weight, ours=True))
            case "canary" if index not in mates.values():
                adopted = {**ref, "name": arms.stable}
                result.append(Entry(adopted, weight, ours=True, canary=weight))
    return result


def split(refs: Sequence[Ref], arms: Arms, percent: int) -> list[Ref]:
    """Return the rule's backendRefs with `percent` of the user's Service on the canary.

    The share is `percent` or less, never more. Each backendRef to the Service is followed by ours,
    with the same port and filters. Rules without the Service come back as they are.
    """
    whole, factor = _unscaled(entries(refs, arms))
    if not any(entry.ours for entry in whole):
        return list(refs)
    return _write(whole, factor, arms, percent)


def merge(refs: Sequence[Ref], arms: Arms) -> list[Ref]:
    """Return the rule's backendRefs as the user had them, without ours.

    While another plan's canary has a share of the rule, the room for that stays.
    """
    whole, factor = _unscaled(entries(refs, arms))
    return _write(whole, factor, arms, None)


def _write(whole: Sequence[Entry], before: int, arms: Arms, percent: int | None) -> list[Ref]:
    """Return the backendRefs of these entries; without `percent` there is no canary of ours.

    The entries' weights were multiplied by `before`, and so are their canaries' still.
    """
    factor = factor_for(whole)
    shares = []
    for entry in whole:
        if entry.peer is not None:
            shares.append(_lowered((entry.canary or 0) * factor // before, factor))
        else:
            units = entry.weight * factor if entry.ours else 0
            shares.append(_lowered(units * (percent or 0) // 100, factor))
    if not any(shares):
        factor = 1
    result: list[Ref] = []
    for entry, share in zip(whole, shares, strict=True):
        result.append(_weighted(entry.ref, entry.weight * factor - share))
        if entry.peer is not None:
            result.append(_weighted(entry.peer, share))
        elif entry.ours and percent is not None:
            result.append({**entry.ref, "name": arms.canary, "weight": share})
    return result


def obstacle(refs: Sequence[Ref], arms: Arms) -> str:
    """Say why this rule cannot be split, or nothing."""
    whole, _ = _unscaled(entries(refs, arms))
    canaries = sum(entry.ours or entry.peer is not None for entry in whole)
    if len(whole) + canaries > MAX_REFS:
        return (
            f"has {len(whole)} backendRefs; each one to Service {arms.stable} needs another beside "
            f"it for the canary, and the Gateway API takes {MAX_REFS}: take some out"
        )
    factor = factor_for(whole)
    coarse = next((e for e in whole if e.ours and 0 < e.weight * factor < _FINE), None)
    if coarse is None:
        return ""
    return (
        f"gives Service {arms.stable} weight {coarse.weight} beside "
        f"{max(entry.weight for entry in whole)}, too fine to take single percents from: write "
        "the rule's weights as numbers of at most 1000"
    )


def factor_for(whole: Sequence[Entry]) -> int:
    """Return the factor by which the user's weights are multiplied to make room for a share."""
    highest = max((entry.weight for entry in whole), default=0)
    return next(factor for factor in _DIGITS if highest * factor <= MAX_WEIGHT or factor == 1)


def _lowered(share: int, factor: int) -> int:
    """Return the largest weight of at most `share` that ends in the factor's digit."""
    return max(0, share - (share - _DIGITS[factor]) % 10)


def _unscaled(found: list[Entry]) -> tuple[list[Entry], int]:
    """Undo our multiplication of the weights, if they are still as we wrote them.

    Return the factor too: the canaries' weights are left as they stand.
    """
    digits = {entry.canary % 10 for entry in found if entry.canary}
    factor = _FACTORS.get(digits.pop(), 1) if len(digits) == 1 else 1
    if any(entry.weight % factor for entry in found):
        return found, 1
    return [replace(entry, weight=entry.weight // factor) for entry in found], factor


def _peers(refs: Sequence[Ref], arms: Arms) -> set[int]:
    """Return the places of the backendRefs that another plan's canary follows."""
    return {
        index
        for index, (ref, after) in enumerate(pairwise(refs))
        if (service := arms.service_of(ref)) in arms.peers
        and arms.arm_of(ref) == "other"
        and arms.service_of(after) == canary_name(service)
        and ref.get("port") == after.get("port")
    }


def _mates(refs: Sequence[Ref], arms: Arms) -> dict[int, int]:
    """Pair each backendRef to the canary with one to the Service: the first of the same port."""
    arm = [arms.arm_of(ref) for ref in refs]
    free = [index for index, name in enumerate(arm) if name == "stable"]
    mates: dict[int, int] = {}
    for index, name in enumerate(arm):
        if name == "canary" and free:
            port = refs[index].get("port")
            mate = next((at for at in free if refs[at].get("port") == port), free[0])
            free.remove(mate)
            mates[mate] = index
    return mates


def _weight(ref: Ref) -> int:
    return int(ref.get("weight", 1))


def _weighted(ref: Ref, weight: int) -> Ref:
    return ref if _weight(ref) == weight else {**ref, "weight": weight}
