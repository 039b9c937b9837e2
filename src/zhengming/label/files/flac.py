"""FLAC: the label is the Vorbis comment `AIGC` (TC260-PG-202510A). Padding takes the growth where it has the room.

Also met: a user text frame `AIGC` of an ID3v2 tag before the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from zhengming.label.aigc import AigcFields
from zhengming.label.files import id3, vorbis
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

_PADDING, _COMMENTS = 1, 4
_LAST: Final = 0x80
_MAX_BLOCK: Final = 0xFFFFFF


class Block(NamedTuple):
    """One metadata block: `start` at its head of four bytes; `whole` unless the file ends in it."""

    kind: int
    last: bool
    start: int
    end: int
    whole: bool

    @property
    def body(self) -> slice:
        """Where its data lies."""
        return slice(self.start + 4, self.end)


class Flac:
    """The format FLAC, not within Ogg."""

    name = "flac"
    media_types = ("audio/flac", "audio/x-flac")
    extensions = (".flac",)
    slot = "flac.vorbis_comment.AIGC"
    guide = "TC260-PG-202510A"

    def recognises(self, head: bytes) -> bool:
        """Whether the marker stands there, or after a short ID3 tag."""
        if head[:3] == b"ID3" and len(head) >= 10:  # noqa: PLR2004 - the header of the tag
            at = 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])
            return head[at : at + 4] == b"fLaC"
        return head.startswith(b"fLaC")

    def scan(self, data: Buffer) -> Scan:
        """Find every label."""
        view = memoryview(data)
        sites: list[Site] = []
        faults: list[FileFault | None] = []
        ended = False
        try:
            tag = id3.tag_at(view)
            sites += id3.sites(tag, "flac.id3v2.txxx", official=False) if tag else []
            for block in blocks(view, tag.end if tag else 0):
                if not block.whole:
                    faults.append(FileFault.TRUNCATED)
                elif block.kind == _COMMENTS:
                    found = vorbis.labels(_comments(view, block))
                    sites += [Site(self.slot, raw, block.start, block.end, official=True) for raw in found]
                ended = block.last and block.whole and block.end < len(view)
        except UnreadableFileError:
            faults.append(FileFault.MALFORMED)
        return Scan(tuple(sites[:MAX_SITES]), faults_of(*faults, None if ended else FileFault.TRUNCATED, sites=sites))

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Put the comment into the first block of comments, which is made after STREAMINFO where there is none."""
        view = memoryview(data)
        value = fields.to_json()
        tag = id3.tag_at(view)
        found = list(blocks(view, tag.end if tag else 0))
        if not found[-1].whole or not found[-1].last or found[-1].end >= len(view):
            raise UnreadableFileError("The FLAC ends before its sound.", next_step="Send the whole file.")
        splices: list[Splice] = []
        if tag is not None and id3.sites(tag, "", official=False):
            splices.append(Splice(tag.start, tag.end, id3.rebuilt(tag, None)))
        named = [block for block in found if block.kind == _COMMENTS]
        for block in named[1:]:
            old = _comments(view, block)
            if vorbis.labels(old):
                splices.append(_put(block, vorbis.relabelled(old, None)))
        if named:
            old = _comments(view, named[0])
            return [*splices, *_fitted(found, _put(named[0], vorbis.relabelled(old, value)))]
        body = vorbis.relabelled(vorbis.Comments(vorbis.VENDOR, (), b""), value)
        first = found[0]
        made = Splice(first.end, first.end, _head(_COMMENTS, len(body), last=first.last) + body)
        end_mark = [Splice(first.start, first.start + 1, bytes((first.kind,)))] if first.last else []
        return [*splices, *end_mark, *_fitted(found, made)]


def blocks(view: memoryview, start: int) -> Iterator[Block]:
    """Walk over the metadata blocks. Raises UnreadableFileError where the file does not begin as FLAC does."""
    if bytes(view[start : start + 4]) != b"fLaC":
        raise UnreadableFileError(f"No FLAC begins at byte {start}.", next_step="Check that it is a FLAC.")
    at = start + 4
    for _ in range(MAX_PARTS):
        head = bytes(view[at : at + 4])
        size = int.from_bytes(head[1:4], "big")
        whole = len(head) == 4 and at + 4 + size <= len(view)  # noqa: PLR2004 - the head
        kind, last = (head[0] & 0x7F, bool(head[0] & _LAST)) if head else (0, False)
        yield Block(kind, last, at, min(at + 4 + size, len(view)), whole)
        if last or not whole:
            return
        at += 4 + size
    raise UnreadableFileError(f"The FLAC has more than {MAX_PARTS} blocks.", next_step="Send an ordinary FLAC.")


def _fitted(found: list[Block], made: Splice) -> list[Splice]:
    """Return the splice, and one that takes its growth from (or gives what it freed to) the largest padding."""
    growth = len(made.data) - (made.end - made.start)
    padding = max(
        (block for block in found if block.kind == _PADDING), key=lambda one: one.end - one.start, default=None
    )
    if padding is None or not growth:
        return [made]
    room = padding.end - padding.start - 4 - growth
    if not 0 <= room <= _MAX_BLOCK:
        return [made]
    return [made, Splice(padding.start, padding.end, _head(_PADDING, room, last=padding.last) + bytes(room))]


def _put(block: Block, body: bytes) -> Splice:
    return Splice(block.start, block.end, _head(_COMMENTS, len(body), last=block.last) + body)


def _head(kind: int, size: int, *, last: bool) -> bytes:
    if size > _MAX_BLOCK:
        raise UnreadableFileError(
            f"With the label the comments would have {size} bytes; a FLAC block can hold {_MAX_BLOCK}.",
            next_step="Take pictures out of the comments.",
        )
    return bytes((kind | (_LAST if last else 0),)) + size.to_bytes(3, "big")


def _comments(view: memoryview, block: Block) -> vorbis.Comments:
    return vorbis.parsed(bytes(view[block.body]))
