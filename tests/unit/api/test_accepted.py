"""Nothing that the API server accepted may wedge the controller: the models read all of it.

That the schema means to the API server what it means here is proven on a real one in
tests/cluster/test_crds.py.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.api import crd
from controller.api.base import Model
from controller.api.plan import ReleasePlanStatus
from controller.api.release import ReleaseStatus
from tests.unit.api.schemas import accepted

STATUS: dict[str, type[Model]] = {"ReleasePlan": ReleasePlanStatus, "Release": ReleaseStatus}


@pytest.mark.parametrize("kind", crd.KINDS, ids=lambda kind: kind.name)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_an_accepted_object_can_be_read_and_written(kind: crd.Kind, data: st.DataObject) -> None:
    schema = crd.object_schema(kind)
    parts = {
        name: accepted(node)
        for name, node in schema["properties"].items()
        if name in ("spec", "status")
    }
    stored: dict[str, Any] = data.draw(st.fixed_dictionaries(parts))

    read = kind.model.model_validate({"metadata": {"name": "x"}, **stored})

    assert kind.model.model_validate(read.wire()).wire() == read.wire()


@pytest.mark.parametrize(
    "kind", [kind for kind in crd.KINDS if kind.name in STATUS], ids=lambda kind: kind.name
)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_we_write_is_within_the_bounds(kind: crd.Kind, data: st.DataObject) -> None:
    """Given a status whose texts and lists are too long, when it is written, then they fit."""
    schema = crd.object_schema(kind)["properties"]["status"]
    status = data.draw(accepted(schema))

    model = STATUS[kind.name]

    read = model.model_validate(_lengthened(status, schema))

    assert _too_long(read.wire(), schema, "status") == []


PACKED = {"evidence", "current"}  # the judge bounds them; a cut would make them unreadable


def _lengthened(value: Any, node: dict[str, Any]) -> Any:
    if isinstance(value, dict) and "properties" in node:
        return {
            name: child if name in PACKED else _lengthened(child, node["properties"][name])
            for name, child in value.items()
        }
    if isinstance(value, list) and value:
        return [_lengthened(value[0], node["items"])] * (node.get("maxItems", 0) + 1)
    if isinstance(value, str) and "maxLength" in node and "x-kubernetes-validations" not in node:
        return "x" * (node["maxLength"] + 1)
    return value


def _too_long(value: Any, node: dict[str, Any], path: str) -> list[str]:
    if isinstance(value, dict) and "properties" in node:
        return [
            found
            for name, child in value.items()
            for found in _too_long(child, node["properties"][name], f"{path}.{name}")
        ]
    if isinstance(value, list):
        over = [path] if len(value) > node.get("maxItems", len(value)) else []
        return over + [f for item in value for f in _too_long(item, node["items"], f"{path}[]")]
    if isinstance(value, str) and len(value) > node.get("maxLength", len(value)):
        return [path]
    return []
