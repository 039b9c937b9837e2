"""Staff accounts: who works in the console, and in which roles.

One enabled owner is always left: the last one can neither be disabled nor lose the role. What takes something from a
person ends the person's sessions in the same unit and says why in the ledger.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple
from zoneinfo import available_timezones

from zhengming.accounts.roles import permissions_of
from zhengming.core.errors import ConflictError, InvalidInputError, NotFoundError
from zhengming.core.i18n import DEFAULT_LANGUAGE, LANGUAGES
from zhengming.core.ids import new_uuid
from zhengming.core.words import EventType, Permission, Role
from zhengming.ledger import append
from zhengming.store import Row, Tx
from zhengming.web import sessions
from zhengming.web.themes import THEMES

_COLUMNS: Final = (
    "id, name, roles, language, theme, timezone, created_at, created_by, password_at,"
    " totp_sealed IS NOT NULL AND totp_step >= 0, disabled_at"
)
LONGEST_NAME: Final = 64
_THROUGH: Final = "(token"
"""What follows a name in the ledger when a token of the management API acted for its maker."""


class LastOwnerError(ConflictError):
    """Without this account nobody could make or change accounts."""

    code = "last_owner"


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
    checked_name(tx, name)
    given = checked_roles(roles)
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


def checked_name(tx: Tx, name: str) -> str:
    """Return a name that a new account may have.

    Raises InvalidInputError for none, ConflictError when it is taken, also by one that differs in upper and lower case
    in the width of its characters or in blanks only: two people must not look like one in the ledger.
    """
    if not name.strip() or name != name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidInputError(
            "A staff account needs a name.", next_step=f"Give 1 to {LONGEST_NAME} printable characters."
        )
    if _THROUGH in _folded(name):
        raise InvalidInputError(
            "A name must not look like an act of a token.", next_step=f"Leave out {_THROUGH!r}: the ledger writes it."
        )
    if any(_folded(row[0]) == _folded(name) for row in tx.rows("SELECT name FROM staff")):
        raise ConflictError(f"There is a staff account named {name!r} already.", next_step="Choose another name.")
    return name


def checked_roles(roles: Iterable[Role]) -> frozenset[Role]:
    """Return the roles as a set; InvalidInputError for none."""
    given = frozenset(roles)
    if not given:
        raise InvalidInputError("A staff account needs a role.", next_step=f"Choose from {', '.join(Role)}.")
    return given


def change_roles(tx: Tx, staff_id: str, roles: Iterable[Role], *, who: str, why: str, now: int) -> StaffMember:
    """Give an account other roles; they count from the next request. Entry `staff.changed`, change `roles`.

    Open links of somebody who may not make any now are withdrawn. Raises NotFoundError, InvalidInputError without a
    role, LastOwnerError.
    """
    _one_at_a_time(tx)
    before, given = get(tx, staff_id), checked_roles(roles)
    if Role.OWNER not in given:
        _require_another_owner(tx, before)
    tx.run("UPDATE staff SET roles = :roles WHERE id = :id", {"roles": " ".join(sorted(given)), "id": staff_id})
    after = before._replace(roles=given)
    withdrawn = 0 if Permission.MANAGE_STAFF in after.permissions else _withdraw_made_by(tx, before)
    fields = {"from": sorted(before.roles), "to": sorted(given), "links_withdrawn": withdrawn, "why": why}
    _record(tx, staff_id, "roles", fields, who=who, now=now)
    return after


def disable(tx: Tx, staff_id: str, *, who: str, why: str, now: int) -> StaffMember:
    """Close an account and end its sessions. Change `disabled`.

    Its tokens open nothing any more, nor do links for it and links that it made. Raises NotFoundError, ConflictError
    when it is disabled already, LastOwnerError.
    """
    _one_at_a_time(tx)
    before = get(tx, staff_id)
    if before.disabled_at is not None:
        raise ConflictError(f"The account {before.name} is disabled already.", next_step="Nothing is left to do.")
    _require_another_owner(tx, before)
    tx.run("UPDATE staff SET disabled_at = :now WHERE id = :id", {"now": now, "id": staff_id})
    tx.run("DELETE FROM staff_link WHERE staff_id = :id AND used_at IS NULL", {"id": staff_id})
    fields = {"links_withdrawn": _withdraw_made_by(tx, before), "why": why}
    _record(tx, staff_id, "disabled", fields, who=who, now=now)
    end_sessions(tx, staff_id, who=who, why=why, now=now)
    return before._replace(disabled_at=now)


def enable(tx: Tx, staff_id: str, *, who: str, why: str, now: int) -> StaffMember:
    """Open a disabled account again, with the password it had. Entry `staff.changed`, change `enabled`.

    Raises NotFoundError, ConflictError when it is enabled.
    """
    before = get(tx, staff_id)
    if tx.run("UPDATE staff SET disabled_at = NULL WHERE id = :id AND disabled_at IS NOT NULL", {"id": staff_id}) != 1:
        raise ConflictError(f"The account {before.name} is enabled already.", next_step="Nothing is left to do.")
    _record(tx, staff_id, "enabled", {"why": why}, who=who, now=now)
    return before._replace(disabled_at=None)


def set_password(tx: Tx, staff_id: str, *, password: str, who: str, now: int, keep: str = "") -> None:
    """Put another argon2 hash in force and end every session but `keep`, and every link for a new password.

    Entry `staff.changed`, change `password`.
    """
    tx.run(
        "UPDATE staff SET password = :password, password_at = :now WHERE id = :id",
        {"password": password, "now": now, "id": staff_id},
    )
    tx.run("DELETE FROM staff_link WHERE staff_id = :id AND used_at IS NULL", {"id": staff_id})
    _record(tx, staff_id, "password", {}, who=who, now=now)
    end_sessions(tx, staff_id, who=who, why="new password", now=now, keep=keep)


def set_preferences(tx: Tx, staff_id: str, *, language: str, theme: str, timezone: str) -> None:
    """Change how a person reads the console; InvalidInputError for what there is not."""
    if language not in LANGUAGES or theme not in THEMES or timezone not in available_timezones():
        raise InvalidInputError(
            "This way of reading the console does not exist.",
            next_step=f"Choose a language ({', '.join(LANGUAGES)}), a theme ({', '.join(THEMES)}), an IANA time zone.",
        )
    tx.run(
        "UPDATE staff SET language = :language, theme = :theme, timezone = :timezone WHERE id = :id",
        {"language": language, "theme": theme, "timezone": timezone, "id": staff_id},
    )


def end_sessions(tx: Tx, staff_id: str, *, who: str, why: str, now: int, keep: str = "") -> int:
    """End a person's sessions but `keep`, and sign-ins that wait for their second factor; return how many were open."""
    sessions.drop_all(tx, half_subject(staff_id))
    return sessions.end_all(tx, staff_id, by=who, why=why, now=now, keep=keep)


def half_subject(staff_id: str) -> str:
    """Return the subject of a session that only awaits the second factor; it is no account, so it opens no page."""
    return f"half:{staff_id}"


def get(tx: Tx, staff_id: str) -> StaffMember:
    """Read one account; NotFoundError when there is none of this id."""
    found = find(tx, staff_id)
    if found is None:
        raise NotFoundError(f"There is no staff account {staff_id[:100]!r}.", next_step="See the list of accounts.")
    return found


def find(tx: Tx, staff_id: str) -> StaffMember | None:
    """Read one account, None when there is none of this id."""
    row = tx.one(f"SELECT {_COLUMNS} FROM staff WHERE id = :id", {"id": staff_id})
    return None if row is None else _from_row(row)


def by_name(tx: Tx, name: str) -> StaffMember:
    """Read one account by its exact name; NotFoundError when there is none."""
    row = tx.one(f"SELECT {_COLUMNS} FROM staff WHERE name = :name", {"name": name})
    if row is None:
        raise NotFoundError(f"There is no staff account named {name!r}.", next_step="See the list of accounts.")
    return _from_row(row)


def list_all(tx: Tx) -> list[StaffMember]:
    """Read every account, by name."""
    return [_from_row(row) for row in tx.rows(f"SELECT {_COLUMNS} FROM staff ORDER BY name")]


def any_there(tx: Tx) -> bool:
    """Whether there is an account at all; without one the first owner is let in by a one-time link."""
    return tx.one("SELECT 1 FROM staff LIMIT 1") is not None


def _one_at_a_time(tx: Tx) -> None:
    """Hold every row until the unit ends: two owners who disable each other must not both succeed (PostgreSQL)."""
    tx.run("UPDATE staff SET roles = roles")


def _withdraw_made_by(tx: Tx, member: StaffMember) -> int:
    """Take back the open links that a person made, whoever they are for; return how many.

    Somebody who has to go could have kept one, and come back by it in any role, or as somebody else.
    """
    return tx.run("DELETE FROM staff_link WHERE created_by = :name AND used_at IS NULL", {"name": member.name})


def _require_another_owner(tx: Tx, member: StaffMember) -> None:
    left = [one for one in list_all(tx) if Role.OWNER in one.roles and one.disabled_at is None and one.id != member.id]
    if not left and Role.OWNER in member.roles and member.disabled_at is None:
        raise LastOwnerError(
            f"{member.name} is the last owner who can sign in.", next_step="Give somebody else the role owner first."
        )


def _record(tx: Tx, staff_id: str, change: str, fields: Mapping[str, object], *, who: str, now: int) -> None:
    append(tx, EventType.STAFF_CHANGED, {"staff": staff_id, "change": change, "who": who, **fields}, at=now)


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _from_row(row: Row) -> StaffMember:
    roles = frozenset(Role(one) for one in row[2].split())
    return StaffMember._make((row[0], row[1], roles, *row[3:9], bool(row[9]), row[10]))
