"""The way from an entry to the root, step by step."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from zhengming.ledger.proof import ProofError
from zhengming.ledger.prove import prove
from zhengming.ledger.steps import walk
from zhengming.store import Store

Fill = Callable[[Store, int], list[str]]


@pytest.mark.parametrize(("count", "seq"), [(1, 0), (2, 1), (5, 4), (5, 0), (17, 16), (100, 63), (100, 99)])
def test_the_last_step_is_the_root(kept: Store, fill: Fill, count: int, seq: int) -> None:
    names = fill(kept, count)
    proof = kept.read_sync(lambda tx: prove(tx, seq))

    found = walk(proof)

    assert found.entry["id"] == names[seq]
    assert len(found.steps) == len(proof["path"])
    assert (found.steps[-1].result if found.steps else found.leaf) == proof["head"]["root"]


def test_a_changed_payload_is_refused(kept: Store, fill: Fill) -> None:
    fill(kept, 5)
    proof = kept.read_sync(lambda tx: prove(tx, 2))

    with pytest.raises(ProofError, match="does not lead to the root"):
        walk({**proof, "payload": kept.read_sync(lambda tx: prove(tx, 3))["payload"]})
