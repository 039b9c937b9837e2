"""Keyed rolling fingerprints of message histories: pure functions on bytes.

`chat/completions` carries no conversation id, so the history itself names the conversation. Each message extends a
chain, `H_i = MAC(key, H_(i-1) || message_i)`, which starts from service and person (or the conversation id that the
client gave). MAC is keyed BLAKE2b (RFC 7693, 2.5) with 16 bytes: without the key nobody can tell a text from its
fingerprint, nor make a history that meets a known one.

Instructions (system and developer messages) stand beside the chain, in a digest of their own with their positions:
many clients write the time of day into them, which must not make every turn a new conversation. Chain and digest
together still fix the whole list, so "already screened" needs both to agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

SIZE: Final = 16
INSTRUCTIONS: Final = frozenset({"system", "developer"})
REPLIES: Final = frozenset({"assistant"})
NO_INSTRUCTIONS: Final = bytes(SIZE)


class Point(NamedTuple):
    """A place in a history: `node` covers the messages said, `instructions` those set, `length` counts both."""

    node: bytes
    instructions: bytes
    length: int


class Trail(NamedTuple):
    """A history as fingerprints.

    `replies` are the points right after an assistant message, in order; `tip` is the point after the last message.
    """

    replies: tuple[Point, ...]
    tip: Point


def start(key: bytes, service_id: str, person_id: str, explicit: str = "") -> Point:
    """Return the point before the first message of a person's conversations with a service.

    An explicit conversation id makes a chain of its own, so that equal texts in two named conversations stay apart.
    """
    return Point(mac(key, b"start", service_id.encode(), person_id.encode(), _bytes(explicit)), NO_INSTRUCTIONS, 0)


def mac(key: bytes, *parts: bytes) -> bytes:
    """Return the keyed digest of a list of parts, each preceded by its length, so that no two lists agree."""
    framed = b"".join([len(part).to_bytes(8, "big") + part for part in parts])
    return blake2b(framed, key=key, digest_size=SIZE).digest()


def follow(key: bytes, point: Point, messages: Sequence[bytes], roles: Sequence[str]) -> Trail:
    """Extend the chain from a point by messages in their canonical form. About 1 us a message of ordinary length."""
    node, instructions, length = point
    replies: list[Point] = []
    for message, role in zip(messages, roles, strict=True):
        if role in INSTRUCTIONS:
            place = length.to_bytes(SIZE, "big")
            instructions = blake2b(instructions + place + message, key=key, digest_size=SIZE).digest()
            length += 1
            continue
        node = blake2b(node + message, key=key, digest_size=SIZE).digest()
        length += 1
        if role in REPLIES:
            replies.append(Point(node, instructions, length))
    return Trail(tuple(replies), Point(node, instructions, length))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
