"""Cutting texts into small uneven pieces, the same for the same seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

_LONGEST: Final = 5


def seed_of(*parts: str | int) -> str:
    """Return a seed that depends on the parts alone."""
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def noise(seed: str) -> Iterator[int]:
    """Yield bytes without end, the same for the same seed."""
    counter = 0
    while True:
        yield from hashlib.sha256(f"{seed}/{counter}".encode()).digest()
        counter += 1


def pieces(text: str, seed: str, longest: int = _LONGEST) -> list[str]:
    """Cut a text into pieces of 1 to `longest` code points. Joined they are the text."""
    found: list[str] = []
    numbers = noise(seed)
    at = 0
    while at < len(text):
        size = 1 + next(numbers) % longest
        found.append(text[at : at + size])
        at += size
    return found
