"""The tree against an independent implementation of RFC 6962: pymerkle, and the definition written out."""

from __future__ import annotations

from collections.abc import Iterator

import pymerkle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhengming.ledger import Signer
from zhengming.ledger.proof import ProofError, inclusion_root, verify_consistency
from zhengming.ledger.prove import Hashes
from zhengming.ledger.tree import EMPTY_ROOT, extend, frontier_size, leaf_hash, pack, root, unpack
from zhengming.store.tx import Row

SIGNER = Signer(bytes(32))


class Tiles:
    """The part of a transaction that `Hashes` reads: tiles by level and index."""

    def __init__(self) -> None:
        self.kept: dict[tuple[int, int], bytes] = {}

    def one(self, _sql: str, values: dict[str, int]) -> Row | None:
        """Return the tile that the values name."""
        found = self.kept.get((values["level"], values["idx"]))
        return None if found is None else (found,)


class Built:
    """A tree grown in batches, beside pymerkle's."""

    def __init__(self, batches: list[int]) -> None:
        self.frontier: list[list[bytes]] = []
        self.tiles = Tiles()
        self.leaves: list[bytes] = []
        self.oracle = pymerkle.InmemoryTree(algorithm="sha256")
        for batch in batches:
            new = [b"entry %d" % number for number in range(len(self.leaves), len(self.leaves) + batch)]
            for tile in extend(self.frontier, len(self.leaves), [leaf_hash(payload) for payload in new]):
                assert (tile.level, tile.idx) not in self.tiles.kept
                self.tiles.kept[tile.level, tile.idx] = tile.hashes
            self.leaves += [leaf_hash(payload) for payload in new]
            for payload in new:
                self.oracle.append_entry(payload)

    def hashes(self) -> Hashes:
        """Return the hashes under the present head."""
        head = SIGNER.sign(len(self.leaves), root(self.frontier), 0)
        return Hashes(self.tiles, head, self.frontier)  # type: ignore[arg-type]  # the part that is used


BATCHES = st.lists(st.integers(1, 90), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(BATCHES)
def test_the_root_is_that_of_the_oracle_however_the_entries_are_batched(batches: list[int]) -> None:
    built = Built(batches)
    assert root(built.frontier) == built.oracle.get_root()
    assert frontier_size(built.frontier) == len(built.leaves)
    assert unpack(pack(built.frontier)) == built.frontier


@settings(max_examples=60, deadline=None)
@given(BATCHES, st.data())
def test_every_inclusion_path_leads_to_the_root_of_the_oracle(batches: list[int], data: st.DataObject) -> None:
    built = Built(batches)
    size = len(built.leaves)
    seq = data.draw(st.integers(0, size - 1))
    path = built.hashes().inclusion(seq, 0, size)
    assert inclusion_root(built.leaves[seq], seq, size, path) == built.oracle.get_root()
    assert len(path) <= max(1, (size - 1).bit_length())


@settings(max_examples=60, deadline=None)
@given(BATCHES, st.data())
def test_every_consistency_path_joins_the_roots_of_the_oracle(batches: list[int], data: st.DataObject) -> None:
    built = Built(batches)
    size = len(built.leaves)
    old = data.draw(st.integers(1, size))
    hashes = built.hashes()
    assert hashes.root(old) == built.oracle.get_root(old)
    path = hashes.consistency(old, 0, size, whole=True) if old < size else []
    verify_consistency(old, built.oracle.get_root(old), size, built.oracle.get_root(), path)
    with pytest.raises(ProofError):
        verify_consistency(old, leaf_hash(b"another past"), size, built.oracle.get_root(), path)
    with pytest.raises(ProofError):
        verify_consistency(old, built.oracle.get_root(old), size, built.oracle.get_root(), [*path, bytes(32)])


def bad_steps(path: list[bytes]) -> Iterator[list[bytes]]:
    yield [*path, bytes(32)]
    yield path[:-1]
    yield [bytes(32), *path[1:]]
    yield list(reversed(path))


def test_a_wrong_path_never_leads_to_the_root() -> None:
    built = Built([700])
    path = built.hashes().inclusion(333, 0, 700)
    for wrong in bad_steps(path):
        try:
            found = inclusion_root(built.leaves[333], 333, 700, wrong)
        except ProofError:
            continue
        assert found != built.oracle.get_root()


@pytest.mark.parametrize(("seq", "size"), [(-1, 5), (5, 5), (0, 0)])
def test_a_place_outside_the_tree_is_refused(seq: int, size: int) -> None:
    with pytest.raises(ProofError, match="no entry"):
        inclusion_root(bytes(32), seq, size, [])


def test_the_empty_tree_is_the_start_of_every_other() -> None:
    built = Built([5])
    assert root([]) == EMPTY_ROOT
    verify_consistency(0, EMPTY_ROOT, 5, root(built.frontier), [])
    with pytest.raises(ProofError):
        verify_consistency(6, EMPTY_ROOT, 5, root(built.frontier), [])


@pytest.mark.parametrize("packed", [b"\x10" + bytes(32 * 16), b"\x02" + bytes(32), b"\xff"])
def test_a_malformed_frontier_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match="malformed"):
        unpack(packed)
