"""Turns pydantic's JSON schema into a structural schema, the only kind that the API server takes.

No `$ref`, no union with null, a type everywhere. So references are inlined, nulls are dropped, and
a keyword that is not known here to be both accepted and enforced is an error that names the field,
as is a field without a description. Pure.
"""

from collections.abc import Mapping
from typing import Any

from controller.api.validation import RULES

# In the order in which they are written.
_KEYWORDS = (
    "description",
    "type",
    "pattern",
    "enum",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "default",
    "items",
    "additionalProperties",
    "properties",
    "required",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    RULES,
)
# A bound on another type is accepted and never looked at.
_BINDS = {
    "string": {"pattern", "minLength", "maxLength"},
    "array": {"items", "minItems", "maxItems"},
    "object": {"properties", "required", "additionalProperties", "maxProperties"},
    "integer": {"minimum", "maximum"},
    "number": {"minimum", "maximum"},
    "boolean": set(),
}


class SchemaError(Exception):
    """A model has a field that no structural schema can say; the message names it."""


def structural(
    node: Mapping[str, Any], definitions: Mapping[str, Any], path: str
) -> dict[str, Any]:
    """Return one node of pydantic's JSON schema as a structural schema.

    `path` names the node in a SchemaError. What stands beside a `$ref` (a field's description,
    default and rules) wins over what it points to.
    """
    node = _cleaned(_inlined(node, definitions))
    if unknown := sorted(set(node) - set(_KEYWORDS)):
        raise SchemaError(f"{path}: {', '.join(unknown)} cannot stand in a structural schema")
    if node.get("type") not in _BINDS:
        raise SchemaError(f"{path}: type {node.get('type')!r} is none that the API server knows")
    elsewhere = set().union(*_BINDS.values()) - _BINDS[node["type"]]
    if idle := sorted(elsewhere & set(node)):
        raise SchemaError(f"{path}: {', '.join(idle)} binds no {node['type']}")
    if "properties" in node:
        node["properties"] = {
            name: structural(child, definitions, f"{path}.{name}")
            for name, child in node["properties"].items()
        }
        for name, child in node["properties"].items():
            if not child.get("description"):
                raise SchemaError(f"{path}.{name}: a field needs a description")
    for name in ("items", "additionalProperties"):
        if name in node:
            node[name] = structural(node[name], definitions, f"{path}[]")
    return {key: node[key] for key in _KEYWORDS if key in node}


def _cleaned(node: dict[str, Any]) -> dict[str, Any]:
    """Say the same without what the API server refuses or would not enforce."""
    node.pop("title", None)
    if node.get("additionalProperties") is True:
        del node["additionalProperties"]
    if "const" in node:
        node["enum"] = [node.pop("const")]
    if node.get("default", ...) is None:
        del node["default"]
    if isinstance(node.get("default"), dict):
        node["default"] = {k: v for k, v in node["default"].items() if v is not None}
    if RULES in node:
        node[RULES] = [{"rule": rule["rule"], "message": rule["message"]} for rule in node[RULES]]
    return node


def _inlined(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Resolve `$ref` and `X or null`, one inside of the other to any depth."""
    flat = dict(node)
    while True:
        if "$ref" in flat:
            target = definitions[flat.pop("$ref").removeprefix("#/$defs/")]
        elif "anyOf" in flat and [o for o in flat["anyOf"] if o == {"type": "null"}]:
            options = [o for o in flat.pop("anyOf") if o != {"type": "null"}]
            target = options[0] if len(options) == 1 else {"anyOf": options}
        else:
            return flat
        inherited = {**target, **flat}
        if rules := [*target.get(RULES, ()), *flat.get(RULES, ())]:
            inherited[RULES] = rules
        flat = inherited
