"""MP3: the label is the user text frame `AIGC` of the ID3v2 tag at the start (TC260-PG-202510A).

Also met: a second tag behind the first, and a tag behind the sound. In an ID3v2.2 tag the frame is called `TXX`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from zhengming.label.aigc import AigcFields
from zhengming.label.files import id3
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

MAX_TAGS: Final = 8
_OLD_TAG: Final = 128
"""How long an ID3v1 tag is, which stands last."""


class Mp3:
    """The format MP3."""

    name = "mp3"
    media_types = ("audio/mpeg", "audio/mp3")
    extensions = (".mp3",)
    slot = "mp3.id3v2.txxx"
    guide = "TC260-PG-202510A"

    def recognises(self, head: bytes) -> bool:
        """Whether a tag or a frame of layer III stands there; a tag before FLAC is not ours."""
        if head[:3] == b"ID3" and len(head) >= id3.HEADER:
            tag_end = id3.HEADER + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])
            return head[tag_end : tag_end + 4] != b"fLaC"
        return _is_frame(head)

    def scan(self, data: Buffer) -> Scan:
        """Find every label."""
        view = memoryview(data)
        sites: list[Site] = []
        faults: list[FileFault | None] = []
        try:
            leading = list(_leading(view))
            sound = leading[-1].end if leading else 0
            faults = [*map(id3.fault_of, leading), None if _has_sound(view, sound) else FileFault.TRUNCATED]
            for number, tag in enumerate(leading):
                slot, official = (self.slot, True) if number == 0 else ("mp3.id3v2.second.txxx", False)
                sites += id3.sites(tag, slot, official=official)
            last = _trailing(view, sound)
            sites += id3.sites(last, "mp3.id3v2.end.txxx", official=False) if last else []
        except UnreadableFileError:
            faults.append(FileFault.MALFORMED)
        return Scan(tuple(sites[:MAX_SITES]), faults_of(*faults, sites=sites))

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Put the frame into the first tag, which is made where there is none."""
        view = memoryview(data)
        value = fields.to_json()
        leading = list(_leading(view))
        sound = leading[-1].end if leading else 0
        if any(not tag.whole for tag in leading) or not _has_sound(view, sound):
            raise UnreadableFileError(
                f"No sound begins at byte {sound} of the MP3.", next_step="Send the whole, undamaged file."
            )
        if not leading:
            return [Splice(0, 0, id3.fresh(value))]
        first, *others = leading
        last = _trailing(view, sound)
        crowded = [tag for tag in [*others, *([last] if last else [])] if id3.sites(tag, "", official=False)]
        return [
            Splice(first.start, first.end, id3.rebuilt(first, value)),
            *(Splice(tag.start, tag.end, id3.rebuilt(tag, None)) for tag in crowded),
        ]


def _leading(view: memoryview) -> Iterator[id3.Tag]:
    at = 0
    for _ in range(MAX_TAGS):
        tag = id3.tag_at(view, at)
        if tag is None:
            return
        yield tag
        at = tag.end


def _trailing(view: memoryview, sound: int) -> id3.Tag | None:
    """Return the tag whose footer ends the file, or stands before the ID3v1 tag."""
    for end in (len(view), len(view) - _OLD_TAG):
        foot = bytes(view[max(end - id3.HEADER, sound) : max(end, sound)])
        if foot[:3] != b"3DI" or len(foot) < id3.HEADER:
            continue
        size = foot[6] << 21 | foot[7] << 14 | foot[8] << 7 | foot[9]
        start = end - size - 2 * id3.HEADER
        tag = id3.tag_at(view, start) if start >= sound else None
        if tag is not None and tag.end == end:
            return tag
    return None


def _has_sound(view: memoryview, at: int) -> bool:
    """Whether a frame stands at `at`, or soon after zeros: some writers count the padding of the tag wrongly."""
    head = bytes(view[at : at + 65_536])
    return _is_frame(head.lstrip(b"\0"))


def _is_frame(head: bytes) -> bool:
    """Whether a frame header of layer III stands there, with a rate that exists."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:  # noqa: PLR2004 - sync, layer III
        return False
    return head[1] & 0x18 != 0x08 and head[2] & 0xF0 not in {0x00, 0xF0} and head[2] & 0x0C != 0x0C  # noqa: PLR2004
