"""A benchmark's section: its table, what falls short, and its place in the document."""

import pytest

from bench.report import Row, at_most, replace_section, shortfalls, table


def test_a_table_has_a_line_for_each_figure_and_marks_what_misses_its_goal() -> None:
    rows = [at_most("time", 2.5, 3, "s", 30, more="p50 1 s, p99 "), at_most("lost", 4, 0, "", 10)]
    assert table(rows).splitlines() == [
        "| figure | goal | measured | n |",
        "|---|---|---|---:|",
        "| time | <= 3 s | p50 1 s, p99 2.5 s | 30 |",
        "| lost | 0 | 4 **(missed)** | 10 |",
    ]


def test_a_figure_without_a_goal_is_neither_met_nor_missed() -> None:
    row = Row("hurt", "", "mean 36", 30)
    assert table([row]).splitlines()[2] == "| hurt | - | mean 36 | 30 |"
    assert shortfalls([row], []) == "Every goal is met."


@pytest.mark.parametrize(("value", "met"), [(2.99, True), (3.0, True), (3.01, False)])
def test_a_goal_is_met_up_to_its_bound(value: float, met: bool) -> None:  # noqa: FBT001 - a table
    assert at_most("time", value, 3, "s", 1).met is met


def test_what_was_not_measured_misses_its_goal() -> None:
    row = at_most("time", 0.0, 3, "s", 0)
    assert (row.measured, row.met) == ("not measured", False)
    assert shortfalls([row], ["the machine was too busy"]).splitlines() == [
        "- time: not measured, the goal is <= 3 s",
        "- the machine was too busy",
    ]


def test_the_first_section_opens_the_document() -> None:
    assert replace_section("", "one", "## One\n") == (
        "# Results\n\nEach benchmark writes its own section, and no more.\n\n"
        "<!-- one: begin -->\n## One\n<!-- one: end -->\n"
    )


def test_a_run_replaces_its_own_section_only() -> None:
    text = replace_section(replace_section("", "one", "first"), "two", "second")
    again = replace_section(text, "one", "third")
    assert again == text.replace("first", "third")
    assert "second" in again


def test_the_same_section_twice_changes_nothing() -> None:
    text = replace_section("# Mine\n\nwords\n", "one", "first")
    assert replace_section(text, "one", "first") == text
    assert text.startswith("# Mine\n\nwords\n")


def test_a_section_without_its_end_is_refused() -> None:
    with pytest.raises(ValueError, match="has no <!-- one: end -->"):
        replace_section("<!-- one: begin -->\nwords", "one", "first")
