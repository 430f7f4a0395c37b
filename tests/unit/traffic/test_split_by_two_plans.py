"""Two plans split different Services of the same rules: in any order, all of it is undone."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.api.names import canary_name
from controller.kube import kinds
from controller.reconcile.routes import find_peers
from controller.traffic.backends import Arms, Ref, merge, split
from controller.traffic.routes import read_split, remove_canary, set_weight
from tests.unit.reconcile.known import Item, known
from tests.unit.reconcile.shop import RELEASE_OWNER, a_release, meta
from tests.unit.release.given import plan
from tests.unit.traffic import objects
from tests.unit.traffic.objects import defaulted, patched, ref, route

PLANS = ("checkout", "cart")
users_weights = st.one_of(
    st.sampled_from([0, 1, 3, 10, 100, 1000, 9500, 600_000, 1_000_000]), st.integers(0, 1_000_000)
)
users_rules = st.lists(
    st.builds(
        ref,
        st.sampled_from([*PLANS, *PLANS, "other"]),
        users_weights,
        port=st.sampled_from([80, 81]),
    ),
    max_size=5,
)
users_routes = st.lists(users_rules, max_size=3).map(lambda rules: defaulted(route(*rules)))
writes = st.lists(st.tuples(st.sampled_from(PLANS), st.integers(0, 100)), max_size=6)


def peers(name: str) -> frozenset[str]:
    return frozenset(PLANS) - {name}


def set_to(item: dict[str, Any], name: str, percent: int) -> dict[str, Any]:
    return patched(item, set_weight(item, name, canary_name(name), percent, peers(name)))


def without(item: dict[str, Any], name: str) -> dict[str, Any]:
    return patched(item, remove_canary(item, name, canary_name(name), peers(name)))


@given(users_routes, writes, st.permutations(PLANS))
def test_any_sequence_of_both_is_undone_exactly(
    item: dict[str, Any], sequence: list[tuple[str, int]], ends: list[str]
) -> None:
    now = item
    for name, percent in sequence:
        now = set_to(now, name, percent)
    for name in ends:
        now = without(now, name)
    assert item == now


@given(users_routes, st.integers(0, 100), st.lists(st.integers(0, 100), max_size=4), st.booleans())
def test_one_keeps_its_share_whatever_the_other_does(
    item: dict[str, Any],
    percent: int,
    others: list[int],
    ends: bool,  # noqa: FBT001 - drawn
) -> None:
    alone = set_to(item, "checkout", percent)
    now = alone
    for other in others:
        now = set_to(now, "cart", other)
    if ends:
        now = without(now, "cart")

    before, after = (
        read_split(each, "checkout", "checkout-canary", peers("checkout")) for each in (alone, now)
    )

    assert before.weight == after.weight
    if not before.problem and not after.problem:
        assert after.uneven == ""
        assert set_to(now, "checkout", percent) == now


def test_the_ratio_of_two_services_does_not_drift() -> None:
    mine = Arms("shop", "checkout", "checkout-canary", peers("checkout"))
    theirs = Arms("shop", "cart", "cart-canary", peers("cart"))
    user: list[Ref] = [ref("checkout", 3), ref("cart", 1)]
    both = split(split(user, mine, 5), theirs, 20)
    assert {each["name"]: each["weight"] for each in both} == {
        "checkout": 2850,
        "checkout-canary": 150,
        "cart": 800,
        "cart-canary": 200,
    }
    assert user == merge(merge(both, mine), theirs) == merge(merge(both, theirs), mine)
    total = sum(each["weight"] for each in both)
    assert Fraction(3, 4) == Fraction(2850 + 150, total)


def plan_of(name: str) -> Item:
    wire = plan().wire()
    traffic = {**wire["spec"]["traffic"], "service": name}
    spec = {**wire["spec"], "traffic": traffic}
    return kinds.RELEASE_PLAN, {**wire, "spec": spec, **meta(name)}


def test_other_plans_are_known_by_their_objects() -> None:
    assert frozenset({"cart"}) == find_peers(known(*map(plan_of, PLANS)), "shop", "checkout")


@pytest.mark.parametrize(("phase", "found"), [("RollingBack", {"checkout"}), ("Aborted", set())])
def test_a_release_whose_plan_is_gone_counts_until_it_has_ended(
    phase: str, found: set[str]
) -> None:
    release = kinds.RELEASE, {**a_release(phase=phase).wire(), **meta("checkout-2")}
    assert found == find_peers(known(release, plan_of("cart")), "shop", "cart")


def test_a_service_that_only_has_the_name_of_a_canarys_is_no_canary() -> None:
    somebodys = {**objects.service("cart-canary"), **meta("cart-canary")}
    ours = {
        **somebodys,
        **meta("cart-canary", RELEASE_OWNER, labels={"gander.dev/release": "cart-1"}),
    }
    plans = tuple(map(plan_of, PLANS))
    assert not find_peers(known(*plans, (kinds.SERVICE, somebodys)), "shop", "checkout")
    assert find_peers(known(*plans, (kinds.SERVICE, ours)), "shop", "checkout")
