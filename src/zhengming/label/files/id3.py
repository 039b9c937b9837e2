"""ID3v2 tags (2.2, 2.3, 2.4): the user text frame `AIGC`, read and written with every other frame left as it is.

Read: all four encodings, unsynchronisation of the tag or of a frame, compressed and grouped frames, the extended
header, the footer, and the plain sizes that some writers put into 2.4.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from zhengming.label.files.base import MAX_PARTS, MAX_SITES, FileFault, Site, UnreadableFileError

LABEL: Final = "AIGC"
MAX_TAG: Final = 64_000_000
"""A longer tag is not looked into: it would have to be copied whole."""
MAX_FRAME: Final = 1_000_000
"""A longer text frame holds no label."""
ROOM: Final = 1_024
"""Padding that a tag gets when it has to grow, so that the next label fits without moving the sound."""
HEADER: Final = 10
_FRAME_ID: Final = re.compile(rb"[A-Z][A-Z0-9]{2,3}")
_ENCODINGS: Final = ("latin-1", "utf-16", "utf-16-be", "utf-8")
_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10


class Tag(NamedTuple):
    """One tag: where it lies (footer included), its version and flags, its frames without unsynchronisation.

    `tail` is what follows the frames: padding, or bytes that are no frame. `whole` is false where the file ends in it.
    """

    start: int
    end: int
    version: int
    flags: int
    frames: tuple[bytes, ...]
    tail: bytes
    whole: bool


def tag_at(view: memoryview, start: int = 0) -> Tag | None:
    """Read the tag that begins at `start`; None when none does. Raises UnreadableFileError when it is too long."""
    head = bytes(view[start : start + HEADER])
    if len(head) < HEADER or head[:3] != b"ID3" or head[3] not in {2, 3, 4} or any(byte > 127 for byte in head[6:]):  # noqa: PLR2004 - synchsafe
        return None
    version, flags, size = head[3], head[5], _synchsafe(head[6:])
    if size > MAX_TAG:
        raise UnreadableFileError(
            f"The ID3 tag at byte {start} is {size} bytes long.", next_step=f"Send a tag of at most {MAX_TAG} bytes."
        )
    end = start + HEADER + size + (HEADER if version == 4 and flags & _FOOTER else 0)  # noqa: PLR2004 - ID3v2.4
    body = bytes(view[start + HEADER : start + HEADER + size])
    if flags & _UNSYNCHRONISED and version < 4:  # noqa: PLR2004 - in 2.4 each frame is unsynchronised by itself
        body = synchronised(body)
    if flags & _EXTENDED and version > 2:  # noqa: PLR2004 - in 2.2 the bit means something else
        body = body[_extended(body, version) :]
    frames = tuple(_frames(body, version))
    return Tag(
        start, min(end, len(view)), version, flags, frames, body[sum(map(len, frames)) :], whole=end <= len(view)
    )


def label_of(frame: bytes, tag: Tag) -> bytes | None:
    """Return the label as UTF-8 when the frame is a user text frame `AIGC`; None for any other frame."""
    kind = b"TXX" if tag.version == 2 else b"TXXX"  # noqa: PLR2004 - ID3v2.2
    if not frame.startswith(kind) or len(frame) > MAX_FRAME:
        return None
    content = _content(frame, tag)
    if not content or content[0] >= len(_ENCODINGS):
        return None
    name, value = _two_texts(content[1:], content[0])
    return value.encode("utf-8", "surrogatepass") if name.strip().upper() == LABEL else None


def sites(tag: Tag, slot: str, *, official: bool) -> list[Site]:
    """Return the labels of a tag."""
    found = (label_of(frame, tag) for frame in tag.frames)
    return [Site(slot, raw, tag.start, tag.end, official) for raw in found if raw is not None][:MAX_SITES]


def fault_of(tag: Tag) -> FileFault | None:
    """Say what is wrong with a tag: the file ends in it, or something that is no frame stands in it."""
    if not tag.whole:
        return FileFault.TRUNCATED
    return FileFault.MALFORMED if tag.tail.strip(b"\0") else None


def rebuilt(tag: Tag, value: bytes | None) -> bytes:
    """Return the tag with exactly one label (`value`, the direct JSON), or with none when it is None.

    Every other frame stays byte for byte. The tag keeps its length where the padding has the room, so that nothing
    behind it moves; where it has to grow it gets new padding. The extended header goes: its checksum would be wrong.
    """
    frames = b"".join(frame for frame in tag.frames if label_of(frame, tag) is None)
    if value is not None:
        frames += _made(value, tag.version)
    footer = tag.version == 4 and tag.flags & _FOOTER  # noqa: PLR2004 - only 2.4 has one
    frames += tag.tail if tag.tail.strip(b"\0") else b""
    whole = bool(tag.flags & _UNSYNCHRONISED) and tag.version < 4  # noqa: PLR2004 - in 2.4 a frame's own matter
    body = unsynchronised(frames) if whole else frames
    if not footer:
        room = tag.end - tag.start - HEADER - len(body)
        body += b"\0" * (room if room >= 0 else ROOM)
    flags = tag.flags & ~(_EXTENDED if tag.version > 2 else 0)  # noqa: PLR2004 - in 2.2 the bit means something else
    return _framed(tag.version, flags, body)


def fresh(value: bytes) -> bytes:
    """Return a new tag that holds the label alone.

    It is a 2.4 tag: the version that ffmpeg and mutagen write by themselves, whose sizes never look like a frame of
    sound, so that no reader needs to undo anything.
    """
    return _framed(4, 0, _made(value, 4) + b"\0" * ROOM)


def synchronised(data: bytes) -> bytes:
    """Undo unsynchronisation: `FF 00` becomes `FF`."""
    return data.replace(b"\xff\x00", b"\xff")


def unsynchronised(data: bytes) -> bytes:
    """Put `00` after each `FF` that would look like the sync of a frame, that stands before `00`, or that ends it."""
    return re.sub(rb"\xff(?=[\xe0-\xff\x00]|\Z)", b"\xff\x00", data)


def _framed(version: int, flags: int, body: bytes) -> bytes:
    rest = bytes((version, 0, flags)) + _as_synchsafe(len(body))
    return b"ID3" + rest + body + (b"3DI" + rest if version == 4 and flags & _FOOTER else b"")  # noqa: PLR2004


def _made(value: bytes, version: int) -> bytes:
    """A label is ASCII; encoding 0 is the one that every version and every reader knows."""
    content = b"\0" + LABEL.encode("ascii") + b"\0" + value
    if version == 2:  # noqa: PLR2004 - ID3v2.2
        return b"TXX" + len(content).to_bytes(3, "big") + content
    size = _as_synchsafe(len(content)) if version == 4 else len(content).to_bytes(4, "big")  # noqa: PLR2004
    return b"TXXX" + size + b"\0\0" + content


def _frames(body: bytes, version: int) -> Iterator[bytes]:
    """Yield each frame with its header, until something stands there that is no frame."""
    letters, header = (3, 6) if version == 2 else (4, HEADER)  # noqa: PLR2004 - ID3v2.2
    at = 0
    for _ in range(MAX_PARTS):
        kind = body[at : at + letters]
        if at + header > len(body) or len(kind) != letters or not _FRAME_ID.fullmatch(kind):
            return
        size = _frame_size(body, at, version)
        end = at + header + size
        if size < 1 or end > len(body):
            return
        yield body[at:end]
        at = end


def _frame_size(body: bytes, at: int, version: int) -> int:
    if version == 2:  # noqa: PLR2004 - ID3v2.2
        return int.from_bytes(body[at + 3 : at + 6], "big")
    field = body[at + 4 : at + 8]
    plain = int.from_bytes(field, "big")
    if version == 3 or plain < 0x80:  # noqa: PLR2004 - below 128 both mean the same
        return plain
    if any(byte > 127 for byte in field):  # noqa: PLR2004 - not synchsafe: a plain size, as old iTunes wrote
        return plain
    safe = _synchsafe(field)
    fits_safe, fits_plain = (_may_follow(body, at + HEADER + size) for size in (safe, plain))
    return plain if fits_plain and not fits_safe else safe


def _may_follow(body: bytes, at: int) -> bool:
    """Whether a tag may go on so: with its end, with a frame, or where padding begins (not in the midst of it)."""
    if at >= len(body):
        return at == len(body)
    follows = body[at : at + 4]
    return bool(_FRAME_ID.fullmatch(follows)) or (not follows.strip(b"\0") and body[at - 1] != 0)


def _content(frame: bytes, tag: Tag) -> bytes:
    """Return what a frame holds, with its flags undone; empty when it is encrypted or cannot be inflated."""
    if tag.version == 2:  # noqa: PLR2004 - ID3v2.2 has no frame flags
        return frame[6:]
    flags, content = frame[9], frame[HEADER:]
    if tag.version == 3:  # noqa: PLR2004 - ID3v2.3
        packed, locked, grouped, broken, lengthy = flags & 0x80, flags & 0x40, flags & 0x20, 0, flags & 0x80
    else:
        packed, locked, grouped, lengthy = flags & 0x08, flags & 0x04, flags & 0x40, flags & 0x01
        broken = flags & 0x02 or tag.flags & _UNSYNCHRONISED
    if locked:
        return b""
    if broken:
        content = synchronised(content)
    content = content[(4 if lengthy else 0) + (1 if grouped else 0) :]
    return _inflated(content) if packed else content


def _two_texts(content: bytes, encoding: int) -> tuple[str, str]:
    """Return the name and the text of a user text frame."""
    codec = _ENCODINGS[encoding]
    if encoding in {0, 3}:
        name, _, value = content.partition(b"\0")
    else:
        cut = next((at for at in range(0, len(content) - 1, 2) if content[at : at + 2] == b"\0\0"), len(content))
        name, value = content[:cut], content[cut + 2 :]
    return name.decode(codec, "replace"), value.decode(codec, "replace").rstrip("\0").removeprefix("\ufeff")


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, MAX_FRAME)
    except zlib.error:
        return b""


def _extended(body: bytes, version: int) -> int:
    """Return how long the extended header is: 2.3 does not count its size field, 2.4 does."""
    size = int.from_bytes(body[:4], "big") + 4 if version == 3 else _synchsafe(body[:4])  # noqa: PLR2004
    return min(size, len(body))


def _synchsafe(data: bytes) -> int:
    size = 0
    for byte in data:
        size = size << 7 | byte & 0x7F
    return size


def _as_synchsafe(size: int) -> bytes:
    if size >= 1 << 28:
        raise UnreadableFileError("The ID3 tag would be too long.", next_step="Take pictures out of the tag.")
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
