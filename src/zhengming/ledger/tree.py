"""The tree: RFC 6962, section 2.1, with complete subtrees kept in tiles of sixteen hashes.

A tile `(level, idx)` with level 4, 8, 12, ... is the sixteen hashes of level - 4 below one complete subtree of 2^level
leaves. What is not yet in a full tile waits in the *frontier*: for each level a list of at most fifteen hashes. Append,
inclusion and consistency proofs touch O(log n) tiles. Pure: bytes in, bytes out.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Final, NamedTuple

WIDTH: Final = 16
STRIDE: Final = 4
SIZE: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()

Frontier = list[list[bytes]]


class Tile(NamedTuple):
    """One full tile: sixteen hashes of `level` - 4, joined."""

    level: int
    idx: int
    hashes: bytes


def leaf_hash(payload: bytes) -> bytes:
    """Return SHA-256(0x00 || payload)."""
    return sha256(b"\x00" + payload).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def tile_hash(hashes: bytes) -> bytes:
    """Return the hash of the complete subtree whose sixteen subtrees a tile holds."""
    row = [sha256(b"\x01" + hashes[at : at + 64]).digest() for at in range(0, WIDTH * SIZE, 64)]
    while len(row) > 1:
        row = [sha256(b"\x01" + row[at] + row[at + 1]).digest() for at in range(0, len(row), 2)]
    return row[0]


def extend(frontier: Frontier, size: int, leaves: Iterable[bytes]) -> list[Tile]:
    """Add leaf hashes to the frontier of a tree of `size` leaves, in place; return the tiles that became full."""
    tiles: list[Tile] = []
    for count, leaf in enumerate(leaves, start=size + 1):
        found = leaf
        rank = 0
        while True:
            if rank == len(frontier):
                frontier.append([])
            waiting = frontier[rank]
            waiting.append(found)
            if len(waiting) < WIDTH:
                break
            joined = b"".join(waiting)
            waiting.clear()
            rank += 1
            tiles.append(Tile(rank * STRIDE, (count >> rank * STRIDE) - 1, joined))
            found = tile_hash(joined)
    return tiles


def root(frontier: Frontier) -> bytes:
    """Return the root of the tree with this frontier."""
    edge: bytes | None = None
    for waiting in frontier:
        edge = _fold_edge(waiting, edge)
    return EMPTY_ROOT if edge is None else edge


def _fold_edge(row: list[bytes], edge: bytes | None) -> bytes | None:
    """Fold the complete subtrees of one rank, and the incomplete rest to their right, into one hash."""
    for _ in range(STRIDE):
        if len(row) % 2:
            edge = row[-1] if edge is None else node_hash(row[-1], edge)
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)]
    return edge


def pack(frontier: Frontier) -> bytes:
    """Return the frontier as bytes: for each level a count of one byte and the hashes."""
    return b"".join(bytes((len(waiting),)) + b"".join(waiting) for waiting in frontier)


def unpack(packed: bytes) -> Frontier:
    """Return the frontier that :func:`pack` wrote; raises ValueError when it cannot have."""
    frontier: Frontier = []
    at = 0
    while at < len(packed):
        count = packed[at]
        end = at + 1 + count * SIZE
        if count >= WIDTH or end > len(packed):
            message = f"the frontier is malformed at byte {at}"
            raise ValueError(message)
        frontier.append([packed[place : place + SIZE] for place in range(at + 1, end, SIZE)])
        at = end
    return frontier


def frontier_size(frontier: Frontier) -> int:
    """Return how many leaves a tree with this frontier has."""
    return sum(len(waiting) << rank * STRIDE for rank, waiting in enumerate(frontier))
