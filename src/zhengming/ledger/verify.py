"""Verifying the whole ledger: streaming, in bounded memory, beside a server that goes on appending.

Each level is compared with what is stored above it, so that one change gives one finding: entries with the hashes in their
tile, tiles with the tile above, the last ones with the frontier, the frontier with the root, the root with the signature.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

import orjson

from zhengming.ledger.errors import LedgerBrokenError
from zhengming.ledger.findings import Findings, Kind, Report
from zhengming.ledger.head import Head, is_genuine
from zhengming.ledger.prove import Hashes, read_head
from zhengming.ledger.tree import SIZE, STRIDE, WIDTH, Frontier, frontier_size, root, tile_hash
from zhengming.store import Row, Tx
from zhengming.store.readers import Reader

_CHUNK: Final = WIDTH * 256
_ROWS: Final = "SELECT seq, id, type, at, payload FROM ledger_entry WHERE seq >= :start AND seq < :end ORDER BY seq"
_TILES: Final = "SELECT idx, hashes FROM ledger_node WHERE level = :level AND idx >= :start AND idx < :end ORDER BY idx"
_NO_HEAD: Final = Report(0, "", 0, (), 1)


def verify(store: Reader, public: Iterable[bytes], *, noted: Head | None = None) -> Report:
    """Check every entry, node and the head; return what is wrong, each thing named.

    `public` are the public keys that may have signed the head. `noted` is a genuine head that was kept elsewhere: the
    ledger must continue it. Raises StoreUnavailableError when the database does not answer.
    """
    findings = Findings()
    try:
        head, frontier = store.read_sync(read_head)
    except LedgerBrokenError as error:
        findings.add(Kind.HEAD, "head", error.message)
        return Report(0, "", 0, tuple(findings.list), findings.total)
    keys = tuple(public)
    walk = _Walk(store, head, frontier, findings)
    walk.entries()
    walk.tiles_above()
    _check_head(head, frontier, keys, findings)
    _check_strays(store, findings)
    if noted is not None:
        _check_noted(store, noted, keys, findings)
    return Report(head.size, head.root.hex(), walk.checked, tuple(findings.list), findings.total)


class _Walk:
    """One pass over the entries and then over each level of tiles."""

    def __init__(self, store: Reader, head: Head, frontier: Frontier, findings: Findings) -> None:
        self.checked = 0
        self._store = store
        self._size = head.size
        self._frontier = frontier
        self._findings = findings

    def entries(self) -> None:
        """Compare every entry with its hash in the tile, or in the frontier for the last ones."""
        for start in range(0, self._size, _CHUNK):
            end = min(start + _CHUNK, self._size)
            rows = self._store.read_sync(lambda tx, a=start, b=end: tx.rows(_ROWS, {"start": a, "end": b}))  # type: ignore[misc]
            stored = self._stored(0, start // WIDTH, -(-end // WIDTH))
            self.checked += len(rows)
            self._chunk(rows, stored, start, end)
        self._findings.flush()

    def _chunk(self, rows: list[Row], stored: Sequence[bytes | None], start: int, end: int) -> None:
        """Compare the rows of one chunk with their stored hashes: a whole tile at once while nothing is wrong."""
        whole = len(rows) == end - start
        leaves = [sha256(b"\x00" + row[4]).digest() for row in rows]
        for number, hashes in enumerate(stored):
            first = number * WIDTH
            if whole:
                group, found = rows[first : first + WIDTH], leaves[first : first + WIDTH]
                if hashes == b"".join(found) and all(map(_columns_agree, group)):
                    continue
            low, high = start + first, min(start + first + WIDTH, end)
            chosen = [(row, leaf) for row, leaf in zip(rows, leaves, strict=True) if low <= row[0] < high]
            self._tile(chosen, hashes, low, high)

    def _tile(self, rows: list[tuple[Row, bytes]], hashes: bytes | None, low: int, high: int) -> None:
        """Name what is wrong among the entries of one tile."""
        expected = low
        for row, leaf in rows:
            if row[0] > expected:
                self._findings.removed(expected, row[0])
            expected = row[0] + 1
            place = (row[0] - low) * SIZE
            self._row(row, hashes is None or hashes[place : place + SIZE] == leaf)
        if expected < high:
            self._findings.removed(expected, high)

    def _row(self, row: Row, hash_agrees: bool) -> None:  # noqa: FBT001 - private, one caller
        seq, name, payload = row[0], row[1], row[4]
        own = _own_seq(payload)
        if own is not None and own != seq:
            self._findings.add(Kind.REORDERED, f"entry {seq}", f"the row {name} was written as entry {own}")
        elif not hash_agrees:
            self._findings.add(Kind.CHANGED, f"entry {seq}", f"the payload of {name} does not have the stored hash")
        elif not _columns_agree(row):
            self._findings.add(Kind.CHANGED, f"entry {seq}", f"a column of {name} disagrees with its hashed payload")

    def tiles_above(self) -> None:
        """Compare the hash of every tile with what the tile above it, or the frontier, says."""
        rank = 1
        while self._size >> rank * STRIDE:
            count = self._size >> rank * STRIDE
            for start in range(0, count, _CHUNK):
                self._rank(rank, start, min(start + _CHUNK, count))
            rank += 1

    def _rank(self, rank: int, start: int, end: int) -> None:
        tiles = self._tiles(rank, start, end)
        above = self._stored(rank, start // WIDTH, -(-end // WIDTH))
        for idx in range(start, end):
            hashes = tiles.get(idx)
            place = f"node (level {rank * STRIDE}, {idx}) over entries {idx << rank * STRIDE} to {(idx + 1 << rank * STRIDE) - 1}"
            if hashes is None:
                self._findings.add(Kind.NODE, place, "the row is missing")
                continue
            parent = above[idx // WIDTH - start // WIDTH]
            at = idx % WIDTH * SIZE
            if len(hashes) != WIDTH * SIZE:
                self._findings.add(Kind.NODE, place, f"{len(hashes)} bytes instead of {WIDTH * SIZE}")
            elif parent is not None and tile_hash(hashes) != parent[at : at + SIZE]:
                self._findings.add(Kind.NODE, place, "its hashes do not lead to the hash stored above them")

    def _stored(self, rank: int, start: int, end: int) -> list[bytes | None]:
        """Return the joined hashes of `rank` by groups of sixteen: full tiles, then the frontier's; None when missing."""
        tiles = self._tiles(rank + 1, start, end)
        full = self._size >> (rank + 1) * STRIDE
        waiting = b"".join(self._frontier[rank]) if rank < len(self._frontier) else b""
        return [tiles.get(idx) if idx < full else waiting for idx in range(start, end)]

    def _tiles(self, rank: int, start: int, end: int) -> dict[int, bytes]:
        values = {"level": rank * STRIDE, "start": start, "end": end}
        return {row[0]: row[1] for row in self._store.read_sync(lambda tx: tx.rows(_TILES, values))}


def _columns_agree(row: Row) -> bool:
    """Whether seq, id, type and at are what the hashed payload says."""
    try:
        entry = orjson.loads(row[4])
        return (entry["seq"], entry["id"], entry["type"], entry["at"]) == row[:4]
    except (ValueError, KeyError, TypeError):
        return False


def _own_seq(payload: bytes) -> int | None:
    """Return the seq that the payload names, None when it is no entry any more."""
    try:
        found = orjson.loads(payload)["seq"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, int) else None


def _check_head(head: Head, frontier: Frontier, public: tuple[bytes, ...], findings: Findings) -> None:
    if frontier_size(frontier) != head.size or root(frontier) != head.root:
        findings.add(Kind.HEAD, "head", f"its frontier does not lead to its root of {head.size} entries")
    if not is_genuine(head, public):
        findings.add(Kind.HEAD, "head", f"no trusted key signed it (it names the key {head.key_id})")


def _check_strays(store: Reader, findings: Findings) -> None:
    """Name rows and nodes outside the tree; read together with the head, since a server may go on appending."""

    def strays(tx: Tx) -> tuple[list[Row], list[Row]]:
        row = tx.one("SELECT size FROM ledger_head WHERE id = 1")
        size = 0 if row is None else row[0]
        rows = tx.rows(
            "SELECT seq, id FROM ledger_entry WHERE seq >= :size OR seq < 0 ORDER BY seq LIMIT 100", {"size": size}
        )
        levels = tx.rows("SELECT level, min(idx), max(idx) FROM ledger_node GROUP BY level ORDER BY level")
        return rows, [row for row in levels if row[0] % STRIDE or row[0] <= 0 or row[1] < 0 or row[2] >= size >> row[0]]

    rows, levels = store.read_sync(strays)
    for seq, name in rows:
        findings.add(Kind.INSERTED, f"entry {seq}", f"the row {name} lies outside the signed tree")
    for level, low, high in levels:
        findings.add(Kind.NODE, f"level {level}", f"nodes {low} to {high} reach outside the tree")


def _check_noted(store: Reader, noted: Head, public: tuple[bytes, ...], findings: Findings) -> None:
    """Compare the ledger with a head that was kept elsewhere."""
    if not is_genuine(noted, public):
        findings.add(Kind.HEAD, "noted head", f"no trusted key signed it (it names the key {noted.key_id})")

    def past(tx: Tx) -> tuple[int, bytes]:
        head, frontier = read_head(tx)
        return head.size, Hashes(tx, head, frontier).root(min(noted.size, head.size))

    try:
        size, found = store.read_sync(past)
    except LedgerBrokenError as error:
        findings.add(Kind.HEAD, "noted head", error.message)
        return
    if size < noted.size:
        findings.add(Kind.HEAD, "head", f"the ledger has {size} entries, the noted head had {noted.size}")
    elif found != noted.root:
        findings.add(Kind.HEAD, "head", f"the first {noted.size} entries are not those of the noted head")
