"""One turn with everything that is known of it but its texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from zhengming.core.errors import NotFoundError
from zhengming.gateway.turns import reading
from zhengming.gateway.turns.reading import TurnRow
from zhengming.store import Row, Tx

_MOST: Final = 2_000
"""How many findings, and how many signs of progress, one page may carry."""


class TurnSignal(NamedTuple):
    """A finding. `place` is the text that the span counts in: a path of the request, a channel of the answer."""

    position: int
    surface: str
    place: str
    category: str
    severity: int
    rule: str
    rule_version: str
    span_start: int | None
    span_end: int | None
    score: float
    verdict: str


class Progress(NamedTuple):
    """What a long stream had shown at a moment (ms UTC)."""

    entry_id: str
    at: int
    characters: int


class Reveal(NamedTuple):
    """Who opened the texts, when (ms UTC), and why."""

    entry_id: str
    at: int
    who: str
    why: str


@dataclass(frozen=True, slots=True)
class TurnDetail:
    """A turn. `row` is what lists show; the rest is what its page adds.

    `key_prefix` is empty for a key that is gone and for the playground; `has_input` and the like say whether a sealed
    text is there, `erased` whether the key that opens it was destroyed; `previous` and `following` are the neighbours
    in the conversation.
    """

    row: TurnRow
    rules_version: str
    policy_version: str
    instance: str
    added_ms: float | None
    opened_entry: str | None
    closed_entry: str | None
    has_input: bool
    has_output: bool
    has_said: bool
    erased: bool
    key_prefix: str
    key_note: str
    signals: tuple[TurnSignal, ...]
    progress: tuple[Progress, ...]
    reveals: tuple[Reveal, ...]
    previous: str | None
    following: str | None


_MORE: Final = (
    "rules_version, policy_version, instance, added_ms, opened_entry, closed_entry, substr(input_sealed, 2, 4),"
    " substr(output_sealed, 2, 4), said_sealed IS NOT NULL"
)


def get(tx: Tx, turn_id: str) -> TurnDetail:
    """Read one turn; NotFoundError when there is none of this id."""
    found = reading.by_id(tx, turn_id)
    if found is None:
        raise NotFoundError(f"There is no turn {turn_id[:60]!r}.", next_step="Look for it in the list: /turns")
    more = tx.rows(f"SELECT {_MORE} FROM turn WHERE id = :id", {"id": turn_id})[0]
    prefix, note = _key(tx, found.key_id)
    return TurnDetail(
        row=found,
        rules_version=more[0],
        policy_version=more[1],
        instance=more[2],
        added_ms=more[3],
        opened_entry=more[4],
        closed_entry=more[5],
        has_input=more[6] is not None,
        has_output=more[7] is not None,
        has_said=bool(more[8]),
        erased=_erased(tx, found.person_id, more[7] if more[6] is None else more[6]),
        key_prefix=prefix,
        key_note=note,
        signals=tuple(TurnSignal(*row) for row in _rows(tx, TurnSignal._fields, "turn_signal", "position", turn_id)),
        progress=tuple(Progress(*row) for row in _rows(tx, Progress._fields, "turn_progress", "at", turn_id)),
        reveals=tuple(Reveal(*row) for row in _rows(tx, Reveal._fields, "turn_reveal", "at", turn_id)),
        previous=_neighbour(tx, found, "<", "DESC"),
        following=_neighbour(tx, found, ">", "ASC"),
    )


def _rows(tx: Tx, columns: tuple[str, ...], table: str, order: str, turn_id: str) -> list[Row]:
    return tx.rows(
        f"SELECT {', '.join(columns)} FROM {table} WHERE turn_id = :id ORDER BY {order} LIMIT {_MOST}", {"id": turn_id}
    )


def _key(tx: Tx, key_id: str) -> tuple[str, str]:
    row = tx.one("SELECT prefix, note FROM api_key WHERE id = :id", {"id": key_id})
    return ("", "") if row is None else (str(row[0]), str(row[1]))


def _erased(tx: Tx, person_id: str, generation: bytes | None) -> bool:
    """Whether the data key of a sealed text was destroyed."""
    if generation is None:
        return False
    row = tx.one(
        "SELECT wrapped IS NULL FROM person_key WHERE person_id = :person AND generation = :generation",
        {"person": person_id, "generation": int.from_bytes(generation, "big")},
    )
    return row is None or bool(row[0])


def _neighbour(tx: Tx, row: TurnRow, sign: str, order: str) -> str | None:
    found = tx.one(
        f"SELECT id FROM turn WHERE conversation_id = :conversation AND (opened_at, id) {sign} (:at, :id)"
        f" ORDER BY opened_at {order}, id {order} LIMIT 1",
        {"conversation": row.conversation_id, "at": row.opened_at, "id": row.id},
    )
    return None if found is None else str(found[0])
