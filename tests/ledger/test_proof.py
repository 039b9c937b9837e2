"""Proofs travel: they are checked without the database, by a file that needs the standard library only."""

from __future__ import annotations

import ast
import base64
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from zhengming.core.errors import InvalidInputError
from zhengming.ledger import proof as proof_module
from zhengming.ledger.errors import EntryNotFoundError
from zhengming.ledger.proof import ProofError, verify_consistency, verify_proof
from zhengming.ledger.prove import prove, prove_consistency, read_head
from zhengming.store import Store

Fill = Callable[[Store, int], list[str]]


@pytest.mark.parametrize("size", [1, 2, 17, 256, 273, 600])
def test_entries_are_proved_by_id_and_by_seq(kept: Store, fill: Fill, size: int) -> None:
    names = fill(kept, size)
    for seq in {0, size // 2, size - 1}:
        found = kept.read_sync(lambda tx, seq=seq: prove(tx, names[seq]))  # type: ignore[misc]
        assert found == kept.read_sync(lambda tx, seq=seq: prove(tx, seq))  # type: ignore[misc]
        entry = verify_proof(json.loads(json.dumps(found)))
        assert (entry["id"], entry["seq"], entry["turn"]) == (names[seq], seq, seq)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("seq", 6),
        ("id", "another"),
        ("payload", base64.b64encode(b"{}").decode()),
        ("payload", "no base64"),
        ("path", []),
        ("path", ["00"]),
        ("path", ["zz"]),
        ("head", {}),
        ("head", None),
    ],
)
def test_a_changed_proof_does_not_hold(kept: Store, fill: Fill, place: str, value: object) -> None:
    fill(kept, 20)
    found = kept.read_sync(lambda tx: prove(tx, 5))
    with pytest.raises(ProofError):
        verify_proof({**found, place: value})


def test_a_later_ledger_continues_an_earlier_one(kept: Store, fill: Fill) -> None:
    heads = []
    for count in (1, 15, 1, 300, 2):
        fill(kept, count)
        heads.append(kept.read_sync(read_head)[0])
    for old in heads:
        found = kept.read_sync(lambda tx, size=old.size: prove_consistency(tx, size))  # type: ignore[misc]
        path = [bytes.fromhex(step) for step in found["path"]]
        verify_consistency(old.size, old.root, found["head"]["size"], bytes.fromhex(found["head"]["root"]), path)


def test_what_does_not_exist_is_not_proved(kept: Store, fill: Fill) -> None:
    fill(kept, 3)
    for entry in ("no such id", 3, -1):
        with pytest.raises(EntryNotFoundError):
            kept.read_sync(lambda tx, entry=entry: prove(tx, entry))  # type: ignore[misc]
    with pytest.raises(InvalidInputError):
        kept.read_sync(lambda tx: prove_consistency(tx, 4))


def test_the_checking_module_needs_the_standard_library_only() -> None:
    tree = ast.parse(Path(proof_module.__file__).read_text("utf-8"))
    names = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names
