"""End users by pseudonym: rows, age bands, and the audience that a turn is judged for.

An age is kept as a band only (core's `Audience`): the birth date is used once and forgotten. A band therefore does not
grow older by itself; the operator reports again, for example at log-in. Until then the stricter band stays.
"""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple

from zhengming.accounts.profiles import ServiceProfile
from zhengming.core.errors import InvalidInputError
from zhengming.core.words import Audience, strictest
from zhengming.store.tx import Row, Tx

VERSION: Final = "people"

CHILD_BELOW: Final = 14
"""Below 14 personal data of a child and guardian consent come in (Order 766; anthropomorphic measures)."""
ADULT_FROM: Final = 18
ELDER_FROM: Final = 60
_OLDEST: Final = 150

_COLUMNS = "id, service_id, stand_in, band, registered_at, login_at"


class Person(NamedTuple):
    """What is known of an end user. Times are milliseconds since 1970, UTC; `band` is None until it is reported."""

    id: str
    service_id: str
    stand_in: bool
    band: Audience | None = None
    registered_at: int | None = None
    login_at: int | None = None


def ensure(tx: Tx, person_id: str, service_id: str, *, stand_in: bool, now: int) -> None:
    """Make the row of a person unless it is there; one cheap statement, meant for the unit that opens a turn."""
    tx.run(
        "INSERT INTO person (id, service_id, stand_in, created_at) VALUES (:id, :service_id, :stand_in, :now)"
        " ON CONFLICT (id) DO NOTHING",
        {"id": person_id, "service_id": service_id, "stand_in": int(stand_in), "now": now},
    )


def get(tx: Tx, person_id: str) -> Person | None:
    """Read a person, None when nothing was ever heard of them."""
    row = tx.one(f"SELECT {_COLUMNS} FROM person WHERE id = :id", {"id": person_id})
    return None if row is None else _from_row(row)


def changed_since(tx: Tx, change: int, limit: int = 10_000) -> tuple[list[Person], int]:
    """Read the people reported on after a change number, in order, at most `limit`; and the last number read.

    The numbers are versions of the row `people`, whose lock is held to the end of the unit: whoever sees a number sees
    every report up to it.
    """
    found = tx.rows(
        f"SELECT {_COLUMNS}, change FROM person WHERE change > :change ORDER BY change LIMIT :limit",
        {"change": change, "limit": limit},
    )
    return [_from_row(row) for row in found], (int(found[-1][-1]) if found else change)


def forget(tx: Tx, person_id: str) -> None:
    """Remove a person's row, conversations and fingerprints in this unit.

    Part of an erasure: a fingerprint is keyed, yet with the key a short text can be guessed from it.
    """
    values = {"id": person_id}
    theirs = "(SELECT id FROM conversation WHERE person_id = :id)"
    tx.run(f"DELETE FROM conversation_response WHERE conversation_id IN {theirs}", values)
    tx.run(f"DELETE FROM conversation_node WHERE conversation_id IN {theirs}", values)
    tx.run("DELETE FROM conversation WHERE person_id = :id", values)
    tx.run("DELETE FROM person WHERE id = :id", values)


def band_of_age(years: int) -> Audience:
    """Return the band of an age in whole years; InvalidInputError when nobody has that age."""
    if not 0 <= years <= _OLDEST:
        raise InvalidInputError(f"Nobody is {years} years old.", next_step="Report an age from 0 to 150, or a band.")
    if years < CHILD_BELOW:
        return Audience.CHILD
    if years < ADULT_FROM:
        return Audience.TEEN
    return Audience.ADULT if years < ELDER_FROM else Audience.ELDER


def band_of_birth(birth: date, today: date) -> Audience:
    """Return the band of a birth date; who was born on 29 February is a year older from 1 March in common years."""
    return band_of_age(today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day)))


def audience_for(service: ServiceProfile, person: Person | None, *, has_conversation: bool) -> Audience:
    """Return the audience that a turn is judged for.

    A reported band counts. Who is unknown, or merely stands for an API key, is treated as the strictest that the
    service allows; so is a turn that belongs to no conversation, unless the reported band is stricter still.
    """
    cautious = strictest(service.audiences)
    band = None if person is None or person.stand_in else person.band
    if band is None:
        return cautious
    return band if has_conversation else strictest(frozenset({band, cautious}))


def _from_row(row: Row) -> Person:
    return Person(row[0], row[1], bool(row[2]), None if row[3] is None else Audience(row[3]), row[4], row[5])
