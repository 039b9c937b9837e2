"""MP4, MOV and M4A: the key `AIGC` in `moov.udta.meta` (TC260-PG-20257A 6.1.1; TC260-PG-202510A for M4A).

Labels are also met in a `meta` that stands directly under `moov` or in a track, in iTunes' `----` items and in XMP.
Samples never change. Where the index stands before the media and grows, the space of a `free` box behind it is used;
where there is none, every offset to the media is mended.
"""

from __future__ import annotations

import struct
from typing import Final

from zhengming.label.aigc import AigcFields
from zhengming.label.files import bmff, mdta, xmp
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

XMP_UUID: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_STILLS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis"})
_SOUND: Final = frozenset({b"M4A ", b"M4B ", b"M4P "})
_OLD: Final = frozenset({b"moov", b"mdat", b"wide", b"pnot", b"free", b"skip"})
_MEDIA: Final = frozenset({b"mdat", b"moof"})
_MAX_32: Final = 0xFFFFFFFF


def brand(head: bytes) -> bytes:
    """Return the major brand of a file; `qt  ` for a QuickTime file from before brands, empty for another file."""
    if head[4:8] == b"ftyp":
        return head[8:12]
    return b"qt  " if head[4:8] in _OLD else b""


class Mp4:
    """The format MP4, fragmented files included."""

    name = "mp4"
    media_types: tuple[str, ...] = ("video/mp4", "audio/mp4", "application/mp4")
    extensions: tuple[str, ...] = (".mp4", ".m4v", ".m4s", ".3gp")
    slot = "mp4.moov.udta.meta.keys"
    guide = "TC260-PG-20257A"

    def recognises(self, head: bytes) -> bool:
        """Whether a brand stands there that is neither QuickTime's, nor of sound, nor of stills."""
        return brand(head) not in {b"", b"qt  ", *_SOUND, *_STILLS}

    def scan(self, data: Buffer) -> Scan:
        """Find every label."""
        return _Scanner(memoryview(data), self.slot).scan()

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Put the label under `moov.udta.meta`, which is made where there is none."""
        return _Writer(memoryview(data)).write(fields.to_json())


class Mov(Mp4):
    """The format QuickTime."""

    name = "mov"
    media_types = ("video/quicktime",)
    extensions = (".mov", ".qt")

    def recognises(self, head: bytes) -> bool:
        """Whether QuickTime's brand stands there, or a box with which files began before there were brands."""
        return brand(head) == b"qt  "


class M4a(Mp4):
    """The format M4A: an MP4 with sound only."""

    name = "m4a"
    media_types = ("audio/mp4", "audio/x-m4a")
    extensions = (".m4a", ".m4b")
    guide = "TC260-PG-202510A"

    def recognises(self, head: bytes) -> bool:
        """Whether a brand of Apple's for sound stands there."""
        return brand(head) in _SOUND


def _pieces(view: memoryview, moov: Box, budget: Budget) -> set[bytes]:
    """Return `moof` for an index that says that fragments follow, in this file or in others."""
    return {b"moof" for box in bmff.boxes(view, moov.body, moov.end, budget) if box.kind == b"mvex"}


class _Scanner:
    def __init__(self, view: memoryview, slot: str) -> None:
        self.view = view
        self.slot = slot
        self.budget = Budget()
        self.sites: list[Site] = []

    def scan(self) -> Scan:
        fault: FileFault | None = None
        kinds: set[bytes] = set()
        try:
            for box in bmff.boxes(self.view, 0, len(self.view), self.budget):
                kinds.add(box.kind)
                if box.kind == b"moov":
                    kinds |= {b"moof"} & _pieces(self.view, box, self.budget)
                    self._inside(box, "moov")
                elif box.kind == b"uuid" and bytes(self.view[box.body : box.body + 16]) == XMP_UUID:
                    self._xmp(box, box.body + 16, "mp4.uuid.xmp")
        except DamagedError as stop:
            fault = stop.fault
        if fault is None and not (b"moov" in kinds and kinds & _MEDIA):
            fault = FileFault.TRUNCATED
        sites = self.sites[:MAX_SITES]
        return Scan(tuple(sites), faults_of(fault, sites=sites))

    def _inside(self, box: Box, path: str) -> None:
        for child in bmff.boxes(self.view, box.body, box.end, self.budget):
            if child.kind == b"meta":
                self._meta(child, f"mp4.{path}.meta")
            elif child.kind == b"udta" and not path.endswith("udta"):
                self._inside(child, f"{path}.udta")
            elif child.kind == b"trak" and path == "moov":
                self._inside(child, "moov.trak")
            elif child.kind == b"XMP_" and path.endswith("udta"):
                self._xmp(child, child.body, f"mp4.{path}.xmp")

    def _meta(self, box: Box, path: str) -> None:
        for item in mdta.labels(self.view, box, self.budget):
            slot = f"{path}.keys" if item.keyed else f"{path}.itunes"
            self.sites.append(Site(slot, item.raw, item.start, item.end, official=slot == self.slot))

    def _xmp(self, box: Box, start: int, slot: str) -> None:
        packet = bytes(self.view[start : box.end][: xmp.MAX_PACKET])
        self.sites += [Site(slot, one.raw, box.start, box.end, official=False) for one in xmp.properties(packet)]


class _Writer:
    def __init__(self, view: memoryview) -> None:
        self.view = view
        self.budget = Budget()

    def write(self, value: bytes) -> list[Splice]:
        top = list(bmff.boxes(self.view, 0, len(self.view), self.budget))
        moov = self._moov(top)
        edits = self._edits(moov, value)
        delta = sum(len(one.data) - (one.end - one.start) for one in edits)
        edits += bmff.resized(moov, delta)
        placed = self._placed(top, moov, delta)
        for fixed in placed:
            if any(one.start < fixed.end and fixed.start < one.end for one in edits):
                message = f"The file keeps offsets in its metadata at byte {fixed.start}."
                raise UnreadableFileError(message, next_step="Write the file anew with another program.")
        return [*edits, *placed, *self._packets(top)]

    def _moov(self, top: list[Box]) -> Box:
        found = [box for box in top if box.kind == b"moov"]
        if len(found) != 1:
            message = f"The file has {len(found)} `moov` boxes where one belongs."
            raise UnreadableFileError(message, next_step="Send the whole file, not a segment of it.")
        if not (_MEDIA & ({box.kind for box in top} | _pieces(self.view, found[0], self.budget))):
            message = "The file has an index and no media."
            raise UnreadableFileError(message, next_step="Send the whole file.")
        if any(box.kind == b"cmov" for box in bmff.boxes(self.view, found[0].body, found[0].end, self.budget)):
            message = "The index of the movie is compressed."
            raise UnreadableFileError(message, next_step="Write the file anew with an index that is not compressed.")
        return found[0]

    def _edits(self, moov: Box, value: bytes) -> list[Splice]:
        """Return the changes inside `moov`, its header aside."""
        edits: list[Splice] = []
        wanted: bytes | None = value
        end = moov.body
        for child in bmff.boxes(self.view, moov.body, moov.end, self.budget):
            end = child.end
            if child.kind == b"udta":
                edits.append(Splice(child.start, child.end, self._user_data(child, wanted)))
                wanted = None
            elif child.kind == b"trak":
                inside = self._cleared(list(bmff.boxes(self.view, child.body, child.end, self.budget)))
                delta = sum(len(one.data) - (one.end - one.start) for one in inside)
                edits += inside + bmff.resized(child, delta)
            else:
                edits += self._cleared([child])
        if wanted is not None:
            edits.append(Splice(end, end, bmff.made(b"udta", mdta.fresh(wanted))))
        return edits

    def _cleared(self, children: list[Box]) -> list[Splice]:
        """Return the changes that take labels out of boxes where none belongs."""
        edits: list[Splice] = []
        for child in children:
            if child.kind == b"meta" and mdta.labels(self.view, child, self.budget):
                edits.append(Splice(child.start, child.end, mdta.relabelled(self.view, child, None, self.budget)))
            elif child.kind == b"udta":
                new = self._user_data(child, None)
                if new != self.view[child.start : child.end]:
                    edits.append(Splice(child.start, child.end, new))
        return edits

    def _user_data(self, udta: Box, value: bytes | None) -> bytes:
        """Return a `udta` without labels, and with `value` where one is given.

        The label joins a `meta` whose handler is `mdta`; the one of iTunes names its items otherwise, so ours then
        stands beside it.
        """
        parts: list[bytes] = []
        end = udta.body
        for child in bmff.boxes(self.view, udta.body, udta.end, self.budget):
            end = child.end
            if child.kind == b"meta":
                ours = value if mdta.handler(self.view, child, self.budget) == mdta.HANDLER else None
                touched = ours is not None or mdta.labels(self.view, child, self.budget)
                copy = mdta.relabelled(self.view, child, ours, self.budget) if touched else None
                parts.append(copy or bmff.copied(self.view, child))
                value = None if ours is not None else value
            elif child.kind == b"XMP_":
                parts.append(bmff.made(b"XMP_", xmp.blanked(bmff.content(self.view, child))))
            else:
                parts.append(bmff.copied(self.view, child))
        if value is not None:
            parts.append(mdta.fresh(value))
        return bmff.made(b"udta", *parts, bytes(self.view[end : udta.end]))

    def _placed(self, top: list[Box], moov: Box, delta: int) -> list[Splice]:
        """Return what has to change outside the labels because `moov` became longer by `delta`."""
        after = [box for box in top if box.start >= moov.end]
        room = after[0] if after and after[0].kind in bmff.ROOM else None
        if delta == 0 or all(box.kind in bmff.ROOM for box in after):
            return []
        left = (room.end - room.start if room else 0) - delta
        if left == 0 and room:
            return [Splice(room.start, room.end, b"")]
        if 8 <= left <= _MAX_32:  # noqa: PLR2004 - the header of a box
            header = struct.pack(">I4s", left, b"free")
            if room is None:
                return [Splice(moov.end, moov.end, header + bytes(left - 8))]
            if delta < 0:
                return [Splice(room.start, room.start + 8, header + bytes(-delta))]
            return [Splice(room.start, room.start + delta + 8, header)]
        return bmff.moved(self.view, top, moov.end, delta)

    def _packets(self, top: list[Box]) -> list[Splice]:
        """Return the changes that take labels out of XMP boxes; the box keeps its length, so that nothing moves."""
        edits: list[Splice] = []
        for box in top:
            if box.kind == b"uuid" and bytes(self.view[box.body : box.body + 16]) == XMP_UUID:
                old = bmff.content(self.view, box)[16:]
                new = xmp.blanked(old)
                if new != old:
                    edits.append(Splice(box.body + 16, box.end, new))
        return edits
