"""A record: what is written reads back, and what cannot be read names line, field and way out."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.judge import Arm, CountsLook, NumberLook
from controller.judge.codec import parse, plain
from controller.judge.plan import CountsMetric, NumberMetric, Plan, PodCounts
from controller.judge.record import (
    Record,
    RecordedLook,
    RecordError,
    read_record,
    write_header,
    write_look,
)
from tests.unit.judge.releases import Release, releases

ERRORS = CountsMetric("errors", history={"a": PodCounts((1.0,), (9.0,))})
LOOK = RecordedLook(15.0, 0.05, {"errors": (CountsLook(Arm(1, 50), Arm(9, 950)),)})
WRITTEN = write_header(Plan(), [ERRORS]) + write_look(LOOK) * 2


def lines(text: str) -> list[bytes]:
    return text.encode().splitlines(keepends=True)


def text_of(release: Release) -> str:
    header = write_header(release.plan, release.metrics)
    return header + "".join(write_look(look) for look in release.looks)


def error_of(text: str | bytes) -> str:
    """Return what is said about a record that cannot be read."""
    given = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(RecordError) as found:
        list(read_record(given.splitlines(keepends=True)).looks)
    return str(found.value)


def changed(line: int, change: Callable[[Any], object]) -> str:
    """Return WRITTEN with a change to the object of one line, from 1."""
    found = WRITTEN.splitlines()
    value = json.loads(found[line - 1])
    change(value)
    found[line - 1] = json.dumps(value)
    return "\n".join(found)


def read(text: str) -> tuple[Record, list[RecordedLook]]:
    record = read_record(lines(text))
    return record, list(record.looks)


@settings(max_examples=40, deadline=None)
@given(releases(garbage=True, most=4))
def test_any_numbers_that_are_written_read_back(release: Release) -> None:
    _, looks = read(text_of(release))

    # NaN equals nothing but its name.
    assert plain(looks) == plain(release.looks)


@settings(max_examples=60, deadline=None)
@given(releases())
def test_what_is_written_reads_back_to_equal_values(release: Release) -> None:
    record, looks = read(text_of(release))

    assert (record.plan, record.metrics, looks) == (
        release.plan,
        release.metrics,
        list(release.looks),
    )


def test_a_record_is_json_without_numbers_that_json_has_not() -> None:
    look = RecordedLook(
        math.nan, 0.05, {"orders": NumberLook(math.inf, -math.inf), "sales": NumberLook(None, 1.0)}
    )
    text = write_header(Plan(), [NumberMetric("orders"), NumberMetric("sales")]) + write_look(look)

    def no_constant(name: str) -> float:
        raise AssertionError(name)

    *_, last = [json.loads(line, parse_constant=no_constant) for line in text.splitlines()]

    assert last["at"] == "NaN"
    assert last["metrics"]["orders"] == {"canary": "+Inf", "stable": "-Inf"}
    assert last["metrics"]["sales"] == {"canary": None, "stable": 1.0}


@pytest.mark.parametrize("number", ["1" + "0" * 400, "1" + "0" * 5000, "1e400", "-1e400"])
def test_numbers_of_any_size_can_be_read(number: str) -> None:
    text = WRITTEN.replace('"total":50', f'"total":{number}')

    _, looks = read(text)

    (first,) = looks[0].metrics["errors"]  # type: ignore[misc]  # a look at counts
    assert math.isinf(first.canary.total)


def test_defaults_may_be_left_out_and_lines_may_be_empty() -> None:
    text = (
        '{"record":"plan","version":1}\n\n{"record":"metric","kind":"counts","name":"errors"}\n'
        '{"record":"look","at":1,"share":0.05}\n   \n'
    )

    record, looks = read(text)

    assert (record.plan, record.metrics) == (Plan(), (CountsMetric("errors"),))
    assert looks == [RecordedLook(1.0, 0.05, {})]


def test_looks_are_read_one_at_a_time() -> None:
    record = read_record(lines(WRITTEN + '{"record":'))

    assert [next(record.looks), next(record.looks)] == [LOOK, LOOK]
    with pytest.raises(RecordError, match="line 5"):
        next(record.looks)


def set_to(path: str, value: object) -> Callable[[Any], None]:
    """Return a change of the member at a path such as "metrics.errors.0.stable"."""

    def change(line: Any) -> None:
        *outer, last = path.split(".")
        for name in outer:
            line = line[int(name) if name.isdigit() else name]
        line[last] = value

    return change


def without(name: str) -> Callable[[Any], object]:
    return lambda line: line.pop(name)


@pytest.mark.parametrize(
    ("line", "change", "says"),
    [
        pytest.param(
            1,
            set_to("version", 2),
            "line 1: field version: value 2: this program reads version 1; ",
            id="version",
        ),
        pytest.param(
            1,
            set_to("false_rollback", 1.5),
            "false_rollback is 1.5; write a probability",
            id="probability",
        ),
        pytest.param(
            1,
            set_to("pods", "Same"),
            "line 1: field pods: value \"Same\": write 'Differ' or 'Alike'",
            id="choice",
        ),
        pytest.param(
            1,
            set_to("one_look_late", 1),
            "line 1: field one_look_late: value 1: write true or false",
            id="no switch",
        ),
        pytest.param(
            2,
            set_to("record", "metrics"),
            "line 2: field record: value \"metrics\": write 'plan', 'metric' or 'look'",
            id="unknown line",
        ),
        pytest.param(
            2,
            set_to("kind", "rate"),
            "line 2: field kind: value \"rate\": write 'counts', 'histogram', 'gauge' or 'number'",
            id="unknown kind",
        ),
        pytest.param(
            2,
            set_to("margin", 3),
            "line 2: field margin: value 3: there is no such field here; write name, ",
            id="unknown field",
        ),
        pytest.param(
            2,
            set_to("safe_relative", -1),
            "line 2: metric errors: safe_relative is -1.0; a margin is at least 0 and under 1000",
            id="margin",
        ),
        pytest.param(
            2,
            set_to("weight", 0),
            "line 2: metric errors: weight is 0.0; it is above 0",
            id="weight",
        ),
        pytest.param(
            2,
            without("name"),
            "line 2: field name: value null: it is missing; write it",
            id="no name",
        ),
        pytest.param(
            2,
            set_to("history.a.bad", [1, 2]),
            "pods of the history have [1, 2] numbers; write one a look",
            id="history of two lengths",
        ),
        pytest.param(
            3,
            set_to("metrics.logins", []),
            "line 3: field metrics.logins: value []: no metric has this name; the record has ",
            id="unknown metric",
        ),
        pytest.param(
            4,
            set_to("metrics.errors.0.canary.bad", "many"),
            'line 4: field metrics.errors[0].canary.bad: value "many": write a number, or the text '
            "NaN, +Inf or -Inf",
            id="no number",
        ),
        pytest.param(
            4,
            set_to("metrics.errors.0.stable_pods", 2.5),
            "line 4: field metrics.errors[0].stable_pods: value 2.5: write a whole number",
            id="no whole number",
        ),
        pytest.param(
            4,
            set_to("metrics.errors.0.stable_pods", "3"),
            'line 4: field metrics.errors[0].stable_pods: value "3": write a whole number',
            id="text for a whole number",
        ),
        pytest.param(
            3,
            set_to("metrics.errors.0.canary", [1, 2]),
            "line 3: field metrics.errors[0].canary: value [1, 2]: write an object in braces",
            id="list for an object",
        ),
        pytest.param(
            3,
            set_to("metrics.errors", {}),
            "line 3: field metrics.errors: value {}: write a list in brackets",
            id="object for a list",
        ),
        pytest.param(
            3,
            set_to("metrics", None),
            "line 3: field metrics: value null: write an object in braces",
            id="no metrics",
        ),
        pytest.param(
            3,
            without("share"),
            "line 3: field share: value null: it is missing; write it",
            id="no share",
        ),
        pytest.param(
            3,
            set_to("weight", 5),
            "line 3: field weight: value 5: there is no such field here; write record, at, share",
            id="unknown field of a look",
        ),
        pytest.param(
            4,
            set_to("record", "metric"),
            'line 4: field record: value "metric": plan and metrics come before the first look',
            id="metric after a look",
        ),
    ],
)
def test_a_line_that_cannot_be_read_is_named(
    line: int, change: Callable[[Any], object], says: str
) -> None:
    said = error_of(changed(line, change))

    assert said.startswith(f"line {line}: ")
    assert says in said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "line 1: the record ends before the plan; write it first", id="empty"),
        pytest.param(
            WRITTEN.splitlines()[0], "line 2: the record ends before a metric", id="plan only"
        ),
        pytest.param(
            WRITTEN.split("\n", 1)[1],
            'line 1: field record: value "metric": the first line, and no other, is the plan',
            id="no plan",
        ),
        pytest.param(
            "\n".join([WRITTEN.splitlines()[0]] * 2),
            'line 2: field record: value "plan": the first line, and no other, is the plan',
            id="two plans",
        ),
        pytest.param(
            "\n".join(WRITTEN.splitlines()[i] for i in (0, 1, 1)),
            "line 3: metric errors comes twice; give each a name of its own",
            id="a metric twice",
        ),
        pytest.param(WRITTEN[:-9], 'line 4: field (whole line): value "{', id="torn"),
        pytest.param("[1]", "line 1: field (whole line): value [1]: write one object", id="a list"),
        pytest.param("[" * 100_000, "line 1: field (whole line)", id="deep"),
        pytest.param('{"a":NaN}', "JSON has no such number; write the text 'NaN'", id="NaN"),
        pytest.param('{"a":1,"a":2}', "line 1: field a: value 2: it comes twice", id="twice"),
        pytest.param(b'{"a":"\xff"}', "line 1: field (whole line)", id="no UTF-8"),
    ],
)
def test_a_record_that_is_none_is_told_from_one(text: str | bytes, says: str) -> None:
    assert says in error_of(text)


def test_a_value_that_is_deep_is_told_without_repeating_it() -> None:
    deep: Any = 1
    for _ in range(600):
        deep = [deep]
    text = changed(3, lambda line: line.update(metrics={"errors": deep}))

    said = error_of(text)

    assert said.startswith("line 3: field metrics.errors[0]: value [[[")
    assert len(said) < 200


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=9))
def test_any_json_is_a_record_or_an_error(value: object) -> None:
    text = WRITTEN + json.dumps({"record": "look", "at": 1, "share": 0.1, "metrics": plain(value)})

    assert "line 5: field metrics" in error_of(text)


@given(st.text(alphabet='{}[]",:0123456789eE+-.aNnfIty \\u', max_size=40))
def test_any_text_is_a_record_or_an_error(text: str) -> None:
    if text.strip():
        assert error_of(text).startswith("line 1: ")


def test_parse_keeps_integers_whole() -> None:
    assert isinstance(parse("[12]")[0], int)
