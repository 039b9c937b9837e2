"""The secret under which end users get their pseudonyms and histories their fingerprints.

It is kept apart from the master key, which may be exchanged: with another identity key every person would be
somebody else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from zhengming.accounts.pseudonyms import Pseudonyms
from zhengming.ledger.keyfiles import load_or_create

IDENTITY_FILE: Final = "identity.key"
IDENTITY_VARIABLE: Final = "ZHENGMING_IDENTITY_KEY"


class Identity:
    """The keys of one installation, each for one purpose (HKDF, RFC 5869)."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    @property
    def pseudonyms(self) -> Pseudonyms:
        """What names people."""
        return Pseudonyms(self._derived(b"pseudonyms"))

    @property
    def conversations(self) -> bytes:
        """The key of the fingerprints of histories."""
        return self._derived(b"conversations")

    def _derived(self, purpose: bytes) -> bytes:
        return HKDF(SHA256(), 32, salt=None, info=b"zhengming " + purpose).derive(self._secret)


def load_identity(folder: Path) -> Identity:
    """Return the identity from ZHENGMING_IDENTITY_KEY, else from `identity.key`, which is made when missing (0600)."""
    return Identity(load_or_create(folder / IDENTITY_FILE, IDENTITY_VARIABLE))
