"""Directories of tags as TIFF has them and EXIF borrows: a bounded walk, and the labels in their comments.

The label is met wrapped in `UserComment` 0x9286 (TC260-PG-20259A, Annex B) and in `ImageDescription` 0x010E.
"""

from __future__ import annotations

import json
import struct
from collections import deque
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Final, NamedTuple

from zhengming.label.aigc import KEYS, MAX_BYTES
from zhengming.label.files.base import Splice, UnreadableFileError

USER_COMMENT: Final = 0x9286
DESCRIPTION: Final = 0x010E
EXIF: Final = 0x8769
XMP: Final = 0x02BC
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_NAMES: Final = {USER_COMMENT: "UserComment", DESCRIPTION: "ImageDescription"}
_MOST: Final = 0xFFFF
"""What a TIFF can count in one directory; a BigTIFF is held to the same."""
_MAX_ENTRIES: Final = 10_000
_MAX_COMMENTS: Final = 64
_DECODER: Final = json.JSONDecoder(parse_int=str, parse_float=str)
_CODE: Final = 8
"""The first bytes of a user comment say how it is encoded."""


class CutError(UnreadableFileError):
    """A directory or a value would lie after the end of the file."""

    def __init__(self, at: int) -> None:
        super().__init__(f"The file ends before its byte {at}, where tags should be.", next_step="Send the whole file.")


class Layout(NamedTuple):
    """How the numbers of one file are written: `order` for struct, and whether it is a BigTIFF."""

    order: str
    big: bool

    def number(self, view: memoryview, at: int, form: str) -> int:
        """Return the number at a byte. Raises CutError beyond the end."""
        end = at + struct.calcsize(form)
        if not 0 <= at < end <= len(view):
            raise CutError(at)
        return int(struct.unpack(self.order + form, view[at:end])[0])

    @property
    def offset(self) -> str:
        """The form of an offset."""
        return "Q" if self.big else "I"

    @property
    def tally(self) -> str:
        """The form of the count of entries."""
        return "Q" if self.big else "H"

    @property
    def room(self) -> int:
        """How many bytes an offset takes."""
        return 8 if self.big else 4

    @property
    def entry(self) -> int:
        """How long an entry is."""
        return 20 if self.big else 12


class Entry(NamedTuple):
    """One tag: where its entry begins and where its value lies (`start` to `end`, within the buffer)."""

    tag: int
    kind: int
    at: int
    start: int
    end: int


class Directory(NamedTuple):
    """One directory: where its entries begin and end (its pointer to the next one follows)."""

    start: int
    end: int
    entries: tuple[Entry, ...]
    following: int


class Note(NamedTuple):
    """A label in a tag: `name` of the tag, its text, and the bytes of the value. `alone` if nothing else is in it."""

    name: str
    raw: bytes
    start: int
    end: int
    alone: bool


def opened(view: memoryview) -> tuple[Layout, int]:
    """Return the layout and where the first directory lies. Raises UnreadableFileError."""
    start = bytes(view[:4])
    order = {b"II": "<", b"MM": ">"}.get(start[:2], "")
    magic = struct.unpack(order + "H", start[2:4])[0] if order and len(start) == 4 else 0  # noqa: PLR2004
    if magic not in {42, 43}:
        raise UnreadableFileError("The tags do not begin as a TIFF does.", next_step="Check that it is a TIFF.")
    layout = Layout(order, magic == 43)  # noqa: PLR2004 - 42 and 43 are the magic numbers of TIFF and BigTIFF
    return layout, layout.number(view, 8 if layout.big else 4, layout.offset)


def directory(view: memoryview, layout: Layout, at: int) -> Directory:
    """Read one directory. Values that do not lie in the buffer are empty. Raises UnreadableFileError."""
    count = layout.number(view, at, layout.tally)
    start = at + struct.calcsize("=" + layout.tally)
    end = start + count * layout.entry
    if 0 < count <= _MOST and end > len(view):
        raise CutError(end)
    if not 0 < count <= _MOST:
        raise UnreadableFileError(
            f"The tag directory at byte {at} cannot have {count} tags.", next_step="Send an undamaged file."
        )
    entries = tuple(_entry(view, layout, place) for place in range(start, end, layout.entry))
    following = layout.number(view, end, layout.offset) if end + layout.room <= len(view) else 0
    return Directory(start, end, entries, following)


def _entry(view: memoryview, layout: Layout, at: int) -> Entry:
    tag, kind = struct.unpack(layout.order + "HH", view[at : at + 4])
    room = layout.room
    size = layout.number(view, at + 4, layout.offset) * _SIZES.get(kind, 0)
    start = at + 4 + room if size <= room else layout.number(view, at + 4 + room, layout.offset)
    if start + size > len(view):
        return Entry(tag, kind, at, 0, 0)
    return Entry(tag, kind, at, start, start + size)


def notes(view: memoryview) -> list[Note]:
    """Return every label in the comments of all pages. Raises UnreadableFileError where the tags cannot be followed."""
    layout, at = opened(view)
    found: dict[int, Note] = {}
    for one in islice(_comments(view, layout, at), _MAX_COMMENTS):
        if one.start not in found and (note := _note(view, layout, one)):
            found[one.start] = note
    return [found[start] for start in sorted(found)]


def _comments(view: memoryview, layout: Layout, at: int) -> Iterator[Entry]:
    """Walk over all pages and the EXIF directories in them."""
    queue = deque([at])
    seen: set[int] = {0}
    passed = 0
    while queue and passed < _MAX_ENTRIES:
        at = queue.popleft()
        if at in seen:
            continue
        seen.add(at)
        page = directory(view, layout, at)
        passed += len(page.entries)
        for one in page.entries:
            if one.tag == EXIF and one.end:
                queue.append(layout.number(view, one.start, "Q" if one.end - one.start == 8 else "I"))  # noqa: PLR2004
            elif one.tag in _NAMES:
                yield one
        queue.append(page.following)


def emptied(found: list[Note], base: int) -> list[Splice]:
    """Return what overwrites labels in comments, as long as before; `base` is where the tags begin in the file.

    Raises UnreadableFileError for a comment that holds more than a label: nothing of it may be lost.
    """
    for note in found:
        if not note.alone:
            raise UnreadableFileError(
                f"The EXIF {note.name} at byte {base + note.start} holds a label and something else beside it.",
                next_step="Take the label out of it, then label the file.",
            )
    return apart([Splice(base + note.start, base + note.end, bytes(note.end - note.start)) for note in found])


def apart(splices: list[Splice]) -> list[Splice]:
    """Return the splices in order. Raises UnreadableFileError where two meet: tags that share bytes were made so."""
    ordered = sorted(splices)
    for before, after in pairwise(ordered):
        if after.start < before.end:
            message = f"Two values of the tags share the byte {after.start}."
            raise UnreadableFileError(message, next_step="Send an undamaged file.")
    return ordered


def label_in(text: bytes) -> tuple[bytes, bool]:
    """Return the label that a free text is, empty when it is none, and whether the text is nothing else.

    A label is one JSON object with `AIGC` or with the first fields of one, after the word `AIGC` or not.
    """
    text = text.strip(b" \t\r\n\0")
    if len(text) > MAX_BYTES:
        return b"", False
    bare = text.removeprefix(b"AIGC").lstrip(b" \t\r\n\0:=")
    if not bare.startswith(b"{") or not (bare != text or b'"AIGC"' in bare or b'"ContentProducer"' in bare):
        return b"", False
    try:
        held, end = _DECODER.raw_decode(decoded := bare.decode())
    except (ValueError, RecursionError):
        return bare, True  # a label that was damaged: what it held can no longer be told apart
    keys = set(held)
    if "AIGC" not in keys and keys.isdisjoint(KEYS) and bare == text:
        return b"", False
    return bare, end == len(decoded) and (keys == {"AIGC"} or "AIGC" not in keys)


def _note(view: memoryview, layout: Layout, entry: Entry) -> Note | None:
    name = _NAMES[entry.tag]
    if not 0 < entry.end - entry.start <= 3 * MAX_BYTES:
        return None
    text = bytes(view[entry.start : entry.end])
    if entry.tag == USER_COMMENT and not text.startswith((b"{", b"AIGC")):
        code, text = text[:_CODE], text[_CODE:]
        if code == b"UNICODE\0":
            text = text.decode(_encoding(text, layout), "replace").encode("utf-8", "replace")
    raw, alone = label_in(text)
    return Note(name, raw, entry.start, entry.end, alone) if raw else None


def _encoding(text: bytes, layout: Layout) -> str:
    """Return how the text is encoded: not every writer keeps to the byte order of the tags."""
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if text[:2] in {b"{\0", b"A\0"}:
        return "utf-16-le"
    if text[:2] in {b"\0{", b"\0A"}:
        return "utf-16-be"
    if text[:1] in {b"{", b"A"}:
        return "utf-8"
    return "utf-16-le" if layout.order == "<" else "utf-16-be"
