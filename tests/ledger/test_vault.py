"""Texts per person: sealed, bound to their place, gone when the key is destroyed."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zhengming.ledger import Ledger, MasterKey, Signer, Vault, commitment, new_salt, rewrap
from zhengming.ledger.errors import KeyFileError, PersonErasedError, SealBrokenError
from zhengming.ledger.vault import KEY_BYTES
from zhengming.store import Store, Tx

MASTER = MasterKey(b"m" * 32)
ENTRY = "01980000-0000-7000-8000-000000000000"


def seal(store: Store, vault: Vault, person: str, text: bytes, entry: str = ENTRY) -> bytes:
    return store.write_sync(lambda tx: vault.seal(tx, person, text, entry))


def unseal(store: Store, vault: Vault, person: str, sealed: bytes, entry: str = ENTRY) -> bytes:
    return store.read_sync(lambda tx: vault.open(tx, person, sealed, entry))


def erase(store: Store, vault: Vault, person: str) -> int:
    return store.write_sync(lambda tx: vault.erase(tx, person, by="operator", why="asked for it"))


def test_what_is_sealed_opens_again_in_any_process(kept: Store) -> None:
    vault = Vault(MASTER)
    sealed = [seal(kept, vault, "p1", text) for text in (b"", "你好".encode(), b"x" * 100_000)]
    for reader in (vault, Vault(MASTER)):
        assert [unseal(kept, reader, "p1", text) for text in sealed] == [b"", "你好".encode(), b"x" * 100_000]


def test_the_same_text_never_looks_the_same(kept: Store) -> None:
    vault = Vault(MASTER)
    found = {seal(kept, vault, "p1", b"yes") for _ in range(50)}
    assert len(found) == 50
    assert not any(b"yes" in sealed for sealed in found)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=40), st.data())
def test_no_changed_byte_opens(sqlite_store: Store, text: bytes, data: st.DataObject) -> None:
    vault = Vault(MASTER)
    sealed = bytearray(seal(sqlite_store, vault, "p1", text))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises((SealBrokenError, PersonErasedError)):
        unseal(sqlite_store, vault, "p1", bytes(sealed))


@pytest.mark.parametrize(("person", "entry"), [("p2", ENTRY), ("p1", "another entry"), ("p1" + ENTRY, "")])
def test_a_sealed_text_cannot_be_moved(kept: Store, person: str, entry: str) -> None:
    vault = Vault(MASTER)
    sealed = seal(kept, vault, "p1", b"text")
    seal(kept, vault, person, b"so that this person has a key")
    with pytest.raises(SealBrokenError):
        unseal(kept, vault, person, sealed, entry)


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x02" + bytes(60), b"\x01" + bytes(16)])
def test_an_unknown_format_is_refused(kept: Store, sealed: bytes) -> None:
    with pytest.raises(SealBrokenError, match="unknown format"):
        unseal(kept, Vault(MASTER), "p1", sealed)


def test_erasing_a_person_ends_every_text_and_every_other_cache(kept: Store) -> None:
    here, there = Vault(MASTER), Vault(MASTER)
    sealed = [seal(kept, vault, "p1", b"text") for vault in (here, there)]
    other = seal(kept, here, "p2", b"stays")
    assert erase(kept, here, "p1") == 1
    for vault in (here, there, Vault(MASTER)):
        for text in sealed:
            with pytest.raises(PersonErasedError):
                unseal(kept, vault, "p1", text)
        assert unseal(kept, vault, "p2", other) == b"stays"
    kinds = kept.read_sync(lambda tx: tx.rows("SELECT type FROM ledger_entry"))
    assert kinds == [("person.erased",)]
    assert erase(kept, here, "p1") == 0


def test_a_person_who_comes_back_begins_with_a_new_key(kept: Store) -> None:
    here, there = Vault(MASTER), Vault(MASTER)
    old = seal(kept, there, "p1", b"old")
    erase(kept, here, "p1")
    new = seal(kept, there, "p1", b"new")
    assert unseal(kept, here, "p1", new) == b"new"
    with pytest.raises(PersonErasedError):
        unseal(kept, there, "p1", old)


def test_sealing_after_erasing_in_one_transaction_uses_no_destroyed_key(kept: Store) -> None:
    vault = Vault(MASTER)
    seal(kept, vault, "p1", b"old")

    def both(tx: Tx) -> bytes:
        vault.erase(tx, "p1", by="operator", why="asked for it")
        return vault.seal(tx, "p1", b"new", ENTRY)

    assert unseal(kept, Vault(MASTER), "p1", kept.write_sync(both)) == b"new"


def test_a_key_of_a_failed_unit_is_never_used(kept: Store) -> None:
    vault = Vault(MASTER)

    def failing(tx: Tx) -> None:
        vault.seal(tx, "p1", b"lost", ENTRY)
        raise KeyError("no")

    with pytest.raises(KeyError):
        kept.write_sync(failing)
    sealed = seal(kept, vault, "p1", b"kept")
    assert unseal(kept, Vault(MASTER), "p1", sealed) == b"kept"


def test_two_processes_agree_on_a_new_key(store_url: str) -> None:
    with Store.open(store_url) as one, Store.open(store_url) as two:
        sealed = [seal(store, Vault(MASTER), "p1", b"text") for store in (one, two)]
        assert [text[1:5] for text in sealed] == [bytes(4), bytes(4)]
        assert [unseal(one, Vault(MASTER), "p1", text) for text in sealed] == [b"text", b"text"]


def test_the_cache_is_bounded(kept: Store) -> None:
    vault = Vault(MASTER, cache=4)
    texts = {f"p{number}": seal(kept, vault, f"p{number}", b"text") for number in range(10)}
    assert len(vault._newest) <= 4
    assert {unseal(kept, vault, person, sealed) for person, sealed in texts.items()} == {b"text"}


def test_the_master_key_is_exchanged_without_touching_a_text(kept: Store) -> None:
    old, new = MASTER, MasterKey(b"n" * 32)
    texts = {f"p{number}": seal(kept, Vault(old), f"p{number}", b"text") for number in range(250)}
    erase(kept, Vault(old), "p0")
    both = Vault(new, old)
    assert unseal(kept, both, "p1", texts["p1"]) == b"text"
    assert rewrap(kept, old, new) == 249
    assert rewrap(kept, old, new) == 0
    assert unseal(kept, Vault(new), "p249", texts["p249"]) == b"text"
    with pytest.raises(KeyFileError, match="which is not loaded"):
        unseal(kept, Vault(old), "p1", texts["p1"])


def test_a_wrapped_key_cannot_be_moved_to_another_person(kept: Store) -> None:
    vault = Vault(MASTER)
    seal(kept, vault, "p1", b"text")
    sealed = seal(kept, vault, "p2", b"text")
    kept.write_sync(
        lambda tx: tx.run(
            "UPDATE person_key SET wrapped = (SELECT wrapped FROM person_key WHERE person_id = 'p1') "
            "WHERE person_id = 'p2'"
        )
    )
    with pytest.raises(SealBrokenError):
        unseal(kept, Vault(MASTER), "p2", sealed)


def test_a_destroyed_key_is_gone_from_the_disk(sqlite_url: str, signer: Signer) -> None:
    with Store.open(sqlite_url) as store:
        Ledger.attach(store, signer)
        vault = Vault(MASTER)
        for number in range(50):
            seal(store, vault, f"p{number}", b"text")
        row = store.read_sync(lambda tx: tx.one("SELECT wrapped FROM person_key WHERE person_id = 'p7'"))
        assert row is not None
        files = partial(_bytes, Path(sqlite_url.removeprefix("sqlite:///")).parent)
        assert row[0] in files()
        erase(store, vault, "p7")
        store.scrub()
        assert row[0] not in files()
        assert row[0][13 : 13 + KEY_BYTES] not in files()


def _bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_a_commitment_hides_a_short_text_behind_its_salt() -> None:
    first, second = new_salt(), new_salt()
    assert commitment(first, b"yes") != commitment(second, b"yes")
    assert re.fullmatch(r"[0-9a-f]{64}", commitment(first, b"yes").hex())
    assert commitment(bytes(32), b"").hex() == "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925"
    with pytest.raises(ValueError, match="32 bytes"):
        commitment(b"short", b"yes")
