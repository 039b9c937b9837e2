"""ODT and EPUB: a named item in the metadata part of the archive. No guide names a slot for either.

ODT keeps it as a user-defined item of `meta.xml`, EPUB as a `<meta name="AIGC">` of the package document that
`META-INF/container.xml` names. Every other entry stays byte for byte, the first one, `mimetype`, among them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from zhengming.label.aigc import AigcFields
from zhengming.label.files.base import MAX_SITES, Buffer, FileFault, Scan, Site, Splice, UnreadableFileError, faults_of
from zhengming.label.files.xmls import Element, Part
from zhengming.label.files.zips import Archive

CONTAINER: Final = "META-INF/container.xml"
_META: Final = "urn:oasis:names:tc:opendocument:xmlns:meta:1.0"


class Packed:
    """An archive whose first entry, `mimetype`, says what it is."""

    guide = ""

    def __init__(
        self,
        name: str,
        media: tuple[str, ...],
        extensions: tuple[str, ...],
        *,
        element: str,
        parent: str,
        value: Callable[[Element], bytes],
        made: Callable[[str], str],
        place: Callable[[Archive], str],
    ) -> None:
        self.name = name
        self.slot = f"{name}.meta"
        self.media_types = media
        self.extensions = extensions
        self._element = element
        self._parent = parent
        self._value = value
        self._made = made
        self._place = place

    def recognises(self, head: bytes) -> bool:
        """Whether the first entry is `mimetype`, stored, and names one of the media types."""
        if not head.startswith(b"PK\x03\x04") or head[30:38] != b"mimetype":
            return False
        return any(head[38:].startswith(one.encode()) for one in self.media_types)

    def scan(self, data: Buffer) -> Scan:
        """Find the item, however often it stands there."""
        try:
            archive = Archive(data)
            where = self._place(archive)
            found = self._labels(Part(where, archive.read(where)))
        except UnreadableFileError:
            return Scan((), (FileFault.MALFORMED,))
        entry = archive.find(where)
        span = (0, 0) if entry is None else (entry.start, entry.end)
        sites = tuple(Site(self.slot, self._value(one), *span, official=False) for one in found[:MAX_SITES])
        return Scan(sites, faults_of(sites=sites))

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Put the item last into the metadata and take every other away."""
        child = self._made(fields.to_json().decode("ascii"))
        archive = Archive(data)
        where = self._place(archive)
        part = Part(where, archive.read(where))
        cleaned = part.without(self._labels(part))
        # The value may hold `{}`, which stands for the prefix: it comes after it.
        head, _, tail = child.partition("\0")
        value, _, tail = tail.partition("\0")
        text = cleaned.with_last(self._parent, f"{head}\0{tail}".encode()).replace(b"\0", value.encode("ascii"), 1)
        return archive.rewritten({where: text})

    def _labels(self, part: Part) -> list[Element]:
        return [one for one in part.elements(self._element) if one.get("name") == "AIGC"]


def _package(archive: Archive) -> str:
    container = Part(CONTAINER, archive.read(CONTAINER))
    found = next((one.get("full-path") for one in container.elements("rootfile")), "")
    if not found or archive.find(found) is None:
        raise container.refused("names no package document that is there")
    return found


ODT: Final = Packed(
    "odt",
    (
        "application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.presentation",
    ),
    (".odt", ".ods", ".odp", ".ott"),
    element="user-defined",
    parent="meta",
    value=lambda one: one.text,
    made=lambda value: (
        f'<m:user-defined xmlns:m="{_META}" m:name="AIGC" m:value-type="string">\0{escape(value)}\0</m:user-defined>'
    ),
    place=lambda _archive: "meta.xml",
)
EPUB: Final = Packed(
    "epub",
    ("application/epub+zip",),
    (".epub",),
    element="meta",
    parent="metadata",
    value=lambda one: one.get("content").encode("utf-8", "surrogatepass") or one.text,
    made=lambda value: f'<{{}}meta name="AIGC" content=\0{quoteattr(value)}\0/>',
    place=_package,
)
