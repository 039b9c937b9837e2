"""One-time links: for the first owner, for an invitation, for a new password.

A link carries 256 random bits; the store keeps their SHA-256. Opening it only looks, so that a mail scanner or a
preview uses nothing up; the form behind it uses it, once, in the same unit as the account that comes of it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from typing import Final, NamedTuple

from zhengming.accounts import staff
from zhengming.core.errors import NotFoundError
from zhengming.core.words import EventType, Role
from zhengming.ledger import append
from zhengming.store import Row, Tx

FIRST_OWNER: Final = "first_owner"
INVITATION: Final = "invitation"
NEW_PASSWORD: Final = "new_password"  # noqa: S105 - the name of a purpose
PATHS: Final = {FIRST_OWNER: "/welcome", INVITATION: "/invitation", NEW_PASSWORD: "/new-password"}
LIFETIME: Final = 24 * 3_600_000
_NEVER: Final = 253_402_300_799_000
_COLUMNS: Final = "digest, purpose, staff_id, roles, created_at, created_by, expires_at, used_at"


class LinkSpentError(NotFoundError):
    """The link was used, replaced or withdrawn, has expired, or never was."""

    code = "link_spent"


class Link(NamedTuple):
    """A link as people see it: never the secret. `id` is the beginning of its digest, in hexadecimal."""

    id: str
    purpose: str
    staff_id: str | None
    roles: frozenset[Role]
    created_at: int
    created_by: str
    expires_at: int
    used_at: int | None


def new_secret() -> str:
    """Draw the secret of a link; it is made outside the unit, which may run more than once."""
    return secrets.token_urlsafe(32)


def path_of(purpose: str, secret: str) -> str:
    """Return the local address of a link."""
    return f"{PATHS[purpose]}?token={secret}"


def first_owner(tx: Tx, *, secret: str, now: int) -> bool:
    """Make the link of the first owner in the place of an earlier one; False when there are accounts already."""
    tx.run("DELETE FROM staff_link WHERE purpose = :purpose AND used_at IS NULL", {"purpose": FIRST_OWNER})
    if staff.any_there(tx):
        return False
    _insert(tx, secret, Link("", FIRST_OWNER, None, frozenset({Role.OWNER}), now, "zhengming serve", _NEVER, None))
    return True


def invite(tx: Tx, roles: Iterable[Role], *, secret: str, who: str, now: int) -> Link:
    """Make an invitation in this unit; whoever uses it chooses a name and gets these roles.

    Raises InvalidInputError without a role. Ledger entry `staff.changed`, change `invited`.
    """
    given = staff.checked_roles(roles)
    made = _insert(tx, secret, Link("", INVITATION, None, given, now, who, now + LIFETIME, None))
    fields = {"link": made.id, "change": "invited", "roles": sorted(given), "who": who}
    append(tx, EventType.STAFF_CHANGED, fields, at=now)
    return made


def new_password(tx: Tx, staff_id: str, *, secret: str, who: str, why: str, now: int) -> Link:
    """Make a link with which a person chooses a new password, in the place of an earlier one.

    The old password stays until then. Raises NotFoundError. Ledger entry `staff.changed`, change `password_link`.
    """
    staff.get(tx, staff_id)
    withdraw_of(tx, staff_id)
    made = _insert(tx, secret, Link("", NEW_PASSWORD, staff_id, frozenset(), now, who, now + LIFETIME, None))
    fields = {"staff": staff_id, "link": made.id, "change": "password_link", "who": who, "why": why}
    append(tx, EventType.STAFF_CHANGED, fields, at=now)
    return made


def look(tx: Tx, purpose: str, secret: str, now: int) -> Link | None:
    """Return the link of a secret as long as it can be used for this purpose; nothing is used up."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM staff_link WHERE digest = :digest AND purpose = :purpose AND used_at IS NULL"
        " AND expires_at > :now",
        {"digest": digest(secret), "purpose": purpose, "now": now},
    )
    if row is None or (purpose == FIRST_OWNER and staff.any_there(tx)):
        return None
    return _from_row(row)


def use(tx: Tx, purpose: str, secret: str, now: int) -> Link:
    """Use a link up in this unit and return it; of two that try at once, one gets LinkSpentError."""
    found = look(tx, purpose, secret, now)
    done = tx.run(
        "UPDATE staff_link SET used_at = :now WHERE digest = :digest AND purpose = :purpose AND used_at IS NULL"
        " AND expires_at > :now",
        {"digest": digest(secret), "purpose": purpose, "now": now},
    )
    if found is None or done != 1:
        raise LinkSpentError("This link cannot be used any more.", next_step="Ask for a new one.")
    return found


def open_invitations(tx: Tx, now: int) -> list[Link]:
    """Read the invitations that can still be used, the latest first."""
    rows = tx.rows(
        f"SELECT {_COLUMNS} FROM staff_link WHERE purpose = :purpose AND used_at IS NULL AND expires_at > :now"
        " ORDER BY created_at DESC",
        {"purpose": INVITATION, "now": now},
    )
    return [_from_row(row) for row in rows]


def withdraw(tx: Tx, link_id: str, *, who: str, why: str, now: int) -> None:
    """Take an open invitation back in this unit; LinkSpentError when it is not open any more."""
    found = next((one for one in open_invitations(tx, now) if one.id == link_id), None)
    if found is None:
        raise LinkSpentError("This invitation is not open any more.", next_step="See the list of accounts.")
    for (kept,) in tx.rows("SELECT digest FROM staff_link WHERE purpose = :purpose", {"purpose": INVITATION}):
        if _id(kept) == link_id:
            tx.run("DELETE FROM staff_link WHERE digest = :digest AND used_at IS NULL", {"digest": kept})
    fields = {"link": link_id, "change": "invitation_withdrawn", "who": who, "why": why}
    append(tx, EventType.STAFF_CHANGED, fields, at=now)


def withdraw_of(tx: Tx, staff_id: str) -> None:
    """Take back every open link of a person: after a new password, and when the account is disabled."""
    tx.run("DELETE FROM staff_link WHERE staff_id = :id AND used_at IS NULL", {"id": staff_id})


def digest(secret: str) -> bytes:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _insert(tx: Tx, secret: str, made: Link) -> Link:
    kept = digest(secret)
    tx.run(
        "INSERT INTO staff_link (digest, purpose, staff_id, roles, created_at, created_by, expires_at)"
        " VALUES (:digest, :purpose, :staff_id, :roles, :created_at, :created_by, :expires_at)",
        {**made._asdict(), "digest": kept, "roles": " ".join(sorted(made.roles))},
    )
    return made._replace(id=_id(kept))


def _id(kept: bytes) -> str:
    return bytes(kept)[:8].hex()


def _from_row(row: Row) -> Link:
    return Link(_id(row[0]), row[1], row[2], frozenset(Role(one) for one in row[3].split()), *row[4:])
