"""JPEG: the XMP packet in an APP1 segment (TC260-PG-20259A), and what others write elsewhere.

Labels are also met in the EXIF comments (Annex B), bare in APP segments, in comments and in extended XMP.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from zhengming.label.aigc import AigcFields
from zhengming.label.files import ifd, xmp
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

XMP_HEAD: Final = b"http://ns.adobe.com/xap/1.0/\0"
EXTENSION_HEAD: Final = b"http://ns.adobe.com/xmp/extension/\0"
EXIF_HEAD: Final = b"Exif\0"
MAX_PACKET: Final = 65_502
"""The longest packet: 65,535 less the length itself and the head of the segment, rounded as the XMP rules do."""

_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_EXTENSION: Final = struct.Struct(">32sII")
_MAX_EXIF: Final = 4
_FILL: Final = re.compile(rb"\xff*")
_NEXT: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)


class Segment(NamedTuple):
    """One marker and what belongs to it: `start` at the marker, `body` after the length; scan data is left out."""

    marker: int
    start: int
    body: int
    end: int
    whole: bool

    @property
    def app(self) -> int:
        """The number of an APP segment, -1 for any other."""
        return self.marker - 0xE0 if 0xE0 <= self.marker <= 0xEF else -1  # noqa: PLR2004 - APP0 to APP15


class _Extension(NamedTuple):
    """Extended XMP put together: its packet, and which bytes of it each segment holds."""

    guid: bytes
    text: bytes
    parts: tuple[tuple[Segment, int], ...]


class Jpeg:
    """The format JPEG, with several pictures in one file (MPF) too: the label is that of the first."""

    name = "jpeg"
    media_types = ("image/jpeg",)
    extensions = (".jpg", ".jpeg", ".jpe", ".jfif")
    slot = "jpeg.app1.xmp"
    guide = "TC260-PG-20259A"

    def recognises(self, head: bytes) -> bool:
        """Whether a first marker stands there and another one after it."""
        return head.startswith(b"\xff\xd8\xff")

    def scan(self, data: Buffer) -> Scan:
        """Find every label."""
        view = memoryview(data)
        passed, faults = _walked(view)
        sites: list[Site] = []
        if len(exif := [one for one in passed if _begins(view, one, 1, EXIF_HEAD)]) > _MAX_EXIF:
            faults.add(FileFault.MALFORMED)
        for segment in passed:
            if segment not in exif[_MAX_EXIF:]:
                sites += _sites(view, segment, faults)
        for extension in _extensions(view, passed):
            start, end = extension.parts[0][0].start, extension.parts[-1][0].end
            found = xmp.properties(extension.text)
            sites += [Site("jpeg.app1.extended_xmp", one.raw, start, end, official=False) for one in found]
        sites.sort(key=lambda site: site.start)
        return Scan(tuple(sites[:MAX_SITES]), faults_of(*faults, sites=sites))

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Put the label into the XMP packet, which is made where there is none, and stands after APP0 and EXIF."""
        view = memoryview(data)
        passed = list(_before_scan(view))
        main = [one for one in passed if _begins(view, one, 1, XMP_HEAD)]
        packet = bytes(view[main[0].body + len(XMP_HEAD) : main[0].end]) if main else b""
        splices = [Splice(one.start, one.end, b"") for one in main[:1]]
        for one in main[1:]:
            old = bytes(view[one.body : one.end])
            if (new := xmp.blanked(old)) != old:
                splices.append(Splice(one.body, one.end, new))
        for extension in _extensions(view, passed):
            changed, guid = _without_label(extension)
            splices += changed
            packet = packet.replace(extension.guid, guid)
        for one in passed:
            splices += _copies(view, one)
        new = _fitted(packet, fields.to_json())
        place = _place(view, passed)
        added = struct.pack(">BBH", 0xFF, 0xE1, len(XMP_HEAD) + len(new) + 2) + XMP_HEAD + new
        return [*_level(view, passed, splices), Splice(place, place, added)]


def segments(view: memoryview) -> Iterator[Segment]:
    """Walk over the segments to the end of the picture. Raises UnreadableFileError where none can begin."""
    if bytes(view[:2]) != b"\xff\xd8":
        raise UnreadableFileError("The file does not begin as a JPEG does.", next_step="Check that it is a JPEG.")
    at = 2
    for _ in range(MAX_PARTS):
        start = at
        filled = _FILL.match(view, at)
        at = max(start, filled.end() - 1) if filled else start
        if at + 2 > len(view):
            return
        marker = view[at + 1]
        if view[at] != 0xFF or marker in {0x00, _SOI}:  # noqa: PLR2004 - every marker begins so
            raise UnreadableFileError(f"No JPEG segment can begin at byte {at}.", next_step="Send an undamaged file.")
        if marker == _EOI or marker in _ALONE:
            yield Segment(marker, start, at + 2, at := at + 2, whole=True)
            if marker == _EOI:
                return
            continue
        length = int.from_bytes(view[at + 2 : at + 4], "big")
        end = at + 2 + length
        whole = length >= 2 and end <= len(view)  # noqa: PLR2004 - the length counts itself
        if length < 2 and at + 4 <= len(view):  # noqa: PLR2004
            raise UnreadableFileError(f"The JPEG segment at byte {at} has no length.", next_step="Send a whole file.")
        yield Segment(marker, start, min(at + 4, len(view)), min(end, len(view)), whole)
        if not whole:
            return
        at = _after_scan(view, end) if marker == _SOS else end
    raise UnreadableFileError(f"The JPEG has more than {MAX_PARTS} segments.", next_step="Send an ordinary JPEG.")


def _walked(view: memoryview) -> tuple[list[Segment], set[FileFault]]:
    """Return the segments that may hold a label, and what is wrong with the file."""
    passed: list[Segment] = []
    faults: set[FileFault] = set()
    count = ended = 0
    try:
        for segment in segments(view):
            count += 1
            if not segment.whole:
                faults.add(FileFault.TRUNCATED)
            elif segment.marker == _EOI:
                ended = segment.end
            elif segment.app >= 0 or segment.marker == _COM:
                passed.append(segment)
    except UnreadableFileError:
        faults.add(FileFault.MALFORMED if count < MAX_PARTS else FileFault.TOO_MANY_PARTS)
    if not ended:
        faults.add(FileFault.TRUNCATED)
    elif ended < len(view):
        faults.add(FileFault.TRAILING_DATA)
    return passed, faults


def _after_scan(view: memoryview, at: int) -> int:
    """Return where the next segment begins after the data of a scan."""
    found = _NEXT.search(view, at)
    return found.start() if found else len(view)


def _before_scan(view: memoryview) -> Iterator[Segment]:
    """Yield the segments with metadata, wherever they stand. Raises UnreadableFileError for a damaged file."""
    ended = False
    for segment in segments(view):
        if not segment.whole:
            break
        ended = segment.marker == _EOI
        if segment.app >= 0 or segment.marker == _COM:
            yield segment
    if not ended:
        raise UnreadableFileError("The JPEG ends in the middle.", next_step="Send the whole file.")


def _begins(view: memoryview, segment: Segment, app: int, head: bytes) -> bool:
    return segment.app == app and bytes(view[segment.body : min(segment.body + len(head), segment.end)]) == head


def _place(view: memoryview, passed: list[Segment]) -> int:
    place = 2
    for one in passed:
        if one.start != place or not (one.app == 0 or _begins(view, one, 1, EXIF_HEAD)):
            break
        place = one.end
    return place


def _sites(view: memoryview, segment: Segment, faults: set[FileFault]) -> list[Site]:
    def site(slot: str, raw: bytes) -> Site:
        return Site(slot, raw, segment.start, segment.end, official=slot == Jpeg.slot)

    if _begins(view, segment, 1, XMP_HEAD):
        packet = bytes(view[segment.body + len(XMP_HEAD) : segment.end])
        if (fault := xmp.fault(packet)) is not None:
            faults.add(fault)
        return [site(Jpeg.slot, one.raw) for one in xmp.properties(packet)]
    if _begins(view, segment, 1, EXIF_HEAD):
        try:
            return [site(f"jpeg.exif.{one.name}", one.raw) for one in ifd.notes(view[segment.body + 6 : segment.end])]
        except UnreadableFileError:
            faults.add(FileFault.MALFORMED)
            return []
    raw = _bare(view, segment)[0]
    place = "com" if segment.marker == _COM else f"app{segment.app}.AIGC"
    return [site(f"jpeg.{place}", raw)] if raw else []


def _bare(view: memoryview, segment: Segment) -> tuple[bytes, bool]:
    if segment.app == 0:
        return b"", False
    return ifd.label_in(bytes(view[segment.body : segment.end]))


def _copies(view: memoryview, segment: Segment) -> list[Splice]:
    """Return what takes the label out of a segment that is not XMP. Raises UnreadableFileError."""
    if _begins(view, segment, 1, EXIF_HEAD):
        tags = view[segment.body + 6 : segment.end]
        try:
            found = ifd.notes(tags)
        except UnreadableFileError:
            return []  # no reader finds a label in tags that cannot be followed; they stay as they are
        return ifd.emptied(found, segment.body + 6)
    if _begins(view, segment, 1, XMP_HEAD):
        return []
    raw, alone = _bare(view, segment)
    if raw and not alone:
        raise UnreadableFileError(
            f"The JPEG segment at byte {segment.start} holds a label and something else beside it.",
            next_step="Take the label out of it, then label the file.",
        )
    return [Splice(segment.start, segment.end, b"")] if raw else []


def _extensions(view: memoryview, passed: list[Segment]) -> list[_Extension]:
    """Put extended XMP together; what is longer than a packet may be, or has holes, is left out."""
    parts: dict[bytes, list[tuple[Segment, int, int]]] = {}
    for one in passed:
        head = one.body + len(EXTENSION_HEAD)
        if _begins(view, one, 1, EXTENSION_HEAD) and head + _EXTENSION.size <= one.end:
            guid, length, offset = _EXTENSION.unpack(view[head : head + _EXTENSION.size])
            parts.setdefault(guid, []).append((one, length, offset))
    made: list[_Extension] = []
    for guid, found in parts.items():
        found.sort(key=lambda part: part[2])
        text = b""
        pieces: list[bytes] = []
        at = 0
        for one, length, offset in found:
            piece = bytes(view[one.body + len(EXTENSION_HEAD) + _EXTENSION.size : one.end])
            if offset != at or length > xmp.MAX_PACKET or at + len(piece) > xmp.MAX_PACKET:
                break
            pieces.append(piece)
            at += len(piece)
        else:
            text = b"".join(pieces)
        if text:
            made.append(_Extension(guid, text, tuple((one, offset) for one, _, offset in found)))
    return made


def _without_label(extension: _Extension) -> tuple[list[Splice], bytes]:
    """Return what blanks the label in every segment, and the new name of the packet, which is a digest of it."""
    text = xmp.blanked(extension.text)
    if text == extension.text:
        return [], extension.guid
    guid = hashlib.md5(text, usedforsecurity=False).hexdigest().upper().encode()
    splices: list[Splice] = []
    for one, offset in extension.parts:
        name = one.body + len(EXTENSION_HEAD)
        start = name + _EXTENSION.size
        splices += [
            Splice(name, name + len(guid), guid),
            Splice(start, one.end, text[offset : offset + one.end - start]),
        ]
    return splices, guid


def _fitted(packet: bytes, value: bytes) -> bytes:
    new = xmp.shrunk(xmp.with_label(packet, value, source_type=xmp.GENERATED), MAX_PACKET)
    if len(new) > MAX_PACKET:
        raise UnreadableFileError(
            f"With the label the XMP packet would have {len(new)} bytes; a JPEG can hold {MAX_PACKET}.",
            next_step="Remove other XMP metadata, such as an editing history, or shorten the reserved codes.",
        )
    return new


def _level(view: memoryview, passed: list[Segment], splices: list[Splice]) -> list[Splice]:
    """Return the splices with filling for what goes after an MPF segment, whose offsets count from itself."""
    index = next((one.start for one in passed if _begins(view, one, 2, b"MPF\0")), len(view))
    return [
        Splice(one.start, one.end, one.data or _filling(one.end - one.start)) if one.start > index else one
        for one in splices
    ]


def _filling(size: int) -> bytes:
    """Return an APP15 segment of this size that says nothing."""
    length = min(size - 2, 0xFFFF)
    return struct.pack(">BBH", 0xFF, 0xEF, length).rjust(size - length + 2, b"\xff") + bytes(length - 2)
