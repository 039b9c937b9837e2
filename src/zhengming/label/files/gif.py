"""GIF: the XMP packet in an application extension (TC260-PG-20259A), and comments that hold a label.

The packet stands raw after `XMP DataXMP`; 258 bytes after it lead any reader that takes it for sub-blocks to the end.
Packets in proper sub-blocks, as some programs write them, are read too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from zhengming.label.aigc import AigcFields
from zhengming.label.files import ifd, xmp
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

APPLICATION: Final = b"XMP DataXMP"
MAGIC: Final = b"\x01" + bytes(range(0xFF, -1, -1)) + b"\0"
_VERSIONS: Final = (b"GIF87a", b"GIF89a")
_EXTENSION, _IMAGE, _END = 0x21, 0x2C, 0x3B
_APPLICATION, _COMMENT = 0xFF, 0xFE
_TABLE: Final = 0x80
MAX_BLOCKS: Final = 4_000_000
"""How many sub-blocks of 255 bytes a file may have: a gigabyte of pictures."""


class Block(NamedTuple):
    """One block: `label` of an extension (0 for a picture, _END at the end), `body` where its sub-blocks begin."""

    label: int
    start: int
    body: int
    end: int


class Gif:
    """The format GIF, animated ones too."""

    name = "gif"
    media_types = ("image/gif",)
    extensions = (".gif",)
    slot = "gif.application.xmp"
    guide = "TC260-PG-20259A"

    def recognises(self, head: bytes) -> bool:
        """Whether the signature stands there."""
        return head.startswith(_VERSIONS)

    def scan(self, data: Buffer) -> Scan:
        """Find every label."""
        view = memoryview(data)
        sites: list[Site] = []
        faults: set[FileFault] = set()
        ended = -1
        try:
            for block in blocks(view):
                ended = block.end if block.label == _END else -1
                packet = _packet(view, block)
                if packet and xmp.fault(packet):
                    faults.add(FileFault.MALFORMED)
                sites += [Site(self.slot, one.raw, *block[1::2], official=True) for one in xmp.properties(packet)]
                if raw := _comment(view, block)[0]:
                    sites.append(Site("gif.comment", raw, block.start, block.end, official=False))
        except _CutError:
            faults.add(FileFault.TRUNCATED)
        except _CrowdedError:
            faults.add(FileFault.TOO_MANY_PARTS)
        except UnreadableFileError:
            faults.add(FileFault.MALFORMED)
        if ended < 0 and not faults & {FileFault.MALFORMED, FileFault.TOO_MANY_PARTS}:
            faults.add(FileFault.TRUNCATED)
        elif 0 <= ended < len(view):
            faults.add(FileFault.TRAILING_DATA)
        return Scan(tuple(sites[:MAX_SITES]), faults_of(*faults, sites=sites))

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Put the label into the XMP packet, which is made where there is none, and stands before the pictures."""
        view = memoryview(data)
        packet = b""
        splices: list[Splice] = []
        for block in blocks(view):
            found = _packet(view, block)
            raw, alone = _comment(view, block)
            if found and not packet:
                packet = found
                splices.append(Splice(block.start, block.end, b""))
            elif found and xmp.properties(found):
                splices.append(Splice(block.start, block.end, _extension(xmp.without_label(found))))
            elif raw and not alone:
                message = f"The GIF comment at byte {block.start} holds a label and something else beside it."
                raise UnreadableFileError(message, next_step="Take the label out of it, then label the file.")
            elif raw:
                splices.append(Splice(block.start, block.end, b""))
        if bytes(view[:6]) == _VERSIONS[0]:  # the older version has no extensions
            splices.append(Splice(0, 6, _VERSIONS[1]))
        place = _head(view)
        new = xmp.with_label(packet, fields.to_json(), source_type=xmp.GENERATED)
        return [Splice(place, place, _extension(new)), *splices]


class _CutError(UnreadableFileError):
    def __init__(self, at: int) -> None:
        super().__init__(f"The GIF ends in the middle, at byte {at}.", next_step="Send the whole file.")


class _CrowdedError(UnreadableFileError):
    def __init__(self) -> None:
        super().__init__(f"The GIF has more than {MAX_PARTS} blocks.", next_step="Send an ordinary GIF.")


def blocks(view: memoryview) -> Iterator[Block]:
    """Walk over the blocks to the end mark. Raises UnreadableFileError where none can begin, or the file ends."""
    at = _head(view)
    budget = MAX_BLOCKS
    for _ in range(MAX_PARTS):
        start = at
        kind = _byte(view, at)
        if kind == _END:
            yield Block(_END, start, start + 1, start + 1)
            return
        if kind == _EXTENSION:
            label, body = _byte(view, at + 1), at + 2
        elif kind == _IMAGE:
            flags = _byte(view, at + 9)
            label, body = 0, at + 11 + (3 << (flags & 7) + 1 if flags & _TABLE else 0)
        else:
            raise UnreadableFileError(f"No GIF block can begin at byte {at}.", next_step="Send an undamaged file.")
        at = body
        while size := _byte(view, at):
            at += size + 1
            budget -= 1
            if not budget:
                raise _CrowdedError
        at += 1
        yield Block(label, start, body, at)
    raise _CrowdedError


def _head(view: memoryview) -> int:
    """Return where the first block begins, after the screen and its colours."""
    if bytes(view[:6]) not in _VERSIONS:
        raise UnreadableFileError("The file does not begin as a GIF does.", next_step="Check that it is a GIF.")
    flags = _byte(view, 10)
    _byte(view, 12)
    return 13 + (3 << (flags & 7) + 1 if flags & _TABLE else 0)


def _byte(view: memoryview, at: int) -> int:
    if at >= len(view):
        raise _CutError(len(view))
    return view[at]


def _packet(view: memoryview, block: Block) -> bytes:
    """Return the XMP packet of a block, empty when it has none."""
    body = block.body + 1 + len(APPLICATION)
    if block.label != _APPLICATION or bytes(view[block.body : body]) != b"\x0b" + APPLICATION:
        return b""
    end = block.end - len(MAGIC)
    if end >= body and bytes(view[end : block.end]) == MAGIC:
        return bytes(view[body:end])
    return _joined(view, body, block.end)


def _comment(view: memoryview, block: Block) -> tuple[bytes, bool]:
    """Return the label of a comment, and whether the comment is nothing else."""
    return ifd.label_in(_joined(view, block.body, block.end)) if block.label == _COMMENT else (b"", False)


def _joined(view: memoryview, at: int, end: int) -> bytes:
    pieces: list[bytes] = []
    while at < end:
        pieces.append(bytes(view[at + 1 : at + 1 + view[at]]))
        at += view[at] + 1
    return b"".join(pieces)


def _extension(packet: bytes) -> bytes:
    if b"\0" in packet:
        message = "The XMP packet of the GIF holds a zero byte, which would end it."
        raise UnreadableFileError(message, next_step="Repair or remove its XMP metadata, then label it.")
    return b"\x21\xff\x0b" + APPLICATION + packet + MAGIC
