"""Verification finds what was done to the ledger and names the place."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest

from zhengming.core.words import EventType
from zhengming.ledger import Ledger, Signer, append
from zhengming.ledger.errors import LedgerBrokenError
from zhengming.ledger.findings import Kind
from zhengming.ledger.head import Head
from zhengming.ledger.prove import read_head
from zhengming.ledger.tree import EMPTY_ROOT, leaf_hash
from zhengming.ledger.verify import verify
from zhengming.store import Store, Tx

Fill = Callable[[Store, int], list[str]]


def found(store: Store, signer: Signer, noted: Head | None = None) -> list[tuple[str, str]]:
    report = verify(store, [signer.public], noted=noted)
    assert report.ok == (report.findings == ())
    return [(finding.kind.value, finding.place) for finding in report.findings]


def run(store: Store, *statements: str) -> None:
    store.write_sync(lambda tx: [tx.run(statement) for statement in statements])


def flip(store: Store, table: str, column: str, where: str, at: int = 20) -> None:
    """Flip one bit of a stored value."""

    def unit(tx: Tx) -> None:
        row = tx.one(f"SELECT {column} FROM {table} WHERE {where}")
        assert row is not None
        value = bytearray(row[0])
        value[at] ^= 1
        assert tx.run(f"UPDATE {table} SET {column} = :value WHERE {where}", {"value": bytes(value)}) == 1

    store.write_sync(unit)


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 300])
def test_an_untouched_ledger_verifies(kept: Store, signer: Signer, fill: Fill, count: int) -> None:
    fill(kept, count)
    report = verify(kept, [signer.public])
    assert (report.ok, report.size, report.checked) == (True, count, count)
    assert report.root == kept.read_sync(read_head)[0].root.hex()


@pytest.mark.parametrize("seq", [0, 17, 255, 256, 299])
def test_a_flipped_bit_of_a_payload_is_named(kept: Store, signer: Signer, fill: Fill, seq: int) -> None:
    fill(kept, 300)
    flip(kept, "ledger_entry", "payload", f"seq = {seq}")
    assert found(kept, signer) == [("changed", f"entry {seq}")]


def test_a_payload_that_is_no_json_any_more_is_named(kept: Store, signer: Signer, fill: Fill) -> None:
    fill(kept, 40)
    kept.write_sync(lambda tx: tx.run("UPDATE ledger_entry SET payload = :p WHERE seq = 3", {"p": b"\xff\x00"}))
    assert found(kept, signer) == [("changed", "entry 3")]


@pytest.mark.parametrize("change", ["type = 'turn.opened'", "id = 'forged'", "at = at + 1"])
def test_a_column_that_disagrees_with_its_payload_is_named(
    kept: Store, signer: Signer, fill: Fill, change: str
) -> None:
    fill(kept, 40)
    run(kept, f"UPDATE ledger_entry SET {change} WHERE seq = 33")
    assert found(kept, signer) == [("changed", "entry 33")]


@pytest.mark.parametrize(
    ("where", "place"),
    [
        ("seq = 0", "entry 0"),
        ("seq = 20", "entry 20"),
        ("seq = 299", "entry 299"),
        ("seq >= 10 AND seq < 200", "entries 10 to 199"),
        ("seq >= 16 AND seq < 32", "entries 16 to 31"),
        ("seq >= 0", "entries 0 to 299"),
    ],
)
def test_removed_rows_are_named(kept: Store, signer: Signer, fill: Fill, where: str, place: str) -> None:
    fill(kept, 300)
    run(kept, f"DELETE FROM ledger_entry WHERE {where}")
    assert found(kept, signer) == [("removed", place)]


def test_two_rows_that_changed_places_are_named(kept: Store, signer: Signer, fill: Fill) -> None:
    fill(kept, 60)
    moves = ("seq = -1 WHERE seq = 5", "seq = 5 WHERE seq = 48", "seq = 48 WHERE seq = -1")
    run(kept, *(f"UPDATE ledger_entry SET {move}" for move in moves))
    assert found(kept, signer) == [("reordered", "entry 5"), ("reordered", "entry 48")]


def test_payloads_that_changed_places_are_named(kept: Store, signer: Signer, fill: Fill) -> None:
    fill(kept, 60)

    def swap(tx: Tx) -> None:
        (first,), (second,) = tx.rows("SELECT payload FROM ledger_entry WHERE seq IN (5, 6) ORDER BY seq")
        tx.run("UPDATE ledger_entry SET payload = :p WHERE seq = 5", {"p": second})
        tx.run("UPDATE ledger_entry SET payload = :p WHERE seq = 6", {"p": first})

    kept.write_sync(swap)
    assert found(kept, signer) == [("reordered", "entry 5"), ("reordered", "entry 6")]


def test_an_inserted_row_is_named(kept: Store, signer: Signer, fill: Fill) -> None:
    fill(kept, 40)
    run(kept, "INSERT INTO ledger_entry SELECT 40, 'x', type, at, payload FROM ledger_entry WHERE seq = 0")
    run(kept, "INSERT INTO ledger_entry SELECT -7, 'y', type, at, payload FROM ledger_entry WHERE seq = 0")
    assert found(kept, signer) == [("inserted", "entry -7"), ("inserted", "entry 40")]


def test_a_change_with_its_stored_hash_is_found_one_level_up(kept: Store, signer: Signer, fill: Fill) -> None:
    fill(kept, 300)

    def forge(tx: Tx) -> None:
        row = tx.one("SELECT payload FROM ledger_entry WHERE seq = 20")
        tile = tx.one("SELECT hashes FROM ledger_node WHERE level = 4 AND idx = 1")
        assert row is not None
        assert tile is not None
        payload = row[0].replace("甲".encode(), "乙".encode())
        hashes = tile[0][: 4 * 32] + leaf_hash(payload) + tile[0][5 * 32 :]
        tx.run("UPDATE ledger_entry SET payload = :p WHERE seq = 20", {"p": payload})
        tx.run("UPDATE ledger_node SET hashes = :h WHERE level = 4 AND idx = 1", {"h": hashes})

    kept.write_sync(forge)
    assert found(kept, signer) == [("wrong node", "node (level 4, 1) over entries 16 to 31")]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("DELETE FROM ledger_node WHERE level = 4 AND idx = 3", ["node (level 4, 3) over entries 48 to 63"]),
        ("DELETE FROM ledger_node WHERE level = 8", ["node (level 8, 0) over entries 0 to 255"]),
        ("UPDATE ledger_node SET idx = 77 WHERE level = 8", ["node (level 8, 0) over entries 0 to 255", "level 8"]),
        ("INSERT INTO ledger_node SELECT 5, 0, hashes FROM ledger_node WHERE level = 8", ["level 5"]),
    ],
)
def test_a_wrong_or_missing_node_is_named(
    kept: Store, signer: Signer, fill: Fill, statement: str, expected: list[str]
) -> None:
    fill(kept, 300)
    run(kept, statement)
    assert found(kept, signer) == [("wrong node", place) for place in expected]


def test_a_flipped_bit_of_a_node_is_named(kept: Store, signer: Signer, fill: Fill) -> None:
    fill(kept, 300)
    flip(kept, "ledger_node", "hashes", "level = 8", at=40)
    assert found(kept, signer) == [
        ("wrong node", "node (level 4, 1) over entries 16 to 31"),
        ("wrong node", "node (level 8, 0) over entries 0 to 255"),
    ]


@pytest.mark.parametrize("column", ["root", "signature", "frontier"])
def test_a_changed_head_is_found_and_not_continued(kept: Store, signer: Signer, fill: Fill, column: str) -> None:
    fill(kept, 300)
    flip(kept, "ledger_head", column, "id = 1", at=5)
    assert "wrong head" in [kind for kind, _ in found(kept, signer)]
    with pytest.raises(LedgerBrokenError, match="cannot be continued"):
        fill(kept, 1)


def test_truncation_with_a_rewritten_head_is_found(kept: Store, signer: Signer, fill: Fill) -> None:
    fill(kept, 16)
    before = kept.read_sync(lambda tx: tx.one("SELECT size, root, frontier FROM ledger_head"))
    fill(kept, 16)
    assert before is not None

    def truncate(tx: Tx) -> None:
        tx.run("DELETE FROM ledger_entry WHERE seq >= 16")
        tx.run("DELETE FROM ledger_node WHERE idx >= 1")
        values = dict(zip(("size", "root", "frontier"), before, strict=True))
        tx.run("UPDATE ledger_head SET size = :size, root = :root, frontier = :frontier", values)

    kept.write_sync(truncate)
    assert found(kept, signer) == [("wrong head", "head")]
    with pytest.raises(LedgerBrokenError, match="cannot be continued"):
        fill(kept, 1)


def test_a_whole_older_copy_is_found_by_a_noted_head(kept: Store, signer: Signer, fill: Fill) -> None:
    fill(kept, 16)
    old = kept.read_sync(lambda tx: tx.one("SELECT * FROM ledger_head"))
    early = kept.read_sync(read_head)[0]
    fill(kept, 20)
    noted = kept.read_sync(read_head)[0]
    assert found(kept, signer, early) == found(kept, signer, noted) == []
    assert old is not None

    def restore(tx: Tx) -> None:
        tx.run("DELETE FROM ledger_entry WHERE seq >= 16")
        tx.run("DELETE FROM ledger_node WHERE idx >= 1")
        names = ("id", "size", "root", "frontier", "at", "key_id", "signature")
        tx.run("DELETE FROM ledger_head")
        tx.run(
            f"INSERT INTO ledger_head VALUES ({', '.join(':' + name for name in names)})",
            dict(zip(names, old, strict=True)),
        )

    kept.write_sync(restore)
    assert found(kept, signer) == []
    assert found(kept, signer, noted) == [("wrong head", "head")]
    with pytest.raises(LedgerBrokenError, match="36 were acknowledged"):
        fill(kept, 1)


def test_another_past_is_found_by_a_noted_head(kept: Store, signer: Signer, fill: Fill) -> None:
    fill(kept, 40)
    noted = signer.sign(16, leaf_hash(b"another past"), 0)
    assert found(kept, signer, noted) == [("wrong head", "head")]


def test_a_foreign_key_is_not_trusted(kept: Store, fill: Fill) -> None:
    fill(kept, 3)
    report = verify(kept, [Signer(bytes(32)).public])
    assert [finding.kind for finding in report.findings] == [Kind.HEAD]
    assert verify(kept, []).total == 1


def test_a_missing_head_is_found_and_never_made_anew(kept: Store, signer: Signer, fill: Fill) -> None:
    fill(kept, 3)
    run(kept, "DELETE FROM ledger_head")
    assert found(kept, signer) == [("wrong head", "head")]
    with pytest.raises(LedgerBrokenError, match="head row is missing"):
        fill(kept, 1)
    with pytest.raises(LedgerBrokenError, match="head row is missing"):
        Ledger.attach(kept, signer)


def test_a_ledger_of_another_key_is_not_attached(kept: Store, fill: Fill) -> None:
    fill(kept, 3)
    with pytest.raises(LedgerBrokenError, match="not signed by this key"):
        Ledger.attach(kept, Signer(bytes(32)))


def test_wrong_types_in_a_sqlite_file_are_findings_not_crashes(sqlite_store: Store, signer: Signer, fill: Fill) -> None:
    Ledger.attach(sqlite_store, signer)
    fill(sqlite_store, 40)
    run(
        sqlite_store,
        "UPDATE ledger_entry SET payload = replace(CAST(payload AS TEXT), 'closed', 'opened') WHERE seq = 2",
        "UPDATE ledger_entry SET id = CAST(x'ff' AS TEXT) WHERE seq = 3",
        "UPDATE ledger_entry SET at = 'soon' WHERE seq = 4",
        "UPDATE ledger_node SET hashes = 12 WHERE idx = 1",
    )
    assert found(sqlite_store, signer) == [
        ("changed", "entry 2"),
        ("changed", "entry 3"),
        ("changed", "entry 4"),
        ("wrong node", "node (level 4, 1) over entries 16 to 31"),
    ]


def test_many_findings_are_counted_and_only_the_first_are_kept(kept: Store, signer: Signer, fill: Fill) -> None:
    fill(kept, 1500)
    run(kept, "UPDATE ledger_entry SET at = at + 1")
    report = verify(kept, [signer.public])
    assert (len(report.findings), report.total) == (1000, 1500)


def test_verification_runs_while_entries_are_appended(kept: Store, signer: Signer, fill: Fill) -> None:
    fill(kept, 5000)
    stop = threading.Event()

    def append_on() -> None:
        while not stop.is_set():
            fill(kept, 3)

    thread = threading.Thread(target=append_on)
    thread.start()
    reports = [verify(kept, [signer.public]) for _ in range(3)]
    stop.set()
    thread.join()
    assert [report.total for report in reports] == [0, 0, 0]


def test_the_empty_ledger_has_a_signed_head(kept: Store, signer: Signer) -> None:
    head = kept.read_sync(read_head)[0]
    assert (head.size, head.root) == (0, EMPTY_ROOT)
    assert found(kept, signer) == []


def test_two_stores_append_to_one_ledger(store_url: str, signer: Signer) -> None:
    with Store.open(store_url, durability="normal") as one, Store.open(store_url, durability="normal") as two:
        for store in (one, two):
            Ledger.attach(store, signer)

        def work(store: Store) -> None:
            for number in range(40):
                store.write_sync(partial(append, event=EventType.TURN_CLOSED, fields={"n": number}))

        threads = [threading.Thread(target=work, args=(store,)) for store in (one, two, one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        report = verify(one, [signer.public])
        assert (report.ok, report.size) == (True, 160)
