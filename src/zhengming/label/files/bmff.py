"""ISO base media files (ISO/IEC 14496-12): boxes, and what in a file counts bytes from its start.

MP4, MOV, M4A, HEIC and AVIF are such files. When bytes are put in, every offset to what lies behind them must move:
:func:`moved` says which bytes change for that.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from zhengming.label.files import iloc
from zhengming.label.files.base import MAX_PARTS, FileFault, Splice, UnreadableFileError

MAX_BODY: Final = 64_000_000
"""How large a box of metadata may be for its bytes to be looked at."""

ROOM: Final = frozenset({b"free", b"skip"})
_SHORT: Final = 8
_LONG: Final = 16
_MAX_32: Final = 0xFFFFFFFF
_MAX_64: Final = 0xFFFFFFFFFFFFFFFF


class DamagedError(UnreadableFileError):
    """The boxes cannot be walked; `fault` says why."""

    def __init__(self, message: str, fault: FileFault = FileFault.MALFORMED) -> None:
        super().__init__(message, next_step="Send an undamaged file.")
        self.fault = fault


class Box(NamedTuple):
    """One box: header at `start`, content from `body` to `end`; `width` is that of its size: 32, 64, or 0 for open."""

    kind: bytes
    start: int
    body: int
    end: int
    width: int


class Budget:
    """Counts boxes, so that a walk over a hostile file ends."""

    def __init__(self) -> None:
        self.left = MAX_PARTS

    def spend(self) -> None:
        """Count one box. Raises DamagedError when there were too many."""
        self.left -= 1
        if self.left < 0:
            message = f"The file has more than {MAX_PARTS} boxes."
            raise DamagedError(message, FileFault.TOO_MANY_PARTS)


def boxes(view: memoryview, start: int, end: int, budget: Budget) -> Iterator[Box]:
    """Yield the boxes from `start` to `end`. Raises DamagedError where one does not fit.

    Inside a box, zeros end the walk and so do fewer than eight bytes: QuickTime ends user data with four zero bytes.
    Only the last box of the file may leave its size open.
    """
    at = start
    while at + _SHORT <= end:
        budget.spend()
        size, kind = struct.unpack_from(">I4s", view, at)
        body, width = at + _SHORT, 32
        if size == 1:
            if at + _LONG > end:
                break
            size, body, width = struct.unpack_from(">Q", view, at + _SHORT)[0], at + _LONG, 64
        elif size == 0:
            if start or end != len(view):
                if kind == bytes(4):
                    break
                message = f"The box {kind!r} at byte {at} has no size."
                raise DamagedError(message)
            size, width = end - at, 0
        if size < body - at:
            message = f"No box can begin at byte {at}."
            raise DamagedError(message)
        if at + size > end:
            message = f"The box {kind!r} at byte {at} is longer than what holds it."
            raise DamagedError(message, FileFault.TRUNCATED if end == len(view) else FileFault.MALFORMED)
        yield Box(kind, at, body, at + size, width)
        at += size
    if not start and end == len(view) and at < end:
        message = f"The file ends in the header of a box at byte {at}."
        raise DamagedError(message, FileFault.TRUNCATED)


def content(view: memoryview, box: Box) -> bytes:
    """Return what is in a box of metadata. Raises DamagedError when it is too large to be any."""
    if box.end - box.body > MAX_BODY:
        message = f"The box {box.kind!r} at byte {box.start} is larger than {MAX_BODY} bytes."
        raise DamagedError(message)
    return bytes(view[box.body : box.end])


def made(kind: bytes, *parts: bytes) -> bytes:
    """Return a box."""
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + _SHORT, kind) + body


def copied(view: memoryview, box: Box) -> bytes:
    """Return a box inside another as it stands. Raises DamagedError when it is too large to be metadata."""
    return bytes(view[box.start : box.body]) + content(view, box)


def resized(box: Box, delta: int) -> list[Splice]:
    """Return the splice that makes a box longer by `delta`; the header keeps its length. Raises UnreadableFileError."""
    size = box.end - box.start + delta
    if box.width == 0 or delta == 0:
        return []
    if box.width == 64:  # noqa: PLR2004 - bits
        return [Splice(box.start + 8, box.start + 16, struct.pack(">Q", size))]
    if size > _MAX_32:
        raise _overflow(box)
    return [Splice(box.start, box.start + 4, struct.pack(">I", size))]


def meta_children(view: memoryview, meta: Box, budget: Budget) -> tuple[int, list[Box]]:
    """Return where the children of a `meta` begin, and them: QuickTime's has no version and flags, ISO's has."""
    plain = bytes(view[meta.body + 4 : meta.body + 8]) == b"hdlr"
    start = meta.body if plain else min(meta.body + 4, meta.end)
    return start, list(boxes(view, start, meta.end, budget))


def moved(view: memoryview, top: list[Box], at: int, delta: int, *, skip: Box | None = None) -> list[Splice]:
    """Return the splices that add `delta` to every offset in the file that points to byte `at` or behind it.

    Looked at: chunk tables and auxiliary information of tracks, absolute bases of fragments, random access tables,
    segment indexes that stand before `at`, and item locations. `skip` is a box that the caller mends. Raises
    UnreadableFileError where an offset has no room to grow.
    """
    if delta == 0:
        return []
    mender = _Mender(view, at, delta)
    for box in top:
        if box != skip:
            mender.mend(box)
    return mender.splices


_NESTS: Final = {
    b"moov": frozenset({b"trak", b"meta"}),
    b"trak": frozenset({b"mdia", b"meta"}),
    b"mdia": frozenset({b"minf"}),
    b"minf": frozenset({b"stbl"}),
    b"stbl": frozenset({b"stco", b"co64", b"saio"}),
    b"moof": frozenset({b"traf", b"meta"}),
    b"traf": frozenset({b"tfhd"}),
    b"mfra": frozenset({b"tfra"}),
}


class _Mender:
    def __init__(self, view: memoryview, at: int, delta: int) -> None:
        self.view = view
        self.at = at
        self.delta = delta
        self.budget = Budget()
        self.splices: list[Splice] = []

    def mend(self, box: Box) -> None:
        """Mend a box and what it holds; the nesting is that of _NESTS, so it ends."""
        if box.kind in _NESTS:
            self._nest(box)
        elif box.kind == b"meta":
            for child in meta_children(self.view, box, self.budget)[1]:
                if child.kind == b"iloc":
                    self._locations(child)
        elif box.kind in _TABLES:
            self._table(box)
        elif box.kind == b"tfhd":
            self._fragment(box)
        elif box.kind == b"sidx" and box.end <= self.at:
            self._index(box)

    def _nest(self, box: Box) -> None:
        inside = list(boxes(self.view, box.body, box.end, self.budget))
        if box.kind == b"minf" and self._elsewhere(inside):
            return
        for child in inside:
            if child.kind in _NESTS[box.kind]:
                self.mend(child)

    def _elsewhere(self, inside: list[Box]) -> bool:
        """Whether the media of a track lie in other files: offsets into those stay."""
        flags: list[bool] = []
        for dinf in (one for one in inside if one.kind == b"dinf"):
            for dref in (one for one in boxes(self.view, dinf.body, dinf.end, self.budget) if one.kind == b"dref"):
                entries = boxes(self.view, min(dref.body + 8, dref.end), dref.end, self.budget)
                flags += [one.end - one.body >= 4 and bool(self.view[one.body + 3] & 1) for one in entries]  # noqa: PLR2004
        if flags and any(flags) and not all(flags):
            message = "A track keeps some of its media in other files."
            raise UnreadableFileError(message, next_step="Label a file that holds all its media.")
        return bool(flags) and not any(flags)

    def _table(self, box: Box) -> None:
        raw = content(self.view, box)
        start, width, stride, lead = _TABLES[box.kind](raw)
        count = (len(raw) - start) // stride if stride else 0
        declared = int.from_bytes(raw[start - 4 : start], "big")
        if start > len(raw) or declared > count:
            message = f"The box {box.kind!r} at byte {box.start} is too short for what it counts."
            raise DamagedError(message)
        fresh = bytearray(raw)
        for place in range(start + lead, start + declared * stride, stride):
            fresh[place : place + width] = self._shift(raw[place : place + width], box)
        self._put(box.body, raw, bytes(fresh))

    def _shift(self, field: bytes, box: Box) -> bytes:
        old = int.from_bytes(field, "big")
        new = old + self.delta if old >= self.at else old
        if new >= 1 << (8 * len(field)):
            raise _overflow(box)
        return new.to_bytes(len(field), "big")

    def _fragment(self, box: Box) -> None:
        raw = content(self.view, box)
        if len(raw) >= 16 and raw[3] & 1:  # noqa: PLR2004 - version and flags, track, base
            self._put(box.body + 8, raw[8:16], self._shift(raw[8:16], box))

    def _index(self, box: Box) -> None:
        """The first offset of an index counts from its own end, which does not move here, while its target does."""
        raw = content(self.view, box)
        width = 8 if raw[:1] != b"\0" else 4
        place = 12 + width
        field = raw[place : place + width]
        if len(field) < width:
            message = f"The segment index at byte {box.start} is too short."
            raise DamagedError(message)
        old = int.from_bytes(field, "big")
        if box.end + old >= self.at:
            new = old + self.delta
            if not 0 <= new < 1 << (8 * width):
                raise _overflow(box)
            self._put(box.body + place, field, new.to_bytes(width, "big"))

    def _locations(self, box: Box) -> None:
        raw = content(self.view, box)
        table = iloc.parse(raw)
        fresh = iloc.build(iloc.shifted(table, self.at, self.delta))
        if len(fresh) != len(raw):
            raise _overflow(box)
        self._put(box.body, raw, fresh)

    def _put(self, start: int, old: bytes, new: bytes) -> None:
        if old != new:
            self.splices.append(Splice(start, start + len(old), new))


def _saio(raw: bytes) -> tuple[int, int, int, int]:
    start = 16 if len(raw) > 3 and raw[3] & 1 else 8  # noqa: PLR2004 - flags end at 3
    width = 8 if raw[:1] == b"\1" else 4
    return start, width, width, 0


def _tfra(raw: bytes) -> tuple[int, int, int, int]:
    """Time and offset, then three numbers of one to four bytes each."""
    width = 8 if raw[:1] == b"\1" else 4
    sizes = raw[11] if len(raw) > 11 else 0  # noqa: PLR2004 - version and flags, track, sizes
    numbers = sum(((sizes >> shift) & 3) + 1 for shift in (0, 2, 4))
    return 16, width, 2 * width + numbers, width


# Of each table: where its rows begin (their count stands in the four bytes before), the width of an offset, the length
# of a row, and where in the row the offset stands.
_TABLES: Final = {
    b"stco": lambda _: (8, 4, 4, 0),
    b"co64": lambda _: (8, 8, 8, 0),
    b"saio": _saio,
    b"tfra": _tfra,
}


def _overflow(box: Box) -> UnreadableFileError:
    return UnreadableFileError(
        f"The box {box.kind!r} at byte {box.start} has no room for larger numbers.",
        next_step="Write the file anew with 64-bit offsets, or with its index at the end, and label that.",
    )
