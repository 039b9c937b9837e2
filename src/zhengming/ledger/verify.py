"""Verifying the whole ledger: streaming, in bounded memory, beside a server that goes on appending.

Each level is compared with what is stored above it, so that one change gives one finding: entries with the hashes in
their tile, tiles with the tile above, the last ones with the frontier, the frontier with the root, the root with the
signature.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
_FIRST_CHUNK: Final = WIDTH * 4
_READ_BYTES: Final = 16_000_000  # above this the next read is a quarter of the rows: long texts do not fill the memory
_TILE_BYTES: Final = WIDTH * SIZE

# A tampered SQLite file may hold any type in any column: what is compared is read as bytes.
_ROWS: Final = {
    "sqlite": "SELECT seq, CAST(id AS BLOB), CAST(type AS BLOB), CAST(at AS INTEGER), CAST(payload AS BLOB) "
    "FROM ledger_entry WHERE seq >= :start AND seq < :end ORDER BY seq",
    "postgresql": "SELECT seq, convert_to(id, 'UTF8'), convert_to(type, 'UTF8'), at, payload "
    "FROM ledger_entry WHERE seq >= :start AND seq < :end ORDER BY seq",
}
_TILES: Final = {
    "sqlite": "SELECT idx, CAST(hashes AS BLOB) FROM ledger_node "
    "WHERE level = :level AND idx >= :start AND idx < :end ORDER BY idx",
    "postgresql": "SELECT idx, hashes FROM ledger_node "
    "WHERE level = :level AND idx >= :start AND idx < :end ORDER BY idx",
}
_STRAYS: Final = "SELECT seq FROM ledger_entry WHERE seq >= :size OR seq < 0 ORDER BY seq LIMIT 100"
_LEVELS: Final = (
    "SELECT CAST(level AS INTEGER), CAST(min(idx) AS BIGINT), CAST(max(idx) AS BIGINT) "
    "FROM ledger_node GROUP BY level ORDER BY level"
)


Progress = Callable[[int, int], None]
"""Told how many of how many entries were read; what it raises ends the verification."""


def verify(
    store: Reader, public: Iterable[bytes], *, noted: Head | None = None, progress: Progress | None = None
) -> Report:
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
    walk.entries(progress)
    walk.tiles()
    _check_head(head, frontier, keys, findings)
    _check_strays(store, findings)
    if noted is not None:
        _check_noted(store, noted, keys, findings)
    return Report(head.size, head.root.hex(), walk.checked, tuple(findings.list), findings.total)


class _Walk:
    """One pass over the entries and then one over each level of tiles."""

    def __init__(self, store: Reader, head: Head, frontier: Frontier, findings: Findings) -> None:
        self.checked = 0
        self._store = store
        self._size = head.size
        self._frontier = frontier
        self._findings = findings

    def entries(self, progress: Progress | None = None) -> None:
        """Compare every entry with its hash in the tile, or in the frontier for the last ones."""
        start, chunk = 0, _FIRST_CHUNK
        while start < self._size:
            end = min(start + chunk, self._size)
            rows = self._rows(start, end)
            self.checked += len(rows)
            self._chunk(rows, self._above(0, start, end), start, end)
            start = end
            if progress is not None:
                progress(start, self._size)
            read = sum(len(row[4]) for row in rows)
            chunk = max(WIDTH, chunk // 4) if read > _READ_BYTES else min(chunk * 2, _CHUNK)
        self._findings.flush()

    def _chunk(self, rows: list[Row], stored: Sequence[bytes | None], start: int, end: int) -> None:
        """Compare the rows of one chunk with their stored hashes: a whole tile at once while nothing is wrong."""
        whole = len(rows) == end - start
        leaves = [sha256(b"\x00" + row[4]).digest() for row in rows]
        known: dict[int, tuple[Row, bytes]] = {}
        for number, hashes in enumerate(stored):
            first = number * WIDTH
            agrees = whole and hashes == b"".join(leaves[first : first + WIDTH])
            if agrees and all(map(_columns_agree, rows[first : first + WIDTH])):
                continue
            known = known or {row[0]: (row, leaf) for row, leaf in zip(rows, leaves, strict=True)}
            low, high = start + first, min(start + first + WIDTH, end)
            self._sixteen([known[seq] for seq in range(low, high) if seq in known], hashes, low, high)

    def _sixteen(self, rows: list[tuple[Row, bytes]], hashes: bytes | None, low: int, high: int) -> None:
        """Name what is wrong among the entries of one tile."""
        expected = low
        for row, leaf in rows:
            if row[0] > expected:
                self._findings.removed(expected, row[0])
            expected = row[0] + 1
            place = (row[0] - low) * SIZE
            self._row(row, agrees=hashes is None or hashes[place : place + SIZE] == leaf)
        if expected < high:
            self._findings.removed(expected, high)

    def _row(self, row: Row, *, agrees: bool) -> None:
        seq, name, payload = row[0], row[1].decode("utf-8", "replace"), row[4]
        own = _own_seq(payload)
        if own is not None and own != seq:
            self._findings.add(Kind.REORDERED, f"entry {seq}", f"the row {name} was written as entry {own}")
        elif not agrees:
            self._findings.add(Kind.CHANGED, f"entry {seq}", f"the payload of {name} does not have the stored hash")
        elif not _columns_agree(row):
            self._findings.add(Kind.CHANGED, f"entry {seq}", f"a column of {name} disagrees with its hashed payload")

    def tiles(self) -> None:
        """Compare the hash of every tile with what the tile above it, or the frontier, says."""
        rank = 1
        while count := self._size >> rank * STRIDE:
            for start in range(0, count, _CHUNK):
                self._rank(rank, start, min(start + _CHUNK, count))
            rank += 1

    def _rank(self, rank: int, start: int, end: int) -> None:
        tiles = self._tiles(rank, start, end)
        above = self._above(rank, start, end)
        level = rank * STRIDE
        for idx in range(start, end):
            hashes = tiles.get(idx)
            parent = above[idx // WIDTH - start // WIDTH]
            at = idx % WIDTH * SIZE
            if hashes is None:
                wrong = "the row is missing"
            elif len(hashes) != _TILE_BYTES:
                wrong = f"{len(hashes)} bytes instead of {_TILE_BYTES}"
            elif parent is not None and tile_hash(hashes) != parent[at : at + SIZE]:
                wrong = "its hashes do not lead to the hash that is stored above them"
            else:
                continue
            place = f"node (level {level}, {idx}) over entries {idx << level} to {(idx + 1 << level) - 1}"
            self._findings.add(Kind.NODE, place, wrong)

    def _above(self, rank: int, start: int, end: int) -> list[bytes | None]:
        """Return the stored hashes of `rank` by sixteens: from full tiles, then the frontier; None where missing."""
        tiles = self._tiles(rank + 1, start // WIDTH, -(-end // WIDTH))
        full = self._size >> (rank + 1) * STRIDE
        waiting = b"".join(self._frontier[rank]) if rank < len(self._frontier) else b""
        usable = {idx: hashes for idx, hashes in tiles.items() if len(hashes) == _TILE_BYTES}
        return [usable.get(idx) if idx < full else waiting for idx in range(start // WIDTH, -(-end // WIDTH))]

    def _rows(self, start: int, end: int) -> list[Row]:
        values = {"start": start, "end": end}
        return self._store.read_sync(lambda tx: tx.rows(_ROWS[tx.dialect], values))

    def _tiles(self, rank: int, start: int, end: int) -> dict[int, bytes]:
        values = {"level": rank * STRIDE, "start": start, "end": end}
        return {row[0]: row[1] for row in self._store.read_sync(lambda tx: tx.rows(_TILES[tx.dialect], values))}


def _columns_agree(row: Row) -> bool:
    """Whether seq, id, type and at are what the hashed payload says."""
    try:
        entry = orjson.loads(row[4])
        return (entry["seq"], entry["id"].encode(), entry["type"].encode(), entry["at"]) == row[:4]
    except (ValueError, KeyError, TypeError, AttributeError):
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
        size = read_head(tx)[0].size
        levels = tx.rows(_LEVELS)
        outside = [row for row in levels if row[0] <= 0 or row[0] % STRIDE or row[1] < 0 or row[2] >= size >> row[0]]
        return tx.rows(_STRAYS, {"size": size}), outside

    rows, levels = store.read_sync(strays)
    for (seq,) in rows:
        findings.add(Kind.INSERTED, f"entry {seq}", "the row lies outside the signed tree")
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
