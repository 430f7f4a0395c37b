"""The judge's values as JSON and back, by the annotations of frozen dataclasses and named tuples.

A member of a JSON object is a field, under the field's own name; a field that has a default may be
missing. JSON has no NaN and no infinity: they are the texts "NaN", "+Inf" and "-Inf", as in
Prometheus. So a record of bad numbers can be written, read by any JSON tool, and judged.

Promises: `read(type(x), json of plain(x)) == x`, but that NaN equals nothing. What is unknown,
missing or of another type raises `FieldError` that names the field, its value and the way out.
Leaves out: whether numbers make sense. The judge decides that.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")

WORDS = {"NaN": math.nan, "+Inf": math.inf, "-Inf": -math.inf}
LONGEST_VALUE = 60  # characters of a value that an error repeats


class FieldError(ValueError):
    """A value that cannot be read: at which field, what stands there, and what to write."""

    def __init__(self, path: str, value: object, way_out: str) -> None:
        try:
            shown = json.dumps(value)
        except RecursionError:
            shown = "deeply nested"
        shown = shown if len(shown) <= LONGEST_VALUE else f"{shown[: LONGEST_VALUE - 3]}..."
        super().__init__(f"field {path or '(whole line)'}: value {shown}: {way_out}")


@dataclass(frozen=True, slots=True)
class Member:
    """A type, and whether it has a default."""

    kind: Any
    optional: bool


def plain(value: Any) -> Any:
    """Return a value of the judge as `json.dumps` takes it, without any loss."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {name: plain(one) for name, one in zip(value._fields, value, strict=True)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return value


def parse(text: str) -> Any:
    """Return what a line of JSON holds; raises FieldError if it is no JSON.

    Numbers of any size are taken. A member that comes twice is refused, as nobody knows which of
    both is meant.
    """
    try:
        return json.loads(
            text, parse_int=_integer, parse_constant=_no_constant, object_pairs_hook=_once
        )
    except FieldError:
        raise
    except (ValueError, RecursionError) as error:
        hint = f"it is no JSON ({error}); write one whole object a line"
        raise FieldError("", text, hint) from error


def read(kind: type[T], value: Any, path: str = "") -> T:
    """Return the value of a dataclass from what `parse` returned; raises FieldError."""
    found: T = _read(kind, value, path)
    return found


def read_as(kind: Any, value: Any, path: str) -> Any:
    """Return the same for any annotation, such as tuple[CountsLook, ...]."""
    return _read(kind, value, path)


def one_of(names: Iterable[str]) -> str:
    """Return names as a person reads them: "a, b or c"."""
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last


def _read(kind: Any, value: Any, path: str) -> Any:
    origin, args = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return _union(args, value, path)
    if origin is tuple or origin is Sequence:
        if not isinstance(value, list):
            raise FieldError(path, value, "write a list in brackets")
        return tuple(_read(args[0], one, f"{path}[{i}]") for i, one in enumerate(value))
    if origin is Mapping:
        members = _object(value, path)
        return {name: _read(args[1], one, _under(path, name)) for name, one in members.items()}
    if is_dataclass(kind) or hasattr(kind, "_fields"):
        return _fields(kind, value, path)
    return _scalar(kind, value, path)


def _fields(kind: Any, value: Any, path: str) -> Any:
    members, known = _object(value, path), members_of(kind)
    for name in members:
        if name not in known:
            hint = f"there is no such field here; write {one_of(known)}"
            raise FieldError(_under(path, name), members[name], hint)
    for name, member in known.items():
        if name not in members and not member.optional:
            raise FieldError(_under(path, name), None, "it is missing; write it")
    given = {
        name: _read(known[name].kind, one, _under(path, name)) for name, one in members.items()
    }
    try:
        return kind(**given)
    except ValueError as error:
        raise FieldError(path, value, str(error)) from error


def _union(kinds: tuple[Any, ...], value: Any, path: str) -> Any:
    """Read the kind that has most of the value's fields; null where a kind is None."""
    if NoneType in kinds:
        if value is None:
            return None
        kinds = tuple(kind for kind in kinds if kind is not NoneType)
    if len(kinds) == 1:
        return _read(kinds[0], value, path)
    given = _object(value, path).keys()
    return _read(max(kinds, key=lambda kind: len(given & members_of(kind).keys())), value, path)


def _scalar(kind: Any, value: Any, path: str) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is float:
        if isinstance(value, str) and value in WORDS:
            return WORDS[value]
        if not number:
            raise FieldError(path, value, f"write a number, or the text {one_of(WORDS)}")
        return float(value)
    if kind is int:
        if number and math.isfinite(value) and value == math.floor(value):
            return int(value)
        raise FieldError(path, value, "write a whole number")
    if kind is bool and isinstance(value, bool):
        return value
    if kind is str and isinstance(value, str):
        return value
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        if value in tuple(kind):
            return kind(value)
        raise FieldError(path, value, f"write {one_of(repr(one.value) for one in kind)}")
    raise FieldError(path, value, "write true or false" if kind is bool else "write a text")


@cache
def members_of(kind: Any) -> dict[str, Member]:
    """Return the fields of a dataclass or named tuple."""
    hints = get_type_hints(kind)
    if is_dataclass(kind):
        return {
            field.name: Member(
                hints[field.name],
                field.default is not MISSING or field.default_factory is not MISSING,
            )
            for field in fields(kind)
        }
    return {name: Member(hints[name], name in kind._field_defaults) for name in kind._fields}


def _object(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FieldError(path, value, "write an object in braces")
    return value


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise FieldError(twice, found[twice], "it comes twice in one object; write it once")
    return found


def _integer(digits: str) -> int | float:
    """Return an integer, or the float next to it where only that is sure to be small."""
    return int(digits) if len(digits) < 19 else float(digits)


def _no_constant(word: str) -> float:
    hint = f"JSON has no such number; write the text {one_of(repr(w) for w in WORDS)}"
    raise FieldError("", word, hint)
