"""Staff accounts: who works in the console, and in which roles."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from zhengming.accounts.roles import permissions_of
from zhengming.core.errors import ConflictError, InvalidInputError, NotFoundError
from zhengming.core.i18n import DEFAULT_LANGUAGE
from zhengming.core.ids import new_uuid
from zhengming.core.words import EventType, Permission, Role
from zhengming.ledger import append
from zhengming.store import Row, Tx

_COLUMNS: Final = (
    "id, name, roles, language, theme, timezone, created_at, created_by, password_at,"
    " totp_sealed IS NOT NULL, disabled_at"
)


class StaffMember(NamedTuple):
    """A member of staff; never the password. Times are milliseconds since 1970, UTC."""

    id: str
    name: str
    roles: frozenset[Role]
    language: str
    theme: str
    timezone: str
    created_at: int
    created_by: str
    password_at: int
    second_factor: bool
    disabled_at: int | None

    @property
    def permissions(self) -> frozenset[Permission]:
        """What this person may do; nothing once disabled."""
        return frozenset() if self.disabled_at is not None else permissions_of(self.roles)


def create(
    tx: Tx,
    name: str,
    *,
    password: str,
    roles: Iterable[Role],
    who: str,
    now: int,
    language: str = DEFAULT_LANGUAGE,
    timezone: str = "Asia/Shanghai",
) -> StaffMember:
    """Make an account in this unit, with its entry `staff.created`; `password` is the encoded argon2 hash.

    Raises InvalidInputError without a name or a role, ConflictError when the name is taken.
    """
    given = frozenset(roles)
    if not name.strip() or len(name) > 64 or not name.isprintable():  # noqa: PLR2004 - a name fits in a table
        raise InvalidInputError("A staff account needs a name.", next_step="Give 1 to 64 printable characters.")
    if not given:
        raise InvalidInputError("A staff account needs a role.", next_step=f"Choose from {', '.join(Role)}.")
    if tx.one("SELECT 1 FROM staff WHERE name = :name", {"name": name}) is not None:
        raise ConflictError(f"There is a staff account named {name!r} already.", next_step="Choose another name.")
    made = StaffMember(new_uuid(milliseconds=now), name, given, language, "auto", timezone, now, who, now, False, None)
    tx.run(
        "INSERT INTO staff (id, name, roles, password, totp_step, recovery, language, theme, timezone, created_at,"
        " created_by, password_at) VALUES (:id, :name, :roles, :password, 0, '', :language, 'auto', :timezone, :now,"
        " :who, :now)",
        {
            "id": made.id,
            "name": name,
            "roles": " ".join(sorted(given)),
            "password": password,
            "language": language,
            "timezone": timezone,
            "now": now,
            "who": who,
        },
    )
    append(tx, EventType.STAFF_CREATED, {"staff": made.id, "who": who, "roles": sorted(given)}, at=now)
    return made


def get(tx: Tx, staff_id: str) -> StaffMember:
    """Read one account; NotFoundError when there is none of this id."""
    row = tx.one(f"SELECT {_COLUMNS} FROM staff WHERE id = :id", {"id": staff_id})
    if row is None:
        raise NotFoundError(f"There is no staff account {staff_id!r}.", next_step="See the list of accounts.")
    return _from_row(row)


def list_all(tx: Tx) -> list[StaffMember]:
    """Read every account, by name."""
    return [_from_row(row) for row in tx.rows(f"SELECT {_COLUMNS} FROM staff ORDER BY name")]


def any_there(tx: Tx) -> bool:
    """Whether there is an account at all; without one the first owner is let in by a one-time link."""
    return tx.one("SELECT 1 FROM staff LIMIT 1") is not None


def _from_row(row: Row) -> StaffMember:
    roles = frozenset(Role(one) for one in row[2].split())
    return StaffMember._make((row[0], row[1], roles, *row[3:9], bool(row[9]), row[10]))
