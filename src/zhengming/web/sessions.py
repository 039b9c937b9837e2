"""Server-side sessions: the browser holds a secret, the store its SHA-256, and whoever may can end any of them.

A secret is drawn anew at every sign-in, so that one planted before opens nothing (session fixation). A session ends by
itself after two hours without a request, and after twelve hours in any case.
"""

from __future__ import annotations

import hashlib
import secrets
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Final, NamedTuple

from zhengming.core.ids import new_uuid
from zhengming.core.words import EventType
from zhengming.ledger import append
from zhengming.store import Tx

if TYPE_CHECKING:
    from starlette.requests import Request

COOKIE: Final = "zhengming_session"
LIFETIME: Final = 12 * 3_600_000
IDLE: Final = 2 * 3_600_000
NOTED_EVERY: Final = 60_000
"""How old `seen_at` may grow before it is written again."""
KEPT: Final = 90 * 86_400_000
"""How long a session that is over can still be looked at."""
_AGENT: Final = 200
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

    def live(self, now: int) -> bool:
        """Whether it opens anything at this moment."""
        return self.ended_at is None and now < self.expires_at and now - self.seen_at < IDLE


class Origin(NamedTuple):
    """Where a request comes from, as far as it is kept: the network, and the name that the browser gives itself."""

    network: str
    agent: str


def new_secret() -> str:
    """Draw the secret of a session; it is made outside the unit, which may run more than once."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def network_of(address: str) -> str:
    """Return the network of an address: 24 bits of IPv4, 48 of IPv6; `unknown` for what is no address."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return str(ip_network((found, 48 if isinstance(found, IPv6Address) else 24), strict=False))


def origin_of(request: Request) -> Origin:
    """Return where a request comes from."""
    agent = "".join(one for one in request.headers.get("user-agent", "") if one.isprintable())
    return Origin(network_of(request.client.host if request.client else ""), agent[:_AGENT])


def prune(tx: Tx, now: int, limit: int = 1_000) -> int:
    """Forget at most `limit` sessions that have been over for longer than they can be looked at; return how many."""
    over = "SELECT id FROM web_session WHERE expires_at < :before ORDER BY id LIMIT :limit"
    return tx.run(f"DELETE FROM web_session WHERE id IN ({over})", {"before": now - KEPT, "limit": limit})


def start(
    tx: Tx, subject: str, *, secret: str, now: int, address: str = "", agent: str = "", lifetime: int = LIFETIME
) -> Session:
    """Begin a session in this unit."""
    made = Session(new_uuid(milliseconds=now), subject, now, now, now + lifetime, address, agent[:_AGENT], None)
    tx.run(
        "INSERT INTO web_session (id, digest, subject, created_at, seen_at, expires_at, address, agent)"
        " VALUES (:id, :digest, :subject, :created_at, :seen_at, :expires_at, :address, :agent)",
        {**made._asdict(), "digest": digest(secret)},
    )
    return made


def find(tx: Tx, secret: str, now: int) -> Session | None:
    """Return the session of a secret, None when there is none, or it ended, expired, or lay idle for too long."""
    row = tx.one(f"SELECT {_COLUMNS} FROM web_session WHERE digest = :digest", {"digest": digest(secret)})
    if row is None:
        return None
    found = Session(*row)
    return found if found.live(now) else None


def is_stale(session: Session, now: int) -> bool:
    """Whether it should be written down that the session was seen now."""
    return now - session.seen_at >= NOTED_EVERY


def note_seen(tx: Tx, session_id: str, now: int) -> None:
    """Write down that a session was seen; one that ended stays ended."""
    tx.run(
        "UPDATE web_session SET seen_at = :now WHERE id = :id AND ended_at IS NULL AND seen_at < :now",
        {"now": now, "id": session_id},
    )


def list_of(tx: Tx, subject: str) -> list[Session]:
    """Read the sessions of a subject, the latest first."""
    found = tx.rows(
        f"SELECT {_COLUMNS} FROM web_session WHERE subject = :subject ORDER BY id DESC", {"subject": subject}
    )
    return [Session(*row) for row in found]


def live_of(tx: Tx, subject: str, now: int) -> list[Session]:
    """Read the sessions of a subject that are open, the latest first."""
    return [one for one in list_of(tx, subject) if one.live(now)]


def end(tx: Tx, session_id: str, *, by: str, now: int, why: str = "", subject: str | None = None) -> bool:
    """End a session, with its entry `session.ended`; False when it had ended already or never was.

    With `subject`, a session of somebody else counts as one that never was.
    """
    row = tx.one(f"SELECT {_COLUMNS} FROM web_session WHERE id = :id AND ended_at IS NULL", {"id": session_id})
    if row is None or subject not in (None, row[1]):
        return False
    ended = tx.run(
        "UPDATE web_session SET ended_at = :now, ended_by = :by WHERE id = :id AND ended_at IS NULL",
        {"now": now, "by": by, "id": session_id},
    )
    if ended == 1:
        append(tx, EventType.SESSION_ENDED, {"session": session_id, "staff": row[1], "who": by, "why": why}, at=now)
    return ended == 1


def end_all(tx: Tx, subject: str, *, by: str, now: int, why: str, keep: str = "") -> int:
    """End every open session of a subject but `keep`, each with its entry; return how many."""
    found = [one for one in live_of(tx, subject, now) if one.id != keep]
    return sum(end(tx, one.id, by=by, now=now, why=why) for one in found)


def drop_all(tx: Tx, subject: str) -> None:
    """Take away the sessions of a subject without a trace: for those that never opened a page."""
    tx.run("DELETE FROM web_session WHERE subject = :subject", {"subject": subject})
