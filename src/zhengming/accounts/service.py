"""Services: made, changed and read inside units, each change with its ledger entry `service.changed`."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from zhengming.accounts import profiles
from zhengming.accounts.profiles import ServiceProfile
from zhengming.accounts.switches import require_unfrozen
from zhengming.core.errors import ConflictError, InvalidInputError, NotFoundError
from zhengming.core.ids import new_uuid
from zhengming.core.words import EventType
from zhengming.ledger import append
from zhengming.store.tx import Tx
from zhengming.store.versions import bump

VERSION: Final = "services"
DEFAULT_NAME: Final = "default"


def create(tx: Tx, profile: ServiceProfile, *, who: str, why: str, now: int) -> ServiceProfile:
    """Make a service in this unit and return it with its id (one is made when the profile has none).

    Raises InvalidInputError for a profile that cannot be used, ConflictError when the name is taken, FrozenError.
    """
    made = profile.check()
    if not made.id:
        made = replace(made, id=new_uuid(milliseconds=now))
    require_unfrozen(tx, made.id, now)
    _require_free(tx, made)
    tx.run(
        "INSERT INTO service (id, name, profile, revision, created_at, changed_at)"
        " VALUES (:id, :name, :profile, 1, :now, :now)",
        {"id": made.id, "name": made.name, "profile": made.dumps(), "now": now},
    )
    _record(tx, made, None, who=who, why=why, now=now)
    return made


def update(tx: Tx, profile: ServiceProfile, *, who: str, why: str, now: int) -> ServiceProfile:
    """Put another profile in the place of the one with the same id, in this unit.

    Raises NotFoundError, InvalidInputError, ConflictError when the new name is taken, FrozenError.
    """
    changed = profile.check()
    before = get(tx, changed.id)
    require_unfrozen(tx, changed.id, now)
    _require_free(tx, changed)
    tx.run(
        "UPDATE service SET name = :name, profile = :profile, revision = revision + 1, changed_at = :now"
        " WHERE id = :id",
        {"id": changed.id, "name": changed.name, "profile": changed.dumps(), "now": now},
    )
    _record(tx, changed, before, who=who, why=why, now=now)
    return changed


def get(tx: Tx, service_id: str) -> ServiceProfile:
    """Read a service by its id; NotFoundError when there is none."""
    row = tx.one("SELECT profile FROM service WHERE id = :id", {"id": service_id})
    if row is None:
        raise _unknown(service_id)
    return profiles.loads(row[0])


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


def _record(tx: Tx, after: ServiceProfile, before: ServiceProfile | None, *, who: str, why: str, now: int) -> None:
    if not who.strip() or not why.strip():
        raise InvalidInputError("A change of a service needs who makes it and why.", next_step="Give both.")
    old = {} if before is None else before.to_json()
    new = after.to_json()
    changes = {name: value for name, value in new.items() if old.get(name) != value}
    append(tx, EventType.SERVICE_CHANGED, {"service": after.id, "who": who, "why": why, "changes": changes}, at=now)
    bump(tx, VERSION)


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(f"There is no service {name!r}.", next_step="`zhengming services list` shows those there are.")
