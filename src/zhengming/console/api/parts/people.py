"""People: staff accounts, who signed in, and one's own tokens."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from pydantic import Field

from zhengming.accounts import sign_ins, staff, tokens
from zhengming.accounts.staff import StaffMember
from zhengming.console.api.operation import Asking, Operation
from zhengming.console.api.values import Answer, Because, Id, PathId, Time, moment, moment_or_none
from zhengming.core.errors import NotFoundError
from zhengming.core.words import Permission, Role
from zhengming.store import Tx


class Member(Answer):
    """A staff account; never its password."""

    id: Id
    name: str
    roles: list[Role]
    language: str
    timezone: str
    created_at: Time
    created_by: str
    password_at: Time = Field(description="When the password was last set.")
    second_factor: bool
    disabled_at: Time | None


class Staff(Answer):
    """Every staff account, by name."""

    staff: list[Member]


class SignIn(Answer):
    """An attempt to sign in."""

    id: Id
    at: Time
    outcome: str = Field(description=f"One of {', '.join(sign_ins.OUTCOMES)}.")
    network: str = Field(description="The address, cut to its network.")
    agent: str = Field(description="What the browser said of itself.")


class SignInList(Answer):
    """Attempts to sign in to an account, the latest first."""

    sign_ins: list[SignIn]


class Token(Answer):
    """A token; never its secret."""

    id: Id
    prefix: str
    note: str
    scopes: list[Permission]
    opens: list[Permission] = Field(description="What it opens now: its scopes, as far as the roles of its maker go.")
    created_at: Time
    expires_at: Time | None
    last_used_at: Time | None = Field(description="Written at most once a minute.")
    revoked_at: Time | None
    revoked_by: str | None


class TokenList(Answer):
    """One's own tokens, the latest first; expired and revoked ones too."""

    tokens: list[Token]


async def list_staff(call: Asking) -> Staff:
    """Read staff accounts."""
    return Staff(staff=[_member(one) for one in await call.read(staff.list_all)])


async def list_sign_ins(
    call: Asking,
    staff_id: PathId,
    limit: Annotated[int, Query(ge=1, le=200, description="How many at most.")] = 50,
) -> SignInList:
    """Read the attempts at one account."""

    def query(tx: Tx) -> list[sign_ins.Attempt]:
        return sign_ins.latest_of(tx, staff.get(tx, staff_id).id, limit)

    return SignInList(
        sign_ins=[
            SignIn(id=one.id, at=moment(one.at), outcome=one.outcome, network=one.address, agent=one.agent)
            for one in await call.read(query)
        ]
    )


async def list_tokens(call: Asking) -> TokenList:
    """Read the tokens of whoever asks."""
    found = await call.read(lambda tx: tokens.list_of(tx, call.staff_id))
    return TokenList(tokens=[_token(one) for one in found])


async def revoke_token(call: Asking, token_id: PathId, body: Because) -> Token:
    """Revoke one of one's own tokens."""

    def unit(tx: Tx) -> tokens.Token:
        found = tokens.get(tx, token_id)
        if found.staff_id != call.staff_id:
            raise NotFoundError(f"You have no token {token_id!r}.", next_step="GET /api/tokens lists yours.")
        if found.revoked_at is not None:
            return found
        return tokens.revoke(tx, token_id, who=call.who, why=body.why, now=call.now)

    return _token(await call.write(unit))


def _member(found: StaffMember) -> Member:
    return Member(
        id=found.id,
        name=found.name,
        roles=sorted(found.roles),
        language=found.language,
        timezone=found.timezone,
        created_at=moment(found.created_at),
        created_by=found.created_by,
        password_at=moment(found.password_at),
        second_factor=found.second_factor,
        disabled_at=moment_or_none(found.disabled_at),
    )


def _token(found: tokens.Token) -> Token:
    return Token(
        id=found.id,
        prefix=found.prefix,
        note=found.note,
        scopes=sorted(found.scopes),
        opens=sorted(found.permissions),
        created_at=moment(found.created_at),
        expires_at=moment_or_none(found.expires_at),
        last_used_at=moment_or_none(found.last_used_at),
        revoked_at=moment_or_none(found.revoked_at),
        revoked_by=found.revoked_by,
    )


OPERATIONS: Final = (
    Operation("GET", "/staff", Permission.SEE_STAFF, list_staff, "Every staff account, by name."),
    Operation(
        "GET",
        "/staff/{staff_id}/sign-ins",
        Permission.SEE_STAFF,
        list_sign_ins,
        "Attempts to sign in to an account, the latest first.",
    ),
    Operation(
        "GET",
        "/tokens",
        Permission.MANAGE_TOKENS,
        list_tokens,
        "Your own tokens, the latest first.",
        more="Tokens are made on the page /tokens of the console, since a token must not make another.",
    ),
    Operation(
        "POST",
        "/tokens/{token_id}/revoke",
        Permission.MANAGE_TOKENS,
        revoke_token,
        "Revoke one of your own tokens for good, this one too.",
        more="Idempotent: a token that is revoked already is answered as it is.",
    ),
)
