"""PNG: the XMP packet in an `iTXt` chunk `XML:com.adobe.xmp` (TC260-PG-20259A), and what others write elsewhere.

Labels are also met in `tEXt`, `zTXt` and `iTXt` chunks with the keyword `AIGC` (Annex B), direct or wrapped.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from zhengming.label.aigc import AigcFields
from zhengming.label.files import xmp
from zhengming.label.files.base import (
    MAX_PARTS,
    MAX_SITES,
    Buffer,
    FileFault,
    Scan,
    Site,
    Splice,
    UnreadableFileError,
    faults_of,
)

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
XMP_KEYWORD: Final = b"XML:com.adobe.xmp"
LABEL_KEYWORD: Final = b"AIGC"
MAX_TEXT: Final = 8_000_000
_TEXTS: Final = frozenset({b"tEXt", b"zTXt", b"iTXt"})


class Chunk(NamedTuple):
    """One chunk: `start` at its length field, `end` after its checksum; `whole` unless the file ends in it."""

    kind: bytes
    start: int
    end: int
    whole: bool

    @property
    def body(self) -> slice:
        """Where its data lies."""
        return slice(self.start + 8, max(self.end - 4, self.start + 8))


class Png:
    """The format PNG, APNG included."""

    name = "png"
    media_types = ("image/png", "image/apng")
    extensions = (".png", ".apng")
    slot = "png.itxt.xmp"
    guide = "TC260-PG-20259A"

    def recognises(self, head: bytes) -> bool:
        """Whether the signature stands there."""
        return head.startswith(SIGNATURE)

    def scan(self, data: Buffer) -> Scan:
        """Find every label."""
        sites: list[Site] = []
        fault: FileFault | None = None
        ended = False
        view = memoryview(data)
        try:
            for chunk in chunks(view):
                if not chunk.whole:
                    fault = FileFault.TRUNCATED
                elif chunk.kind in _TEXTS and len(sites) < MAX_SITES:
                    sites += _sites(view, chunk)
                ended = chunk.kind == b"IEND"
        except UnreadableFileError:
            fault = FileFault.MALFORMED
        if not ended:
            fault = fault or FileFault.TRUNCATED
        return Scan(tuple(sites), faults_of(fault, sites=sites))

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Put the label into the XMP packet, which is made where there is none, before the first IDAT."""
        view = memoryview(data)
        value = fields.to_json()
        packet = b""
        splices: list[Splice] = []
        place = -1
        for chunk in chunks(view):
            if not chunk.whole:
                raise UnreadableFileError("The PNG ends in the middle of a chunk.", next_step="Send the whole file.")
            if chunk.kind == b"IDAT" and place < 0:
                place = chunk.start
            if chunk.kind in _TEXTS:
                keyword, text = _text(view, chunk)
                if keyword == XMP_KEYWORD:
                    packet = packet or text
                    splices.append(Splice(chunk.start, chunk.end, b""))
                elif keyword == LABEL_KEYWORD:
                    splices.append(Splice(chunk.start, chunk.end, b""))
        if place < 0:
            raise UnreadableFileError(
                "The PNG has no picture data.", next_step="Send a PNG with at least one IDAT chunk."
            )
        body = XMP_KEYWORD + b"\0\0\0\0\0" + xmp.with_label(packet, value, source_type=xmp.GENERATED)
        return [*splices, Splice(place, place, _chunk(b"iTXt", body))]


def chunks(view: memoryview) -> Iterator[Chunk]:
    """Walk over the chunks up to IEND. Raises UnreadableFileError where no chunk can begin."""
    if bytes(view[:8]) != SIGNATURE:
        raise UnreadableFileError("The file does not begin as a PNG does.", next_step="Check that it is a PNG.")
    at = 8
    for _ in range(MAX_PARTS):
        if at + 12 > len(view):
            if at < len(view):
                yield Chunk(b"", at, len(view), whole=False)
            return
        length, kind = struct.unpack(">I4s", view[at : at + 8])
        if not kind.isalpha():
            raise UnreadableFileError(f"No PNG chunk can begin at byte {at}.", next_step="Send an undamaged file.")
        end = at + 12 + length
        yield Chunk(kind, at, min(end, len(view)), whole=end <= len(view))
        if end > len(view) or kind == b"IEND":
            return
        at = end
    raise UnreadableFileError(f"The PNG has more than {MAX_PARTS} chunks.", next_step="Send an ordinary PNG.")


def _sites(view: memoryview, chunk: Chunk) -> list[Site]:
    keyword, text = _text(view, chunk)
    if keyword == LABEL_KEYWORD:
        return [Site(f"png.{chunk.kind.decode().lower()}.AIGC", text, chunk.start, chunk.end, official=False)]
    if keyword == XMP_KEYWORD:
        return [Site(Png.slot, one.raw, chunk.start, chunk.end, official=True) for one in xmp.properties(text)]
    return []


def _text(view: memoryview, chunk: Chunk) -> tuple[bytes, bytes]:
    """Return keyword and text of a text chunk; what cannot be inflated within bounds is empty."""
    body = bytes(view[chunk.body][:MAX_TEXT])
    keyword, _, rest = body.partition(b"\0")
    if chunk.kind == b"tEXt":
        return keyword, rest
    if chunk.kind == b"zTXt":
        return keyword, _inflated(rest[1:])
    packed = rest[:1] == b"\x01"
    parts = rest[2:].split(b"\0", 2)
    text = parts[2] if len(parts) == 3 else b""  # noqa: PLR2004 - language, translated keyword, text
    return keyword, _inflated(text) if packed else text


def _inflated(data: bytes) -> bytes:
    worker = zlib.decompressobj()
    try:
        return worker.decompress(data, MAX_TEXT)
    except zlib.error:
        return b""


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
