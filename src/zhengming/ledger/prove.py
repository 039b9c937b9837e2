"""Making proofs from the stored tiles: O(log n) rows, whatever the size of the ledger."""

from __future__ import annotations

import base64
from typing import Any, Final, NamedTuple

from zhengming.core.errors import InvalidInputError
from zhengming.ledger.errors import EntryNotFoundError, LedgerBrokenError
from zhengming.ledger.head import Head
from zhengming.ledger.tree import EMPTY_ROOT, SIZE, STRIDE, WIDTH, Frontier, frontier_size, node_hash, unpack
from zhengming.store import Row, Tx

# A tampered SQLite file may hold any type in any column; what is hashed or compared is read as bytes.
_HEAD: Final = {
    "sqlite": "SELECT CAST(size AS INTEGER), CAST(root AS BLOB), CAST(at AS INTEGER), hex(key_id), "
    "CAST(signature AS BLOB), CAST(frontier AS BLOB) FROM ledger_head WHERE id = 1",
    "postgresql": "SELECT size, root, at, encode(convert_to(key_id, 'UTF8'), 'hex'), signature, frontier "
    "FROM ledger_head WHERE id = 1",
}


class Hashes:
    """The hashes of one ledger, as stored, under its present head."""

    def __init__(self, tx: Tx, head: Head, frontier: Frontier) -> None:
        if frontier_size(frontier) != head.size:
            raise LedgerBrokenError(
                f"The frontier of the ledger does not fit its {head.size} entries.",
                next_step="Run `zhengming ledger verify`.",
            )
        self.head = head
        self._tx = tx
        self._frontier = frontier
        self._tiles: dict[tuple[int, int], bytes] = {}

    def complete(self, level: int, idx: int) -> bytes:
        """Return the hash of the complete subtree `idx` of 2^`level` leaves."""
        if level % STRIDE:
            return node_hash(self.complete(level - 1, 2 * idx), self.complete(level - 1, 2 * idx + 1))
        parent, place = divmod(idx, WIDTH)
        if (parent + 1) << (level + STRIDE) > self.head.size:
            return self._frontier[level // STRIDE][place]
        return self._tile(level + STRIDE, parent)[place * SIZE : place * SIZE + SIZE]

    def span(self, start: int, end: int) -> bytes:
        """Return the hash of the leaves `start` to `end` - 1 as RFC 6962 folds them; `start` is aligned."""
        count = end - start
        if count & (count - 1) == 0:
            level = count.bit_length() - 1
            return self.complete(level, start >> level)
        half = 1 << ((count - 1).bit_length() - 1)
        return node_hash(self.span(start, start + half), self.span(start + half, end))

    def root(self, size: int) -> bytes:
        """Return the root of the first `size` leaves."""
        return self.span(0, size) if size else EMPTY_ROOT

    def inclusion(self, seq: int, start: int, end: int) -> list[bytes]:
        """Return the audit path of leaf `seq` within the leaves `start` to `end` - 1 (RFC 6962, 2.1.1)."""
        if end - start == 1:
            return []
        half = 1 << ((end - start - 1).bit_length() - 1)
        middle = start + half
        if seq < middle:
            return [*self.inclusion(seq, start, middle), self.span(middle, end)]
        return [*self.inclusion(seq, middle, end), self.span(start, middle)]

    def consistency(self, old: int, start: int, end: int, *, whole: bool) -> list[bytes]:
        """Return the consistency proof from `old` within the leaves `start` to `end` - 1 (RFC 6962, 2.1.2)."""
        if old == end:
            return [] if whole else [self.span(start, end)]
        middle = start + (1 << ((end - start - 1).bit_length() - 1))
        if old <= middle:
            return [*self.consistency(old, start, middle, whole=whole), self.span(middle, end)]
        return [*self.consistency(old, middle, end, whole=False), self.span(start, middle)]

    def _tile(self, level: int, idx: int) -> bytes:
        found = self._tiles.get((level, idx))
        if found is None:
            row = self._tx.one(
                "SELECT hashes FROM ledger_node WHERE level = :level AND idx = :idx", {"level": level, "idx": idx}
            )
            if row is None or len(row[0]) != WIDTH * SIZE:
                raise LedgerBrokenError(
                    f"The stored node (level {level}, {idx}) is missing or malformed.",
                    next_step="Run `zhengming ledger verify`.",
                )
            found = self._tiles[level, idx] = row[0]
        return found


def read_head(tx: Tx) -> tuple[Head, Frontier]:
    """Return the head and its frontier as stored; raises LedgerBrokenError when there is none."""
    row = tx.one(_HEAD[tx.dialect])
    if row is None:
        raise LedgerBrokenError("The ledger has no head.", next_step="Run `zhengming ledger verify`.")
    try:
        key = bytes.fromhex(row[3]).decode("utf-8", "replace")
        return Head(row[0], row[1], row[2], key, row[4]), unpack(row[5])
    except ValueError as error:
        raise LedgerBrokenError(
            f"The head of the ledger is unreadable: {error}.", next_step="Run `zhengming ledger verify`."
        ) from error


def prove(tx: Tx, entry: str | int) -> dict[str, Any]:
    """Return the inclusion proof of an entry, by id or seq, as JSON that `proof.verify_proof` checks offline.

    Raises EntryNotFoundError when there is no such entry.
    """
    seq, name, payload = _row(tx, entry)
    head, frontier = read_head(tx)
    if seq >= head.size:
        raise EntryNotFoundError(f"Entry {seq} is not covered by the signed head of {head.size} entries.")
    path = Hashes(tx, head, frontier).inclusion(seq, 0, head.size)
    return {
        "kind": "zhengming inclusion proof v1",
        "seq": seq,
        "id": name,
        "payload": base64.b64encode(payload).decode("ascii"),
        "path": [step.hex() for step in path],
        "head": head.as_json(),
    }


def prove_consistency(tx: Tx, old_size: int) -> dict[str, Any]:
    """Return the proof that the present ledger continues the one of `old_size` entries.

    `proof.verify_consistency(old_size, old_root, size, root, path)` checks it against an old root that was
    noted elsewhere.
    """
    head, frontier = read_head(tx)
    if not 0 <= old_size <= head.size:
        raise InvalidInputError(
            f"The ledger has {head.size} entries, not {old_size}.", next_step="Give an earlier size."
        )
    hashes = Hashes(tx, head, frontier)
    path = hashes.consistency(old_size, 0, head.size, whole=True) if 0 < old_size < head.size else []
    return {
        "kind": "zhengming consistency proof v1",
        "old_size": old_size,
        "old_root": hashes.root(old_size).hex(),
        "path": [step.hex() for step in path],
        "head": head.as_json(),
    }


class Line(NamedTuple):
    """An entry as a list shows it; `at` is ms UTC."""

    seq: int
    id: str
    type: str
    at: int


def latest(tx: Tx, limit: int) -> list[Line]:
    """Return the latest entries, the last one first."""
    rows = tx.rows("SELECT seq, id, type, at FROM ledger_entry ORDER BY seq DESC LIMIT :limit", {"limit": limit})
    return [Line(*row) for row in rows]


def _row(tx: Tx, entry: str | int) -> Row:
    column = "seq" if isinstance(entry, int) else "id"
    row = tx.one(f"SELECT seq, id, payload FROM ledger_entry WHERE {column} = :entry", {"entry": entry})
    if row is None:
        raise EntryNotFoundError(f"The ledger has no entry {entry!r}.", next_step="Check the id; seq counts from 0.")
    return row
