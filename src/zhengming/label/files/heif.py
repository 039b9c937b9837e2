"""HEIC and AVIF: the XMP item of the primary picture (ISO/IEC 23008-12; TC260-PG-20259A names HEIF, not AVIF).

The packet is rewritten where it lies when it fits there, with its padding; otherwise it goes to the end of the file and
`meta` learns where it is. Coded pictures never change.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final, NamedTuple

from zhengming.label.aigc import AigcFields
from zhengming.label.files import bmff, iloc, xmp
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
from zhengming.label.files.bmff import Box, Budget, DamagedError
from zhengming.label.files.mp4 import brand

CONTENT_TYPE: Final = b"application/rdf+xml"
SLACK: Final = 512
"""Spaces after a new packet, so that the next label fits without moving it."""

_HEIC: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_AVIF: Final = frozenset({b"avif", b"avis"})


class Heic:
    """The format HEIF, with HEVC as a rule."""

    name = "heic"
    media_types: tuple[str, ...] = ("image/heic", "image/heif", "image/heic-sequence", "image/heif-sequence")
    extensions: tuple[str, ...] = (".heic", ".heif", ".hif")
    slot = "heif.meta.xmp"
    guide = "TC260-PG-20259A"

    def recognises(self, head: bytes) -> bool:
        """Whether a brand of HEIF stands there, and none of AVIF."""
        return brand(head) in _HEIC and not _has_avif(head)

    def scan(self, data: Buffer) -> Scan:
        """Find every label."""
        view = memoryview(data)
        sites: list[Site] = []
        fault: FileFault | None = None
        try:
            still = _Still(view)
            for item in still.packets():
                raw = still.text(item)
                fault = fault or xmp.fault(raw)
                spans = still.spans(item)
                start, end = (spans[0][0], spans[-1][1]) if spans else (0, 0)
                sites += [Site(self.slot, one.raw, start, end, official=True) for one in xmp.properties(raw)]
        except DamagedError as stop:
            fault = stop.fault
        except UnreadableFileError:
            fault = FileFault.MALFORMED
        sites = sites[:MAX_SITES]
        return Scan(tuple(sites), faults_of(fault, sites=sites))

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Put the label into the XMP item, which is made where there is none."""
        return _write(_Still(memoryview(data)), fields.to_json())


class Avif(Heic):
    """The format AVIF, sequences included."""

    name = "avif"
    media_types = ("image/avif", "image/avif-sequence")
    extensions = (".avif", ".avifs")
    guide = ""

    def recognises(self, head: bytes) -> bool:
        """Whether a brand of AVIF stands there, or stands among those that go with HEIF's."""
        return brand(head) in _AVIF or (brand(head) in _HEIC and _has_avif(head))


def _has_avif(head: bytes) -> bool:
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return any(head[at : at + 4] in _AVIF for at in range(16, end, 4))


class _Item(NamedTuple):
    """An entry of `iinf`: its number, its type, and for a `mime` item what it holds and how that is packed."""

    number: int
    kind: bytes
    content_type: bytes
    encoding: bytes
    box: Box


class _Still:
    """The file-level `meta` of a file. Raises UnreadableFileError for one that has none, or that ends too early."""

    def __init__(self, view: memoryview) -> None:
        self.view = view
        self.budget = Budget()
        self.top = list(bmff.boxes(view, 0, len(view), self.budget))
        metas = [box for box in self.top if box.kind == b"meta"]
        if len(metas) != 1 or not self.top or self.top[0].kind != b"ftyp":
            message = "The file has no `meta` box for its pictures."
            raise DamagedError(message, FileFault.TRUNCATED)
        self.meta = metas[0]
        self.start, self.children = bmff.meta_children(view, self.meta, self.budget)
        self.located = self.child(b"iloc")
        self.table = iloc.parse(bmff.content(view, self.located))
        self.info = self.child(b"iinf")
        self.items = self._read_items()
        for where in self.table.items:
            if any(end > len(view) for _, end in self.spans(where.item)):
                message = f"Item {where.item} lies behind the end of the file."
                raise DamagedError(message, FileFault.TRUNCATED)

    def child(self, kind: bytes) -> Box:
        """Return a child of `meta` that belongs there once."""
        found = [one for one in self.children if one.kind == kind]
        if len(found) != 1:
            message = f"The `meta` box has {len(found)} boxes {kind!r} where one belongs."
            raise DamagedError(message)
        return found[0]

    def first(self, kind: bytes) -> Box | None:
        """Return the first child of `meta` of a kind, if there is one."""
        return next((one for one in self.children if one.kind == kind), None)

    def primary(self) -> int:
        """Return the number of the primary picture."""
        raw = bmff.content(self.view, self.child(b"pitm"))
        return int.from_bytes(raw[4:8] if raw[:1] != b"\0" else raw[4:6], "big")

    def _read_items(self) -> list[_Item]:
        lead = 6 if bytes(self.view[self.info.body : self.info.body + 1]) == b"\0" else 8
        start = min(self.info.body + lead, self.info.end)
        return [
            _entry(bmff.content(self.view, box), box)
            for box in bmff.boxes(self.view, start, self.info.end, self.budget)
            if box.kind == b"infe"
        ]

    def packets(self) -> list[_Item]:
        """Return the items that hold XMP."""
        return [one for one in self.items if one.kind == b"mime" and one.content_type == CONTENT_TYPE]

    def spans(self, item: _Item | int) -> list[tuple[int, int]]:
        """Return the bytes of an item that lie in this file."""
        number = item if isinstance(item, int) else item.number
        found: list[tuple[int, int]] = []
        for where in self.table.items:
            if where.item == number and not where.reference and where.method in {iloc.IN_FILE, iloc.IN_IDAT}:
                found += self._extents(where)
        return found

    def _extents(self, where: iloc.Location) -> list[tuple[int, int]]:
        base = where.base
        limit = len(self.view)
        if where.method == iloc.IN_IDAT:
            box = self.child(b"idat")
            base, limit = base + box.body, box.end
        spans = [(base + one.offset, base + one.offset + (one.length or limit)) for one in where.extents]
        return [
            (start, min(end, limit) if one.length == 0 else end)
            for (start, end), one in zip(spans, where.extents, strict=True)
        ]

    def text(self, item: _Item) -> bytes:
        """Return the packet of an item; one that cannot be inflated within bounds is empty."""
        raw = b""
        for start, end in self.spans(item):
            raw += bytes(self.view[start : min(end, start + xmp.MAX_PACKET)])
            if len(raw) > xmp.MAX_PACKET:
                message = "The XMP item is larger than any packet."
                raise DamagedError(message)
        if not item.encoding:
            return raw
        try:
            return zlib.decompressobj(-15 if item.encoding == b"deflate" else 47).decompress(raw, xmp.MAX_PACKET)
        except zlib.error:
            return b""

    def alone(self, item: _Item) -> bool:
        """Whether no other item shares a byte with this one."""
        mine = self.spans(item)
        others = [span for where in self.table.items if where.item != item.number for span in self.spans(where.item)]
        held = [(self.meta.start, self.start)] + [(box.start, box.end) for box in self.children if box.kind != b"idat"]
        return not any(a < end and start < b for a, b in mine for start, end in others + held)


def _entry(raw: bytes, box: Box) -> _Item:
    version = raw[:1]
    if version not in {b"\2", b"\3"}:
        return _Item(-1, b"", b"", b"", box)
    wide = 2 if version == b"\2" else 4
    texts = [*raw[10 + wide :].split(b"\0"), b"", b"", b""]
    mime = raw[6 + wide : 10 + wide] == b"mime"
    return _Item(
        int.from_bytes(raw[4 : 4 + wide], "big"),
        raw[6 + wide : 10 + wide],
        texts[1] if mime else b"",
        texts[2] if mime else b"",
        box,
    )


def _write(still: _Still, value: bytes) -> list[Splice]:
    packets = still.packets()
    if any(one.encoding or not still.alone(one) for one in packets):
        message = "The XMP of the file is packed, or shares its bytes with something else."
        raise UnreadableFileError(message, next_step="Write the file anew with plain XMP.")
    main = packets[0] if packets else None
    edits: list[Splice] = []
    for other in packets[1:]:
        edits += _filled(still, other, xmp.blanked(still.text(other)))
    packet = xmp.with_label(still.text(main) if main else b"", value, source_type=xmp.GENERATED)
    if [one.raw for one in xmp.properties(packet)] != [value]:
        message = "The XMP of the file cannot be edited: a label put into it is not read back."
        raise UnreadableFileError(message, next_step="Repair or remove its XMP metadata, then label it.")
    if main:
        room = sum(end - start for start, end in still.spans(main))
        packet = xmp.shrunk(packet, room)
        if len(packet) <= room:
            return edits + _filled(still, main, packet)
        edits += _filled(still, main, b"")
    return edits + _appended(still, main, packet + b" " * SLACK)


def _filled(still: _Still, item: _Item, packet: bytes) -> list[Splice]:
    """Return the splices that put a packet, and spaces after it, where an item lies."""
    edits: list[Splice] = []
    for start, end in still.spans(item):
        edits.append(Splice(start, end, packet[: end - start].ljust(end - start)))
        packet = packet[end - start :]
    return edits


def _appended(still: _Still, main: _Item | None, packet: bytes) -> list[Splice]:
    """Return the splices that put the packet at the end of the file and tell `meta` so."""
    number = main.number if main else _free_number(still)
    edits = [] if main else _announced(still, number)
    grown = sum(len(one.data) - (one.end - one.start) for one in edits)
    last = still.top[-1]
    size = len(still.view)
    if last.width == 0:
        if last.kind != b"mdat":
            message = "The last box of the file leaves its size open."
            raise UnreadableFileError(message, next_step="Write the file anew with another program.")
        edits.append(Splice(size, size, packet))
        ahead = 0
    else:
        edits.append(Splice(size, size, bmff.made(b"mdat", packet)))
        ahead = 8
    return edits + _located(still, number, size + ahead, len(packet), grown)


def _free_number(still: _Still) -> int:
    number = max([0, *(one.number for one in still.items), *(one.item for one in still.table.items)]) + 1
    if number > 0xFFFF:  # noqa: PLR2004 - the widest number that every version of every box holds
        message = "The file has no number left for an item."
        raise UnreadableFileError(message, next_step="Write the file anew with another program.")
    return number


def _announced(still: _Still, number: int) -> list[Splice]:
    """Return the splices that add the item to `iinf`, and say in `iref` that it describes the primary picture."""
    view, info = still.view, still.info
    old = bmff.content(view, info)
    wide = 2 if old[:1] == b"\0" else 4
    count = int.from_bytes(old[4 : 4 + wide], "big") + 1
    entry = bmff.made(b"infe", b"\2\0\0\0", struct.pack(">HH", number, 0), b"mime\0", CONTENT_TYPE, b"\0")
    edits = [
        Splice(info.start, info.end, bmff.made(b"iinf", old[:4], count.to_bytes(wide, "big"), old[4 + wide :], entry))
    ]
    refs = still.first(b"iref")
    primary = still.primary()
    if refs is None:
        link = bmff.made(b"cdsc", struct.pack(">HHH", number, 1, primary))
        edits.append(Splice(still.meta.end, still.meta.end, bmff.made(b"iref", bytes(4), link)))
        return edits
    form = ">HHH" if bytes(view[refs.body : refs.body + 1]) == b"\0" else ">IHI"
    link = bmff.made(b"cdsc", struct.pack(form, number, 1, primary))
    edits.append(Splice(refs.end, refs.end, link))
    return edits + bmff.resized(refs, len(link))


def _located(still: _Still, number: int, place: int, length: int, grown: int) -> list[Splice]:
    """Return the splices for `iloc`, for `meta`, and for every other offset that moves because `meta` grows.

    `place` is where the packet begins before `meta` grows; `grown` is how much it does without `iloc`. Wider fields
    make `iloc` longer and move more, so this is repeated until it stays.
    """
    meta, old = still.meta, still.located
    delta = 0
    raw = b""
    for _ in range(4):
        rest = tuple(one for one in iloc.shifted(still.table, meta.end, delta).items if one.item != number)
        mine = iloc.Location(number, iloc.IN_FILE, 0, 0, (iloc.Extent(0, place + delta, length),))
        raw = iloc.build(still.table._replace(items=(*rest, mine)))
        fresh = grown + len(raw) + 8 - (old.end - old.start)
        if fresh == delta:
            break
        delta = fresh
    else:
        message = "The item locations cannot be widened."
        raise UnreadableFileError(message, next_step="Write the file anew with another program.")
    located = [Splice(old.start, old.end, bmff.made(b"iloc", raw))]
    return located + bmff.resized(meta, delta) + bmff.moved(still.view, still.top, meta.end, delta, skip=meta)
