"""What becomes of a route's rules, scenario by scenario."""

from typing import Any

import pytest

from controller.traffic.routes import last_foreign_manager, read_split, remove_canary, set_weight
from tests.unit.traffic.objects import CANARY, STABLE, defaulted, patched, ref, refs_of, route

HEADER = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x"}]}}


def at(item: dict[str, Any], percent: float) -> dict[str, Any]:
    stored = defaulted(item)
    return patched(stored, set_weight(stored, STABLE, CANARY, percent))


def without(item: dict[str, Any]) -> dict[str, Any]:
    stored = defaulted(item)
    return patched(stored, remove_canary(stored, STABLE, CANARY))


@pytest.mark.parametrize(
    ("before", "percent", "after"),
    [
        pytest.param([ref()], 5, [(STABLE, 950), (CANARY, 50)], id="no weight means 1"),
        pytest.param([ref()], 0, [(STABLE, 1), (CANARY, 0)], id="at 0 the user's weights stay"),
        pytest.param([ref()], 100, [(STABLE, 0), (CANARY, 1000)], id="everything"),
        pytest.param(
            [ref(weight=90), ref("cart", 10)],
            5,
            [(STABLE, 85_500), (CANARY, 4500), ("cart", 10_000)],
            id="the other tenth stays a tenth",
        ),
        pytest.param(
            [ref(weight=0), ref("cart", 1)],
            5,
            [(STABLE, 0), (CANARY, 0), ("cart", 1)],
            id="nothing of nothing",
        ),
        pytest.param(
            [ref(port=80), ref(port=81, weight=3)],
            50,
            [(STABLE, 500), (CANARY, 500), (STABLE, 1500), (CANARY, 1500)],
            id="the Service twice",
        ),
        pytest.param(
            [ref(weight=9500), ref("cart", 500)],
            5,
            [(STABLE, 902_509), (CANARY, 47_491), ("cart", 50_000)],
            id="basis points leave room for a factor of 100 only",
        ),
        pytest.param(
            [ref(weight=600_000), ref("cart", 400_000)],
            5,
            [(STABLE, 570_007), (CANARY, 29_993), ("cart", 400_000)],
            id="no room for a factor",
        ),
        pytest.param([ref()], 0.4, [(STABLE, 996_006), (CANARY, 3994)], id="less than one percent"),
        pytest.param(
            [ref(weight=90), ref("cart", 10)],
            1.33,
            [(STABLE, 888_034), (CANARY, 11_966), ("cart", 100_000)],
            id="more than one percent and less than two",
        ),
        pytest.param(
            [ref(), ref("cart", 1000)],
            0.4,
            [(STABLE, 990), (CANARY, 10), ("cart", 1_000_000)],
            id="the smallest weight where there is no room for less",
        ),
        pytest.param(
            [ref(namespace="elsewhere"), ref("cart")],
            5,
            [(STABLE, 1), ("cart", 1)],
            id="a Service of that name in another namespace",
        ),
        pytest.param(
            [ref(kind="ServiceImport", group="multicluster.x-k8s.io")],
            5,
            [(STABLE, 1)],
            id="another kind of that name",
        ),
        pytest.param(
            [ref(namespace="shop")], 5, [(STABLE, 950), (CANARY, 50)], id="own namespace spelt out"
        ),
    ],
)
def test_weights_of_one_rule(
    before: list[dict[str, Any]], percent: float, after: list[tuple[str, int]]
) -> None:
    item = defaulted(route(before))

    split = at(item, percent)

    assert after == refs_of(split)
    assert item == without(split)


def test_rules_without_backends_and_other_services_are_not_touched() -> None:
    item = defaulted(route([ref("cart")], [ref()]))
    redirect = {"filters": [{"type": "RequestRedirect"}]}
    item["spec"]["rules"].insert(0, redirect)

    split = at(item, 5)

    assert [redirect, item["spec"]["rules"][1]] == split["spec"]["rules"][:2]
    assert refs_of(split, 2) == [(STABLE, 950), (CANARY, 50)]


def test_a_patch_tests_what_was_read_before_it_replaces() -> None:
    item = defaulted(route([ref("cart")], [ref()]))

    patch = set_weight(item, STABLE, CANARY, 5)

    assert [(operation["op"], operation["path"]) for operation in patch] == [
        ("test", "/spec/rules/1/backendRefs"),
        ("replace", "/spec/rules/1/backendRefs"),
    ]
    assert item["spec"]["rules"][1]["backendRefs"] == patch[0]["value"]


def test_rules_reordered_after_the_read_make_the_patch_fail() -> None:
    item = defaulted(route([ref("cart")], [ref()]))
    patch = set_weight(item, STABLE, CANARY, 5)
    item["spec"]["rules"].reverse()

    with pytest.raises(LookupError):
        patched(item, patch)


def test_filters_and_rules_that_people_add_in_the_middle_survive() -> None:
    edited = at(route([ref()]), 5)
    edited["spec"]["rules"][0]["filters"] = [HEADER]
    edited["spec"]["rules"][0]["backendRefs"][0]["filters"] = [HEADER]
    edited["spec"]["rules"].insert(0, {"name": "new", "backendRefs": [ref(weight=7)]})

    found = read_split(edited, STABLE, CANARY)
    again = at(edited, 5)
    restored = without(again)

    assert (found.rules, found.weight) == (2, 5)
    assert "rules[0], rules[1] are not as written for 5 %" in found.uneven
    assert refs_of(again, 0) == [(STABLE, 6650), (CANARY, 350)]
    assert again["spec"]["rules"][1]["backendRefs"][1]["filters"] == [HEADER]
    assert read_split(again, STABLE, CANARY).uneven == ""
    assert refs_of(restored, 0) == [(STABLE, 7)]
    assert restored["spec"]["rules"][1]["filters"] == [HEADER]
    assert restored["spec"]["rules"][1]["backendRefs"][0]["filters"] == [HEADER]


def test_a_backend_that_people_add_in_the_middle_keeps_the_ratio_they_wrote() -> None:
    edited = at(route([ref()]), 5)
    edited["spec"]["rules"][0]["backendRefs"].append(ref("cart", 1000))

    assert refs_of(without(edited)) == [(STABLE, 1), ("cart", 1)]


def test_weights_changed_by_hand_are_shown_and_set_again() -> None:
    edited = at(route([ref()]), 5)
    edited["spec"]["rules"][0]["backendRefs"][1]["weight"] = 300

    found = read_split(edited, STABLE, CANARY)

    assert found.weight == 24
    assert "rules[0] is not as written for 24 %" in found.uneven
    assert read_split(at(edited, 5), STABLE, CANARY).weight == 5


@pytest.mark.parametrize("percent", [0.01, 0.07, 0.4, 1.33, 4.99, 33.33])
def test_a_share_that_is_no_whole_percentage_is_read_as_it_was_written(percent: float) -> None:
    item = at(at(route([ref()], [ref(weight=90), ref("cart", 10)]), 5), percent)

    found = read_split(item, STABLE, CANARY)

    assert (found.weight, found.uneven) == (percent, "")
    assert without(item) == defaulted(route([ref()], [ref(weight=90), ref("cart", 10)]))


def test_a_share_for_which_there_is_no_room_is_there_when_it_is_wanted() -> None:
    item = at(route([ref(), ref("cart", 1000)]), 0.4)

    assert read_split(item, STABLE, CANARY).weight == 1
    assert read_split(item, STABLE, CANARY, wanted=0.4).weight == 0.4
    assert read_split(item, STABLE, CANARY, wanted=0.9).weight == 0.9
    assert read_split(item, STABLE, CANARY, wanted=5).weight == 1


def test_backends_that_people_reorder_still_find_their_canaries() -> None:
    item = route([ref(port=80, weight=3), ref(port=81, weight=2)])
    edited = at(item, 5)
    stable80, canary80, stable81, canary81 = edited["spec"]["rules"][0]["backendRefs"]
    edited["spec"]["rules"][0]["backendRefs"] = [canary81, stable80, stable81, canary80]

    assert without(edited) == defaulted(item)


def test_a_backend_whose_port_was_changed_keeps_its_canary() -> None:
    edited = at(route([ref(weight=3)]), 5)
    edited["spec"]["rules"][0]["backendRefs"][0]["port"] = 8080

    assert refs_of(without(edited)) == [(STABLE, 3)]
    assert at(edited, 5)["spec"]["rules"][0]["backendRefs"][1]["port"] == 8080


def test_without_a_backend_of_ours_there_is_no_weight() -> None:
    found = read_split(route([ref()]), STABLE, CANARY)

    assert (found.rules, found.weight, found.uneven) == (1, None, "")
    assert remove_canary(route([ref()]), STABLE, CANARY) == []


def test_the_highest_share_of_all_rules_is_what_counts() -> None:
    item = at(route([ref()], [ref()]), 5)
    item["spec"]["rules"][1]["backendRefs"] = at(item, 40)["spec"]["rules"][1]["backendRefs"]

    found = read_split(item, STABLE, CANARY)

    assert found.weight == 40
    assert "rules[0] is not as written for 40 %" in found.uneven


def test_a_rule_left_with_the_canary_alone_goes_back_to_the_service() -> None:
    item = at(route([ref()]), 5)
    del item["spec"]["rules"][0]["backendRefs"][0]

    assert read_split(item, STABLE, CANARY).weight == 100
    assert [name for name, _ in refs_of(without(item))] == [STABLE]


@pytest.mark.parametrize("percent", [-1, 101])
def test_a_weight_is_a_percentage(percent: int) -> None:
    with pytest.raises(ValueError, match=f"HTTPRoute shop/checkout: weight {percent}"):
        set_weight(route([ref()]), STABLE, CANARY, percent)


@pytest.mark.parametrize(
    ("rule", "reason", "words"),
    [
        ([ref("cart")], "RouteWithoutService", "no rule has Service checkout as a backend; add it"),
        ([], "RouteWithoutService", "no rule has Service checkout"),
        ([ref(weight=0), ref("cart")], "RouteNotSplittable", "gives Service checkout weight 0"),
        (
            [ref(weight=1), ref("cart", 50_000)],
            "RouteNotSplittable",
            "rules[0] gives Service checkout weight 1 beside 50000",
        ),
        (
            [ref(), *(ref(f"cart-{number}") for number in range(15))],
            "RouteNotSplittable",
            "rules[0] has 16 backendRefs",
        ),
    ],
)
def test_a_route_that_cannot_move_traffic_says_what_to_change(
    rule: list[dict[str, Any]], reason: str, words: str
) -> None:
    found = read_split(route(rule), STABLE, CANARY)

    assert reason == found.reason
    assert found.problem.startswith("HTTPRoute shop/checkout: ")
    assert words in found.problem


def test_room_for_one_more_backend_is_enough() -> None:
    item = route([ref(), *(ref(f"cart-{number}") for number in range(14))])

    assert read_split(item, STABLE, CANARY).problem == ""
    assert len(refs_of(at(item, 5))) == 16


def test_grpc_routes_are_the_same() -> None:
    item = defaulted(route([ref()], kind="GRPCRoute"))

    assert refs_of(at(item, 25)) == [(STABLE, 750), (CANARY, 250)]


def managed(manager: str, time: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"manager": manager, "time": time, "operation": "Update", "fieldsV1": fields}


def test_the_foreign_writer_is_the_one_who_wrote_rules_last() -> None:
    item = route([ref()])
    rules: dict[str, Any] = {"f:spec": {"f:rules": {}}}
    item["metadata"]["managedFields"] = [
        managed("argocd-controller", "2026-11-21T10:00:00Z", rules),
        managed("kubectl-edit", "2026-11-21T12:00:00Z", rules),
        managed("gander", "2026-11-21T13:00:00Z", rules),
        managed("helm", "2026-11-21T14:00:00Z", {"f:spec": {"f:hostnames": {}}}),
        managed("traefik", "2026-11-21T15:00:00Z", {"f:status": {"f:parents": {}}}),
    ]

    assert last_foreign_manager(item) == "kubectl-edit"
    assert last_foreign_manager(route([ref()])) == ""
