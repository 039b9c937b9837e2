"""The XMP packet: finding the label in one, and putting it there with everything else left as it stood.

The property is `TC260:AIGC` in `http://www.tc260.org.cn/ns/AIGC/1.0/` (TC260-PG-20259A, clause 6); met in the wild as
an element and as an attribute. The digital source type is IPTC's `Iptc4xmpExt:DigitalSourceType`. Packets are edited
as text, not parsed and written anew: what other programs wrote stays byte for byte, and no entity is ever expanded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

NAMESPACE: Final = "http://www.tc260.org.cn/ns/AIGC/1.0/"
IPTC: Final = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
GENERATED: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
MAX_PACKET: Final = 8_000_000

_NAME: Final = rb"[A-Za-z_][\w.-]{0,63}"
_DECLARED: Final = re.compile(
    rb"xmlns:(" + _NAME + rb")\s{0,16}=\s{0,16}([\"'])" + re.escape(NAMESPACE.encode()) + rb"\2"
)
_RDF_END: Final = re.compile(rb"</rdf:RDF\s{0,16}>")
_SOURCE: Final = re.compile(
    rb"\s{0,64}<Iptc4xmpExt:DigitalSourceType\b[^<>]{0,4096}>[^<]{0,4096}</Iptc4xmpExt:DigitalSourceType\s{0,16}>"
    rb"|\s{1,64}Iptc4xmpExt:DigitalSourceType\s{0,16}=\s{0,16}(?:\"[^\"<]{0,4096}\"|'[^'<]{0,4096}')"
)


class Property(NamedTuple):
    """A label in a packet: its text with entities resolved, and the bytes of the element or attribute."""

    raw: bytes
    start: int
    end: int


def properties(packet: bytes) -> list[Property]:
    """Return every `AIGC` property of a packet, whatever prefix it was given, in order."""
    found = [one for prefix in _prefixes(packet) for one in _of(packet, prefix)]
    return sorted(found, key=lambda one: one.start)


def _prefixes(packet: bytes) -> list[bytes]:
    return sorted({match[1] for match in _DECLARED.finditer(packet)} | {b"TC260"})


def _of(packet: bytes, prefix: bytes) -> Iterator[Property]:
    name = re.escape(prefix + b":AIGC")
    element = re.compile(
        rb"\s{0,64}<"
        + name
        + rb"\b[^<>]{0,4096}?(?:/>|(?<!/)>(?P<text>(?:[^<]|<!\[CDATA\[.*?\]\]>)*?)</"
        + name
        + rb"\s{0,16}>)",
        re.DOTALL,
    )
    attribute = re.compile(rb"\s{1,64}" + name + rb"\s{0,16}=\s{0,16}(?:\"(?P<a>[^\"<]*)\"|'(?P<b>[^'<]*)')")
    for match in element.finditer(packet):
        yield Property(_plain(match["text"] or b""), match.start(), match.end())
    for match in attribute.finditer(packet):
        yield Property(_plain(match["a"] if match["a"] is not None else match["b"]), match.start(), match.end())


def _plain(text: bytes) -> bytes:
    if text.startswith(b"<![CDATA[") and text.endswith(b"]]>"):
        return text[9:-3]
    return unescape(text.decode("utf-8", "replace")).encode("utf-8", "surrogatepass").strip()


def with_label(packet: bytes, value: bytes, *, source_type: str = "") -> bytes:
    """Return the packet with exactly one label, `value` (the direct JSON); an empty or unusable packet is made anew.

    `source_type`, when given, replaces or adds the digital source type.
    """
    cleaned = without_label(packet)
    if source_type:
        cleaned = _SOURCE.sub(b"", cleaned)
    block = _block(value, source_type)
    end = _RDF_END.search(cleaned)
    if end is None:
        return (
            b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
            b'<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
            b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
            + block
            + b'</rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="w"?>'
        )
    return cleaned[: end.start()] + block + cleaned[end.start() :]


def without_label(packet: bytes) -> bytes:
    """Return the packet without any label, so that one can be put in: the label's place is never left doubled.

    A `rdf:Description` of ours that held nothing else goes with it.
    """
    for one in reversed(properties(packet)):
        packet = packet[: one.start] + packet[one.end :]
    return _EMPTY.sub(b"", packet)


_EMPTY: Final = re.compile(
    rb"<rdf:Description rdf:about=\"\" xmlns:TC260=\"" + re.escape(NAMESPACE.encode()) + rb"\""
    rb"(?: xmlns:Iptc4xmpExt=\"[^\"<]{0,200}\")?>\s*</rdf:Description>\n?"
)


def _block(value: bytes, source_type: str) -> bytes:
    """A description of our own, so that no other program's namespace block is touched."""
    lines = [
        f'<rdf:Description rdf:about="" xmlns:TC260="{NAMESPACE}"'
        + (f' xmlns:Iptc4xmpExt="{IPTC}">' if source_type else ">"),
        f"<TC260:AIGC>{escape(value.decode('ascii'))}</TC260:AIGC>",
    ]
    if source_type:
        lines.append(f"<Iptc4xmpExt:DigitalSourceType>{escape(source_type)}</Iptc4xmpExt:DigitalSourceType>")
    return ("\n".join([*lines, "</rdf:Description>"]) + "\n").encode("ascii")
