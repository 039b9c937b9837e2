"""Services: made, changed and read inside units, each change with its ledger entry `service.changed`."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from zhengming.accounts import profiles
from zhengming.accounts.errors import ChangedMeanwhileError
from zhengming.accounts.profiles import ServiceProfile
from zhengming.accounts.switches import require_unfrozen
from zhengming.core.errors import ConflictError, InvalidInputError, NotFoundError
from zhengming.core.ids import new_uuid
from zhengming.core.words import EventType
from zhengming.label import provider_code
from zhengming.label.text import check_wording
from zhengming.ledger import append
from zhengming.store.tx import Row, Tx
from zhengming.store.versions import bump

VERSION: Final = "services"
DEFAULT_NAME: Final = "default"
_RECORD: Final = "profile, revision, created_at, changed_at"


class ServiceRecord(NamedTuple):
    """A service, its revision (one more at each change), and when it was made and last changed (ms UTC)."""

    profile: ServiceProfile
    revision: int
    created_at: int
    changed_at: int


def create(tx: Tx, profile: ServiceProfile, *, who: str, why: str, now: int) -> ServiceProfile:
    """Make a service in this unit and return it with its id (one is made when the profile has none).

    Raises InvalidInputError for a profile that cannot be used, ConflictError when the name is taken, FrozenError.
    """
    made = _usable(profile)
    if not made.id:
        made = replace(made, id=new_uuid(milliseconds=now))
    require_unfrozen(tx, made.id, now)
    _require_free(tx, made)
    tx.run(
        "INSERT INTO service (id, name, profile, revision, created_at, changed_at)"
        " VALUES (:id, :name, :profile, 1, :now, :now)",
        {"id": made.id, "name": made.name, "profile": made.dumps(), "now": now},
    )
    _note(tx, made, None, who=who, why=why, now=now)
    return made


def update(
    tx: Tx, profile: ServiceProfile, *, who: str, why: str, now: int, revision: int | None = None
) -> ServiceProfile:
    """Put another profile in the place of the one with the same id, in this unit.

    `revision` is the one that the change was made upon. Raises NotFoundError, InvalidInputError, FrozenError,
    ConflictError when the new name is taken, ChangedMeanwhileError when the service has another revision by now.
    """
    changed = _usable(profile)
    found = record(tx, changed.id)
    before = found.profile
    if revision is not None and revision != found.revision:
        raise ChangedMeanwhileError(
            f"The service {before.name!r} was changed meanwhile: it has revision {found.revision}, not {revision}.",
            next_step="Nothing was overwritten. Look at what stands there now, and make the change upon it.",
        )
    require_unfrozen(tx, changed.id, now)
    _require_free(tx, changed)
    tx.run(
        "UPDATE service SET name = :name, profile = :profile, revision = revision + 1, changed_at = :now"
        " WHERE id = :id",
        {"id": changed.id, "name": changed.name, "profile": changed.dumps(), "now": now},
    )
    _note(tx, changed, before, who=who, why=why, now=now)
    return changed


def get(tx: Tx, service_id: str) -> ServiceProfile:
    """Read a service by its id; NotFoundError when there is none."""
    row = tx.one("SELECT profile FROM service WHERE id = :id", {"id": service_id})
    if row is None:
        raise _unknown(service_id)
    return profiles.loads(row[0])


def record(tx: Tx, service_id: str) -> ServiceRecord:
    """Read a service with its revision and times; NotFoundError when there is none."""
    row = tx.one(f"SELECT {_RECORD} FROM service WHERE id = :id", {"id": service_id})
    if row is None:
        raise _unknown(service_id)
    return _record_of(row)


def records(tx: Tx) -> list[ServiceRecord]:
    """Read every service with its revision and times, by name."""
    return [_record_of(row) for row in tx.rows(f"SELECT {_RECORD} FROM service ORDER BY name")]


def by_name(tx: Tx, name: str) -> ServiceProfile:
    """Read a service by its name; NotFoundError when there is none."""
    row = tx.one("SELECT profile FROM service WHERE name = :name", {"name": name})
    if row is None:
        raise _unknown(name)
    return profiles.loads(row[0])


def list_all(tx: Tx) -> list[ServiceProfile]:
    """Read every service, by name."""
    return [profiles.loads(row[0]) for row in tx.rows("SELECT profile FROM service ORDER BY name")]


def ensure_default(tx: Tx, now: int) -> ServiceProfile | None:
    """Make the service `default` in a store that has no service yet: label at the end of the text.

    Returns what was made, None when there are services already, whatever their names.
    """
    if tx.one("SELECT 1 FROM service LIMIT 1") is not None:
        return None
    profile = ServiceProfile(id="", name=DEFAULT_NAME)
    return create(tx, profile, who="zhengming", why="first start", now=now)


def _require_free(tx: Tx, profile: ServiceProfile) -> None:
    taken = tx.one("SELECT id FROM service WHERE name = :name", {"name": profile.name})
    if taken is not None and taken[0] != profile.id:
        raise ConflictError(f"There is a service named {profile.name!r} already.", next_step="Choose another name.")


def _note(tx: Tx, after: ServiceProfile, before: ServiceProfile | None, *, who: str, why: str, now: int) -> None:
    if not who.strip() or not why.strip():
        raise InvalidInputError("A change of a service needs who makes it and why.", next_step="Give both.")
    old = {} if before is None else before.to_json()
    new = after.to_json()
    changes = {name: value for name, value in new.items() if old.get(name) != value}
    append(tx, EventType.SERVICE_CHANGED, {"service": after.id, "who": who, "why": why, "changes": changes}, at=now)
    bump(tx, VERSION)


def _usable(profile: ServiceProfile) -> ServiceProfile:
    """Return the profile; raises what its own check, its label wording or its provider code raise.

    Asked for what is written, not for what is read: a stored service must go on when a check becomes stricter.
    """
    if profile.label.wording:
        check_wording(profile.label.wording)
    if provider_code.looks_like_code(profile.producer):
        provider_code.parse(profile.producer)
    return profile.check()


def _record_of(row: Row) -> ServiceRecord:
    return ServiceRecord(profiles.loads(row[0]), *row[1:])


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(f"There is no service {name!r}.", next_step="`zhengming services list` shows those there are.")
