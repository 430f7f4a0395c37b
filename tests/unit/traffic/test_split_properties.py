"""For any route: the split is what was asked for, nothing else moves, and all of it is undone."""

from fractions import Fraction
from itertools import pairwise
from typing import Any

from hypothesis import given, note
from hypothesis import strategies as st

from controller.traffic.backends import Arms, Ref, entries, factor_for, merge, split
from controller.traffic.routes import read_split, remove_canary, set_weight
from tests.unit.traffic.objects import CANARY, STABLE, defaulted, patched, ref, route

ARMS = Arms("shop", STABLE, CANARY)
HEADER = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": []}}

weights = st.one_of(
    st.none(),
    st.integers(0, 5),
    st.sampled_from([0, 10, 90, 100, 1000, 1001, 6000, 9500, 10_000, 600_000, 1_000_000]),
    st.integers(0, 1_000_000),
)
users_refs = st.builds(
    lambda name, weight, port, extra: ref(name, weight, port=port, **extra),
    st.sampled_from([STABLE, STABLE, STABLE, "cart", "checkout-legacy"]),
    weights,
    st.sampled_from([80, 81]),
    st.sampled_from(
        [
            {},
            {},
            {"filters": [HEADER]},
            {"namespace": "shop"},
            {"namespace": "elsewhere"},
            {"kind": "ServiceImport", "group": "multicluster.x-k8s.io"},
        ]
    ),
)
users_rules = st.lists(users_refs, max_size=5)
users_routes = st.lists(users_rules, max_size=4).map(lambda rules: defaulted(route(*rules)))
percents = st.one_of(
    st.integers(0, 100), st.integers(1, 200).map(lambda n: n / 100), st.just(33.33)
)

# Refs as anybody may have left them: both Services anywhere, with any weight.
edited_refs = st.lists(
    st.builds(
        ref, st.sampled_from([STABLE, CANARY, "cart"]), weights, port=st.sampled_from([80, 81])
    ),
    min_size=1,
    max_size=6,
)


def shares(refs: list[Ref]) -> list[Fraction]:
    """Return what each backend of the user's gets of the rule, stable and canary together."""
    standing = entries(refs, ARMS)
    total = sum(entry.weight for entry in standing)
    return [Fraction(entry.weight, total or 1) for entry in standing]


@given(users_routes, st.lists(percents, min_size=1, max_size=4))
def test_any_sequence_of_weights_is_undone_exactly(
    item: dict[str, Any], sequence: list[float]
) -> None:
    now = item
    for percent in sequence:
        now = patched(now, set_weight(now, STABLE, CANARY, percent))

    restored = patched(now, remove_canary(now, STABLE, CANARY))

    assert item == restored
    assert remove_canary(restored, STABLE, CANARY) == []


@given(users_routes, percents)
def test_a_second_time_changes_nothing(item: dict[str, Any], percent: float) -> None:
    now = patched(item, set_weight(item, STABLE, CANARY, percent))

    assert set_weight(now, STABLE, CANARY, percent) == []


@given(users_routes, percents, percents)
def test_the_weight_that_was_set_is_the_weight_that_is_read(
    item: dict[str, Any], before: float, percent: float
) -> None:
    now = patched(item, set_weight(item, STABLE, CANARY, before))
    now = patched(now, set_weight(now, STABLE, CANARY, percent))

    found = read_split(now, STABLE, CANARY, wanted=percent)

    assert found.uneven == "" or found.reason == "RouteNotSplittable"
    if found.rules and not found.problem:
        assert percent == found.weight


@given(users_routes, percents)
def test_the_canary_gets_its_percentage_and_never_more(
    item: dict[str, Any], percent: float
) -> None:
    now = patched(item, set_weight(item, STABLE, CANARY, percent))

    for before, after in zip(item["spec"]["rules"], now["spec"]["rules"], strict=True):
        standing = entries(after.get("backendRefs", []), ARMS)
        fine = not float(percent).is_integer()
        factor = factor_for(entries(before.get("backendRefs", []), ARMS), fine=fine)
        for entry in standing:
            if entry.ours and entry.weight:
                note(f"{entry} times {factor}")
                assert entry.canary is not None
                share = Fraction(100 * entry.canary, entry.weight)
                wanted = Fraction(round(100 * percent), 100)
                exact = not percent or (factor == 1000 and wanted.denominator == 1)
                room = Fraction(0) if exact else Fraction(1000, entry.weight)
                assert share >= wanted - room
                least = entry.canary <= 10 and wanted.denominator > 1
                assert share <= wanted or least
                assert entry.canary > 0 or wanted.denominator == 1 or entry.weight < 10


@given(users_rules, percents)
def test_every_other_backend_keeps_its_share_and_its_fields(
    refs: list[Ref], percent: float
) -> None:
    after = split(refs, ARMS, percent)

    assert shares(refs) == shares(after)
    others = [entry for entry in after if ARMS.arm_of(entry) == "other"]
    kept = [entry for entry in refs if ARMS.arm_of(entry) == "other"]
    assert [{**e, "weight": 0} for e in kept] == [{**e, "weight": 0} for e in others]


@given(users_rules, percents)
def test_the_canary_has_port_and_filters_of_the_backend_before_it(
    refs: list[Ref], percent: float
) -> None:
    after = split(refs, ARMS, percent)

    for stable, canary in pairwise(after):
        if ARMS.arm_of(stable) == "stable":
            assert {**stable, "name": CANARY, "weight": canary.get("weight")} == canary


@given(edited_refs, percents)
def test_whatever_people_left_no_ratio_changes_and_no_rule_ends_up_empty(
    refs: list[Ref], percent: float
) -> None:
    without = merge(refs, ARMS)

    assert without
    assert all(ARMS.arm_of(each) != "canary" for each in without)
    assert shares(refs) == shares(without) == shares(split(refs, ARMS, percent))
    assert without == merge(without, ARMS)
