"""Objects that a structural schema accepts, as hypothesis strategies.

Reads the schema as the API server does, and of CEL the shapes that single fields use: a regular
expression, bounds of a duration, a probability. Rules over several fields are passed over, since
the models do not know them either.
"""

import re
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from controller.api.base import format_duration, parse_duration
from controller.api.validation import RULES

_TEXT = st.characters(codec="utf-8", exclude_characters="\x00")


def accepted(node: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return the values that a node of a structural schema accepts."""
    if "enum" in node:
        return st.sampled_from(node["enum"])
    if node["type"] == "object":
        return _objects(node)
    if node["type"] == "array":
        return st.lists(
            accepted(node["items"]),
            min_size=node.get("minItems", 0),
            max_size=max(1, node.get("minItems", 0)),
        )
    if node["type"] == "string":
        return _texts(node)
    return {
        "integer": st.integers(node.get("minimum", -(2**63)), node.get("maximum", 2**63 - 1)),
        "number": st.floats(allow_nan=False, allow_infinity=False),
        "boolean": st.booleans(),
    }[node["type"]]


def _objects(node: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    if "additionalProperties" in node:
        names = st.from_regex("[a-zA-Z_][a-zA-Z0-9_]{0,9}", fullmatch=True)
        return st.dictionaries(names, accepted(node["additionalProperties"]), max_size=1)
    if "properties" not in node:
        loose = st.dictionaries(st.text(_TEXT, max_size=5), st.booleans() | st.text(_TEXT))
        return st.fixed_dictionaries(dict.fromkeys(node["required"], loose))
    children = {name: accepted(child) for name, child in node["properties"].items()}
    required = {name: children.pop(name) for name in node.get("required", ())}
    return st.fixed_dictionaries(required, optional=children)


def _texts(node: dict[str, Any]) -> st.SearchStrategy[str]:
    longest = node.get("maxLength", 40)
    for rule in (each["rule"] for each in node.get(RULES, ())):
        if "timestamp(self)" in rule:
            years = st.datetimes(datetime(1001, 1, 1), datetime(2999, 1, 1))  # noqa: DTZ001  # is in UTC
            return years.map(lambda at: f"{at.isoformat()}Z")
        if bounds := re.findall(r"duration\('([^']+)'\)", rule):
            return st.timedeltas(*map(parse_duration, bounds)).map(format_duration)
        if "double(self)" in rule:
            return st.integers(1, 50_000_000).map(lambda part: f"0.{part:08}")
        if found := re.fullmatch(r"self\.matches\('\^(.*)\$'\)", rule):
            pattern = found[1].replace("\\'", "'").replace("\\\\", "\\")
            return st.from_regex(pattern, fullmatch=True).filter(lambda text: len(text) <= longest)
    shortest = node.get("minLength", 0)
    return st.text(_TEXT, min_size=shortest, max_size=min(longest, shortest + 20))
