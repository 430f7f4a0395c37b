"""Whether a route is served is what every parent says of the generation that is stored now."""

from typing import Any

import pytest

from controller.traffic.routes import read_split
from tests.unit.traffic.objects import CANARY, STABLE, answer, condition, ref, route

GW = {"name": "gw", "namespace": "gateway"}
INTERNAL = {"name": "internal", "sectionName": "https"}

REFUSED = condition(
    "ResolvedRefs", "False", reason="BackendNotFound", message="no Service checkout-canary"
)


def late(kind: str, status: str = "True") -> dict[str, Any]:
    return condition(kind, status, generation=2)


def outcome(
    refs: list[dict[str, Any]], parents: list[dict[str, Any]]
) -> tuple[bool, bool, str, str]:
    item = route([ref()])
    item["spec"]["parentRefs"], item["status"]["parents"] = refs, parents
    found = read_split(item, STABLE, CANARY)
    return found.accepted, bool(found.silent), found.reason, found.problem


@pytest.mark.parametrize(
    ("refs", "parents", "accepted", "pending"),
    [
        pytest.param([GW], [answer(GW)], True, False, id="accepted"),
        pytest.param(
            [GW],
            [answer({"group": "gateway.networking.k8s.io", "kind": "Gateway", **GW})],
            True,
            False,
            id="the same parent spelt out",
        ),
        pytest.param([GW], [], False, True, id="nobody has answered"),
        pytest.param([GW, INTERNAL], [answer(GW)], False, True, id="one of two has answered"),
        pytest.param([GW], [answer(GW), answer(INTERNAL)], True, False, id="a parent of the past"),
        pytest.param(
            [GW],
            [answer(GW, condition("Accepted"), late("ResolvedRefs"))],
            False,
            True,
            id="one condition is of an older generation",
        ),
        pytest.param(
            [GW], [answer(GW, condition("Accepted"))], False, True, id="one condition is missing"
        ),
        pytest.param(
            [GW],
            [answer(GW, condition("Accepted", "Unknown"), condition("ResolvedRefs"))],
            False,
            True,
            id="not decided",
        ),
        pytest.param(
            [GW],
            [answer(GW), answer(GW, late("Accepted"))],
            False,
            True,
            id="two controllers answer for one parent, one is late",
        ),
        pytest.param(
            [GW],
            [answer(GW, condition("Accepted"), late("ResolvedRefs", "False"))],
            False,
            True,
            id="a refusal of an older generation is no answer",
        ),
    ],
)
def test_accepted_or_pending(
    *, refs: list[dict[str, Any]], parents: list[dict[str, Any]], accepted: bool, pending: bool
) -> None:
    assert (accepted, pending, "", "") == outcome(refs, parents)


@pytest.mark.parametrize(
    ("parents", "pending", "words"),
    [
        pytest.param(
            [answer(GW, condition("Accepted"), REFUSED), answer(INTERNAL)],
            False,
            "Gateway gateway/gw: ResolvedRefs is False, BackendNotFound: no Service checkout-",
            id="references do not resolve",
        ),
        pytest.param(
            [answer(GW), answer(INTERNAL, condition("Accepted", "False", reason="NotAllowed"))],
            False,
            "Gateway shop/internal listener https: Accepted is False, NotAllowed: no message",
            id="the second parent refuses",
        ),
        pytest.param(
            [answer(GW, condition("Accepted"), REFUSED)],
            True,
            "Gateway gateway/gw: ResolvedRefs is False",
            id="one refuses, the other has not answered",
        ),
        pytest.param(
            [
                answer(
                    GW,
                    late("Accepted"),
                    condition("ResolvedRefs"),
                    condition("PartiallyInvalid", reason="UnsupportedValue", message="Fall Back"),
                ),
                answer(INTERNAL),
            ],
            False,
            "PartiallyInvalid is True, UnsupportedValue: Fall Back",
            id="an older state of the route is served",
        ),
    ],
)
def test_a_refusal_names_route_parent_reason_and_message(
    *, parents: list[dict[str, Any]], pending: bool, words: str
) -> None:
    accepted, waits, reason, problem = outcome([GW, INTERNAL], parents)

    assert (False, pending, "RouteRefused") == (accepted, waits, reason)
    assert problem.startswith("HTTPRoute shop/checkout: is not served by ")
    assert words in problem


def test_a_route_without_a_parent_is_served_by_nobody() -> None:
    accepted, pending, reason, problem = outcome([], [])

    assert (accepted, pending, reason) == (False, False, "RouteRefused")
    assert "names no parent" in problem
