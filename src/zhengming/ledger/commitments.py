"""Commitments to what was shown: salted, because a plain hash of a short text can be guessed after erasure."""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import Final

SALT_BYTES: Final = 32


def new_salt() -> bytes:
    """Return a fresh salt; it lies in the sealed part of the entry and dies with the person's key."""
    return secrets.token_bytes(SALT_BYTES)


def commitment(salt: bytes, shown: bytes) -> bytes:
    """Return SHA-256(salt || shown), where `shown` is the bytes that were handed to the client's socket.

    Raises ValueError when the salt is not 32 bytes.
    """
    if len(salt) != SALT_BYTES:
        message = f"the salt of a commitment must be {SALT_BYTES} bytes, got {len(salt)}"
        raise ValueError(message)
    return sha256(salt + shown).digest()
