"""Checking proofs offline: this file needs nothing but the standard library, so an auditor can take it along.

The algorithms are those of RFC 9162, 2.1.3.2 and 2.1.4.2; the hashes those of RFC 6962. Whether the head of a proof was
signed by the ledger's key is a second question, which needs Ed25519: `zhengming ledger check` asks both.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any


class ProofError(ValueError):
    """The proof does not hold; the message says what disagrees."""


def verify_proof(proof: Mapping[str, Any]) -> dict[str, Any]:
    """Check an inclusion proof as `ledger prove` writes it and return the proved entry; raises ProofError."""
    try:
        seq, size = int(proof["seq"]), int(proof["head"]["size"])
        payload = base64.b64decode(proof["payload"], validate=True)
        path = [bytes.fromhex(text) for text in proof["path"]]
        expected = bytes.fromhex(proof["head"]["root"])
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        message = f"this is no inclusion proof: {error!r}"
        raise ProofError(message) from error
    found = inclusion_root(sha256(b"\x00" + payload).digest(), seq, size, path)
    if found != expected:
        message = f"entry {seq} does not lead to the root of the head: {found.hex()} is not {expected.hex()}"
        raise ProofError(message)
    return _entry(payload, seq, str(proof.get("id", "")))


def _entry(payload: bytes, seq: int, name: str) -> dict[str, Any]:
    try:
        entry = json.loads(payload)
        matches = (entry["seq"], entry["id"]) == (seq, name)
    except (ValueError, KeyError, TypeError) as error:
        message = f"the payload of entry {seq} is no ledger entry: {error!r}"
        raise ProofError(message) from error
    if not matches:
        message = f"the proof names entry {seq} ({name}), its payload says otherwise"
        raise ProofError(message)
    return dict(entry)


def inclusion_root(leaf: bytes, seq: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root that leaf `seq` of a tree of `size` leaves leads to by `path` (RFC 9162, 2.1.3.2)."""
    if not 0 <= seq < size:
        message = f"there is no entry {seq} in a ledger of {size}"
        raise ProofError(message)
    place, last, found = seq, size - 1, leaf
    for step in path:
        if last == 0:
            message = "the path is too long"
            raise ProofError(message)
        if place & 1 or place == last:
            found = sha256(b"\x01" + step + found).digest()
            while place and not place & 1:
                place >>= 1
                last >>= 1
        else:
            found = sha256(b"\x01" + found + step).digest()
        place >>= 1
        last >>= 1
    if last:
        message = "the path is too short"
        raise ProofError(message)
    return found


def verify_consistency(old_size: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> None:
    """Check that the tree of `size` leaves continues the tree of `old_size` (RFC 9162, 2.1.4.2); raises ProofError."""
    if not 0 <= old_size <= size:
        message = f"a ledger of {size} entries cannot continue one of {old_size}"
        raise ProofError(message)
    if old_size in {0, size}:
        holds = not path and (old_root == root if old_size == size else old_root == sha256(b"").digest())
    else:
        steps = [old_root, *path] if old_size & (old_size - 1) == 0 else list(path)
        holds = bool(steps) and _consistent(old_size - 1, size - 1, steps) == (old_root, root)
    if not holds:
        message = f"the ledger of {size} entries does not continue the one of {old_size}: its past was changed"
        raise ProofError(message)


def _consistent(place: int, last: int, steps: list[bytes]) -> tuple[bytes, bytes] | None:
    """Return the old and the new root that the steps lead to, None when their number is wrong."""
    while place & 1:
        place >>= 1
        last >>= 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return None
        if place & 1 or place == last:
            old, new = sha256(b"\x01" + step + old).digest(), sha256(b"\x01" + step + new).digest()
            while place and not place & 1:
                place >>= 1
                last >>= 1
        else:
            new = sha256(b"\x01" + new + step).digest()
        place >>= 1
        last >>= 1
    return (old, new) if last == 0 else None
