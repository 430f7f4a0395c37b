"""What every kind shares: base model, scalar types, metadata, conditions.

Scalars carry the patterns and bounds that end up in the CRD, so the API server refuses what these
types refuse. `parse_duration` is the one reader of durations.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

GROUP = "gander.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = r"^([0-9]+(h|m|s|ms))+$"


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
    if not re.fullmatch(_DURATION, text):
        raise ValueError(f"{text!r} is not a duration; write for example 30s, 5m or 1h30m")
    parts = re.findall(r"([0-9]+)(ms|h|m|s)", text)
    return timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in parts))


def format_duration(value: timedelta) -> str:
    """Write a duration the way `parse_duration` reads it, largest unit first."""
    milliseconds = round(value.total_seconds() * 1000)
    if milliseconds == 0:
        return "0s"
    text = ""
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        number, milliseconds = divmod(milliseconds, size)
        text += f"{number}{unit}" if number else ""
    return text


def _read_duration(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str) else value


def _write_time(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Duration = Annotated[
    timedelta,
    BeforeValidator(_read_duration),
    PlainSerializer(format_duration, return_type=str),
    Field(json_schema_extra={"type": "string", "pattern": _DURATION, "maxLength": 16}),
]
Time = Annotated[datetime, PlainSerializer(_write_time, return_type=str)]
ObjectName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    ),
]
LabelKey = Annotated[
    str,
    Field(
        min_length=1,
        max_length=317,
        pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
    ),
]
HttpUrl = Annotated[str, Field(min_length=8, max_length=2048, pattern=r"^https?://[^\s@]+$")]
Probability = Annotated[str, Field(max_length=10, pattern=r"^0?\.[0-9]{1,8}$")]
Sentence = Annotated[str, Field(max_length=1024)]


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
        str, Field(max_length=64, description="What the condition says: Ready, Reconciling, ...")
    ]
    status: Annotated[
        Literal["True", "False", "Unknown"], Field(description="True, False or Unknown.")
    ]
    reason: Annotated[str, Field(max_length=64, description="One CamelCase word for the cause.")]
    message: Annotated[
        str, Field(max_length=1024, description="What happened and what to do, in a sentence.")
    ]
    last_transition_time: Annotated[Time, Field(description="When the status last changed.")]
    observed_generation: Annotated[
        int, Field(default=0, description="The generation this condition speaks about.")
    ]
