"""What every kind shares: base model, scalar types, metadata, conditions.

Scalars carry the rules and bounds that end up in the CRD, so the API server refuses what these
types refuse. `parse_duration` is the one reader of durations.
"""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

from controller.api.validation import Cut, Rule, matching

GROUP = "gander.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

_UNITS = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_DURATION = "([0-9]+(h|m|s|ms))+"
_TIME = "[12][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?"
_TIME += "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
_HEX = "[0-9A-Fa-f]{1,4}"
_IPV6 = "|".join(
    [
        f"({_HEX}:){{7}}{_HEX}",
        f"({_HEX}:){{1,7}}:",
        *(f"({_HEX}:){{1,{7 - after}}}(:{_HEX}){{1,{after}}}" for after in range(1, 7)),
        f":((:{_HEX}){{1,7}}|:)",
    ]
)
_HOST_LABEL = "[A-Za-z0-9_]([-A-Za-z0-9_]{0,61}[A-Za-z0-9_])?"
_PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_HOST = rf"({_HOST_LABEL}([.]{_HOST_LABEL})*[.]?|\[({_IPV6})\])"
_AUTHORITY = f"{_HOST}(:{_PORT})?"
_PATH = "(/([-A-Za-z0-9._~!$&'()*+,;=:]|%[0-9A-Fa-f]{2})*)*"


class Model(BaseModel):
    """Base of everything that is read from or written to the API server, camelCase on the wire."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True
    )

    def wire(self) -> dict[str, Any]:
        """Return the object as JSON-ready values without the fields that are None."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def parse_duration(text: str) -> timedelta:
    """Read a duration such as `1m30s`; raises ValueError with the text and an example."""
    refusal = f"{text!r} is not a duration; write for example 30s, 5m or 1h30m"
    if not re.fullmatch(_DURATION, text):
        raise ValueError(refusal)
    parts = re.findall(r"([0-9]+)(ms|h|m|s)", text)
    try:
        return timedelta(milliseconds=sum(int(number) * _UNITS[unit] for number, unit in parts))
    except OverflowError as error:
        raise ValueError(refusal) from error


def format_duration(value: timedelta) -> str:
    """Write a duration the way `parse_duration` reads it, largest unit first."""
    milliseconds = round(value / timedelta(milliseconds=1))
    if milliseconds == 0:
        return "0s"
    text = ""
    for unit, size in _UNITS.items():
        number, milliseconds = divmod(milliseconds, size)
        text += f"{number}{unit}" if number else ""
    return text


def between(shortest: str, longest: str) -> Rule:
    """Return the rule that a duration lies between two others, both included."""
    low, high = parse_duration(shortest), parse_duration(longest)
    return Rule(
        f"self.matches('^{_DURATION}$') && duration(self) >= duration('{shortest}') && "
        f"duration(self) <= duration('{longest}')",
        f"must be a duration from {shortest} to {longest}, written like 15s, 2m or 1h30m",
        lambda value: low <= value <= high,
    )


def _url(rest: str, sentence: str) -> Rule:
    """Return the rule that a text is an http or https URL and goes on like `rest`.

    The models let in whatever has no user name and password: a plan or a release that was stored
    under an older rule stays readable, and `is_base_url` tells whoever uses it.
    """
    lax = matching("https?://[!-?A-~]+", sentence)
    return replace(matching(f"https?://{rest}", sentence), holds=lax.holds)


def is_base_url(text: str) -> bool:
    """Tell whether requests can go to this URL: what the API server asks of a `BaseUrl`."""
    return re.fullmatch(f"https?://{_AUTHORITY}{_PATH}", text) is not None


def _read_duration(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str) else value


def _write_time(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Duration = Annotated[
    timedelta,
    BeforeValidator(_read_duration),
    PlainSerializer(format_duration, return_type=str),
    Field(json_schema_extra={"maxLength": 16}),
]
# No `format: date-time`: the API server takes a list for a text that has a format.
Time = Annotated[
    datetime,
    PlainSerializer(_write_time, return_type=str),
    Field(json_schema_extra={"maxLength": 32}),
    Rule(
        f"self.matches('^{_TIME}$') && timestamp(self) > timestamp('1000-01-01T00:00:00Z')",
        "must be a time such as 2026-11-21T12:00:00Z",
    ),
]
ObjectName = Annotated[
    str,
    Field(max_length=253),
    matching(
        r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
        "must be the name of an object: a-z, 0-9, '-' and '.', a letter or digit at both ends",
    ),
]
LabelKey = Annotated[
    str,
    Field(max_length=317),
    matching(
        r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?",
        "must be the key of a label, such as track or app.kubernetes.io/name",
    ),
]
LABEL_NAME = "[a-zA-Z_][a-zA-Z0-9_]*"
LabelName = Annotated[
    str,
    Field(max_length=128),
    matching(LABEL_NAME, "must be the name of a Prometheus label: letters, digits and _"),
]
LabelValue = Annotated[str, Field(max_length=256)]
LABEL_NAMES = Rule(
    f"self.all(name, size(name) <= 128 && name.matches('^{LABEL_NAME}$'))",
    "label names of Prometheus are letters, digits and _, at most 128 of them",
    lambda labels: all(len(name) <= 128 and re.fullmatch(LABEL_NAME, name) for name in labels),
)
HttpUrl = Annotated[
    str,
    Field(max_length=2048),
    _url(
        f"{_AUTHORITY}([/?#][!-?A-~]*)?",
        "must be an http or https URL without user name and password in it",
    ),
]
BaseUrl = Annotated[
    str,
    Field(max_length=2048),
    _url(
        f"{_AUTHORITY}{_PATH}",
        "must be an http or https URL of a host, a port up to 65535 and "
        "a path, without user name and password, query and fragment",
    ),
]
Probability = Annotated[
    str,
    Field(max_length=10),
    Rule(
        "self.matches('^0?[.][0-9]{1,8}$') && double(self) > 0.0 && double(self) <= 0.5",
        'must be a probability above 0 and at most 0.5, in quotes, such as "0.01"',
        lambda text: bool(re.fullmatch(r"0?[.][0-9]{1,8}", text)) and 0 < float(text) <= 0.5,
    ),
]
ConditionStatus = Literal["True", "False", "Unknown"]
Sentence = Annotated[str, Cut(1024)]
Word = Annotated[str, Cut(64)]


class OwnerReference(Model):
    """The part of an owner reference that Gander reads."""

    api_version: str
    kind: str
    name: str
    uid: str


class Metadata(Model):
    """The part of `metadata` that Gander reads."""

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    finalizers: tuple[str, ...] = ()
    owner_references: tuple[OwnerReference, ...] = ()
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None


class Condition(Model):
    """One condition in the sense of kstatus."""

    type: Annotated[
        str, Cut(64), Field(description="What the condition says: Ready, Reconciling, ...")
    ]
    status: Annotated[ConditionStatus, Field(description="True, False or Unknown.")]
    reason: Annotated[Word, Field(description="One CamelCase word for the cause.")]
    message: Annotated[Sentence, Field(description="What happened and what to do.")]
    last_transition_time: Annotated[Time, Field(description="When the status last changed.")]
    observed_generation: Annotated[
        int, Field(default=0, description="The generation this condition speaks about.")
    ]
