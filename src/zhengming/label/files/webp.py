"""WebP: the XMP packet in a chunk `XMP ` (TC260-PG-20259A), announced in the chunk VP8X, which is made where missing.

Labels are also met in the EXIF comments (Annex B).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from zhengming.label.aigc import AigcFields
from zhengming.label.files import ifd, riff, xmp
from zhengming.label.files.base import (
    MAX_SITES,
    Buffer,
    FileFault,
    Scan,
    Site,
    Splice,
    UnreadableFileError,
    faults_of,
)

XMP_BIT: Final = 0x04
_ALPHA_BIT: Final = 0x10
_PICTURES: Final = frozenset({b"VP8 ", b"VP8L", b"ANMF"})
_MAX_SIDE: Final = 16_384


class _Canvas(NamedTuple):
    """What VP8X has to say of a simple picture."""

    width: int
    height: int
    alpha: bool


class WebP:
    """The format WebP, animated pictures included."""

    name = "webp"
    media_types = ("image/webp",)
    extensions = (".webp",)
    slot = "webp.riff.xmp"
    guide = "TC260-PG-20259A"

    def recognises(self, head: bytes) -> bool:
        """Whether the file says that it is RIFF of the form WEBP."""
        return riff.is_riff(head, b"WEBP")

    def scan(self, data: Buffer) -> Scan:
        """Find every label."""
        view = memoryview(data)
        sites: list[Site] = []
        faults: list[FileFault | None] = []
        picture = False
        try:
            around = riff.outer(view, b"WEBP")
            last = 12
            for piece in riff.pieces(view, 12, around.stop):
                picture |= piece.kind in _PICTURES
                last = piece.end
                if not piece.whole:
                    faults.append(FileFault.TRUNCATED)
                elif len(sites) < MAX_SITES:
                    sites += _sites(view, piece)
            faults.append(riff.walk_fault(around, last, len(view)))
        except UnreadableFileError:
            faults.append(FileFault.MALFORMED)
        return Scan(tuple(sites), faults_of(*faults, None if picture else FileFault.TRUNCATED, sites=sites))

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Put the packet behind all other chunks, as the format orders them."""
        view = memoryview(data)
        around = riff.outer(view, b"WEBP")
        parts = list(riff.pieces(view, 12, around.stop))
        first = next((piece for piece in parts if piece.kind in _PICTURES), None)
        if not around.whole or first is None or not all(piece.whole for piece in parts):
            raise UnreadableFileError(
                "The WebP has no picture, or ends in the middle of one.", next_step="Send the whole file."
            )
        packets = [piece for piece in parts if piece.kind == b"XMP "]
        packet = bytes(view[packets[0].body : packets[0].stop]) if packets else b""
        new = xmp.with_label(packet, fields.to_json(), source_type=xmp.GENERATED)
        last = parts[-1]
        missing = last.end == last.stop and (last.stop - last.body) % 2 == 1 and last.kind != b"XMP "
        splices = [Splice(piece.start, piece.end, b"") for piece in packets]
        for piece in parts:
            if piece.kind == b"EXIF":
                splices += _emptied(view, piece)
        splices += _announced(view, parts, first)
        splices.append(Splice(last.end, last.end, b"\0" * missing + riff.chunk(b"XMP ", new)))
        return [*splices, *riff.sized(view, around, last.end, splices)]


def _announced(view: memoryview, parts: list[riff.Piece], first: riff.Piece) -> list[Splice]:
    """Return the splice that says in VP8X that there is XMP. Raises UnreadableFileError."""
    if parts[0].kind == b"VP8X" and parts[0].stop > parts[0].body:
        flags = view[parts[0].body]
        return [Splice(parts[0].body, parts[0].body + 1, bytes((flags | XMP_BIT,)))]
    canvas = _canvas(view, first)
    body = bytes((XMP_BIT | (_ALPHA_BIT if canvas.alpha else 0), 0, 0, 0))
    body += (canvas.width - 1).to_bytes(3, "little") + (canvas.height - 1).to_bytes(3, "little")
    return [Splice(12, 12, riff.chunk(b"VP8X", body))]


def _canvas(view: memoryview, piece: riff.Piece) -> _Canvas:
    """Read the size from the picture itself (RFC 9649, 2.5 and 3; RFC 6386, 9.1)."""
    head = bytes(view[piece.body : min(piece.body + 10, piece.stop)])
    canvas = _Canvas(0, 0, alpha=False)
    if piece.kind == b"VP8L" and head[:1] == b"\x2f" and len(head) >= 5:  # noqa: PLR2004 - the header
        bits = int.from_bytes(head[1:5], "little")
        canvas = _Canvas((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, alpha=bool(bits >> 28 & 1))
    elif piece.kind == b"VP8 " and head[3:6] == b"\x9d\x01\x2a" and len(head) >= 10:  # noqa: PLR2004 - the header
        width, height = (int.from_bytes(head[at : at + 2], "little") & 0x3FFF for at in (6, 8))
        canvas = _Canvas(width, height, alpha=False)
    if not (0 < canvas.width <= _MAX_SIDE and 0 < canvas.height <= _MAX_SIDE):
        raise UnreadableFileError(
            f"The picture at byte {piece.start} of the WebP does not say how large it is.",
            next_step="Send an undamaged file.",
        )
    return canvas


def _sites(view: memoryview, piece: riff.Piece) -> list[Site]:
    if piece.kind == b"XMP ":
        packet = bytes(view[piece.body : min(piece.stop, piece.body + xmp.MAX_PACKET)])
        return [Site(WebP.slot, one.raw, piece.start, piece.end, official=True) for one in xmp.properties(packet)]
    if piece.kind == b"EXIF":
        return [
            Site(f"webp.exif.{note.name}", note.raw, piece.start, piece.end, official=False)
            for note in _notes(view, piece)[1]
        ]
    return []


def _notes(view: memoryview, piece: riff.Piece) -> tuple[int, list[ifd.Note]]:
    """Return where the tags begin and the labels in them; some writers leave the head of JPEG's segment there."""
    start = piece.body + (6 if bytes(view[piece.body : piece.body + 6]) == b"Exif\0\0" else 0)
    try:
        return start, ifd.notes(view[start : piece.stop])
    except UnreadableFileError:
        return start, []  # no reader finds a label in tags that cannot be followed; they stay as they are


def _emptied(view: memoryview, piece: riff.Piece) -> list[Splice]:
    start, found = _notes(view, piece)
    return ifd.emptied(found, start)
