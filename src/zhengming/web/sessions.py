"""Server-side sessions: the browser holds a secret, the store its SHA-256, and whoever may can end any of them.

A secret is drawn anew at every sign-in, so that one planted before opens nothing (session fixation).
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final, NamedTuple

from zhengming.core.ids import new_uuid
from zhengming.store import Tx

COOKIE: Final = "zhengming_session"
LIFETIME: Final = 12 * 3_600_000
_COLUMNS: Final = "id, subject, created_at, seen_at, expires_at, address, agent, ended_at"


class Session(NamedTuple):
    """A session as people see it: never the secret. Times are milliseconds since 1970, UTC."""

    id: str
    subject: str
    created_at: int
    seen_at: int
    expires_at: int
    address: str
    agent: str
    ended_at: int | None


def new_secret() -> str:
    """Draw the secret of a session; it is made outside the unit, which may run more than once."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def start(
    tx: Tx, subject: str, *, secret: str, now: int, address: str = "", agent: str = "", lifetime: int = LIFETIME
) -> Session:
    """Begin a session in this unit."""
    made = Session(new_uuid(milliseconds=now), subject, now, now, now + lifetime, address, agent[:200], None)
    tx.run(
        "INSERT INTO web_session (id, digest, subject, created_at, seen_at, expires_at, address, agent)"
        " VALUES (:id, :digest, :subject, :created_at, :seen_at, :expires_at, :address, :agent)",
        {**made._asdict(), "digest": digest(secret)},
    )
    return made


def find(tx: Tx, secret: str, now: int) -> Session | None:
    """Return the session of a secret, None when there is none, or it ended or expired."""
    row = tx.one(f"SELECT {_COLUMNS} FROM web_session WHERE digest = :digest", {"digest": digest(secret)})
    if row is None:
        return None
    found = Session(*row)
    return found if found.ended_at is None and now < found.expires_at else None


def list_of(tx: Tx, subject: str) -> list[Session]:
    """Read the sessions of a subject, the latest first."""
    found = tx.rows(
        f"SELECT {_COLUMNS} FROM web_session WHERE subject = :subject ORDER BY id DESC", {"subject": subject}
    )
    return [Session(*row) for row in found]


def end(tx: Tx, session_id: str, *, by: str, now: int) -> bool:
    """End a session; False when it had ended already or never was."""
    ended = tx.run(
        "UPDATE web_session SET ended_at = :now, ended_by = :by WHERE id = :id AND ended_at IS NULL",
        {"now": now, "by": by, "id": session_id},
    )
    return ended == 1
