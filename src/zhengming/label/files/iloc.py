"""The item location box `iloc` (ISO/IEC 14496-12, 8.11.3): where the items of a `meta` box lie."""

from __future__ import annotations

from typing import Final, NamedTuple

from zhengming.label.files.base import MAX_PARTS, UnreadableFileError

IN_FILE: Final = 0
IN_IDAT: Final = 1
_WIDTHS: Final = (0, 4, 8)


class Extent(NamedTuple):
    """A stretch of an item."""

    number: int
    offset: int
    length: int


class Location(NamedTuple):
    """Where one item lies; offsets count from `base`. `method` is 0 for the file, 1 for the `idat` box."""

    item: int
    method: int
    reference: int
    base: int
    extents: tuple[Extent, ...]


class Table(NamedTuple):
    """The whole box. `widths` are those of offset, length, base and index, in bytes."""

    version: int
    flags: bytes
    widths: tuple[int, int, int, int]
    items: tuple[Location, ...]


class _Reader:
    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at = 0

    def take(self, width: int) -> int:
        end = self.at + width
        if end > len(self.raw):
            message = "The item locations end too early."
            raise UnreadableFileError(message, next_step="Send an undamaged file.")
        value = int.from_bytes(self.raw[self.at : end], "big")
        self.at = end
        return value


def parse(raw: bytes) -> Table:
    """Read the content of an `iloc` box. Raises UnreadableFileError."""
    reader = _Reader(raw)
    version, flags = reader.take(1), reader.take(3).to_bytes(3, "big")
    first, second = reader.take(1), reader.take(1)
    widths = (first >> 4, first & 15, second >> 4, second & 15 if version else 0)
    if version > 2 or any(width not in _WIDTHS for width in widths):  # noqa: PLR2004 - versions 0, 1 and 2
        message = "The item locations are of a version that is not known."
        raise UnreadableFileError(message, next_step="Write the file anew with another program.")
    count = reader.take(_id_width(version))
    items: list[Location] = []
    parts = 0
    for _ in range(count):
        item, method = reader.take(_id_width(version)), reader.take(2) & 15 if version else 0
        reference, base, extents = reader.take(2), reader.take(widths[2]), reader.take(2)
        parts += extents + 1
        if parts > MAX_PARTS:
            message = f"The item locations have more than {MAX_PARTS} parts."
            raise UnreadableFileError(message, next_step="Send an ordinary file.")
        found = [Extent(reader.take(widths[3]), reader.take(widths[0]), reader.take(widths[1])) for _ in range(extents)]
        items.append(Location(item, method, reference, base, tuple(found)))
    return Table(version, flags, widths, tuple(items))


def build(table: Table) -> bytes:
    """Return the content of the box; a width that is too small for its numbers becomes 4 or 8."""
    widths = _wide_enough(table)
    wide = _id_width(table.version)
    out = bytearray([table.version]) + table.flags
    out += bytes([widths[0] << 4 | widths[1], widths[2] << 4 | widths[3]])
    out += len(table.items).to_bytes(wide, "big")
    for one in table.items:
        out += one.item.to_bytes(wide, "big")
        out += one.method.to_bytes(2, "big") if table.version else b""
        out += one.reference.to_bytes(2, "big") + one.base.to_bytes(widths[2], "big")
        out += len(one.extents).to_bytes(2, "big")
        for extent in one.extents:
            out += extent.number.to_bytes(widths[3], "big")
            out += extent.offset.to_bytes(widths[0], "big") + extent.length.to_bytes(widths[1], "big")
    return bytes(out)


def shifted(table: Table, at: int, delta: int) -> Table:
    """Return the table with `delta` added to each place in this file at byte `at` or behind it."""
    return table._replace(items=tuple(_shifted(one, at, delta, table.widths) for one in table.items))


def _shifted(one: Location, at: int, delta: int, widths: tuple[int, int, int, int]) -> Location:
    if one.method != IN_FILE or one.reference or not one.extents:
        return one
    moves = [one.base + extent.offset >= at for extent in one.extents]
    if all(moves) and one.base and widths[2] and one.base + delta >= 0:
        return one._replace(base=one.base + delta)
    extents = [
        extent._replace(offset=max(extent.offset + delta, 0)) if moves[place] else extent
        for place, extent in enumerate(one.extents)
    ]
    return one._replace(extents=tuple(extents))


def _wide_enough(table: Table) -> tuple[int, int, int, int]:
    extents = [extent for one in table.items for extent in one.extents]
    offset, length, base, index = table.widths
    return (
        _width(offset, max((one.offset for one in extents), default=0)),
        _width(length, max((one.length for one in extents), default=0)),
        _width(base, max((one.base for one in table.items), default=0)),
        _width(index, max((one.number for one in extents), default=0)),
    )


def _width(old: int, largest: int) -> int:
    need = 0 if not largest else 4 if largest < 1 << 32 else 8
    return max(old, need)


def _id_width(version: int) -> int:
    return 4 if version == 2 else 2  # noqa: PLR2004 - version 2 widens ids
