"""PromQL series selectors: reading, writing, and matching labels.

Promises: `parse_selector(str(selector)) == selector`, and a matcher matches what Prometheus 3 would
match: regular expressions are RE2's, anchored, and take time linear in the label's length, whoever
wrote them. Leaves out what ReleaseMetrics do not admit: selectors without a metric's name, names
and values in other quotes, escapes of single bytes and characters, and all that can stand around a
selector.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NoReturn, cast

import re2  # type: ignore[import-untyped]  # a C++ extension without stubs

Op = Literal["=", "!=", "=~", "!~"]
NAME_LABEL = "__name__"

_EXAMPLE = 'http_requests_total{namespace="shop",code=~"5.."}'
_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_OP = re.compile(r"=~|!~|!=|=")
_STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
_OPEN, _CLOSE, _COMMA = (re.compile(re.escape(sign)) for sign in "{},")
_SPACE = re.compile(r"[ \t\n\r]*")
_ESCAPED = re.compile(r"\\(.)")
_ESCAPES = {"\\": "\\", '"': '"', "n": "\n", "t": "\t"}


class SelectorError(ValueError):
    """A text that is no selector: the text, the position, what was expected, and an example."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label. A label that is absent has the value ""."""

    label: str
    op: Op
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether a series with these labels meets the condition."""
        present = labels.get(self.label, "")
        if self.op in {"=", "!="}:
            return (present == self.value) == (self.op == "=")
        found = _compiled(self.value).fullmatch(present) is not None
        return found == (self.op == "=~")

    def __str__(self) -> str:
        escaped = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.label}{self.op}"{escaped}"'


@dataclass(frozen=True, slots=True)
class Selector:
    """A series selector: the metric's name, and conditions on its labels."""

    name: str
    matchers: tuple[Matcher, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether Prometheus would return a series with these labels."""
        named = labels.get(NAME_LABEL, "") == self.name
        return named and all(matcher.matches(labels) for matcher in self.matchers)

    def __str__(self) -> str:
        return f"{self.name}{{{','.join(map(str, self.matchers))}}}"


def quote_regex(text: str) -> str:
    """Return a regular expression that matches exactly this text."""
    return str(re2.escape(text))


def parse_selector(text: str) -> Selector:
    """Read a selector such as `http_requests_total{code=~"5.."}`. Raises SelectorError."""
    cursor = _Cursor(text)
    name = cursor.take(_METRIC_NAME)
    if name is None:
        cursor.fail("expected the name of a metric")
    matchers: tuple[Matcher, ...] = ()
    if cursor.take(_OPEN):
        matchers = _matchers(cursor)
        if not cursor.take(_CLOSE):
            cursor.fail("expected , or }")
    if not cursor.done():
        cursor.fail("a selector ends here; leave out ranges, functions and operators")
    return Selector(name, matchers)


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """Read matchers such as `code=~"5..",method="POST"`, at least one. Raises SelectorError."""
    cursor = _Cursor(text)
    matchers = _matchers(cursor)
    if not matchers:
        cursor.fail("expected the name of a label; write the matchers without braces")
    if not cursor.done():
        cursor.fail("expected , or the end")
    return matchers


def _matchers(cursor: "_Cursor") -> tuple[Matcher, ...]:
    """Read matchers with commas between them, and perhaps one behind them."""
    found: list[Matcher] = []
    while (label := cursor.take(_LABEL_NAME)) is not None:
        found.append(_matcher(cursor, label))
        if not cursor.take(_COMMA):
            break
    return tuple(found)


def _matcher(cursor: "_Cursor", label: str) -> Matcher:
    op = cursor.take(_OP)
    if op is None:
        cursor.fail("expected one of = != =~ !~")
    start = cursor.position
    string = cursor.take(_STRING)
    if string is None:
        cursor.fail("expected a value in double quotes")
    value, error = string[1:-1], ""
    unknown = [sign for sign in _ESCAPED.findall(value) if sign not in _ESCAPES]
    if unknown:
        error = f"\\{unknown[0]} is no escape; write \\\\ for a backslash"
    value = _ESCAPED.sub(lambda escape: _ESCAPES.get(escape[1], ""), value)
    if not error and op in {"=~", "!~"}:
        try:
            _compiled(value)
        except re2.error as refused:
            reason = refused.args[0].decode(errors="replace")
            error = f"not a regular expression in RE2 syntax, {reason}"
    if error:
        cursor.position = start
        cursor.fail(error)
    return Matcher(label, cast("Op", op), value)


class _Cursor:
    """A position in a text that is being read; every read skips the space after it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self._skip_space()

    def done(self) -> bool:
        """Tell whether everything was read."""
        return self.position == len(self.text)

    def take(self, pattern: re.Pattern[str]) -> str | None:
        """Read what the pattern matches here, None if nothing."""
        found = pattern.match(self.text, self.position)
        if found is None:
            return None
        self.position = found.end()
        self._skip_space()
        return found[0]

    def fail(self, expected: str) -> NoReturn:
        """Raise SelectorError for this position."""
        raise SelectorError(
            f"{self.text!r}, character {self.position + 1}: {expected}; for example {_EXAMPLE}"
        )

    def _skip_space(self) -> None:
        space = _SPACE.match(self.text, self.position)
        self.position = space.end() if space else self.position


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.dot_nl = True  # as in Prometheus 3
    options.log_errors = False
    return re2.compile(pattern, options)
