"""What the models of the API have in common: strict objects, times, ids and texts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints


def _whole(value: Any) -> Any:
    """JSON knows one kind of number: 5.0 is a whole one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_PLAIN: Final = r"^[^\x00]*$"
_SOMETHING: Final = r"^[^\x00]*[^\s\x00-\x1f][^\x00]*$"


class Answer(BaseModel):
    """What the API answers: every field is always there."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_serialization_defaults_required=True)


class Body(BaseModel):
    """What a caller sends: no field beyond those that are named, no value of another JSON type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Time = Annotated[
    str,
    Field(description="RFC 3339, UTC, milliseconds.", examples=["2026-03-01T08:00:00.000Z"]),
    Field(json_schema_extra={"format": "date-time"}),
]
Id = Annotated[str, Field(examples=["019a2b3c-4d5e-7f60-8123-456789abcdef"])]
PathId = Annotated[
    str,
    Path(pattern=r"^[A-Za-z0-9._-]{1,64}$", description="The id.", examples=["019a2b3c-4d5e-7f60-8123-456789abcdef"]),
]
WHOLE: Final = BeforeValidator(_whole)
"""Stands last among the annotations of a whole number, so that its bounds stay in the document."""
Note = Annotated[str, StringConstraints(max_length=200, pattern=_PLAIN)]
Reason = Annotated[
    str,
    StringConstraints(min_length=1, max_length=300, pattern=_SOMETHING),
    Field(description="Why; it is recorded in the ledger.", examples=["Asked for in ticket 4711."]),
]


class Because(Body):
    """An act that needs nothing but its reason."""

    why: Reason


def moment(ms: int) -> str:
    """Return a time of the store (ms since 1970, UTC) as RFC 3339."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_or_none(ms: int | None) -> str | None:
    """Return a time that may not be there yet."""
    return None if ms is None else moment(ms)
