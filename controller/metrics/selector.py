"""PromQL series selectors: reading, writing, and matching labels.

Promises: `parse_selector(str(selector)) == selector`, and a matcher matches what Prometheus 3 would
match: regular expressions are RE2's, anchored, and take time linear in the label's length, whoever
wrote them. Leaves out everything around a selector: ranges, offsets, functions and operators.
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
_SPACE = re.compile(r"\s*")
_OP = re.compile(r"=~|!~|!=|=")
_QUOTED = re.compile(r'"((?:[^"\\\n]|\\.)*)"|' r"'((?:[^'\\\n]|\\.)*)'|" r"`([^`]*)`")
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\\"'])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))"
)
_CONTROLS = dict(zip("abfnrtv\\\"'", "\a\b\f\n\r\t\v\\\"'", strict=True))


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
        return f"{_label(self.label)}{self.op}{quote(self.value)}"


@dataclass(frozen=True, slots=True)
class Selector:
    """A series selector. `name` is empty where the text names no metric before the braces."""

    name: str
    matchers: tuple[Matcher, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether Prometheus would return a series with these labels."""
        named = not self.name or labels.get(NAME_LABEL, "") == self.name
        return named and all(matcher.matches(labels) for matcher in self.matchers)

    def __str__(self) -> str:
        inner = [str(matcher) for matcher in self.matchers]
        if self.name and not _METRIC_NAME.fullmatch(self.name):
            return f"{{{','.join([quote(self.name), *inner])}}}"
        return f"{self.name}{{{','.join(inner)}}}" if inner or not self.name else self.name


def quote(text: str) -> str:
    """Return the text as a double-quoted PromQL string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def quote_regex(text: str) -> str:
    """Return a regular expression that matches exactly this text."""
    return str(re2.escape(text))


def parse_selector(text: str) -> Selector:
    """Read a selector such as `http_requests_total{code=~"5.."}`. Raises SelectorError."""
    cursor = _Cursor(text)
    name = cursor.take(_METRIC_NAME) or ""
    matchers: tuple[Matcher, ...] = ()
    if cursor.take_text("{"):
        quoted, matchers = _inside(cursor, closing="}", may_name=not name)
        name = name or quoted
        if not cursor.take_text("}"):
            cursor.fail("expected , or }")
    elif not name:
        cursor.fail("expected a metric name or {")
    cursor.end("a selector ends here; leave out ranges, functions and operators")
    return Selector(name, matchers)


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """Read matchers such as `code=~"5..",method="POST"`, at least one. Raises SelectorError."""
    cursor = _Cursor(text)
    _, matchers = _inside(cursor, closing="", may_name=False)
    cursor.end("expected , or the end; write the matchers without braces")
    if not matchers:
        cursor.fail("expected a label name")
    return matchers


def _inside(cursor: "_Cursor", *, closing: str, may_name: bool) -> tuple[str, tuple[Matcher, ...]]:
    """Read what stands between braces: matchers, and a quoted metric name where one may stand."""
    name = ""
    matchers: list[Matcher] = []
    while not cursor.at(closing):
        string = cursor.string()
        label = cursor.take(_LABEL_NAME) if string is None else string
        if not label:
            cursor.fail("expected a label name")
        op = cursor.take(_OP)
        if op is not None:
            matchers.append(_matcher(cursor, label, cast("Op", op)))
        elif string is not None and may_name and not name:
            name = string
        else:
            cursor.fail("expected one of = != =~ !~")
        if not cursor.take_text(","):
            break
    return name, tuple(matchers)


def _matcher(cursor: "_Cursor", label: str, op: Op) -> Matcher:
    start = cursor.position
    value = cursor.string()
    if value is None:
        cursor.fail("expected a value in quotes")
    if op in {"=~", "!~"}:
        try:
            _compiled(value)
        except re2.error as error:
            reason = error.args[0].decode(errors="replace") if error.args else "cannot be read"
            cursor.position = start
            cursor.fail(f"not a regular expression in RE2 syntax, {reason}")
    return Matcher(label, op, value)


class _Cursor:
    """A position in a text that is being read; every read skips the space after it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.take(_SPACE)

    def at(self, text: str) -> bool:
        """Tell whether `text` is next; the empty text is next at the end."""
        return self.text.startswith(text, self.position) if text else self._done()

    def take(self, pattern: re.Pattern[str]) -> str | None:
        """Read what the pattern matches here, None if nothing."""
        found = pattern.match(self.text, self.position)
        if found is None:
            return None
        self._advance(found)
        return found[0]

    def take_text(self, text: str) -> bool:
        """Read exactly this text, if it is next."""
        return self.take(re.compile(re.escape(text))) is not None

    def string(self) -> str | None:
        """Read a string in double or single quotes or backticks, None if none is here."""
        start = self.position
        found = _QUOTED.match(self.text, start)
        if found is None:
            return None
        self._advance(found)
        double, single, raw = found.groups()
        if raw is not None:
            return cast("str", raw)
        try:
            return _unescape(double if double is not None else single)
        except ValueError as error:
            self.position = start
            self.fail(str(error))

    def end(self, otherwise: str) -> None:
        """Raise unless everything was read."""
        if not self._done():
            self.fail(otherwise)

    def fail(self, expected: str) -> NoReturn:
        """Raise SelectorError for this position."""
        raise SelectorError(
            f"{self.text!r}, character {self.position + 1}: {expected}; for example {_EXAMPLE}"
        )

    def _advance(self, found: re.Match[str]) -> None:
        space = _SPACE.match(self.text, found.end())
        self.position = space.end() if space else found.end()

    def _done(self) -> bool:
        return self.position >= len(self.text)


def _unescape(body: str) -> str:
    """Undo the escapes of a quoted string, which are Go's. Raises ValueError."""

    def replace(found: re.Match[str]) -> str:
        control, hexa, octal, short, long, other = found.groups()
        if other is not None:
            raise ValueError(f"\\{other} is no escape; write \\\\ for a backslash")
        if control is not None:
            return _CONTROLS[control]
        # Bytes are held as surrogates until the whole text is decoded: several make one character.
        if hexa is not None or octal is not None:
            number = int(hexa, 16) if hexa is not None else int(octal, 8)
            return bytes([number & 0xFF]).decode("utf-8", "surrogateescape")
        return chr(int(short or long, 16))

    try:
        text = _ESCAPE.sub(replace, body)
        return text.encode("utf-8", "surrogateescape").decode("utf-8")
    except (UnicodeError, OverflowError) as error:
        raise ValueError("the escapes in this string are not UTF-8 text") from error


def _label(name: str) -> str:
    return name if _LABEL_NAME.fullmatch(name) else quote(name)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.dot_nl = True  # as in Prometheus 3
    options.log_errors = False
    return re2.compile(pattern, options)
