"""The manifests that the models make: what the API server takes, and what it enforces."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from controller.api import crd
from controller.api.base import Model
from controller.api.structural import SchemaError, structural
from controller.api.validation import RULES, Rule

ROOT = Path(__file__).resolve().parents[3]


class Inner(Model):
    """What the class says."""

    word: Annotated[str, Field(description="A word.")] = "so"


def schema_of(annotation: Any, default: Any = ...) -> dict[str, Any]:
    """Return the structural schema of a field with this annotation."""
    model: type[Model] = type(
        "Sample",
        (Model,),
        {
            "__module__": __name__,
            "__annotations__": {"field": annotation},
            **({} if default is ... else {"field": default}),
        },
    )
    source = model.model_json_schema(by_alias=True, mode="serialization")
    whole = structural(source, source.pop("$defs", {}), "Sample")
    return dict(whole["properties"]["field"])


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every node of a schema with its path."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if name in schema:
            yield from nodes(schema[name], f"{path}[]")


ALL_NODES = [
    pytest.param(path, node, id=f"{kind.name}{path}")
    for kind in crd.KINDS
    for path, node in nodes(crd.object_schema(kind))
]


@pytest.mark.parametrize(
    ("annotation", "keyword"),
    [
        pytest.param(Annotated[int | str, Field(description="x")], "anyOf", id="union"),
        pytest.param(
            Annotated[int, Field(gt=0, description="x")], "exclusiveMinimum", id="open bound"
        ),
        pytest.param(
            Annotated[frozenset[str], Field(description="x")], "uniqueItems", id="set of items"
        ),
        pytest.param(Annotated[Any, Field(description="x")], "type None", id="no type"),
        pytest.param(
            Annotated[datetime, Field(description="x")],
            "format",
            id="format, with which the API server takes a list for a text",
        ),
        pytest.param(
            Annotated[dict[str, str], Rule("true", "", lambda _: True), Field(max_length=8)],
            "maxLength binds no object",
            id="bound that the rule before it hides",
        ),
    ],
)
def test_what_no_structural_schema_can_say_is_an_error_that_names_the_field(
    annotation: Any, keyword: str
) -> None:
    with pytest.raises(SchemaError, match=re.escape(keyword)) as refusal:
        schema_of(annotation)
    assert str(refusal.value).startswith("Sample.field: ")


def test_a_field_without_a_description_is_an_error() -> None:
    with pytest.raises(SchemaError, match=r"Sample\.field: a field needs a description"):
        schema_of(int)


def test_null_is_dropped_and_a_default_of_null_with_it() -> None:
    node = schema_of(Annotated[int | None, Field(description="x")], None)
    assert node == {"description": "x", "type": "integer"}


def test_a_reference_is_inlined_and_the_field_s_own_description_wins() -> None:
    expected = {"word": {"description": "A word.", "type": "string", "default": "so"}}
    node = schema_of(Annotated[Inner, Field(description="What the field says.")])
    assert node == {
        "description": "What the field says.",
        "type": "object",
        "properties": expected,
    }
    assert schema_of(Inner)["description"] == "What the class says."


def test_one_constant_becomes_an_enum_because_const_is_not_enforced() -> None:
    node = schema_of(Annotated[Literal["A"], Field(description="x")])
    assert node == {"description": "x", "type": "string", "enum": ["A"]}


def test_rules_of_a_type_and_of_its_field_add_up() -> None:
    inner = Annotated[str, Rule("self != 'a'", "not a")]
    node = schema_of(Annotated[inner, Field(description="x"), Rule("self != 'b'", "not b")])
    assert node[RULES] == [
        {"rule": "self != 'a'", "message": "not a"},
        {"rule": "self != 'b'", "message": "not b"},
    ]


@pytest.mark.parametrize("kind", crd.KINDS, ids=lambda kind: kind.name)
def test_a_manifest_is_small_enough_for_client_side_apply(kind: crd.Kind) -> None:
    assert len(crd.manifest(kind).encode()) < 100_000


@pytest.mark.parametrize("kind", crd.KINDS, ids=lambda kind: kind.name)
def test_every_column_shows_a_field_that_exists(kind: crd.Kind) -> None:
    schema = crd.object_schema(kind)
    for column in kind.columns:
        if column.path.startswith(".metadata."):
            continue
        node = schema
        for part in re.sub(r"\[[^]]*\]", "[]", column.path.removeprefix(".")).split("."):
            node = node["properties"][part.removesuffix("[]")]
            node = node["items"] if part.endswith("[]") else node
        assert node["type"] == column.type, column


def test_names_are_the_ones_that_people_type() -> None:
    names = {kind.name: crd.definition(kind)["spec"]["names"] for kind in crd.KINDS}
    assert {name: each["shortNames"] for name, each in names.items()} == {
        "ReleasePlan": ["plan"],
        "Release": ["rel"],
        "ReleaseMetric": ["relm"],
    }
    assert all(each["categories"] == ["gander"] for each in names.values())


def test_what_has_a_status_has_it_as_a_subresource() -> None:
    versions = {kind.name: crd.definition(kind)["spec"]["versions"][0] for kind in crd.KINDS}
    with_subresource = {name for name, each in versions.items() if "subresources" in each}
    assert with_subresource == {"ReleasePlan", "Release"}


@pytest.mark.parametrize(("path", "node"), ALL_NODES)
def test_patterns_mean_the_same_in_python_and_in_the_api_server(
    path: str, node: dict[str, Any]
) -> None:
    patterns = [node.get("pattern", ""), *(rule["rule"] for rule in node.get(RULES, ()))]
    for pattern in patterns:
        assert not re.search(r"\\[sSdDwWbBAzZ]|\(\?[=!<]", pattern.replace("\\\\", "\\")), path


@pytest.mark.parametrize(("path", "node"), ALL_NODES)
def test_what_people_write_is_bounded(path: str, node: dict[str, Any]) -> None:
    if not path.startswith(".spec"):
        return
    if node["type"] == "string":
        assert "maxLength" in node or "enum" in node
    if node["type"] == "array":
        assert "maxItems" in node
    if "additionalProperties" in node:
        assert "maxProperties" in node


def test_the_files_are_those_that_the_models_make(capsys: pytest.CaptureFixture[str]) -> None:
    code = crd.main(["--check"], ROOT)
    assert (code, capsys.readouterr().err) == (0, "")


def test_check_says_which_file_is_stale_and_what_to_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = tmp_path / "docs" / "spec"
    pages.mkdir(parents=True)
    for page in (ROOT / "docs" / "spec").glob("*.md"):
        (pages / page.name).write_text(page.read_text())
    assert crd.main([], tmp_path) == 0
    assert crd.main(["--check"], tmp_path) == 0
    stale = tmp_path / "manifests" / "crds" / "releases.gander.dev.yaml"
    stale.write_text(stale.read_text().replace("kind: Release\n", "kind: Relase\n"))

    code = crd.main(["--check"], tmp_path)

    said = capsys.readouterr().err
    assert code == 1
    assert "-    kind: Relase\n+    kind: Release\n" in said
    assert "manifests/crds/releases.gander.dev.yaml" in said
    assert "run `python -m controller.api.crd`" in said
