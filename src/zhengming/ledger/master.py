"""The master key: wraps the data keys of persons, and can be exchanged without touching one sealed text."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from zhengming.ledger.errors import KeyFileError, SealBrokenError
from zhengming.ledger.keyfiles import load_or_create
from zhengming.store import Store, Tx

MASTER_FILE: Final = "master.key"
MASTER_VARIABLE: Final = "ZHENGMING_MASTER_KEY"
_NONCE_BYTES: Final = 12
_VERSION: Final = b"\x01"
_PAGE: Final = 200


class MasterKey:
    """A master key; `id` names it in the table without telling anything about it."""

    def __init__(self, secret: bytes) -> None:
        self.id = sha256(b"zhengming master key v1\x00" + secret).hexdigest()[:16]
        self.cipher = AESGCM(secret)


def load_master(folder: Path) -> MasterKey:
    """Return the master key from ZHENGMING_MASTER_KEY, else from `master.key` in the folder (made, 0600)."""
    return MasterKey(load_or_create(folder / MASTER_FILE, MASTER_VARIABLE))


def wrap(master: MasterKey, key: bytes, person: str, generation: int) -> bytes:
    """Return a data key wrapped for its row: `0x01 | nonce, 12 bytes | ciphertext and tag`."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return _VERSION + nonce + master.cipher.encrypt(nonce, key, _bound(person, generation))


def unwrap(masters: Mapping[str, MasterKey], master_id: str, wrapped: bytes, person: str, generation: int) -> bytes:
    """Return the data key of a row; raises KeyFileError for a foreign master key, SealBrokenError for a changed row."""
    master = masters.get(master_id)
    if master is None:
        raise KeyFileError(
            f"The data keys are wrapped with the master key {master_id}, which is not loaded.",
            next_step=f"Restore {MASTER_FILE}, or set {MASTER_VARIABLE} to the key that was used.",
        )
    try:
        return master.cipher.decrypt(
            wrapped[1 : 1 + _NONCE_BYTES], wrapped[1 + _NONCE_BYTES :], _bound(person, generation)
        )
    except (InvalidTag, ValueError) as error:
        raise SealBrokenError("The wrapped key of a person was changed.", next_step="Restore the table.") from error


def rewrap(store: Store, old: MasterKey, new: MasterKey) -> int:
    """Wrap every data key with `new` instead of `old`, a page a unit, and return how many; may be run again.

    Meanwhile every process runs with both: `Vault(new, old)`. When it returns 0, `old` can be destroyed.
    """
    total = 0
    while moved := store.write_sync(partial(_rewrap_page, old, new)):
        total += moved
    return total


def _rewrap_page(old: MasterKey, new: MasterKey, tx: Tx) -> int:
    rows = tx.rows(
        "SELECT person_id, generation, wrapped FROM person_key "
        "WHERE master_id = :old AND wrapped IS NOT NULL LIMIT :page",
        {"old": old.id, "page": _PAGE},
    )
    for person, generation, wrapped in rows:
        key = unwrap({old.id: old}, old.id, wrapped, person, generation)
        values = {
            "wrapped": wrap(new, key, person, generation),
            "new": new.id,
            "old": old.id,
            "person": person,
            "generation": generation,
        }
        tx.run(
            "UPDATE person_key SET wrapped = :wrapped, master_id = :new WHERE person_id = :person "
            "AND generation = :generation AND master_id = :old AND wrapped IS NOT NULL",
            values,
        )
    return len(rows)


def _bound(person: str, generation: int) -> bytes:
    return b"zhengming wrap v1\x00%d:%b" % (generation, person.encode())
