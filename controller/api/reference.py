"""Fills the field tables of docs/spec from the schemas, so that a page cannot fall behind.

A page marks the place of a table with `<!-- fields of spec -->` and `<!-- end -->`; what stands
between is replaced. Everything else on the page is written by hand. Pure: text in, text out.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from controller.api.validation import RULES

_TABLE = re.compile(r"(<!-- fields of (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
_HEAD = "| Field | Type | Default | What it says |\n|---|---|---|---|\n"


class PageError(Exception):
    """A page asks for a table that no schema has."""


def fill(page: str, schema: Mapping[str, Any], name: str) -> str:
    """Return the page with its tables made from the schema of an object of its kind."""
    if not _TABLE.search(page):
        raise PageError(f"{name}: no table; write <!-- fields of spec --> and <!-- end -->")

    def table(found: re.Match[str]) -> str:
        node: Mapping[str, Any] = schema
        for part in found[2].split("."):
            try:
                node = node["properties"][part]
            except KeyError:
                raise PageError(f"{name}: the schema has no {found[2]}") from None
        return f"{found[1]}{_HEAD}{''.join(_rows(node, ''))}{found[3]}"

    return _TABLE.sub(table, page)


def _rows(node: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name, child in node.get("properties", {}).items():
        field = f"{prefix}{name}"
        cells = (
            f"`{field}`",
            _type(child),
            _default(child, required=name in node.get("required", ())),
            _meaning(child),
        )
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"
        if child["type"] == "array":
            yield from _rows(child["items"], f"{field}[].")
        else:
            yield from _rows(child, f"{field}.")


def _type(node: Mapping[str, Any]) -> str:
    if node["type"] == "array":
        return f"list of {_type(node['items'])}"
    if "additionalProperties" in node:
        return f"map of {_type(node['additionalProperties'])}"
    return str(node["type"])


def _default(node: Mapping[str, Any], *, required: bool) -> str:
    if required:
        return "required"
    return f"`{json.dumps(node['default'])}`" if "default" in node else ""


def _meaning(node: Mapping[str, Any]) -> str:
    parts = [node["description"]]
    if "enum" in node:
        values = ", ".join(f"`{json.dumps(value)}`" for value in node["enum"])
        parts.append(f"One of {values}.")
    for low, high, what in (
        ("minimum", "maximum", ""),
        ("minItems", "maxItems", " items"),
        ("minLength", "maxLength", " characters"),
        ("minProperties", "maxProperties", " keys"),
    ):
        if low in node and high in node:
            parts.append(f"{node[low]} to {node[high]}{what}.")
        elif low in node:
            parts.append(f"At least {node[low]}{what}.")
        elif high in node:
            parts.append(f"At most {node[high]}{what}.")
    rules = [*node.get(RULES, ()), *node.get("items", {}).get(RULES, ())]
    parts += [f"Rule: {rule['message']}." for rule in rules]
    return " ".join(parts).replace("\n", " ").replace("<", "&lt;")
