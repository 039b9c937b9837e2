"""TIFF and BigTIFF in both byte orders: the XMP packet in tag 0x02BC of the first directory (TC260-PG-20259A).

The first directory is written anew at the end of the file, with the packet after it, and the header points there:
nothing else moves, so every offset to pixels and values stays true. Labels in comments are read and blanked as in EXIF.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

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

_UNDEFINED: Final = 7
_CLASSIC_END: Final = 0xFFFF_FFFF
_OFFSETS: Final = {273: 279, 324: 325}
"""Tags with the offsets of strips and tiles, and those with their sizes."""
_NUMBERS: Final = {1: "B", 3: "H", 4: "I", 16: "Q"}


class Tiff:
    """The format TIFF, BigTIFF included, with any number of pages: the label is that of the file."""

    name = "tiff"
    media_types = ("image/tiff",)
    extensions = (".tif", ".tiff")
    slot = "tiff.ifd0.xmp"
    guide = "TC260-PG-20259A"

    def recognises(self, head: bytes) -> bool:
        """Whether byte order and magic number stand there."""
        return head.startswith((b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0"))

    def scan(self, data: Buffer) -> Scan:
        """Find every label."""
        view = memoryview(data)
        sites: list[Site] = []
        faults: set[FileFault] = set()
        try:
            layout, at = ifd.opened(view)
            pages = list(_pages(view, layout, at))
            if _cut(view, layout, pages):
                faults.add(FileFault.TRUNCATED)
            sites += _sites(view, pages, faults)
            sites += [Site(f"tiff.{one.name}", one.raw, one.start, one.end, official=False) for one in ifd.notes(view)]
        except ifd.CutError:
            faults.add(FileFault.TRUNCATED)
        except UnreadableFileError:
            faults.add(FileFault.MALFORMED)
        sites.sort(key=lambda site: site.start)
        return Scan(tuple(sites[:MAX_SITES]), faults_of(*faults, sites=sites))

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Put the label into the XMP packet of the first directory, which is written anew at the end of the file."""
        view = memoryview(data)
        layout, at = ifd.opened(view)
        pages = list(_pages(view, layout, at))
        if _cut(view, layout, pages):
            raise ifd.CutError(len(view))
        first = pages[0]
        old = next((one for one in first.entries if one.tag == ifd.XMP), None)
        packet = bytes(view[old.start : old.end]) if old else b""
        new = xmp.with_label(packet.rstrip(b"\0"), fields.to_json(), source_type=xmp.GENERATED)
        # What an earlier writing left at the end of the file gives way to the new directory and packet.
        again = old is not None and old.start == first.end + layout.room and old.end == len(view) and at % 8 == 0
        base = at if again else -(-len(view) // 8) * 8
        splices = ifd.emptied(ifd.notes(view), 0)
        splices += _blanked(view, pages[1:] if again else pages)
        header = layout.room
        tail = bytes(max(base - len(view), 0)) + _tail(view, layout, first, base, new)
        return ifd.apart([
            Splice(header, header + layout.room, struct.pack(layout.order + layout.offset, base)),
            *splices,
            Splice(min(base, len(view)), len(view), tail),
        ])  # fmt: skip


def _pages(view: memoryview, layout: ifd.Layout, at: int) -> Iterator[ifd.Directory]:
    """Walk over the pages; a ring of them ends the walk. Raises UnreadableFileError."""
    seen: set[int] = set()
    passed = 0
    while (at and at not in seen) or not seen:
        seen.add(at)
        page = ifd.directory(view, layout, at)
        passed += len(page.entries)
        if passed > MAX_PARTS:
            message = f"The TIFF has more than {MAX_PARTS} tags."
            raise UnreadableFileError(message, next_step="Split it into files with fewer pages.")
        yield page
        at = page.following


def _cut(view: memoryview, layout: ifd.Layout, pages: list[ifd.Directory]) -> bool:
    """Whether a value of any page, or a strip or tile of the first, lies after the end of the file."""
    if any(page.end + layout.room > len(view) or any(one.end == 0 for one in page.entries) for page in pages):
        return True
    tags = {one.tag: one for one in pages[0].entries}
    for offsets, sizes in _OFFSETS.items():
        if offsets in tags and sizes in tags:
            places = zip(_numbers(view, layout, tags[offsets]), _numbers(view, layout, tags[sizes]), strict=False)
            if any(start + size > len(view) for start, size in places):
                return True
    return False


def _numbers(view: memoryview, layout: ifd.Layout, entry: ifd.Entry) -> Iterator[int]:
    form = _NUMBERS.get(entry.kind)
    if form is None:
        return
    size = struct.calcsize("=" + form)
    end = entry.start + (entry.end - entry.start) // size * size
    for (number,) in struct.iter_unpack(
        layout.order + form, view[entry.start : min(end, entry.start + size * MAX_PARTS)]
    ):
        yield int(number)


def _packets(view: memoryview, pages: list[ifd.Directory]) -> Iterator[tuple[int, ifd.Entry, bytes]]:
    """Yield the XMP packets with the index of their page. Raises UnreadableFileError for too many bytes of them."""
    seen: set[int] = set()
    budget = xmp.MAX_PACKET
    for index, page in enumerate(pages):
        for one in page.entries:
            if one.tag == ifd.XMP and one.start not in seen:
                seen.add(one.start)
                budget -= one.end - one.start
                if budget < 0:
                    message = f"The TIFF has more than {xmp.MAX_PACKET} bytes of XMP."
                    raise UnreadableFileError(message, next_step="Remove XMP metadata, then label it.")
                yield index, one, bytes(view[one.start : one.end])


def _sites(view: memoryview, pages: list[ifd.Directory], faults: set[FileFault]) -> list[Site]:
    found: list[Site] = []
    for index, entry, packet in _packets(view, pages):
        if xmp.fault(packet.rstrip(b"\0")) is not None:
            faults.add(FileFault.MALFORMED)
        slot = f"tiff.ifd{index}.xmp"
        properties = xmp.properties(packet)
        found += [Site(slot, one.raw, entry.start, entry.end, official=slot == Tiff.slot) for one in properties]
    return found


def _blanked(view: memoryview, pages: list[ifd.Directory]) -> list[Splice]:
    """Return what blanks labels in the packets where they lie, so that no tool finds an old one."""
    return [
        Splice(entry.start, entry.end, new)
        for _, entry, old in _packets(view, pages)
        if (new := xmp.blanked(old)) != old
    ]


def _tail(view: memoryview, layout: ifd.Layout, page: ifd.Directory, base: int, packet: bytes) -> bytes:
    """Return the directory with this packet, and the packet, as they stand at `base`."""
    kept = [(one.tag, bytes(view[one.at : one.at + layout.entry])) for one in page.entries if one.tag != ifd.XMP]
    count = len(kept) + 1
    place = base + struct.calcsize("=" + layout.tally) + count * layout.entry + layout.room
    if not layout.big and place + len(packet) > _CLASSIC_END:
        raise UnreadableFileError(
            "With the label the TIFF would pass the 4 GiB that it can address.", next_step="Save it as BigTIFF."
        )
    form = f"{layout.order}HH{layout.offset}{layout.offset}"
    own = (ifd.XMP, struct.pack(form, ifd.XMP, _UNDEFINED, len(packet), place))
    before = [one for one in kept if one[0] < ifd.XMP]
    after = [one for one in kept if one[0] >= ifd.XMP]
    return b"".join([
        struct.pack(layout.order + layout.tally, count),
        *(entry for _, entry in [*before, own, *after]),
        struct.pack(layout.order + layout.offset, page.following),
        packet,
    ])  # fmt: skip
