"""Bounds and rules that the API server and the models hold alike.

`Rule` is a CEL rule with the sentence that a person reads when `kubectl apply` is refused. With
`holds` the models refuse the same values; rules that span several fields come without, so that what
is stored stays readable when a rule is added. `Cut` and `Keep` are for what Gander itself writes:
too long a text or list is cut instead of refused, because a status that cannot be written would
stop a rollback.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

RULES = "x-kubernetes-validations"


@dataclass(frozen=True)
class Rule:
    """One CEL rule over `self` (and `oldSelf`), for use inside of `Annotated`."""

    cel: str
    sentence: str
    holds: Callable[[Any], bool] | None = None

    def as_schema(self) -> dict[str, Any]:
        """Return the rule as the CRD carries it."""
        return {"rule": self.cel, "message": self.sentence}

    def _check(self, value: Any) -> Any:
        if self.holds is not None and not self.holds(value):
            raise ValueError(self.sentence)
        return value

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        schema = handler(source)
        if self.holds is None:
            return schema
        return core_schema.no_info_after_validator_function(self._check, schema)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        described = handler(schema)
        return {**described, RULES: [*described.get(RULES, ()), self.as_schema()]}


def matching(pattern: str, sentence: str) -> Rule:
    r"""Return the rule that the whole text matches `pattern`.

    ASCII classes only: `\s`, `\d` and `\w` mean different characters in Python and in the API
    server, and what one lets in the other would refuse.
    """
    compiled = re.compile(pattern)
    return Rule(
        f"self.matches({quoted(f'^(?:{pattern})$')})",
        sentence,
        lambda text: compiled.fullmatch(text) is not None,
    )


def quoted(text: str) -> str:
    """Return `text` as a CEL string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


@dataclass(frozen=True)
class Cut:
    """Text of at most `limit` characters; longer text that Gander writes ends in an ellipsis."""

    limit: int

    def _cut(self, text: str) -> str:
        return text if len(text) <= self.limit else text[: self.limit - 1] + "…"

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            self._cut,
            handler(source),
            serialization=core_schema.plain_serializer_function_ser_schema(
                self._cut, return_schema=core_schema.str_schema()
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "maxLength": self.limit}


@dataclass(frozen=True)
class Keep:
    """A list of at most `limit` items; of a longer one that Gander writes, one end stays."""

    limit: int
    end: Literal["first", "last"]

    def _cut(self, items: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(items[: self.limit] if self.end == "first" else items[-self.limit :])

    def _serialize(
        self, items: Sequence[Any], handler: core_schema.SerializerFunctionWrapHandler
    ) -> Any:
        return handler(self._cut(items))

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        inner = handler(source)
        return core_schema.no_info_after_validator_function(
            self._cut,
            inner,
            serialization=core_schema.wrap_serializer_function_ser_schema(
                self._serialize, schema=inner
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "maxItems": self.limit}
