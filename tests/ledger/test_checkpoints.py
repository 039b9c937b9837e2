"""Checkpoints are noted, kept, and show a past that was rewritten."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zhengming.core.errors import InvalidInputError, NotFoundError
from zhengming.ledger import Signer, checkpoints
from zhengming.ledger.errors import LedgerBrokenError
from zhengming.ledger.head import key_id
from zhengming.ledger.prove import read_head
from zhengming.ledger.verify import verify
from zhengming.store import Store

Fill = Callable[[Store, int], list[str]]
NOW = 1_800_000_000_000


def noted(store: Store, now: int = NOW) -> checkpoints.Checkpoint:
    return store.write_sync(lambda tx: checkpoints.note(tx, who="ann", now=now))


def test_a_checkpoint_is_the_signed_head_and_the_ledger_says_that_it_was_noted(
    kept: Store, signer: Signer, fill: Fill
) -> None:
    fill(kept, 40)
    head = kept.read_sync(read_head)[0]
    made = noted(kept)

    assert made.head == head
    assert kept.read_sync(checkpoints.list_of) == [made]
    assert kept.read_sync(lambda tx: checkpoints.get(tx, 40)) == made
    row = kept.read_sync(lambda tx: tx.one("SELECT seq FROM ledger_entry WHERE type = 'ledger.noted'"))
    assert row == (40,)
    assert verify(kept, [signer.public]).ok


@pytest.mark.parametrize("later", [0, 1, 300])
def test_a_ledger_that_went_on_continues_its_checkpoint(kept: Store, signer: Signer, fill: Fill, later: int) -> None:
    fill(kept, 40)
    made = noted(kept)
    fill(kept, later)

    standing = kept.read_sync(lambda tx: checkpoints.compare(tx, made, signer.public))

    assert standing.holds
    assert standing.proof["head"]["size"] == 41 + later


def test_a_past_that_was_rewritten_does_not_continue_a_checkpoint_kept_elsewhere(
    kept: Store, signer: Signer, fill: Fill
) -> None:
    fill(kept, 40)
    made = noted(kept)
    other = made._replace(head=signer.sign(40, bytes(32), NOW))

    standing = kept.read_sync(lambda tx: checkpoints.compare(tx, other, signer.public))

    assert standing.genuine
    assert "its past was changed" in standing.fault


def test_a_ledger_that_was_cut_off_does_not_continue_a_longer_checkpoint(kept: Store, signer: Signer) -> None:
    longer = checkpoints.Checkpoint(signer.sign(9, bytes(32), NOW), NOW, "ann")

    standing = kept.read_sync(lambda tx: checkpoints.compare(tx, longer, signer.public))

    assert not standing.holds
    assert "not 9" in standing.fault


def test_a_checkpoint_that_another_key_signed_is_not_genuine(kept: Store, fill: Fill) -> None:
    fill(kept, 3)
    made = noted(kept)
    other = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()

    assert key_id(other) != made.head.key_id
    assert not kept.read_sync(lambda tx: checkpoints.compare(tx, made, other)).holds


def test_the_file_of_a_checkpoint_is_read_again(kept: Store, signer: Signer, fill: Fill) -> None:
    fill(kept, 3)
    made = noted(kept)

    again = checkpoints.read_file(made.as_json(signer.public))

    assert again.head == made.head
    assert verify(kept, [signer.public], noted=again.head).ok


@pytest.mark.parametrize("found", [None, [], {}, {"size": "x"}, {"size": 1, "root": "zz", "at": 0}])
def test_what_is_no_checkpoint_is_refused(found: object) -> None:
    with pytest.raises(InvalidInputError, match="no checkpoint"):
        checkpoints.read_file(found)


def test_a_size_without_a_checkpoint_is_named(kept: Store) -> None:
    with pytest.raises(NotFoundError, match="7 entries"):
        kept.read_sync(lambda tx: checkpoints.get(tx, 7))


def test_one_is_noted_by_itself_once_a_day_while_anything_happens(kept: Store, fill: Fill) -> None:
    def due(now: int) -> checkpoints.Checkpoint | None:
        return kept.write_sync(lambda tx: checkpoints.note_due(tx, who="zhengming", now=now))

    fill(kept, 1)
    first = due(NOW)
    assert first is not None
    assert due(NOW + checkpoints.EVERY) is None, "nothing but the note itself was recorded"
    fill(kept, 1)
    assert due(NOW + checkpoints.EVERY - 1) is None, "the day is not over"
    second = due(NOW + checkpoints.EVERY)
    assert second is not None
    assert second.head.size == 3


def test_a_forged_head_is_never_noted(kept: Store, fill: Fill) -> None:
    fill(kept, 3)
    kept.write_sync(lambda tx: tx.run("UPDATE ledger_head SET root = :root", {"root": bytes(32)}))

    with pytest.raises(LedgerBrokenError):
        noted(kept)
    assert kept.read_sync(checkpoints.list_of) == []
