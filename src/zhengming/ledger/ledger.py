"""The ledger on a store: gives each entry its place in the tree when the batch commits.

The head row is read last in the transaction (on PostgreSQL `FOR UPDATE`, so that several processes queue up behind it
for the shortest time) and written once a batch. An append builds only on a head that this process wrote or whose
signature holds: a forged head must never be signed anew.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Final, Self

from zhengming.ledger.errors import LedgerBrokenError
from zhengming.ledger.head import Head, Signer, is_genuine
from zhengming.ledger.tree import EMPTY_ROOT, Frontier, extend, frontier_size, leaf_hash, pack, root, unpack
from zhengming.store import Store, Tx
from zhengming.store.tx import Entry

_READ: Final = "SELECT size, root, at, key_id, signature, frontier FROM ledger_head WHERE id = 1"
_FIRST: Final = (
    "INSERT INTO ledger_head (id, size, root, frontier, at, key_id, signature) "
    "VALUES (1, :size, :root, :frontier, :at, :key_id, :signature) ON CONFLICT (id) DO NOTHING"
)
_UPDATE: Final = (
    "UPDATE ledger_head SET size = :size, root = :root, frontier = :frontier, at = :at, key_id = :key_id, "
    "signature = :signature WHERE id = 1"
)
_ENTRY: Final = "INSERT INTO ledger_entry (seq, id, type, at, payload) VALUES (:seq, :id, :type, :at, :payload)"
_TILE: Final = "INSERT INTO ledger_node (level, idx, hashes) VALUES (:level, :idx, :hashes)"


class Ledger:
    """The ledger of a store; one for each store, attached where the store is opened."""

    def __init__(self, signer: Signer, dialect: str) -> None:
        self._signer = signer
        self._read = _READ + (" FOR UPDATE" if dialect == "postgresql" else "")
        self._written: tuple[Head, bytes] | None = None
        self._acknowledged = 0

    @classmethod
    def attach(cls, store: Store, signer: Signer) -> Self:
        """Make every append of the store end in the ledger; on a new database the empty head is signed.

        Raises LedgerBrokenError when the head is missing beside entries, or was not signed by this key.
        """
        ledger = cls(signer, store.dialect)
        store.write_sync(ledger._found)
        store.before_commit(ledger.append_batch)
        return ledger

    def _found(self, tx: Tx) -> None:
        """Sign the head of an empty ledger, check the head of any other."""
        if tx.one("SELECT id FROM ledger_head") is None and tx.one("SELECT seq FROM ledger_entry LIMIT 1") is None:
            first = self._signer.sign(0, EMPTY_ROOT, _now())
            tx.run(_FIRST, {**first._asdict(), "frontier": b""})
        self._head(tx)

    def append_batch(self, tx: Tx, entries: list[Entry]) -> None:
        """Store the entries, the tiles that they fill and the new signed head: the hook before COMMIT."""
        head, frontier = self._head(tx)
        rows = []
        leaves = []
        for seq, (name, event, at, first, rest) in enumerate(entries, start=head.size):
            payload = b"%b%d%b" % (first, seq, rest)
            rows.append({"seq": seq, "id": name, "type": event, "at": at, "payload": payload})
            leaves.append(leaf_hash(payload))
        tx.run_many(_ENTRY, rows)
        tiles = extend(frontier, head.size, leaves)
        if tiles:
            tx.run_many(_TILE, [tile._asdict() for tile in tiles])
        new = self._signer.sign(head.size + len(entries), root(frontier), _now())
        packed = pack(frontier)
        tx.run(_UPDATE, {**new._asdict(), "frontier": packed})
        self._written = (new, packed)
        tx.on_commit(partial(setattr, self, "_acknowledged", new.size))

    def _head(self, tx: Tx) -> tuple[Head, Frontier]:
        """Return the stored head and its frontier, once it is known to be genuine."""
        row = tx.one(self._read)
        if row is None:
            raise _broken("its head row is missing")
        head, packed = Head(*row[:5]), row[5]
        try:
            frontier = unpack(packed)
        except ValueError as error:
            raise _broken(str(error)) from error
        if head.size < self._acknowledged:
            raise _broken(f"it has {head.size} entries, but {self._acknowledged} were acknowledged")
        if self._written != (head, packed):
            if not is_genuine(head, (self._signer.public,)):
                raise _broken(f"its head of {head.size} entries is not signed by this key ({self._signer.key_id})")
            if frontier_size(frontier) != head.size or root(frontier) != head.root:
                raise _broken(f"the frontier of its head does not lead to the signed root of {head.size} entries")
        return head, frontier


def _broken(what: str) -> LedgerBrokenError:
    return LedgerBrokenError(
        f"The ledger cannot be continued: {what}.",
        next_step="Run `zhengming ledger verify`, and restore the database or the key that belongs to it.",
    )


def _now() -> int:
    return time.time_ns() // 1_000_000
