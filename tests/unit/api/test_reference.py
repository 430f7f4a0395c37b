"""The field tables of docs/spec."""

import pytest

from controller.api.reference import PageError, fill

SCHEMA = {
    "properties": {
        "spec": {
            "type": "object",
            "required": ["steps"],
            "properties": {
                "steps": {
                    "description": "Traffic | weights.",
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 20,
                    "items": {
                        "type": "object",
                        "properties": {
                            "hold": {
                                "description": "The stay.",
                                "type": "string",
                                "default": "1m",
                                "x-kubernetes-validations": [
                                    {"rule": "true", "message": "is a duration"}
                                ],
                            }
                        },
                    },
                }
            },
        }
    }
}
PAGE = "# Page\n\n<!-- fields of spec -->\nold\n<!-- end -->\n\nWritten by hand.\n"
FILLED = r"""# Page

<!-- fields of spec -->
| Field | Type | Default | What it says |
|---|---|---|---|
| `steps` | list of object | required | Traffic \| weights. 1 to 20 items. |
| `steps[].hold` | string | `"1m"` | The stay. Rule: is a duration. |
<!-- end -->

Written by hand.
"""


def test_a_table_has_every_field_and_leaves_the_rest_of_the_page_alone() -> None:
    assert fill(PAGE, SCHEMA, "page.md") == FILLED


def test_filling_twice_changes_nothing() -> None:
    assert fill(FILLED, SCHEMA, "page.md") == FILLED


def test_a_page_without_a_table_is_an_error() -> None:
    with pytest.raises(PageError, match=r"page\.md: no table"):
        fill("# Page\n", SCHEMA, "page.md")


def test_a_table_of_what_does_not_exist_is_an_error() -> None:
    with pytest.raises(PageError, match=r"page\.md: the schema has no status"):
        fill(PAGE.replace("spec", "status"), SCHEMA, "page.md")
