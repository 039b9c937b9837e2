"""Emergency switches: stop generation, stop registration, stop publishing, freeze changes.

After the Deep Synthesis Provisions, Art. 21, and the duty to suspend new registrations on demand. Whether one is in
force is a pure question of switch rows and the time; an expiry needs no write. Setting and lifting a switch is never
frozen itself, or a freeze could not be lifted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from zhengming.accounts.errors import FrozenError
from zhengming.core.errors import ConflictError, InvalidInputError, NotFoundError
from zhengming.core.ids import new_uuid
from zhengming.core.words import EventType, SwitchKind
from zhengming.ledger import append
from zhengming.store.tx import Row, Tx
from zhengming.store.versions import bump

EVERY: Final = "*"
VERSION: Final = "switches"

_COLUMNS = "id, kind, service_id, function, persona, who, why, set_at, expires_at, lifted_at, lifted_by, lifted_why"
_TEXT_MAX = 500


class Switch(NamedTuple):
    """A switch as it stands in its row. Times are milliseconds since 1970, UTC; None for "never" and "not yet"."""

    id: str
    kind: SwitchKind
    service_id: str
    function: str
    persona: str
    who: str
    why: str
    set_at: int
    expires_at: int | None = None
    lifted_at: int | None = None
    lifted_by: str | None = None
    lifted_why: str | None = None

    def stands(self, now: int) -> bool:
        """Whether the switch is neither lifted nor expired at `now`; it counts from the moment it is read."""
        return self.lifted_at is None and (self.expires_at is None or now < self.expires_at)

    def covers(self, service_id: str, function: str, persona: str) -> bool:
        """Whether the switch speaks of this service, function and persona; `*` speaks of all.

        An empty function or persona in the question means "none in particular", which only `*` covers.
        """
        return (
            self.service_id in (EVERY, service_id)
            and self.function in (EVERY, function)
            and self.persona in (EVERY, persona)
        )


Standing = Mapping[SwitchKind, tuple[Switch, ...]]
"""The switches that may be in force, by kind; what `Directory` keeps."""


def read_kind(text: str) -> SwitchKind:
    """Return the kind of a switch by its id; InvalidInputError names those there are."""
    try:
        return SwitchKind(text)
    except ValueError as error:
        raise InvalidInputError(
            f"There is no switch of the kind {text!r}.", next_step=f"Choose from {', '.join(SwitchKind)}."
        ) from error


def in_force(
    standing: Standing, kind: SwitchKind, now: int, *, service_id: str, function: str = "", persona: str = ""
) -> Switch | None:
    """Return the switch of this kind that is in force, None when there is none. Pure, and next to free when none is.

    Of several, the one that lasts longest is named: what a person is told must not turn out to be too hopeful.
    """
    candidates = standing.get(kind)
    if not candidates:
        return None
    found = [one for one in candidates if one.stands(now) and one.covers(service_id, function, persona)]
    return max(found, key=_lasting, default=None)


def by_kind(switches: Iterable[Switch]) -> Standing:
    """Return switches grouped by kind."""
    grouped: dict[SwitchKind, list[Switch]] = {}
    for one in switches:
        grouped.setdefault(one.kind, []).append(one)
    return {kind: tuple(members) for kind, members in grouped.items()}


def load(tx: Tx, now: int) -> Standing:
    """Read the switches that are neither lifted nor expired at `now`."""
    found = tx.rows(
        f"SELECT {_COLUMNS} FROM switch WHERE lifted_at IS NULL AND (expires_at IS NULL OR expires_at > :now)",
        {"now": now},
    )
    return by_kind(_from_row(row) for row in found)


def list_all(tx: Tx) -> list[Switch]:
    """Read every switch ever set, the latest first."""
    return [_from_row(row) for row in tx.rows(f"SELECT {_COLUMNS} FROM switch ORDER BY set_at DESC, id DESC")]


def get(tx: Tx, switch_id: str) -> Switch:
    """Read one switch; NotFoundError when there is none of this id."""
    row = tx.one(f"SELECT {_COLUMNS} FROM switch WHERE id = :id", {"id": switch_id})
    if row is None:
        raise NotFoundError(
            f"There is no switch {switch_id!r}.", next_step="`zhengming switches list` shows those that are set."
        )
    return _from_row(row)


def set_switch(
    tx: Tx,
    kind: SwitchKind,
    *,
    who: str,
    why: str,
    now: int,
    expires_at: int | None = None,
    service_id: str = EVERY,
    function: str = EVERY,
    persona: str = EVERY,
) -> Switch:
    """Set a switch in this unit, with its ledger entry `switch.set`.

    InvalidInputError when nobody or no reason is named, or when it would expire at once.
    """
    _named(who, why)
    if expires_at is not None and expires_at <= now:
        raise InvalidInputError(
            "The switch would expire before it is set.", next_step="Give an expiry that lies in the future, or none."
        )
    made = Switch(new_uuid(milliseconds=now), kind, service_id, function, persona, who, why, now, expires_at)
    tx.run(
        "INSERT INTO switch (id, kind, service_id, function, persona, who, why, set_at, expires_at)"
        " VALUES (:id, :kind, :service_id, :function, :persona, :who, :why, :set_at, :expires_at)",
        {**made._asdict(), "kind": str(kind)},
    )
    append(tx, EventType.SWITCH_SET, {"switch": _fields(made)}, at=now)
    bump(tx, VERSION)
    return made


def lift(tx: Tx, switch_id: str, *, who: str, why: str, now: int) -> Switch:
    """Lift a switch in this unit, with its ledger entry `switch.lifted`.

    NotFoundError when there is none of this id; ConflictError when it is lifted or expired already.
    """
    _named(who, why)
    found = get(tx, switch_id)
    if not found.stands(now):
        raise ConflictError(
            f"The switch {switch_id} is not in force any more.", next_step="`zhengming switches list` shows since when."
        )
    tx.run(
        "UPDATE switch SET lifted_at = :now, lifted_by = :who, lifted_why = :why WHERE id = :id",
        {"now": now, "who": who, "why": why, "id": switch_id},
    )
    lifted = found._replace(lifted_at=now, lifted_by=who, lifted_why=why)
    append(tx, EventType.SWITCH_LIFTED, {"switch": _fields(lifted)}, at=now)
    bump(tx, VERSION)
    return lifted


def require_unfrozen(tx: Tx, service_id: str, now: int) -> None:
    """Raise FrozenError, which says who froze changes, why and until when, unless changes are free.

    Asked inside the unit that changes something, so that a freeze which another process has just set counts.
    """
    frozen = in_force(load(tx, now), SwitchKind.FREEZE_CHANGES, now, service_id=service_id)
    if frozen is not None:
        until = "until it is lifted" if frozen.expires_at is None else f"until {frozen.expires_at} ms (Unix time)"
        raise FrozenError(
            f"Changes are frozen by {frozen.who} {until}: {frozen.why}.",
            next_step=f"Wait, or lift the switch {frozen.id}.",
        )


def _named(who: str, why: str) -> None:
    if not who.strip() or not why.strip() or len(who) > _TEXT_MAX or len(why) > _TEXT_MAX:
        raise InvalidInputError(
            "A switch needs who sets it and why.", next_step=f"Give both, in at most {_TEXT_MAX} characters each."
        )


def _lasting(one: Switch) -> tuple[bool, int, int]:
    return (one.expires_at is None, one.expires_at or 0, one.set_at)


def _from_row(row: Row) -> Switch:
    return Switch(row[0], SwitchKind(row[1]), *row[2:])


def _fields(one: Switch) -> dict[str, object]:
    return {name: value for name, value in one._asdict().items() if value is not None}
