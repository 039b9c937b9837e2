"""PDF: the key `/AIGC` of the document's information (TC260-PG-20258A, 6.3), written as an incremental update.

The bytes that were there stay, so signatures over them still hold and a file made for the web opens as it did; what
the update replaces can be found in the older revision, as with every program that saves so. Reading is pikepdf's, with
no repair of damaged files. A label that others left in the XMP metadata is met and taken away too.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple, cast

from zhengming.label.aigc import AigcFields
from zhengming.label.files import xmp
from zhengming.label.files.base import Buffer, FileFault, Scan, Site, Splice, UnreadableFileError, faults_of

if TYPE_CHECKING:
    import pikepdf

MAX_NUMBER: Final = 8_388_607
"""The highest object number that readers must accept."""

_TAIL: Final = 4_096
_HEAD: Final = 1_024
_MAX_OFFSET: Final = 9_999_999_999
_START: Final = re.compile(rb"startxref\s{1,16}(\d{1,19})\s")
_OF_STREAMS: Final = frozenset({"/Length", "/Filter", "/DecodeParms", "/W", "/Index", "/Type", "/F", "/FFilter"})
_NOT_KEPT: Final = _OF_STREAMS | {"/Prev", "/XRefStm", "/Size", "/Info", "/Root"}
_NEXT: Final = "Open the document in its program and save it again."


class _Source(io.RawIOBase):
    """A file over a buffer, which is not copied."""

    def __init__(self, view: memoryview) -> None:
        super().__init__()
        self._view = view
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at}.get(whence, len(self._view))
        self._at = max(base + offset, 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, into: Any) -> int:
        part = self._view[self._at : self._at + len(into)]
        into[: len(part)] = part
        self._at += len(part)
        return len(part)


class Revised(NamedTuple):
    """An object as the update writes it."""

    number: int
    generation: int
    body: bytes


class Pdf:
    """The format PDF, not encrypted."""

    name = "pdf"
    media_types = ("application/pdf",)
    extensions = (".pdf",)
    slot = "pdf.info"
    guide = "TC260-PG-20258A"

    def recognises(self, head: bytes) -> bool:
        """Whether the header stands near the beginning, where readers look for it."""
        return b"%PDF-" in head[:_HEAD]

    def scan(self, data: Buffer) -> Scan:
        """Find the label of the current revision, and one in its XMP metadata."""
        view = memoryview(data)
        sites: list[Site] = []
        try:
            with _opened(view) as pdf:
                info = _info(pdf)
                if info is not None and "/AIGC" in info:
                    sites.append(Site(self.slot, _text(info["/AIGC"]), *_span(view, info), official=True))
                metadata, packet = _packet(pdf)
                sites += [
                    Site("pdf.xmp", one.raw, *_span(view, metadata), official=False) for one in xmp.properties(packet)
                ]
        except UnreadableFileError:
            return Scan((), (FileFault.MALFORMED,))
        return Scan(tuple(sites), faults_of(sites=sites))

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Append a revision whose information holds the label, with all other keys as they were."""
        value = fields.to_json()
        view = memoryview(data)
        with _opened(view) as pdf:
            size = int(pdf.trailer.get("/Size", 0))
            if not 0 < size < MAX_NUMBER:
                raise _refused("gives an impossible number of objects")
            changed = [_with_label(pdf, value, size)]
            cleaned = _without_xmp(pdf)
            if cleaned is not None:
                changed.append(cleaned)
            update = _update(view, pdf, changed, size)
        return [Splice(len(view), len(view), update)]


def _refused(problem: str, next_step: str = _NEXT) -> UnreadableFileError:
    return UnreadableFileError(f"The PDF {problem}.", next_step=next_step)


@contextmanager
def _opened(view: memoryview) -> Iterator[pikepdf.Pdf]:
    """Open for reading; whatever the library finds wrong becomes UnreadableFileError."""
    import pikepdf  # noqa: PLC0415 - a large library, loaded when the first PDF comes

    try:
        source = cast("BinaryIO", _Source(view))
        with pikepdf.open(source, attempt_recovery=False, suppress_warnings=True, inherit_page_attributes=False) as pdf:
            if pdf.is_encrypted:
                raise _refused("is encrypted", "Take the protection off, label it, and protect it again.")
            yield pdf
    except pikepdf.PasswordError:
        raise _refused("is encrypted", "Take the password off, label it, and protect it again.") from None
    except (pikepdf.PdfError, ValueError, TypeError, RuntimeError, LookupError, AttributeError, OverflowError) as fault:
        raise _refused(f"cannot be read ({type(fault).__name__})") from fault


def _info(pdf: pikepdf.Pdf) -> pikepdf.Object | None:
    import pikepdf  # noqa: PLC0415 - loaded already

    info = pdf.trailer.get("/Info")
    return info if isinstance(info, pikepdf.Dictionary) else None


def _text(value: Any) -> bytes:
    import pikepdf  # noqa: PLC0415 - loaded already

    if isinstance(value, pikepdf.String):
        return str(value).encode("utf-8", "replace")
    return bytes(value.unparse()) if isinstance(value, pikepdf.Object) else str(value).encode()


def _packet(pdf: pikepdf.Pdf) -> tuple[Any, bytes]:
    """Return the metadata stream and its XMP; empty where it cannot be inflated within bounds."""
    import pikepdf  # noqa: PLC0415 - loaded already

    stream = pdf.Root.get("/Metadata")
    if not isinstance(stream, pikepdf.Stream):
        return None, b""
    raw = stream.read_raw_bytes()[: xmp.MAX_PACKET]
    kind = stream.get("/Filter")
    if isinstance(kind, pikepdf.Array) and len(kind) == 1:
        kind = kind[0]
    if kind is None:
        return stream, raw
    if kind != pikepdf.Name.FlateDecode or "/DecodeParms" in stream:
        return stream, b""
    try:
        return stream, zlib.decompressobj().decompress(raw, xmp.MAX_PACKET)
    except zlib.error:
        return stream, b""


def _span(view: memoryview, carrier: Any) -> tuple[int, int]:
    """Return where the latest object of this number lies; the whole file for one inside an object stream."""
    number, generation = carrier.objgen
    if not number:
        return 0, len(view)
    found = None
    for found in re.finditer(rb"(?<!\d)%d\s{1,8}%d\s{1,8}obj\b" % (number, generation), view):  # noqa: B007 - the last
        pass
    if found is None:
        return 0, len(view)
    ended = re.compile(rb"endobj").search(view, found.end())
    return found.start(), ended.end() if ended else len(view)


def _with_label(pdf: pikepdf.Pdf, value: bytes, size: int) -> Revised:
    import pikepdf  # noqa: PLC0415 - loaded already

    info = _info(pdf)
    kept = pikepdf.Dictionary() if info is None else copy(info)
    kept["/AIGC"] = pikepdf.String(value.decode("ascii"))
    number, generation = (0, 0) if info is None else info.objgen
    return Revised(number or size, generation, kept.unparse())


def _without_xmp(pdf: pikepdf.Pdf) -> Revised | None:
    """Return the metadata stream without labels; None where it has none."""
    stream, packet = _packet(pdf)
    if stream is None or not xmp.properties(packet):
        return None
    number, generation = stream.objgen
    cleaned = xmp.without_label(packet)
    head = b"<< /Type /Metadata /Subtype /XML /Length %d >>" % len(cleaned)
    return Revised(number, generation, head + b"\nstream\n" + cleaned + b"\nendstream")


def _update(view: memoryview, pdf: pikepdf.Pdf, changed: list[Revised], size: int) -> bytes:
    """Return what is appended: the objects, and a cross-reference section of the kind that the file has."""
    origin = max(bytes(view[:_HEAD]).find(b"%PDF-"), 0)
    found = list(_START.finditer(bytes(view[-_TAIL:]) + b"\n"))
    if not found:
        raise _refused("has no end, so it is cut off")
    previous = int(found[-1][1])
    last = bytes(view[len(view) - 1 :])
    body = b"" if last in {b"\n", b"\r"} else b"\n"
    places: list[tuple[int, int, int]] = []
    for one in changed:
        places.append((one.number, one.generation, len(view) - origin + len(body)))
        body += b"%d %d obj\n" % (one.number, one.generation) + one.body + b"\nendobj\n"
    info = changed[0]
    at = len(view) - origin + len(body)
    if at > _MAX_OFFSET:
        raise _refused("is too long")
    kept = [f"{key} ".encode() + _unparsed(pdf.trailer, key) for key in pdf.trailer.keys() if key not in _NOT_KEPT]  # noqa: SIM118 - no plain mapping
    shared = b" ".join(
        [
            *kept,
            b"/Root " + _unparsed(pdf.trailer, "/Root"),
            b"/Info %d %d R /Prev %d" % (info.number, info.generation, previous),
        ]
    )
    next_number = max(size, info.number + 1)
    if bytes(view[origin + previous : origin + previous + 16]).lstrip().startswith(b"xref"):
        section = _table(places) + b"trailer\n<< %b /Size %d >>\n" % (shared, next_number)
    else:
        section = _stream([*places, (next_number, 0, at)], shared)
    return body + section + b"startxref\n%d\n%%%%EOF\n" % at


def _unparsed(trailer: Any, key: str) -> bytes:
    """Return a value of the trailer as it is written there: a reference stays one."""
    value = trailer[key]
    return bytes(value.unparse()) if hasattr(value, "unparse") else str(value).lower().encode()


def _table(places: list[tuple[int, int, int]]) -> bytes:
    lines = (b"%d 1\n%010d %05d n \n" % (number, place, generation) for number, generation, place in sorted(places))
    return b"xref\n" + b"".join(lines)


def _stream(places: list[tuple[int, int, int]], shared: bytes) -> bytes:
    ordered = sorted(places)
    index = b" ".join(b"%d 1" % number for number, _, _ in ordered)
    rows = b"".join(
        b"\x01" + place.to_bytes(5, "big") + generation.to_bytes(2, "big") for _, generation, place in ordered
    )
    number = places[-1][0]
    head = b"<< /Type /XRef /Size %d /W [1 5 2] /Index [%b] /Length %d %b >>" % (number + 1, index, len(rows), shared)
    return b"%d 0 obj\n%b\nstream\n%b\nendstream\nendobj\n" % (number, head, rows)
