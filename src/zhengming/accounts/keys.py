"""API keys: made, revoked and listed inside units.

A key is `zm-` and 43 url-safe characters (256 random bits). The store keeps its SHA-256: with that much randomness a
slow password hash adds nothing, and looking a digest up in a dictionary leaks no timing about the secret.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from zhengming.accounts.service import get as get_service
from zhengming.accounts.switches import require_unfrozen
from zhengming.core.errors import ConflictError, InvalidInputError, NotFoundError
from zhengming.core.ids import new_uuid
from zhengming.core.words import EventType
from zhengming.ledger import append
from zhengming.store.tx import Row, Tx
from zhengming.store.versions import bump

VERSION: Final = "keys"
PREFIX: Final = "zm-"
SCOPES: Final = ("chat", "report")
SHOWN: Final = 9
"""How much of a key is kept for recognition: `zm-` and six characters, 36 of its 256 bits."""

_COLUMNS = (
    "id, service_id, prefix, scopes, note, created_at, created_by, last_used_at, revoked_at, revoked_by, revoked_why"
)


class ApiKey(NamedTuple):
    """An API key as people see it: never the secret. Times are milliseconds since 1970, UTC."""

    id: str
    service_id: str
    prefix: str
    scopes: tuple[str, ...]
    note: str
    created_at: int
    created_by: str
    last_used_at: int | None
    revoked_at: int | None
    revoked_by: str | None
    revoked_why: str | None = None


class NewKey(NamedTuple):
    """A key just made; `secret` exists nowhere else."""

    secret: str
    key: ApiKey


def digest(secret: str) -> bytes:
    """Return the SHA-256 under which a key is stored."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def new_secret() -> str:
    """Draw a new key."""
    return PREFIX + secrets.token_urlsafe(32)


def create(
    tx: Tx,
    service_id: str,
    *,
    who: str,
    now: int,
    secret: str,
    scopes: Collection[str] = SCOPES,
    note: str = "",
) -> NewKey:
    """Make a key of a service in this unit, with its ledger entry `key.created`.

    The secret is an argument (see :func:`new_secret`), since a unit may run more than once.
    Raises NotFoundError for an unknown service, InvalidInputError for unknown scopes, FrozenError.
    """
    wanted = tuple(sorted(set(scopes)))
    if not wanted or not set(wanted) <= set(SCOPES):
        raise InvalidInputError(
            f"An API key cannot have the scopes {', '.join(wanted) or '(none)'}.",
            next_step=f"Choose from {', '.join(SCOPES)}.",
        )
    get_service(tx, service_id)
    require_unfrozen(tx, service_id, now)
    key = ApiKey(new_uuid(milliseconds=now), service_id, secret[:SHOWN], wanted, note, now, who, None, None, None)
    tx.run(
        "INSERT INTO api_key (id, service_id, digest, prefix, scopes, note, created_at, created_by)"
        " VALUES (:id, :service_id, :digest, :prefix, :scopes, :note, :created_at, :created_by)",
        {**key._asdict(), "scopes": " ".join(wanted), "digest": digest(secret)},
    )
    fields = {"key": key.id, "service": service_id, "prefix": key.prefix, "scopes": list(wanted), "who": who}
    append(tx, EventType.KEY_CREATED, fields, at=now)
    bump(tx, VERSION)
    return NewKey(secret, key)


def revoke(tx: Tx, key_id: str, *, who: str, why: str, now: int) -> ApiKey:
    """Revoke a key for good in this unit, with its ledger entry `key.revoked`.

    Not held up by a freeze of changes: a leaked key must be closed at once. NotFoundError; ConflictError when it is
    revoked already.
    """
    key = get(tx, key_id)
    if key.revoked_at is not None:
        raise ConflictError(f"The key {key.prefix}… is revoked already.", next_step="Nothing is left to do.")
    tx.run(
        "UPDATE api_key SET revoked_at = :now, revoked_by = :who, revoked_why = :why WHERE id = :id",
        {"now": now, "who": who, "why": why, "id": key.id},
    )
    fields = {"key": key.id, "service": key.service_id, "prefix": key.prefix, "who": who, "why": why}
    append(tx, EventType.KEY_REVOKED, fields, at=now)
    bump(tx, VERSION)
    return key._replace(revoked_at=now, revoked_by=who, revoked_why=why)


def get(tx: Tx, key_id: str) -> ApiKey:
    """Read a key by its id; NotFoundError when there is none."""
    row = tx.one(f"SELECT {_COLUMNS} FROM api_key WHERE id = :id", {"id": key_id})
    if row is None:
        raise NotFoundError(
            f"There is no API key {key_id!r}.", next_step="`zhengming keys list` shows those there are."
        )
    return _from_row(row)


def find(tx: Tx, name: str) -> ApiKey:
    """Read a key by its id or by its shown prefix; NotFoundError when none or more than one fits."""
    found = tx.rows(
        f"SELECT {_COLUMNS} FROM api_key WHERE id = :name OR prefix = :prefix",
        {
            "name": name,
            "prefix": name[:SHOWN],
        },
    )
    if len(found) == 1:
        return _from_row(found[0])
    problem = "There is no API key" if not found else "More than one API key is called"
    raise NotFoundError(f"{problem} {name[:SHOWN]!r}.", next_step="`zhengming keys list` shows the ids.")


def list_all(tx: Tx, service_id: str | None = None) -> list[ApiKey]:
    """Read the keys of a service, or all, the latest first; revoked ones too."""
    if service_id is None:
        found = tx.rows(f"SELECT {_COLUMNS} FROM api_key ORDER BY created_at DESC, id DESC")
    else:
        found = tx.rows(
            f"SELECT {_COLUMNS} FROM api_key WHERE service_id = :service ORDER BY created_at DESC, id DESC",
            {"service": service_id},
        )
    return [_from_row(row) for row in found]


def note_use(tx: Tx, used: Mapping[str, int]) -> None:
    """Write when keys were last used, in one batch; a later time that is there already stays."""
    tx.run_many(
        "UPDATE api_key SET last_used_at = :at WHERE id = :id AND (last_used_at IS NULL OR last_used_at < :at)",
        [{"id": key_id, "at": at} for key_id, at in sorted(used.items())],
    )


def _from_row(row: Row) -> ApiKey:
    return ApiKey(row[0], row[1], row[2], tuple(row[3].split()), *row[4:])
