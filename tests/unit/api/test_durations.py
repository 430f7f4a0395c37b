"""Durations as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from controller.api.base import Duration, format_duration, parse_duration
from controller.api.plan import Analysis, Step

DURATIONS = st.timedeltas(timedelta(0), timedelta(days=100)).map(
    lambda value: value - value % timedelta(milliseconds=1)
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("15s", 15), ("1m30s", 90), ("90s", 90), ("1h", 3600), ("250ms", 0.25)],
)
def test_reads(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "15", "s", "1.5m", "-1s", "1d", " 1s", "1s ", "1s\n", "9999999999999h"]
)
def test_refuses_with_the_text_and_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write for example 30s, 5m or 1h30m") as refusal:
        parse_duration(text)
    assert str(refusal.value).startswith(repr(text))


@given(DURATIONS)
def test_what_is_written_reads_back(value: timedelta) -> None:
    assert parse_duration(format_duration(value)) == value


def test_the_largest_unit_comes_first() -> None:
    assert format_duration(timedelta(hours=1, seconds=30, milliseconds=5)) == "1h30s5ms"


@given(DURATIONS)
def test_a_field_travels_as_text(value: timedelta) -> None:
    field = TypeAdapter(Duration)
    assert field.dump_python(value, mode="json") == format_duration(value)
    assert field.validate_python(format_duration(value)) == value


@pytest.mark.parametrize(
    ("model", "values"),
    [
        pytest.param(Step, {"weight": 5, "hold": "169h"}, id="hold"),
        pytest.param(
            Analysis,
            {
                "prometheus": {"url": "http://prometheus:9090"},
                "metrics": [{"metric": "errors"}],
                "look": "999ms",
            },
            id="look",
        ),
    ],
)
def test_bounds_are_named(model: type[Step | Analysis], values: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=r"must be a duration from \w+ to \w+"):
        model.model_validate(values)
