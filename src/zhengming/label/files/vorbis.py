"""Vorbis comments, which FLAC, Vorbis and Opus share: `AIGC=...`, whatever the case of the name."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from zhengming.label.files.base import MAX_PARTS, UnreadableFileError

MAX_COMMENTS: Final = 64_000_000
"""A longer block of comments is not looked into."""
VENDOR: Final = b"Zhengming"
"""Who wrote a block that was made anew."""
_NAME: Final = b"AIGC"
_UNDAMAGED: Final = "Send an undamaged file."


class Comments(NamedTuple):
    """A block of comments: who wrote it, each comment as it stood, and what follows them (Vorbis's framing bit)."""

    vendor: bytes
    items: tuple[bytes, ...]
    rest: bytes


def parsed(data: bytes) -> Comments:
    """Read a block. Raises UnreadableFileError when a length in it goes beyond its end."""
    vendor, at = _text(data, 0)
    if at + 4 > len(data):
        raise UnreadableFileError("The block of comments ends before their number.", next_step=_UNDAMAGED)
    count = struct.unpack_from("<I", data, at)[0]
    if count > min(MAX_PARTS, (len(data) - at - 4) // 4):
        raise UnreadableFileError(f"The block cannot hold {count} comments.", next_step=_UNDAMAGED)
    at += 4
    items: list[bytes] = []
    for _ in range(count):
        item, at = _text(data, at)
        items.append(item)
    return Comments(vendor, tuple(items), data[at:])


def labels(comments: Comments) -> list[bytes]:
    """Return the text of every label."""
    return [item.partition(b"=")[2].rstrip(b"\0") for item in comments.items if _is_label(item)]


def relabelled(comments: Comments, value: bytes | None) -> bytes:
    """Return the block with exactly one label, the last comment, or with none when `value` is None."""
    items = [item for item in comments.items if not _is_label(item)]
    if value is not None:
        items.append(_NAME + b"=" + value)
    parts = [struct.pack("<I", len(comments.vendor)), comments.vendor, struct.pack("<I", len(items))]
    for item in items:
        parts += [struct.pack("<I", len(item)), item]
    return b"".join([*parts, comments.rest])


def _is_label(item: bytes) -> bool:
    name, sign, _ = item.partition(b"=")
    return bool(sign) and name.strip().upper() == _NAME


def _text(data: bytes, at: int) -> tuple[bytes, int]:
    if at + 4 > len(data):
        raise UnreadableFileError(f"The block of comments ends at byte {at}.", next_step=_UNDAMAGED)
    end = at + 4 + int(struct.unpack_from("<I", data, at)[0])
    if end > len(data):
        raise UnreadableFileError(f"The comment at byte {at} goes beyond its block.", next_step=_UNDAMAGED)
    return data[at + 4 : end], end
