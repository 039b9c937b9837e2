"""Matroska and WebM: `Segment.Tags.Tag.SimpleTag` with the name `AIGC` (TC260-PG-20257A).

The tags are rewritten where they lie when padding leaves room; otherwise they go to the end of the segment, where the
seek head finds them. Clusters and cues keep their positions. A live file, which has neither seek head nor cues and so
no positions, gets its tags before the first cluster: no reader would look behind.
"""

from __future__ import annotations

from typing import Final

from zhengming.label.aigc import AigcFields
from zhengming.label.files import ebml
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
from zhengming.label.files.ebml import Budget, DamagedError, Element

NAME: Final = b"AIGC"
MAX_TAGS: Final = 64_000_000
_HEADER, _SEGMENT, _CLUSTER, _TRACKS, _CUES = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0x1654AE6B, 0x1C53BB6B
_SEEK_HEAD, _SEEK, _SEEK_ID, _SEEK_POSITION = 0x114D9B74, 0x4DBB, 0x53AB, 0x53AC
_TAGS, _TAG, _TARGETS, _SIMPLE, _TAG_NAME, _TAG_STRING = 0x1254C367, 0x7373, 0x63C0, 0x67C8, 0x45A3, 0x4487
_OF_SOMETHING: Final = frozenset({0x63C5, 0x63C9, 0x63C4, 0x63C6})
_TOP: Final = frozenset({_SEEK_HEAD, 0x1549A966, _TRACKS, _CLUSTER, _CUES, 0x1941A469, 0x1043A770, _TAGS})
_MAGIC: Final = b"\x1a\x45\xdf\xa3"


class Mkv:
    """The format Matroska."""

    name = "mkv"
    media_types: tuple[str, ...] = ("video/x-matroska", "audio/x-matroska")
    extensions: tuple[str, ...] = (".mkv", ".mka", ".mk3d")
    slot = "mkv.tags.simpletag"
    guide = "TC260-PG-20257A"

    def recognises(self, head: bytes) -> bool:
        """Whether an EBML header stands there that does not say WebM."""
        return head.startswith(_MAGIC) and b"webm" not in head[:64]

    def scan(self, data: Buffer) -> Scan:
        """Find every label."""
        view = memoryview(data)
        sites: list[Site] = []
        fault: FileFault | None = None
        try:
            film = _Film(view)
            for one in film.tops():
                if one.number == _TAGS:
                    sites += film.labels(one)
            if film.segment.open is False and film.segment.end > len(view):
                fault = FileFault.TRUNCATED
        except DamagedError as stop:
            fault = stop.fault
        sites = sites[:MAX_SITES]
        return Scan(tuple(sites), faults_of(fault, sites=sites))

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Put the label into the tags of the segment, which are made where there are none."""
        return _write(_Film(memoryview(data)), fields.to_json())


class WebM(Mkv):
    """The format WebM."""

    name = "webm"
    media_types = ("video/webm", "audio/webm")
    extensions = (".webm", ".weba")

    def recognises(self, head: bytes) -> bool:
        """Whether an EBML header stands there that says WebM."""
        return head.startswith(_MAGIC) and b"webm" in head[:64]


class _Film:
    """The first segment of a file. Raises DamagedError where there is none."""

    def __init__(self, view: memoryview) -> None:
        self.view = view
        self.budget = Budget()
        header = ebml.element(view, 0, len(view), self.budget)
        if header.number != _HEADER or header.open:
            message = "The file does not begin as Matroska does."
            raise DamagedError(message)
        at = header.end
        while (one := ebml.element(view, at, len(view), self.budget)).number == ebml.VOID:
            at = one.end
        if one.number != _SEGMENT:
            message = f"No segment begins at byte {at}."
            raise DamagedError(message)
        self.segment = one

    def tops(self) -> list[Element]:
        """Return the elements of the segment; a cluster of unknown size ends where another such element begins."""
        found: list[Element] = []
        at = self.segment.body
        while at < self.segment.end:
            one = ebml.element(self.view, at, self.segment.end, self.budget)
            if one.open:
                one = self._closed(one)
            found.append(one)
            at = one.end
        if not any(one.number == _TRACKS for one in found):
            message = "The segment has no tracks."
            raise DamagedError(message, FileFault.TRUNCATED)
        return found

    def _closed(self, one: Element) -> Element:
        if one.number != _CLUSTER:
            message = f"The element {one.number:X} at byte {one.start} does not say where it ends."
            raise DamagedError(message)
        at = one.body
        while at < self.segment.end:
            inner = ebml.element(self.view, at, self.segment.end, self.budget)
            if inner.number in _TOP or inner.open:
                break
            at = inner.end
        return one._replace(end=at)

    def inside(self, one: Element) -> list[Element]:
        """Return the children of an element."""
        return list(ebml.children(self.view, one.body, one.end, self.budget))

    def raw(self, one: Element) -> bytes:
        """Return an element of metadata as it stands. Raises DamagedError when it is too large to be any."""
        if one.end - one.start > MAX_TAGS:
            message = f"The element {one.number:X} at byte {one.start} is larger than {MAX_TAGS} bytes."
            raise DamagedError(message)
        return bytes(self.view[one.start : one.end])

    def text(self, one: Element, number: int) -> bytes:
        """Return what the first child with this number holds."""
        child = next((inner for inner in self.inside(one) if inner.number == number), None)
        return bytes(self.view[child.body : min(child.end, child.body + 1_000_000)]).rstrip(b"\0") if child else b""

    def is_label(self, one: Element) -> bool:
        """Whether an element is a simple tag with the label's name."""
        return one.number == _SIMPLE and self.text(one, _TAG_NAME) == NAME

    def labels(self, tags: Element) -> list[Site]:
        """Return every label in tags; those of a track, chapter or file within are in no official place."""
        found: list[Site] = []
        for tag in (one for one in self.inside(tags) if one.number == _TAG):
            inside = self.inside(tag)
            targets = [inner for one in inside if one.number == _TARGETS for inner in self.inside(one)]
            whole = not any(one.number in _OF_SOMETHING and any(self.view[one.body : one.end]) for one in targets)
            slot = Mkv.slot if whole else "mkv.tags.simpletag.part"
            found += [
                Site(slot, self.text(one, _TAG_STRING), one.start, one.end, official=whole)
                for one in inside
                if self.is_label(one)
            ]
        return found

    def stripped(self, tags: Element) -> bytes:
        """Return the content of tags without labels and checksum; a tag that held a label alone goes."""
        parts: list[bytes] = []
        for one in self.inside(tags):
            if one.number == _TAG:
                inside = self.inside(one)
                kept = [inner for inner in inside if not self.is_label(inner)]
                if len(kept) == len(inside):
                    parts.append(self.raw(one))
                elif any(inner.number == _SIMPLE for inner in kept):
                    parts.append(
                        ebml.made(_TAG, b"".join(self.raw(inner) for inner in kept if inner.number != ebml.CRC))
                    )
            elif one.number not in {ebml.CRC, ebml.VOID}:
                parts.append(self.raw(one))
        return b"".join(parts)


def _write(film: _Film, value: bytes) -> list[Splice]:
    tops = film.tops()
    olds = [one for one in tops if one.number == _TAGS]
    for one in olds:
        film.labels(one)  # tags that cannot be read back to their leaves are not copied
    tag = ebml.made(
        _TAG,
        ebml.made(_TARGETS, b"") + ebml.made(_SIMPLE, ebml.made(_TAG_NAME, NAME) + ebml.made(_TAG_STRING, value)),
    )
    content = ebml.sealed(b"".join(film.stripped(one) for one in olds) + tag)
    spans = [(one.start, _room(tops, one)) for one in olds]
    edits: list[Splice] = []
    fitting: bytes | None = None
    for start, end in spans:
        fitting_here = None if fitting else ebml.filling(_TAGS, content, end - start)
        fitting = fitting or fitting_here
        edits.append(Splice(start, end, fitting_here or ebml.void(end - start)))
    if fitting:
        place = next(one.start for one in edits if one.data is fitting)
        return edits + _sought(film, tops, place - film.segment.body)
    end = _place(film, tops)
    fresh = ebml.made(_TAGS, content)
    edits.append(Splice(end, end, fresh))
    return edits + _grown(film.segment, len(fresh)) + _sought(film, tops, end - film.segment.body)


def _place(film: _Film, tops: list[Element]) -> int:
    """Return where new tags go."""
    live = not any(one.number in {_SEEK_HEAD, _CUES} for one in tops)
    ahead = [one.start for one in tops if one.number == _CLUSTER]
    return ahead[0] if live and ahead else film.segment.end


def _room(tops: list[Element], one: Element) -> int:
    """Return where the padding behind an element ends."""
    end = one.end
    for other in tops:
        if other.start == end and other.number == ebml.VOID:
            end = other.end
    return end


def _grown(segment: Element, more: int) -> list[Splice]:
    """Return the splice for the size of the segment. A wider size moves nothing: positions count from behind it."""
    if segment.open:
        return []
    start = segment.start + 4
    size = segment.end - segment.body + more
    width = segment.body - start
    if size >= (1 << (7 * width)) - 1:
        width = 8
    return [Splice(start, segment.body, ebml.sized(size, width))]


def _sought(film: _Film, tops: list[Element], place: int) -> list[Splice]:
    """Return the splice that lets the seek head name the tags; where there is no room it no longer names any."""
    head = next((one for one in tops if one.number == _SEEK_HEAD), None)
    if head is None:
        return []
    name = _TAGS.to_bytes(4, "big")
    inside = film.inside(head)
    kept = [
        film.raw(one)
        for one in inside
        if one.number not in {ebml.CRC, ebml.VOID} and not (one.number == _SEEK and film.text(one, _SEEK_ID) == name)
    ]
    end = _room(tops, head)
    position = place.to_bytes(max((place.bit_length() + 7) // 8, 1), "big")
    entry = ebml.made(_SEEK, ebml.made(_SEEK_ID, name) + ebml.made(_SEEK_POSITION, position))
    for entries in ([*kept, entry], kept):
        for content in (ebml.sealed(b"".join(entries)), b"".join(entries)):
            fitting = ebml.filling(_SEEK_HEAD, content, end - head.start)
            if fitting is not None:
                return [Splice(head.start, end, fitting)]
    message = f"The seek head at byte {head.start} has no room to be written anew."
    raise UnreadableFileError(message, next_step="Write the file anew with another program.")
