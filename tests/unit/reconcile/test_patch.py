"""The merge patch between two statuses: applying it gives the new one, and it holds no more."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from controller.reconcile.patch import merge_difference

scalars = st.one_of(st.booleans(), st.integers(), st.text(max_size=4))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)
objects = st.dictionaries(st.text(max_size=3), values, max_size=4)


def merge(target: Any, patch: Any) -> Any:
    """Apply a merge patch as RFC 7386 section 2 says."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


@given(objects, objects)
def test_the_patch_turns_the_old_object_into_the_new(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    assert new == merge(old, merge_difference(old, new))


@given(objects)
def test_nothing_is_written_where_nothing_differs(value: dict[str, Any]) -> None:
    assert merge_difference(value, dict(value)) == {}


def test_only_what_differs_is_in_the_patch() -> None:
    old = {"phase": "Stepping", "weight": {"wanted": 5, "confirmed": 0}, "stepSince": "then"}
    new = {"phase": "Stepping", "weight": {"wanted": 5, "confirmed": 5}}
    assert merge_difference(old, new) == {"weight": {"confirmed": 5}, "stepSince": None}
