"""Tokens of the management API: `zmt-` and 256 random bits, of which the store keeps the SHA-256.

A token opens what its scopes and the person who made it have in common, looked up at each use: taking a role from a
person takes it from their tokens at once, and a disabled person's tokens open nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from typing import Final, NamedTuple

from zhengming.accounts import staff
from zhengming.core.errors import ConflictError, InvalidInputError, NotFoundError
from zhengming.core.ids import new_uuid
from zhengming.core.words import EventType, Permission
from zhengming.ledger import append
from zhengming.store import Row, Tx

PREFIX: Final = "zmt-"
SHOWN: Final = 10
"""How much of a token is kept for recognition: `zmt-` and six characters, 36 of its 256 bits."""
LONGEST: Final = 366 * 86_400_000
_MINUTE: Final = 60_000
_NOTE: Final = 200
_COLUMNS: Final = "id, prefix, note, scopes, staff_id, created_at, expires_at, last_used_at, revoked_at, revoked_by"


class Token(NamedTuple):
    """A token as people see it: never the secret. Times are milliseconds since 1970, UTC.

    `permissions` is what it opens now, `maker` the name of the person under which its acts are recorded.
    """

    id: str
    prefix: str
    note: str
    scopes: frozenset[Permission]
    staff_id: str
    created_at: int
    expires_at: int | None
    last_used_at: int | None
    revoked_at: int | None
    revoked_by: str | None
    maker: str
    permissions: frozenset[Permission]

    def live(self, now: int) -> bool:
        """Whether it opens anything at this moment."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at) and bool(self.permissions)


def new_secret() -> str:
    """Draw a new token."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """Return the SHA-256 under which a token is stored."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def create(
    tx: Tx,
    staff_id: str,
    *,
    secret: str,
    scopes: Iterable[Permission],
    note: str,
    expires_at: int | None,
    who: str,
    now: int,
) -> Token:
    """Make a token of a person in this unit, with its ledger entry `token.created`.

    Raises NotFoundError for an unknown person; InvalidInputError without a scope, for one that the person does not
    have, a note over 200 characters, or an expiry that is past or more than a year away.
    """
    member, wanted = staff.get(tx, staff_id), frozenset(scopes)
    excess = sorted(wanted - member.permissions)
    if not wanted or excess:
        raise InvalidInputError(
            f"The account {member.name} cannot give a token {', '.join(excess) or 'no scope'}.",
            next_step=f"Choose from {', '.join(sorted(member.permissions)) or 'nothing: the account is disabled'}.",
        )
    if len(note) > _NOTE:
        raise InvalidInputError("The note of a token is too long.", next_step=f"Give at most {_NOTE} characters.")
    if expires_at is not None and not now < expires_at <= now + LONGEST:
        raise InvalidInputError("A token cannot expire then.", next_step="Choose a time within a year from now.")
    made_id, words = new_uuid(milliseconds=now), " ".join(sorted(wanted))
    tx.run(
        "INSERT INTO api_token (id, digest, prefix, note, scopes, staff_id, created_at, expires_at)"
        " VALUES (:id, :digest, :prefix, :note, :scopes, :staff_id, :now, :expires_at)",
        {
            "id": made_id,
            "digest": digest(secret),
            "prefix": secret[:SHOWN],
            "note": note,
            "scopes": words,
            "staff_id": staff_id,
            "now": now,
            "expires_at": expires_at,
        },
    )
    fields = {"token": made_id, "prefix": secret[:SHOWN], "staff": staff_id, "scopes": sorted(wanted), "who": who}
    append(tx, EventType.TOKEN_CREATED, {**fields, "expires_at": expires_at}, at=now)
    return get(tx, made_id)


def find(tx: Tx, secret: str, now: int) -> Token | None:
    """Return the token of a secret; None when there is none, or it was revoked, expired, or its maker disabled."""
    row = tx.one(f"SELECT {_COLUMNS} FROM api_token WHERE digest = :digest", {"digest": digest(secret)})
    if row is None:
        return None
    found = _from_row(tx, row)
    return found if found.live(now) else None


def get(tx: Tx, token_id: str) -> Token:
    """Read a token by its id; NotFoundError when there is none."""
    row = tx.one(f"SELECT {_COLUMNS} FROM api_token WHERE id = :id", {"id": token_id})
    if row is None:
        raise NotFoundError(f"There is no token {token_id[:100]!r}.", next_step="See the list of tokens.")
    return _from_row(tx, row)


def list_of(tx: Tx, staff_id: str) -> list[Token]:
    """Read the tokens of a person, the latest first; expired and revoked ones too."""
    rows = tx.rows(f"SELECT {_COLUMNS} FROM api_token WHERE staff_id = :id ORDER BY id DESC", {"id": staff_id})
    return [_from_row(tx, row) for row in rows]


def revoke(tx: Tx, token_id: str, *, who: str, why: str, now: int) -> Token:
    """Revoke a token for good in this unit, with its entry `token.revoked`.

    Raises NotFoundError, ConflictError when it is revoked already.
    """
    found = get(tx, token_id)
    done = tx.run(
        "UPDATE api_token SET revoked_at = :now, revoked_by = :who WHERE id = :id AND revoked_at IS NULL",
        {"now": now, "who": who, "id": token_id},
    )
    if done != 1:
        raise ConflictError(f"The token {found.prefix}… is revoked already.", next_step="Nothing is left to do.")
    fields = {"token": token_id, "prefix": found.prefix, "staff": found.staff_id, "who": who, "why": why}
    append(tx, EventType.TOKEN_REVOKED, fields, at=now)
    return found._replace(revoked_at=now, revoked_by=who)


def is_use_stale(token: Token, now: int) -> bool:
    """Whether the use of a token should be written down: once a minute is enough."""
    return token.last_used_at is None or now - token.last_used_at >= _MINUTE


def note_use(tx: Tx, token_id: str, now: int) -> None:
    """Write down when a token was last used; a later time that is there already stays."""
    tx.run(
        "UPDATE api_token SET last_used_at = :now WHERE id = :id AND (last_used_at IS NULL OR last_used_at < :now)",
        {"now": now, "id": token_id},
    )


def _from_row(tx: Tx, row: Row) -> Token:
    scopes = frozenset(Permission(one) for one in row[3].split())
    member = staff.get(tx, row[4])
    return Token._make((*row[:3], scopes, *row[4:], member.name, scopes & member.permissions))
