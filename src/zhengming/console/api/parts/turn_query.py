"""Which turns a caller wants, as it stands in the query."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from zhengming.core.errors import InvalidInputError, NotFoundError
from zhengming.core.words import Audience, Category, Verdict
from zhengming.gateway.records import Ending
from zhengming.gateway.turns.filters import TurnFilter
from zhengming.web.paging import Cursor

_DAY: Final = (
    r"20([0-9]{2}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
    r"|([02468][048]|[13579][26])-02-29)"
)
_CLOCK: Final = r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,3})?(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])"

Name = Annotated[str | None, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,100}$")]
Moment = Annotated[str | None, StringConstraints(pattern=f"^{_DAY}{_CLOCK}$")]
_EXAMPLE: Final = ["2026-03-01T08:00:00Z"]


class TurnQuery(BaseModel):
    """The parameters of a search; those that are left out ask nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    service: Name = Field(default=None, description="Id of the service.")
    outcome: Ending | None = Field(default=None, description="How it was answered.")
    verdict_in: Verdict | None = Field(default=None, description="Verdict on what was sent.")
    verdict_out: Verdict | None = Field(default=None, description="Verdict on what the model answered.")
    category: Category | None = Field(default=None, description="Has a finding of this category.")
    rule: Name = Field(default=None, description="Has a finding of this rule.")
    care: int = Field(default=0, ge=0, le=5, description="At least this care level.")
    unscreened: bool = Field(default=False, description="`true`: only those that a failing detector let through.")
    unattributed: bool = Field(default=False, description="`true`: only those without an end user of their own.")
    key: Name = Field(default=None, description="Id of the API key.")
    person: Name = Field(default=None, description="Pseudonym of the end user.")
    conversation: Name = Field(default=None, description="Id of the conversation.")
    model: Annotated[str | None, StringConstraints(pattern=r"^[!-~]{1,200}$")] = Field(
        default=None, description="Name of the model."
    )
    audience: Audience | None = Field(default=None, description="Who was served.")
    state: Annotated[str | None, StringConstraints(pattern=r"^(open|closed|interrupted)$")] = Field(
        default=None, description="`open`, `closed` or `interrupted`."
    )
    since: Moment = Field(default=None, alias="from", description="From this time on, RFC 3339.", examples=_EXAMPLE)
    until: Moment = Field(default=None, alias="to", description="Before this time, RFC 3339.", examples=_EXAMPLE)
    cursor: Annotated[str | None, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,140}$")] = Field(
        default=None, description="`next` or `previous` of a page."
    )
    limit: int = Field(default=50, ge=1, le=200, description="How many at most.")


def filter_of(asked: TurnQuery) -> TurnFilter:
    """Return the filter that the pages use, too."""
    given = asked.model_dump(mode="json", by_alias=True, exclude={"cursor", "limit"}, exclude_defaults=True)
    return TurnFilter.from_query({name: _written(value) for name, value in given.items()})


def cursor_of(asked: TurnQuery) -> Cursor | None:
    """Return the place to go on from; NotFoundError for one that leads nowhere."""
    if asked.cursor is None:
        return None
    try:
        return Cursor.decode(asked.cursor)
    except InvalidInputError as error:
        raise NotFoundError(
            "The cursor leads nowhere.", next_step="Take it from `next` of a page, or begin without one."
        ) from error


def _written(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
