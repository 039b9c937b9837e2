"""Ogg with Vorbis or Opus: the label is the comment `AIGC` of the first such stream (TC260-PG-202510A).

The comments are the second packet of a stream. The pages of the header packets are made anew; the packets of sound
stay on their pages, which get another number only when the header takes more or fewer pages than before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from zhengming.label.aigc import AigcFields
from zhengming.label.files import pages, vorbis
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
from zhengming.label.files.pages import Page

MAX_STREAMS: Final = 64
_VORBIS, _OPUS = b"\x01vorbis", b"OpusHead"
_MARKS: Final = {_VORBIS: b"\x03vorbis", _OPUS: b"OpusTags"}
_PACKETS: Final = {_VORBIS: 2, _OPUS: 1}
"""How many header packets follow the first: Vorbis's codebooks come after its comments."""


class _Stream(NamedTuple):
    """One logical stream: how it begins, and the pages of the header packets that follow."""

    kind: bytes
    header: tuple[Page, ...]
    packets: tuple[bytes, ...]

    @property
    def mark(self) -> bytes:
        return _MARKS[self.kind]

    def comments(self) -> vorbis.Comments:
        """Return the comments. Raises UnreadableFileError."""
        return vorbis.parsed(self.packets[0][len(self.mark) :])


class _Open:
    """A stream whose header packets have not all been passed."""

    def __init__(self, kind: bytes) -> None:
        self.kind = kind
        self.header: list[Page] = []
        self.packets: list[bytes] = []
        self.part: list[bytes] = []
        self.size = 0

    def take(self, view: memoryview, page: Page) -> bool:
        """Take a page; return whether the last header packet ends with it. Raises UnreadableFileError."""
        self.header.append(page)
        at = page.body
        for length in page.lengths:
            if len(self.packets) == _PACKETS[self.kind]:
                raise UnreadableFileError(
                    f"Sound begins in the middle of the Ogg page at byte {page.start}.",
                    next_step="Write the file anew with another program.",
                )
            self.part.append(bytes(view[at : at + length]))
            self.size += length
            at += length
            if self.size > vorbis.MAX_COMMENTS:
                raise UnreadableFileError("The Ogg comments are too long.", next_step="Take pictures out of them.")
            if length < 255:  # noqa: PLR2004 - a shorter segment ends its packet
                self.packets.append(b"".join(self.part))
                self.part = []
        return len(self.packets) == _PACKETS[self.kind]

    def closed(self) -> _Stream:
        """Return the stream. Raises UnreadableFileError when its second packet holds no comments."""
        mark = _MARKS[self.kind]
        if not self.packets[0].startswith(mark):
            raise UnreadableFileError(
                f"The Ogg page at byte {self.header[0].start} holds no comments.", next_step="Send an undamaged file."
            )
        return _Stream(self.kind, tuple(self.header), tuple(self.packets))


class Ogg:
    """The format Ogg with Vorbis or Opus; other streams beside them stay as they are."""

    name = "ogg"
    media_types = ("audio/ogg", "audio/opus", "video/ogg", "application/ogg")
    extensions = (".ogg", ".opus", ".oga", ".ogv")
    slot = "ogg.vorbis_comment.AIGC"
    guide = "TC260-PG-202510A"

    def recognises(self, head: bytes) -> bool:
        """Whether a page begins there."""
        return head.startswith(b"OggS")

    def scan(self, data: Buffer) -> Scan:
        """Find every label."""
        view = memoryview(data)
        sites: list[Site] = []
        faults: set[FileFault] = set()
        sound = False
        try:
            for number, stream in enumerate(_streams(view, _checked(view, faults))):
                sound = True
                slot = self.slot if number == 0 else "ogg.other_stream.AIGC"
                start, end = stream.header[0].start, stream.header[-1].end
                found = vorbis.labels(stream.comments())
                sites += [Site(slot, raw, start, end, official=number == 0) for raw in found]
        except UnreadableFileError:
            faults.add(FileFault.MALFORMED)
        if not sound:
            faults.add(FileFault.TRUNCATED)
        return Scan(tuple(sites[:MAX_SITES]), faults_of(*faults, sites=sites))

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Put the comment into the first Vorbis or Opus stream, and take it out of the others."""
        view = memoryview(data)
        value = fields.to_json()
        found = list(_streams(view, pages.pages(view)))
        if not found:
            raise UnreadableFileError(
                "The Ogg file has no Vorbis or Opus stream with all its headers.", next_step="Send such a file, whole."
            )
        splices: list[Splice] = []
        shifts: list[tuple[Page, int]] = []
        for number, stream in enumerate(found):
            old = stream.comments()
            if number and not vorbis.labels(old):
                continue
            made = _repaged(stream, vorbis.relabelled(old, None if number else value))
            splices += _put(stream.header, made)
            if len(made) != len(stream.header):
                shifts.append((stream.header[-1], len(made) - len(stream.header)))
        return [*splices, *(_renumbered(view, shifts) if shifts else ())]


def _streams(view: memoryview, walk: Iterable[Page]) -> Iterator[_Stream]:
    """Yield each stream once its headers are passed; the walk goes on to the last page."""
    opened: dict[int, _Open] = {}
    count = 0
    for page in walk:
        if page.flags & pages.FIRST:
            opened.pop(page.serial, None)
            head = bytes(view[page.body : min(page.body + 8, page.end)])
            kind = next((kind for kind in _MARKS if head.startswith(kind)), None)
            count += kind is not None
            if kind is not None and count <= MAX_STREAMS:
                opened[page.serial] = _Open(kind)
        elif page.serial in opened and opened[page.serial].take(view, page):
            yield opened.pop(page.serial).closed()


def _checked(view: memoryview, faults: set[FileFault]) -> Iterator[Page]:
    """Pass the pages on and note a wrong checksum."""
    for page in pages.pages(view):
        if not pages.is_right(view, page):
            faults.add(FileFault.CHECKSUM_MISMATCH)
        yield page


def _repaged(stream: _Stream, comments: bytes) -> list[bytes]:
    first = stream.header[0]
    return pages.paged([stream.mark + comments, *stream.packets[1:]], first.serial, first.number, 0)


def _put(header: tuple[Page, ...], made: list[bytes]) -> list[Splice]:
    """Put the new pages where the first old one stood; pages of other streams between them stay."""
    first, *others = header
    return [
        Splice(first.start, first.end, b"".join(made)),
        *(Splice(page.start, page.end, b"") for page in others),
    ]


def _renumbered(view: memoryview, shifts: list[tuple[Page, int]]) -> Iterator[Splice]:
    """Give every page behind a header that grew or shrank its new number, until its stream ends."""
    waiting = {page.start: shift for page, shift in shifts}
    active: dict[int, int] = {}
    for page in pages.pages(view):
        if page.flags & pages.FIRST:
            active.pop(page.serial, None)
        if page.start in waiting:
            active[page.serial] = waiting[page.start]
        elif page.serial in active:
            yield pages.renumbered(view, page, (page.number + active[page.serial]) & 0xFFFFFFFF)
