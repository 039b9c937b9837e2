"""EBML (RFC 8794): elements, their sizes, and padding, as far as labels in Matroska need them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from zhengming.label.files.base import MAX_PARTS, FileFault, UnreadableFileError

VOID: Final = 0xEC
CRC: Final = 0xBF
_MAX_WIDTH: Final = 8


class DamagedError(UnreadableFileError):
    """The elements cannot be walked; `fault` says why."""

    def __init__(self, message: str, fault: FileFault = FileFault.MALFORMED) -> None:
        super().__init__(message, next_step="Send an undamaged file.")
        self.fault = fault


class Element(NamedTuple):
    """One element: header at `start`, content from `body` to `end`; `open` when it does not say where it ends."""

    number: int
    start: int
    body: int
    end: int
    open: bool


class Budget:
    """Counts elements, so that a walk over a hostile file ends."""

    def __init__(self) -> None:
        self.left = MAX_PARTS

    def spend(self) -> None:
        """Count one element. Raises DamagedError when there were too many."""
        self.left -= 1
        if self.left < 0:
            message = f"The file has more than {MAX_PARTS} elements."
            raise DamagedError(message, FileFault.TOO_MANY_PARTS)


def element(view: memoryview, at: int, end: int, budget: Budget) -> Element:
    """Read the header of the element at `at`; one of unknown size ends at `end`. Raises DamagedError."""
    budget.spend()
    number, wide = _number(view, at, end, 4)
    size, long = _number(view, at + wide, end, _MAX_WIDTH)
    body = at + wide + long
    size &= (1 << (7 * long)) - 1
    if size == (1 << (7 * long)) - 1:
        return Element(number, at, body, end, open=True)
    if body + size > end:
        message = f"The element {number:X} at byte {at} is longer than what holds it."
        raise DamagedError(message, FileFault.TRUNCATED if end == len(view) else FileFault.MALFORMED)
    return Element(number, at, body, body + size, open=False)


def children(view: memoryview, start: int, end: int, budget: Budget) -> Iterator[Element]:
    """Yield the elements from `start` to `end`. Raises DamagedError where one does not fit or has no size."""
    at = start
    while at < end:
        one = element(view, at, end, budget)
        if one.open:
            message = f"The element {one.number:X} at byte {one.start} does not say where it ends."
            raise DamagedError(message)
        yield one
        at = one.end


def made(number: int, content: bytes, width: int = 0) -> bytes:
    """Return an element; `width` is that of its size, as short as can be when 0."""
    name = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return name + sized(len(content), width) + content


def sized(size: int, width: int = 0) -> bytes:
    """Return a size as EBML writes it."""
    width = width or next(one for one in range(1, _MAX_WIDTH + 1) if size < (1 << (7 * one)) - 1)
    return (size | 1 << (7 * width)).to_bytes(width, "big")


def filling(number: int, content: bytes, room: int) -> bytes | None:
    """Return an element and padding that fill exactly `room` bytes; None when it does not fit."""
    for width in (0, *range(1, _MAX_WIDTH + 1)):
        if width and len(content) >= (1 << (7 * width)) - 1:
            continue
        whole = made(number, content, width)
        left = room - len(whole)
        if left == 0 or left > 1:
            return whole + (void(left) if left else b"")
    return None


def void(room: int) -> bytes:
    """Return padding of `room` bytes, two or more."""
    width = 1 if room < 100 else _MAX_WIDTH  # noqa: PLR2004 - a size of one byte holds up to 126
    return made(VOID, bytes(room - 1 - width), width)


def sealed(content: bytes) -> bytes:
    """Return the content of an element with its checksum in front."""
    return made(CRC, zlib.crc32(content).to_bytes(4, "little")) + content


def _number(view: memoryview, at: int, end: int, most: int) -> tuple[int, int]:
    first = view[at] if at < end else 0
    width = 9 - first.bit_length()
    if at + width > end and first:
        message = f"The file ends in an element at byte {at}."
        raise DamagedError(message, FileFault.TRUNCATED)
    if width > most:
        message = f"No element can begin at byte {at}."
        raise DamagedError(message, FileFault.TRUNCATED if at >= end else FileFault.MALFORMED)
    return int.from_bytes(view[at : at + width], "big"), width
