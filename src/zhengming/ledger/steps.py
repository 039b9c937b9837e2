"""An inclusion proof as a person may follow it: each hash that is put beside the last one, and what comes out."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from zhengming.ledger.proof import verify_proof
from zhengming.ledger.tree import leaf_hash


class Step(NamedTuple):
    """One step up the tree: the other hash, whether it stands to the left, and SHA-256 of 0x01 and the pair."""

    sibling: str
    left: bool
    result: str


class Walk(NamedTuple):
    """The way from an entry to the root: `leaf` is SHA-256 of 0x00 and the payload; `entry` the parsed payload."""

    entry: dict[str, Any]
    leaf: str
    steps: tuple[Step, ...]


def walk(proof: Mapping[str, Any]) -> Walk:
    """Verify an inclusion proof and return its steps, the last of which is the root; raises ProofError."""
    entry = verify_proof(proof)
    found = leaf_hash(base64.b64decode(proof["payload"]))
    leaf, steps = found.hex(), []
    place, last = int(proof["seq"]), int(proof["head"]["size"]) - 1
    for text in proof["path"]:
        sibling = bytes.fromhex(text)
        left = bool(place & 1) or place == last
        pair = sibling + found if left else found + sibling
        found = sha256(b"\x01" + pair).digest()
        if left:
            while place and not place & 1:
                place >>= 1
                last >>= 1
        place >>= 1
        last >>= 1
        steps.append(Step(text, left, found.hex()))
    return Walk(entry, leaf, tuple(steps))
