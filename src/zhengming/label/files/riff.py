"""RIFF, which WAV, WebP and AVI share: chunks of an id, a size and a body that is padded to an even length.

Sizes are believed only as far as the file goes. RF64 and BW64 keep the long sizes in `ds64` (EBU Tech 3306).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from zhengming.label.files.base import MAX_PARTS, MAX_SITES, FileFault, Site, Splice, UnreadableFileError

LABEL: Final = b"AIGC"
UNKNOWN: Final = 0xFFFFFFFF
"""A size that stands elsewhere (RF64) or was not known when the file was streamed."""
MAX_TEXT: Final = 8_000_000
_LONG: Final = frozenset({b"RF64", b"BW64"})
_UNDAMAGED: Final = "Send the whole, undamaged file."


class Piece(NamedTuple):
    """One chunk: it begins at `start`, its body lies from `body` to `stop`, and with its padding it ends at `end`.

    `whole` is false where the file ends in it; `size` is what the chunk itself says.
    """

    kind: bytes
    start: int
    body: int
    stop: int
    end: int
    size: int
    whole: bool


class Outer(NamedTuple):
    """The chunk around everything: `stop` is where the file says that it ends, within what is there."""

    kind: bytes
    form: bytes
    start: int
    stop: int
    size: int
    whole: bool


def is_riff(head: bytes, form: bytes) -> bool:
    """Whether a file that begins so is RIFF of this form (four bytes)."""
    return head[:4] in {b"RIFF", *_LONG} and head[8:12] == form


def outer(view: memoryview, form: bytes, start: int = 0) -> Outer:
    """Read the outer chunk at `start`. Raises UnreadableFileError when it is not there."""
    head = bytes(view[start : start + 12])
    if len(head) < 12 or not is_riff(head, form):  # noqa: PLR2004 - id, size, form
        name = form.decode("ascii").strip()
        raise UnreadableFileError(f"No RIFF chunk of the form {name} begins at byte {start}.", next_step=_UNDAMAGED)
    size = int.from_bytes(head[4:8], "little")
    if head[:4] in _LONG:
        size = _long_sizes(view)[0]
    endless = size == UNKNOWN
    stop = len(view) if endless else min(start + 8 + size, len(view))
    return Outer(head[:4], head[8:12], start, stop, size, endless or start + 8 + size <= len(view))


def pieces(view: memoryview, start: int, stop: int) -> Iterator[Piece]:
    """Walk over the chunks from `start` to `stop`. Raises UnreadableFileError where none can begin."""
    long_data = _long_sizes(view)[1] if bytes(view[:4]) in _LONG else UNKNOWN
    at = start
    for _ in range(MAX_PARTS):
        if at + 8 > stop:
            return
        kind, size = struct.unpack("<4sI", view[at : at + 8])
        if not _is_id(kind):
            raise UnreadableFileError(f"No RIFF chunk can begin at byte {at}.", next_step=_UNDAMAGED)
        length = long_data if kind == b"data" and size == UNKNOWN else size
        body, far = at + 8, at + 8 + length
        end = min(far + (1 if far % 2 != start % 2 and _padded(view, far) else 0), len(view))
        yield Piece(kind, at, body, min(far, len(view)), end, size, far <= len(view))
        at = end
    raise UnreadableFileError(f"The file has more than {MAX_PARTS} chunks.", next_step="Send an ordinary file.")


def inner(view: memoryview, piece: Piece) -> Iterator[Piece]:
    """Walk over the chunks of a `LIST`. Raises as :func:`pieces` does, and where one goes beyond the list."""
    for one in pieces(view, piece.body + 4, piece.stop):
        if one.stop > piece.stop or not one.whole:
            raise UnreadableFileError(f"The chunk at byte {one.start} goes beyond its list.", next_step=_UNDAMAGED)
        yield one._replace(end=min(one.end, piece.stop))  # the padding of the last may be that of the list


def is_list(view: memoryview, piece: Piece, form: bytes) -> bool:
    """Whether the chunk is a `LIST` of this form."""
    return piece.kind == b"LIST" and bytes(view[piece.body : min(piece.body + 4, piece.stop)]) == form


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk, padded to an even length; the padding does not count in its size."""
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def text(view: memoryview, piece: Piece) -> bytes:
    """Return a chunk's text without the zero bytes that writers end it with."""
    return bytes(view[piece.body : min(piece.stop, piece.body + MAX_TEXT)]).rstrip(b"\0")


def info_sites(view: memoryview, piece: Piece, slot: str, *, official: bool) -> list[Site]:
    """Return the labels of a `LIST` of the form `INFO`; a list that breaks off gives what it had until then."""
    found: list[Site] = []
    try:
        for one in inner(view, piece):
            if one.kind == LABEL and len(found) < MAX_SITES:
                found.append(Site(slot, text(view, one), one.start, one.end, official))
    except UnreadableFileError:
        return found
    return found


def info_without(view: memoryview, piece: Piece) -> Splice | None:
    """Return the splice that takes the labels out of an `INFO` list, or None when it has none.

    A list that held nothing else goes with them. Raises UnreadableFileError when the list cannot be walked.
    """
    parts = list(inner(view, piece))
    kept = [bytes(view[one.start : one.end]) for one in parts if one.kind != LABEL]
    if len(kept) == len(parts):
        return None
    return Splice(piece.start, piece.end, chunk(b"LIST", b"INFO" + b"".join(kept)) if kept else b"")


def sized(view: memoryview, around: Outer, end: int, splices: Sequence[Splice]) -> list[Splice]:
    """Return the splices that mend the outer size when the chunks ended at `end` before `splices` were made.

    Raises UnreadableFileError when the size no longer fits its field.
    """
    if around.size == UNKNOWN:
        return []
    size = end - around.start - 8 + sum(len(one.data) - (one.end - one.start) for one in splices)
    if around.kind in _LONG:
        place = next(pieces(view, 12, around.stop)).body
        return [Splice(place, place + 8, struct.pack("<Q", size))]
    if size >= UNKNOWN:
        raise UnreadableFileError(
            "With the label the file would pass the 4 GiB that RIFF can count.",
            next_step="Save it as RF64, or split it.",
        )
    return [Splice(around.start + 4, around.start + 8, struct.pack("<I", size))]


def walk_fault(around: Outer, last: int, total: int) -> FileFault | None:
    """Say what is wrong when the chunks ended at `last`: less than the file says, or more bytes behind it."""
    if not around.whole:
        return FileFault.TRUNCATED
    if last < around.stop:
        return FileFault.MALFORMED
    return FileFault.TRAILING_DATA if last < total else None


def _is_id(kind: bytes) -> bool:
    return all(32 <= byte < 127 for byte in kind)  # noqa: PLR2004 - printable ASCII, the blank included


def _padded(view: memoryview, at: int) -> bool:
    """Whether a padding byte stands at `at`; some writers leave it out, and the next chunk begins there."""
    if at >= len(view):
        return False
    return view[at] == 0 or _may_begin(view, at + 1) or not _may_begin(view, at)


def _may_begin(view: memoryview, at: int) -> bool:
    """Whether a chunk that fits into the file begins there."""
    head = bytes(view[at : at + 8])
    return len(head) == 8 and _is_id(head[:4]) and at + 8 + int.from_bytes(head[4:], "little") <= len(view)  # noqa: PLR2004


def _long_sizes(view: memoryview) -> tuple[int, int]:
    """Return the sizes of everything and of `data` from `ds64`, which stands first. Raises UnreadableFileError."""
    head = bytes(view[12:36])
    if len(head) < 24 or head[:4] != b"ds64":  # noqa: PLR2004 - id, size, two long sizes
        raise UnreadableFileError("The RF64 file has no ds64 chunk at byte 12.", next_step=_UNDAMAGED)
    whole, data = struct.unpack("<QQ", head[8:24])
    return whole, data
