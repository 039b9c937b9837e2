"""SVG: the XMP packet in `<metadata>`, with the property of the guide for pictures. No guide names SVG itself."""

from __future__ import annotations

import re
from typing import Final

from zhengming.label.aigc import AigcFields
from zhengming.label.files import xmp
from zhengming.label.files.base import MAX_SITES, Buffer, FileFault, Scan, Site, Splice, UnreadableFileError, faults_of
from zhengming.label.files.texts import looks_like_text

MAX_SIZE: Final = 128_000_000

_HIDDEN: Final = re.compile(rb"<!--.*?(?:-->|\Z)|<!DOCTYPE[^\[>]*+(?:\[[^\]]*+(?:\]\s*+|\Z))?+(?:>|\Z)?+", re.DOTALL)
_SECTION: Final = re.compile(rb"<!\[CDATA\[.*?(?:\]\]>|\Z)", re.DOTALL)
_ROOT: Final = re.compile(
    rb"<(?P<prefix>(?:[A-Za-z_][\w.-]*+:)?)svg(?=[\s/>])(?:[^<>\"'/]++|\"[^\"<]*+\"|'[^'<]*+'|/(?!>))*+(?P<empty>/?)>"
)
_METADATA: Final = re.compile(rb"<(?:[A-Za-z_][\w.-]*+:)?metadata(?=[\s>])[^<>]*+(?<!/)>")
_METADATA_END: Final = re.compile(rb"</(?:[A-Za-z_][\w.-]*+:)?metadata\s*+>")
_RDF_END: Final = b"</rdf:RDF"


class Svg:
    """SVG in UTF-8, not compressed."""

    name = "svg"
    media_types = ("image/svg+xml",)
    extensions = (".svg",)
    slot = "svg.metadata.xmp"
    guide = ""

    def recognises(self, head: bytes) -> bool:
        """Whether the root element, which is not always within the head, or an XML declaration stands there."""
        return (
            looks_like_text(head) and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<" and _ROOT.search(head) is not None
        )

    def scan(self, data: Buffer) -> Scan:
        """Find the properties of XMP, wherever in the picture."""
        try:
            text = _plain(data)
        except UnreadableFileError:
            return Scan((), (FileFault.MALFORMED,))
        found = xmp.properties(text)[:MAX_SITES]
        sites = tuple(Site(self.slot, one.raw, one.start, one.end, official=False) for one in found)
        return Scan(sites, faults_of(sites=sites))

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Put the property into the metadata, which is made as the first thing in the picture where there is none."""
        value = fields.to_json()
        text = _plain(data)
        bare = _SECTION.sub(_blank, text)
        root = _ROOT.search(bare)
        if root is None or root["empty"]:
            raise UnreadableFileError("The SVG has no picture in it.", next_step="Send a whole SVG.")
        found = xmp.properties(text)
        place = _described(bare, root.end())
        if place is None:
            name = root["prefix"] + b"metadata"
            block = b"<" + name + b">" + _packet(value) + b"</" + name + b">"
            cuts = [Splice(one.start, one.end, b"") for one in found]
            return [*cuts, Splice(root.end(), root.end(), block)]
        start, end = place
        # Outside of this block labels are cut one by one; inside, the packet is edited as a whole.
        cuts = [Splice(one.start, one.end, b"") for one in found if not start <= one.start < end]
        packet = xmp.with_label(bytes(memoryview(data)[start:end]), value, source_type=xmp.GENERATED)
        return [*cuts, Splice(start, end, packet)]


def _plain(data: Buffer) -> bytes:
    """Return the text with comments and the document type blanked, positions as they were."""
    view = memoryview(data)
    head = bytes(view[:4])
    if len(view) > MAX_SIZE or head.startswith((b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b")) or b"\0" in head:
        raise UnreadableFileError("The SVG is no text in UTF-8.", next_step="Save it as plain SVG in UTF-8.")
    return _HIDDEN.sub(_blank, bytes(view))


def _blank(match: re.Match[bytes]) -> bytes:
    return b" " * len(match[0])


def _described(text: bytes, start: int) -> tuple[int, int] | None:
    """Return the inside of the first metadata element that holds RDF."""
    # What never ends is looked at to the end once: each element is passed before the next is sought.
    while (opened := _METADATA.search(text, start)) is not None:
        closed = _METADATA_END.search(text, opened.end())
        if closed is None:
            return None
        if _RDF_END in text[opened.end() : closed.start()]:
            return opened.end(), closed.start()
        start = closed.end()
    return None


def _packet(value: bytes) -> bytes:
    """Return a packet without the processing instructions around it, which mark packets in binary files."""
    packet = xmp.with_label(b"", value, source_type=xmp.GENERATED)
    return packet[packet.index(b"<x:xmpmeta") : packet.index(b"<?xpacket end")].rstrip()
