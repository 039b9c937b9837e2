"""API keys of services: made, listed and revoked; a secret is shown once."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import Query
from pydantic import Field

from zhengming.accounts import keys
from zhengming.accounts.keys import ApiKey
from zhengming.console.api.operation import Asking, Operation
from zhengming.console.api.values import Answer, Because, Body, Id, Note, PathId, Time, moment, moment_or_none
from zhengming.core.words import Permission
from zhengming.store import Tx

Scope = Literal["chat", "report"]
OfService = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9._-]{1,64}$", description="Keys of this service only.")]


class Key(Answer):
    """An API key; never its secret."""

    id: Id
    service_id: Id
    prefix: str = Field(description="The first characters of the secret, to tell keys apart.", examples=["zm-AbC123"])
    scopes: list[str]
    note: str
    created_at: Time
    created_by: str
    last_used_at: Time | None = Field(description="Written once a minute; null when it was never used.")
    revoked_at: Time | None
    revoked_by: str | None
    revoked_why: str | None


class KeyList(Answer):
    """Keys, the latest first; revoked ones too."""

    keys: list[Key]


class NewKey(Answer):
    """A key just made."""

    secret: str = Field(description="The key itself. It is shown this once and kept nowhere.")
    key: Key


class KeyRequest(Body):
    """What the new key is for."""

    service_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$", description="The service that it opens.")]
    scopes: list[Scope] = Field(default=["chat", "report"], min_length=1, max_length=2)
    note: Note = Field(default="", description="Whose it is or what it is for.")


async def list_keys(call: Asking, service_id: OfService = None) -> KeyList:
    """Read keys."""
    found = await call.read(lambda tx: keys.list_all(tx, service_id))
    return KeyList(keys=[_key(one) for one in found])


async def get_key(call: Asking, key_id: PathId) -> Key:
    """Read one key."""
    return _key(await call.read(lambda tx: keys.get(tx, key_id)))


async def create_key(call: Asking, body: KeyRequest) -> NewKey:
    """Make a key."""
    secret = keys.new_secret()
    made = await call.write(
        lambda tx: keys.create(
            tx, body.service_id, who=call.who, now=call.now, secret=secret, scopes=body.scopes, note=body.note
        )
    )
    return NewKey(secret=secret, key=_key(made.key))


async def revoke_key(call: Asking, key_id: PathId, body: Because) -> Key:
    """Revoke a key."""

    def unit(tx: Tx) -> ApiKey:
        found = keys.get(tx, key_id)
        if found.revoked_at is not None:
            return found
        return keys.revoke(tx, key_id, who=call.who, why=body.why, now=call.now)

    return _key(await call.write(unit))


def _key(found: ApiKey) -> Key:
    return Key(
        id=found.id,
        service_id=found.service_id,
        prefix=found.prefix,
        scopes=list(found.scopes),
        note=found.note,
        created_at=moment(found.created_at),
        created_by=found.created_by,
        last_used_at=moment_or_none(found.last_used_at),
        revoked_at=moment_or_none(found.revoked_at),
        revoked_by=found.revoked_by,
        revoked_why=found.revoked_why,
    )


OPERATIONS: Final = (
    Operation("GET", "/keys", Permission.SEE_KEYS, list_keys, "API keys, the latest first; revoked ones too."),
    Operation(
        "POST",
        "/keys",
        Permission.CHANGE_KEYS,
        create_key,
        "Make an API key; the answer shows its secret once.",
        more="Not idempotent: a retry makes another key. 409 while changes are frozen.",
        status=201,
        refusals=(404, 409),
    ),
    Operation("GET", "/keys/{key_id}", Permission.SEE_KEYS, get_key, "One API key."),
    Operation(
        "POST",
        "/keys/{key_id}/revoke",
        Permission.CHANGE_KEYS,
        revoke_key,
        "Revoke an API key for good.",
        more="Idempotent: a key that is revoked already is answered as it is, and nothing is recorded."
        " A freeze of changes does not hold it up.",
    ),
)
