"""Checkpoints: signed heads that were written down, and whether the present ledger continues each of them.

A head alone proves nothing about the past: whoever holds the signing key can sign another history. A checkpoint that
left the machine in time cannot be rewritten with it, so a later ledger must continue it, or shows that it does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from zhengming.core.errors import InvalidInputError, NotFoundError
from zhengming.core.words import EventType
from zhengming.ledger.entries import append
from zhengming.ledger.errors import LedgerBrokenError
from zhengming.ledger.head import Head, is_genuine
from zhengming.ledger.proof import ProofError, verify_consistency
from zhengming.ledger.prove import prove_consistency, read_head
from zhengming.store import Row, Tx

KIND: Final = "zhengming ledger checkpoint v1"
EVERY: Final = 86_400_000
"""Milliseconds after which a checkpoint is noted by itself, if anything was recorded since."""

_COLUMNS: Final = "size, root, at, key_id, signature, noted_at, noted_by"


class Checkpoint(NamedTuple):
    """A head that was written down, when (ms UTC) and by whom."""

    head: Head
    noted_at: int
    noted_by: str

    def as_json(self, public: bytes) -> dict[str, Any]:
        """Return the file to keep elsewhere; `zhengming ledger verify --head FILE` and :func:`read_file` take it."""
        return {"kind": KIND, **self.head.as_json(), "noted_at": self.noted_at, "public_key": public.hex()}


class Standing(NamedTuple):
    """How the present ledger stands to a checkpoint: `genuine` is its signature, `fault` is empty when it continues it.

    `proof` is the consistency proof (RFC 9162, 2.1.4) that was verified, empty when none could be made.
    """

    checkpoint: Checkpoint
    genuine: bool
    fault: str
    proof: Mapping[str, Any]

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return self.genuine and not self.fault


def note(tx: Tx, *, who: str, now: int) -> Checkpoint:
    """Write the present head down in this unit, with its ledger entry `ledger.noted`.

    The entry makes the unit fail with LedgerBrokenError when the head is not genuine: a forged one is never noted.
    """
    made = Checkpoint(read_head(tx)[0], now, who)
    values = {**made.head._asdict(), "noted_at": now, "noted_by": who}
    tx.run(
        f"INSERT INTO ledger_checkpoint ({_COLUMNS}) VALUES (:size, :root, :at, :key_id, :signature, :noted_at,"
        " :noted_by) ON CONFLICT (size) DO NOTHING",
        values,
    )
    append(tx, EventType.LEDGER_NOTED, {"size": made.head.size, "root": made.head.root.hex(), "who": who}, at=now)
    return made


def note_due(tx: Tx, *, who: str, now: int, every: int = EVERY) -> Checkpoint | None:
    """Note a checkpoint when the last one is older than `every` ms and something was recorded since, else None."""
    last = tx.one(f"SELECT {_COLUMNS} FROM ledger_checkpoint ORDER BY size DESC LIMIT 1")
    if last is not None:
        found = _from_row(last)
        # The entry of the last note itself is nothing new.
        if now - found.noted_at < every or read_head(tx)[0].size <= found.head.size + 1:
            return None
    return note(tx, who=who, now=now)


def list_of(tx: Tx, *, limit: int = 50) -> list[Checkpoint]:
    """Read the checkpoints, the latest first."""
    rows = tx.rows(f"SELECT {_COLUMNS} FROM ledger_checkpoint ORDER BY size DESC LIMIT :limit", {"limit": limit})
    return [_from_row(row) for row in rows]


def get(tx: Tx, size: int) -> Checkpoint:
    """Read the checkpoint of a size; NotFoundError when none was noted at it."""
    row = tx.one(f"SELECT {_COLUMNS} FROM ledger_checkpoint WHERE size = :size", {"size": size})
    if row is None:
        raise NotFoundError(f"No checkpoint was noted at {size} entries.", next_step="See the list of checkpoints.")
    return _from_row(row)


def compare(tx: Tx, checkpoint: Checkpoint, public: bytes) -> Standing:
    """Verify a checkpoint against the present ledger: its signature, and that the ledger continues it."""
    genuine = is_genuine(checkpoint.head, (public,))
    fault, proof = "", {}
    try:
        proof = prove_consistency(tx, checkpoint.head.size)
        head = Head.from_json(proof["head"])
        path = [bytes.fromhex(step) for step in proof["path"]]
        verify_consistency(checkpoint.head.size, checkpoint.head.root, head.size, head.root, path)
    except (ProofError, LedgerBrokenError, InvalidInputError) as error:
        fault = str(error)
    return Standing(checkpoint, genuine, fault, proof)


def read_file(found: object) -> Checkpoint:
    """Return the checkpoint in a file that was kept elsewhere, already parsed from JSON; raises InvalidInputError."""
    try:
        if not isinstance(found, dict):
            raise TypeError("it is no object")  # noqa: TRY301 - answered below like every other wrong shape
        head = Head.from_json(found)
        noted_at = int(found.get("noted_at", head.at))
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(
            "This is no checkpoint of a ledger.", next_step="Give the whole file as it was downloaded."
        ) from error
    return Checkpoint(head, noted_at, "")


def _from_row(row: Row) -> Checkpoint:
    return Checkpoint(Head(row[0], bytes(row[1]), row[2], row[3], bytes(row[4])), row[5], row[6])
