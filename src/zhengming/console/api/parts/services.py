"""Services: what the operator declares about each."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import Header, Response
from pydantic import Field, StringConstraints

from zhengming.accounts import profiles, service
from zhengming.accounts.errors import ChangedMeanwhileError
from zhengming.accounts.profiles import FUNCTIONS, MAX_QUOTA, MAX_RATE, ServiceProfile
from zhengming.accounts.service import ServiceRecord
from zhengming.console.api.operation import Asking, Operation
from zhengming.console.api.problems import RevisionError
from zhengming.console.api.values import WHOLE, Answer, Body, Id, PathId, Reason, Time, moment
from zhengming.core.words import Audience, LabelPlacement, Permission, ServiceKind
from zhengming.store import Tx

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$", max_length=64)]
Kind = Annotated[ServiceKind, Field(strict=False)]
Served = Annotated[Audience, Field(strict=False)]
Placement = Annotated[LabelPlacement, Field(strict=False)]
Function = Literal["chat", "completions", "responses", "embeddings"]
Rate = Annotated[int, Field(ge=0, le=MAX_RATE, description="A minute; 0 means no limit."), WHOLE]
Quota = Annotated[
    int, Field(ge=0, le=MAX_QUOTA, description="A day, from midnight in Beijing; 0 means no limit."), WHOLE
]
Short = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00]+$")]
Loose = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]
Alias = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[!-~]+$")]


class Label(Body):
    """The explicit label of a text."""

    placement: Placement = Field(default=LabelPlacement.END, description="Where it stands.")
    language: Literal["auto", "zh-CN", "en", "both"] = Field(
        default="auto", description="`auto`: Chinese for who writes Chinese, both for everybody else."
    )
    wording: Loose = Field(default="", description="The operator's own wording; empty for the usual one.")


class Filing(Body):
    """A filing with an authority."""

    kind: Short = Field(description="Such as `algorithm`, `generative_ai`, `icp`.")
    number: Short = Field(description="The number that was given.")
    note: Loose = ""


class Limits(Body):
    """Limits per API key and per end user."""

    key_requests_per_minute: Rate = 0
    person_requests_per_minute: Rate = 0
    key_requests_per_day: Quota = 0
    person_requests_per_day: Quota = 0
    key_tokens_per_day: Quota = 0
    person_tokens_per_day: Quota = 0


class Profile(Body):
    """What the operator declares about a service; what is left out takes its default."""

    name: Name = Field(description="Unique among the services.", examples=["tutor"])
    kinds: list[Kind] = Field(default=[ServiceKind.ASSISTANT], min_length=1, max_length=6)
    audiences: list[Served] = Field(
        default=[Audience.ADULT], min_length=1, max_length=4, description="Who is unknown counts as the strictest."
    )
    label: Label = Label()
    producer: Annotated[str, StringConstraints(pattern=r"^[!#-\[\]-~]{1,128}$")] = Field(
        default="unnamed", description="Provider code of GB 45438-2025, or an ASCII name; written into labels."
    )
    filings: list[Filing] = Field(default=[], max_length=20)
    unscreened: Literal["refuse", "allow"] = Field(default="refuse", description="What happens when a detector fails.")
    limits: Limits = Limits()
    functions: list[Function] = Field(default=list(FUNCTIONS), max_length=4)
    models: dict[Alias, Alias] = Field(
        default={},
        max_length=100,
        description="Name that clients use -> alias; empty: every alias may be named.",
        json_schema_extra={"additionalProperties": False},
    )


class ServiceChange(Body):
    """A profile and why it is made or changed."""

    profile: Profile
    why: Reason


class LabelShown(Answer):
    """The explicit label of a text."""

    placement: LabelPlacement
    language: str
    wording: str


class FilingShown(Answer):
    """A filing with an authority."""

    kind: str
    number: str
    note: str


class LimitsShown(Answer):
    """Limits per API key and per end user; 0 means no limit."""

    key_requests_per_minute: int
    person_requests_per_minute: int
    key_requests_per_day: int
    person_requests_per_day: int
    key_tokens_per_day: int
    person_tokens_per_day: int


class ProfileShown(Answer):
    """What is declared about a service; the same members as in `Profile`, without its bounds."""

    name: str
    kinds: list[ServiceKind]
    audiences: list[Audience]
    label: LabelShown
    producer: str
    filings: list[FilingShown]
    unscreened: str
    limits: LimitsShown
    functions: list[str]
    models: dict[str, str]


class Service(Answer):
    """A service."""

    id: Id
    revision: int = Field(description="Rises by one at each change; send it as `If-Match` with one.", examples=[3])
    created_at: Time
    changed_at: Time
    profile: ProfileShown


class ServiceList(Answer):
    """Every service, by name."""

    services: list[Service]


IfMatch = Annotated[
    str,
    Header(
        alias="If-Match",
        pattern=r'^"[0-9]{1,9}"$',
        description="The `ETag` of the service as you read it: the change is made upon this revision or not at all.",
        examples=['"3"'],
    ),
]


async def list_services(call: Asking) -> ServiceList:
    """Read every service."""
    return ServiceList(services=[_service(one) for one in await call.read(service.records)])


async def get_service(call: Asking, service_id: PathId, response: Response) -> Service:
    """Read one service."""
    return _tagged(await call.read(lambda tx: service.record(tx, service_id)), response)


async def create_service(call: Asking, body: ServiceChange, response: Response) -> Service:
    """Make a service."""
    profile = _profile(body.profile, "")

    def unit(tx: Tx) -> ServiceRecord:
        made = service.create(tx, profile, who=call.who, why=body.why, now=call.now)
        return service.record(tx, made.id)

    return _tagged(await call.write(unit), response)


async def update_service(
    call: Asking, service_id: PathId, body: ServiceChange, if_match: IfMatch, response: Response
) -> Service:
    """Put another profile in the place of a service's."""
    profile, revision = _profile(body.profile, service_id), int(if_match.strip('"'))

    def unit(tx: Tx) -> ServiceRecord:
        service.update(tx, profile, who=call.who, why=body.why, now=call.now, revision=revision)
        return service.record(tx, service_id)

    try:
        return _tagged(await call.write(unit), response)
    except ChangedMeanwhileError as error:
        raise RevisionError(error.message, next_step=error.next_step) from error


def _profile(given: Profile, service_id: str) -> ServiceProfile:
    return profiles.from_json({**given.model_dump(mode="json"), "id": service_id})


def _service(found: ServiceRecord) -> Service:
    values: dict[str, Any] = found.profile.to_json()
    name = values.pop("id")
    return Service(
        id=name,
        revision=found.revision,
        created_at=moment(found.created_at),
        changed_at=moment(found.changed_at),
        profile=ProfileShown.model_validate(values),
    )


def _tagged(found: ServiceRecord, response: Response) -> Service:
    response.headers["etag"] = f'"{found.revision}"'
    return _service(found)


OPERATIONS: Final = (
    Operation("GET", "/services", Permission.SEE_SERVICES, list_services, "Every service, by name."),
    Operation(
        "POST",
        "/services",
        Permission.CHANGE_SERVICES,
        create_service,
        "Make a service.",
        more="409 when the name is taken, or while changes are frozen.",
        status=201,
        refusals=(409,),
        tagged=True,
    ),
    Operation("GET", "/services/{service_id}", Permission.SEE_SERVICES, get_service, "One service.", tagged=True),
    Operation(
        "PUT",
        "/services/{service_id}",
        Permission.CHANGE_SERVICES,
        update_service,
        "Change a service: the whole profile takes the place of the old one.",
        more="`If-Match` names the revision that you read. 412 when the service has another one by now: nothing was"
        " overwritten, and a retry of a change that went through says 412, too.",
        refusals=(409, 412),
        tagged=True,
    ),
)
