"""Ogg pages (RFC 3533): walking over them, putting packets into new ones, and giving old ones another number."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from zhengming.label.files.base import Splice, UnreadableFileError

MAX_PAGES: Final = 1_000_000
"""A day of sound has fewer."""
CONTINUED, FIRST, LAST = 1, 2, 4
_HEAD: Final = struct.Struct("<4sBBQIIIB")
_MAX_SEGMENTS: Final = 255
_NO_PACKET_ENDS: Final = 0xFFFFFFFFFFFFFFFF
_TURNED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_CUT: Final = "Send the whole, undamaged file."


class Page(NamedTuple):
    """One page: its flags, stream and number, the lengths of its segments, and where its data lies."""

    start: int
    flags: int
    granule: int
    serial: int
    number: int
    checksum: int
    lengths: bytes
    body: int
    end: int


def pages(view: memoryview) -> Iterator[Page]:
    """Walk over the pages to the end. Raises UnreadableFileError where no page begins or the file ends in one."""
    at = 0
    for _ in range(MAX_PAGES):
        if at == len(view):
            return
        if at + _HEAD.size > len(view):
            raise UnreadableFileError(f"The Ogg file ends in the page at byte {at}.", next_step=_CUT)
        mark, version, flags, granule, serial, number, checksum, count = _HEAD.unpack(view[at : at + _HEAD.size])
        if mark != b"OggS" or version:
            raise UnreadableFileError(f"No Ogg page begins at byte {at}.", next_step=_CUT)
        lengths = bytes(view[at + _HEAD.size : at + _HEAD.size + count])
        body = at + _HEAD.size + count
        end = body + sum(lengths)
        if len(lengths) < count or end > len(view):
            raise UnreadableFileError(f"The Ogg file ends in the page at byte {at}.", next_step=_CUT)
        yield Page(at, flags, granule, serial, number, checksum, lengths, body, end)
        at = end
    raise UnreadableFileError(f"The Ogg file has more than {MAX_PAGES} pages.", next_step="Send an ordinary file.")


def is_right(view: memoryview, page: Page) -> bool:
    """Whether the page's checksum is right."""
    return checksum(_numbered(view, page, page.number)) == page.checksum


def renumbered(view: memoryview, page: Page, number: int) -> Splice:
    """Return the splice that gives a page another number, and the checksum that goes with it."""
    total = checksum(_numbered(view, page, number))
    return Splice(page.start + 18, page.start + 26, struct.pack("<II", number, total))


def paged(packets: Sequence[bytes], serial: int, number: int, granule: int) -> list[bytes]:
    """Return packets on new pages, numbered from `number`; the last page ends with the last packet."""
    lengths: list[int] = []
    for packet in packets:
        lengths += [255] * (len(packet) // 255) + [len(packet) % 255]
    data = b"".join(packets)
    made: list[bytes] = []
    at = 0
    for first in range(0, len(lengths), _MAX_SEGMENTS):
        here = bytes(lengths[first : first + _MAX_SEGMENTS])
        ends = any(length < 255 for length in here)  # noqa: PLR2004 - a shorter segment ends its packet
        flags = CONTINUED if first and lengths[first - 1] == 255 else 0  # noqa: PLR2004
        page = _HEAD.pack(b"OggS", 0, flags, granule if ends else _NO_PACKET_ENDS, serial, number, 0, len(here))
        page += here + data[at : at + sum(here)]
        made.append(page[:22] + struct.pack("<I", checksum(page)) + page[26:])
        at += sum(here)
        number += 1
    return made


def checksum(data: bytes) -> int:
    """Return Ogg's CRC: polynomial 0x04C11DB7, most significant bit first, beginning with 0 (RFC 3533, 6).

    It is the mirror image of zlib's, so that zlib reckons it over mirrored bytes.
    """
    mirrored = zlib.crc32(data.translate(_TURNED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_TURNED), "big")


def _numbered(view: memoryview, page: Page, number: int) -> bytes:
    """Return the page's bytes with another number and no checksum."""
    head = bytes(view[page.start : page.start + 18]) + struct.pack("<II", number & 0xFFFFFFFF, 0)
    return head + bytes(view[page.start + 26 : page.end])
