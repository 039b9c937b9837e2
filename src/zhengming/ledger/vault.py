"""Texts encrypted per person, so that erasing a person is destroying one key.

Each person has a data key, wrapped with the master key in the table `person_key`. Sealed format, version 1:
`0x01 | generation, 4 bytes | nonce, 12 bytes | AES-256-GCM ciphertext and tag`; the additional data binds the person
and the entry, so that a sealed text cannot be moved to another place.
"""

from __future__ import annotations

import secrets
import time
from functools import partial
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from zhengming.core.randomness import random_bytes
from zhengming.core.words import EventType
from zhengming.ledger.entries import append
from zhengming.ledger.errors import PersonErasedError, SealBrokenError
from zhengming.ledger.master import MasterKey, unwrap, wrap
from zhengming.store import Tx, bump, version

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
_VERSION: Final = b"\x01"
_HEADER: Final = 1 + 4 + NONCE_BYTES
_SHARED: Final = "vault"
_NEWEST: Final = (
    "SELECT generation, wrapped, master_id FROM person_key WHERE person_id = :person ORDER BY generation DESC LIMIT 1"
)
_EXACT: Final = "SELECT wrapped, master_id FROM person_key WHERE person_id = :person AND generation = :generation"
_NEW: Final = (
    "INSERT INTO person_key (person_id, generation, wrapped, master_id, created_at) "
    "VALUES (:person, :generation, :wrapped, :master, :at) ON CONFLICT (person_id, generation) DO NOTHING"
)
_ERASE: Final = (
    "UPDATE person_key SET wrapped = NULL, erased_at = :at WHERE person_id = :person AND wrapped IS NOT NULL"
)


class Vault:
    """Seals and opens texts; one for each process.

    `masters` are the master key that wraps new data keys and, during a rotation, the older ones that still open. Data
    keys are cached, at most `cache` of them; a version row empties the caches of all replicas when a person is erased.
    """

    def __init__(self, *masters: MasterKey, cache: int = 10_000) -> None:
        self._master = masters[0]
        self._masters = {master.id: master for master in masters}
        self._limit = cache
        self._newest: dict[str, tuple[int, AESGCM]] = {}
        self._seen = -1

    def seal(self, tx: Tx, person: str, text: bytes, entry: str) -> bytes:
        """Return `text` sealed for `person` and the ledger entry (or row) `entry`.

        A person's first text makes the person's key in the same unit. After an erasure a new key begins.
        """
        generation, key = self._sealing_key(tx, person)
        nonce = random_bytes(NONCE_BYTES)
        sealed = key.encrypt(nonce, text, _bound(person, entry))
        return _VERSION + generation.to_bytes(4, "big") + nonce + sealed

    def open(self, tx: Tx, person: str, sealed: bytes, entry: str) -> bytes:
        """Return the text that was sealed for this person and entry.

        Raises PersonErasedError when the key was destroyed, SealBrokenError when text, person or entry do not fit.
        """
        if len(sealed) <= _HEADER or sealed[:1] != _VERSION:
            raise SealBrokenError(f"The sealed text of {entry} has an unknown format.")
        key = self._opening_key(tx, person, int.from_bytes(sealed[1:5], "big"))
        try:
            return key.decrypt(sealed[5:_HEADER], sealed[_HEADER:], _bound(person, entry))
        except InvalidTag as error:
            raise SealBrokenError(
                f"The sealed text of {entry} was changed, or belongs to another person or entry.",
                next_step="Run `zhengming ledger verify`.",
            ) from error

    def erase(self, tx: Tx, person: str, *, by: str, why: str) -> int:
        """Destroy the person's keys and append `person.erased`; return how many keys were destroyed.

        Every text sealed for the person, and every salt in it, is gone with the unit's commit; other replicas notice at
        their next transaction. Call `Store.scrub` afterwards: it removes the old bytes from SQLite's log as well.
        """
        destroyed = tx.run(_ERASE, {"person": person, "at": _now()})
        tx.memo.setdefault("vault.erased", set()).add(person)
        append(tx, EventType.PERSON_ERASED, {"person": person, "keys": destroyed, "by": by, "why": why})
        bump(tx, _SHARED)
        tx.on_commit(self.forget)
        return destroyed

    def forget(self) -> None:
        """Drop every cached data key."""
        self._newest.clear()

    def _sealing_key(self, tx: Tx, person: str) -> tuple[int, AESGCM]:
        self._refresh(tx)
        cached = self._newest.get(person)
        if cached is not None and person not in tx.memo.get("vault.erased", ()):
            return cached
        row = tx.one(_NEWEST, {"person": person})
        if row is None or row[1] is None:
            row = self._create(tx, person, 0 if row is None else row[0] + 1)
        found = row[0], AESGCM(self._unwrapped(person, *row))
        tx.on_commit(partial(self._remember, person, found))
        return found

    def _create(self, tx: Tx, person: str, generation: int) -> Any:
        """Make a data key; of two processes that do so at once, one wins and both use its key."""
        wrapped = wrap(self._master, secrets.token_bytes(KEY_BYTES), person, generation)
        values = {
            "person": person,
            "generation": generation,
            "wrapped": wrapped,
            "master": self._master.id,
            "at": _now(),
        }
        tx.run(_NEW, values)
        return tx.one(_NEWEST, {"person": person})

    def _opening_key(self, tx: Tx, person: str, generation: int) -> AESGCM:
        self._refresh(tx)
        cached = self._newest.get(person)
        if cached is not None and cached[0] == generation:
            return cached[1]
        row = tx.one(_EXACT, {"person": person, "generation": generation})
        if row is None or row[0] is None:
            raise PersonErasedError("The key of this person was destroyed; the text cannot be read any more.")
        return AESGCM(self._unwrapped(person, generation, *row))

    def _refresh(self, tx: Tx) -> None:
        """Once a transaction: drop the cache when any replica erased somebody since."""
        if "vault.checked" not in tx.memo:
            tx.memo["vault.checked"] = True
            now = version(tx, _SHARED)
            if now != self._seen:
                self.forget()
                self._seen = now

    def _remember(self, person: str, found: tuple[int, AESGCM]) -> None:
        if len(self._newest) >= self._limit:
            self._newest.clear()
        self._newest[person] = found

    def _unwrapped(self, person: str, generation: int, wrapped: bytes, master_id: str) -> bytes:
        return unwrap(self._masters, master_id, wrapped, person, generation)


def _bound(person: str, entry: str) -> bytes:
    """Return the additional data: both names with their lengths, so that no two pairs look alike."""
    first = person.encode()
    return b"zhengming seal v1\x00%d:%b%b" % (len(first), first, entry.encode())


def _now() -> int:
    return time.time_ns() // 1_000_000
