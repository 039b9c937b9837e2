"""The head of the ledger: size and root, signed, so that cutting the end off and rewriting the head is found.

The signature is Ed25519 over a short text. Who restores a whole older copy of the database, head and all, is found only
by a head that was noted elsewhere (`ledger head`, `ledger verify --head FILE`).
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from zhengming.ledger.errors import KeyFileError
from zhengming.ledger.keyfiles import LENGTH, load, load_or_create

KEY_FILE: Final = "ledger.key"
PUBLIC_FILE: Final = "ledger.pub"
KEY_VARIABLE: Final = "ZHENGMING_LEDGER_KEY"


class Head(NamedTuple):
    """The state of the ledger after a batch: `size` entries, their root, when (ms UTC), by which key."""

    size: int
    root: bytes
    at: int
    key_id: str
    signature: bytes

    def as_json(self) -> dict[str, Any]:
        """Return the head as it stands in proofs and notes; hashes and signature in hex."""
        return {
            "size": self.size,
            "root": self.root.hex(),
            "at": self.at,
            "key_id": self.key_id,
            "signature": self.signature.hex(),
        }

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Self:
        """Return the head that :meth:`as_json` wrote; raises KeyError, TypeError or ValueError when it is none."""
        root, signature = bytes.fromhex(found["root"]), bytes.fromhex(found["signature"])
        return cls(int(found["size"]), root, int(found["at"]), str(found["key_id"]), signature)


def _text(size: int, root: bytes, at: int) -> bytes:
    return f"zhengming ledger head v1\nsize {size}\nroot {root.hex()}\nat {at}\n".encode("ascii")


class Signer:
    """The ledger's private key; `key_id` is the first 16 hex digits of the SHA-256 of the public key."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw()
        self.key_id = key_id(self.public)

    def sign(self, size: int, root: bytes, at: int) -> Head:
        """Return the signed head."""
        return Head(size, root, at, self.key_id, self._key.sign(_text(size, root, at)))


def key_id(public: bytes) -> str:
    """Return the short name of a public key."""
    return sha256(public).hexdigest()[:16]


def is_genuine(head: Head, public: Iterable[bytes]) -> bool:
    """Whether one of the public keys signed the head."""
    for key in public:
        if key_id(key) == head.key_id:
            try:
                Ed25519PublicKey.from_public_bytes(key).verify(head.signature, _text(head.size, head.root, head.at))
            except InvalidSignature:
                return False
            return True
    return False


def load_signer(folder: Path) -> Signer:
    """Return the signer of a data folder: `ledger.key` (made when missing, 0600) or ZHENGMING_LEDGER_KEY.

    The public half is written beside it as `ledger.pub` (hex), for auditors.
    """
    signer = Signer(load_or_create(folder / KEY_FILE, KEY_VARIABLE))
    public = folder / PUBLIC_FILE
    text = signer.public.hex() + "\n"
    if not public.exists() or public.read_text("ascii") != text:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        public.write_text(text, "ascii")
    return signer


def load_public(folder: Path) -> bytes:
    """Return the public key of a data folder without making anything; the private key counts where it is present."""
    private = folder / KEY_FILE
    return Signer(load(private)).public if private.exists() else read_public(folder / PUBLIC_FILE)


def read_public(path: Path) -> bytes:
    """Return the public key in a file of 64 hex digits; raises KeyFileError."""
    try:
        public = bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise KeyFileError(
            f"No public key of the ledger at {path}: {error}.",
            next_step="Name the data folder that holds ledger.key or ledger.pub.",
        ) from error
    if len(public) != LENGTH:
        raise KeyFileError(
            f"{path} holds {len(public)} bytes instead of {LENGTH}.", next_step="Fetch ledger.pub again."
        )
    return public
