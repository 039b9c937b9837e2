"""What every format shares: where a label was found, which bytes change, what is wrong with a file.

Values in, values out: a format sees a buffer (bytes, or a mapped file) and returns sites and splices. Who calls it
reads and writes. Parsers meet hostile files: every number that is read is bounded before it is used, every walk ends.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from zhengming.core.errors import InvalidInputError
from zhengming.label.aigc import AigcFields

Buffer = bytes | bytearray | memoryview | mmap.mmap

MAX_SITES: Final = 64
"""How many labels of one file are looked at; a file with more has a fault anyway."""

MAX_PARTS: Final = 100_000
"""How many segments, chunks, boxes or elements a walk passes before it gives up."""


class FileFault(StrEnum):
    """What is wrong with a file, as far as its labels are concerned; stands beside the faults of a label itself."""

    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    CHECKSUM_MISMATCH = "checksum_mismatch"
    TRAILING_DATA = "trailing_data"
    DUPLICATE_LABEL = "duplicate_label"
    LABELS_DISAGREE = "labels_disagree"
    TOO_MANY_PARTS = "too_many_parts"


class UnreadableFileError(InvalidInputError):
    """The file is not of this format, or damaged where the label belongs; nothing was written."""

    code = "file_unreadable"


class Site(NamedTuple):
    """A label found in a file: `slot` names the place (such as `png.itxt.xmp`), `raw` is the text as it stood there.

    `start` and `end` are the bytes of whatever carries it; `official` says whether a guide names this slot for the
    format.
    """

    slot: str
    raw: bytes
    start: int
    end: int
    official: bool


class Scan(NamedTuple):
    """What a walk over a file found. `faults` hold each code once; `sites` are in the order of the file."""

    sites: tuple[Site, ...]
    faults: tuple[FileFault, ...] = ()


class Splice(NamedTuple):
    """The bytes from `start` to `end` of the old file become `data`."""

    start: int
    end: int
    data: bytes


class FileFormat(Protocol):
    """One format. `slot` is where the label is written, `guide` the rule that says so, empty where none does."""

    @property
    def name(self) -> str:
        """Its short name, such as `png`."""

    @property
    def media_types(self) -> tuple[str, ...]:
        """Its media types, the usual one first."""

    @property
    def extensions(self) -> tuple[str, ...]:
        """Its extensions in lower case, dot included."""

    @property
    def slot(self) -> str:
        """Where the label is written."""

    @property
    def guide(self) -> str:
        """The rule that names this slot; empty where none does."""

    def recognises(self, head: bytes) -> bool:
        """Whether a file that begins with these (up to 4,096) bytes is of this format."""

    def scan(self, data: Buffer) -> Scan:
        """Find every label, in every place where one is met. Never raises: what cannot be read is a fault."""

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Return the splices that leave exactly one label in the file: these fields, in the official slot.

        Every other metadata item stays. Raises UnreadableFileError, LabelFieldError.
        """


def spliced(data: Buffer, splices: Sequence[Splice]) -> Iterator[bytes | memoryview]:
    """Yield the new file piece by piece; what does not change is not copied.

    Raises ValueError for splices that overlap or lie outside the file, which is a mistake of the format.
    """
    view = memoryview(data)
    at = 0
    for one in sorted(splices, key=lambda splice: (splice.start, splice.end)):
        if not at <= one.start <= one.end <= len(view):
            message = f"a splice from {one.start} to {one.end} does not fit after {at} in {len(view)} bytes"
            raise ValueError(message)
        if one.start > at:
            yield view[at : one.start]
        if one.data:
            yield one.data
        at = one.end
    if at < len(view):
        yield view[at:]


def joined(data: Buffer, splices: Sequence[Splice]) -> bytes:
    """Return the new file as bytes; for files that fit in memory."""
    return b"".join(spliced(data, splices))


def faults_of(*faults: FileFault | None, sites: Iterable[Site] = ()) -> tuple[FileFault, ...]:
    """Return the faults sorted, each once; more than one site adds `duplicate_label`."""
    found = {fault for fault in faults if fault is not None}
    if sum(1 for _ in sites) > 1:
        found.add(FileFault.DUPLICATE_LABEL)
    return tuple(sorted(found))
