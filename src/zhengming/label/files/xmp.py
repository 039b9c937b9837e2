"""The XMP packet: finding the label in one, and putting it there with everything else left as it stood.

The property is `TC260:AIGC` in `http://www.tc260.org.cn/ns/AIGC/1.0/` (TC260-PG-20259A, clause 6); met in the wild as
an element and as an attribute. The digital source type is IPTC's `Iptc4xmpExt:DigitalSourceType`. Packets are edited
as text, not parsed and written anew: what other programs wrote stays byte for byte, and no entity is ever expanded.
Packets in UTF-16 are neither read nor edited: no format that is known here may hold one, and :func:`fault` says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

from zhengming.label.files.base import FileFault, UnreadableFileError

NAMESPACE: Final = "http://www.tc260.org.cn/ns/AIGC/1.0/"
IPTC: Final = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
GENERATED: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
MAX_PACKET: Final = 8_000_000
MAX_TOKENS: Final = 400_000
"""How many tags, comments and instructions of a packet are passed before the walk gives up."""

_MAX_PREFIXES: Final = 16
_BLANK: Final = b" \t\r\n\0"
_CDATA: Final = b"<![CDATA["
_CLOSINGS: Final = ((b"<!--", b"-->"), (_CDATA, b"]]>"), (b"<?", b"?>"), (b"<!", b">"))
# Neither may begin twice at one byte or look beyond the next `<`, which keeps the walk linear on any input.
_TAG: Final = re.compile(rb"<(/?)([^\s/<>=\"']+)(?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*+>")
_ATTRIBUTE: Final = re.compile(rb"\s([^\s=\"'/<>]+)\s{0,64}=\s{0,64}(\"[^\"<]*\"|'[^'<]*')")
_EMPTY: Final = re.compile(
    rb"<(?P<rdf>[\w.-]{1,64}):Description (?P=rdf):about=\"\" xmlns:TC260=\"" + re.escape(NAMESPACE.encode()) + rb"\""
    rb"(?: xmlns:Iptc4xmpExt=\"[^\"<]{0,200}\")?>\s*+</(?P=rdf):Description>\n?"
)


class Property(NamedTuple):
    """A label in a packet: its text with entities resolved, and the bytes of the element or attribute."""

    raw: bytes
    start: int
    end: int


class _Token(NamedTuple):
    """A tag (`name` as written, `closes` for an end tag), or with an empty name a comment, CDATA or instruction."""

    start: int
    end: int
    name: bytes = b""
    closes: bool = False


class _MalformedError(Exception):
    """The packet cannot be followed from here on."""


class _Name(NamedTuple):
    """A property: its namespace, its name there, and the prefix that counts even where it is not declared."""

    namespace: bytes
    local: bytes
    usual: bytes


_LABEL: Final = _Name(NAMESPACE.encode(), b"AIGC", b"TC260")
_SOURCE: Final = _Name(IPTC.encode(), b"DigitalSourceType", b"Iptc4xmpExt")


def properties(packet: bytes) -> list[Property]:
    """Return every `AIGC` property of a packet, whatever prefix it was given, in order; never raises."""
    return _found(packet, _LABEL)


def fault(packet: bytes) -> FileFault | None:
    """Return `malformed` for a packet that :func:`with_label` would not edit, None otherwise."""
    try:
        _place(packet)
    except _MalformedError:
        return FileFault.MALFORMED
    return None


def with_label(packet: bytes, value: bytes, *, source_type: str = "") -> bytes:
    """Return the packet with exactly one label, `value` (the direct JSON); an empty packet is made anew.

    `source_type`, when given, replaces or adds the digital source type. Raises UnreadableFileError for a packet that
    holds something and cannot be edited: one in UTF-16, one that is cut off, one without `rdf:RDF`.
    """
    try:
        _place(packet)  # before anything is cut from it
        cleaned = _without(packet, _LABEL)
        if source_type:
            cleaned = _without(cleaned, _SOURCE)
        cleaned = _EMPTY.sub(b"", cleaned)
        place = _place(cleaned)
    except _MalformedError as problem:
        message = f"The XMP packet of the file cannot be edited: {problem}."
        raise UnreadableFileError(message, next_step="Repair or remove its XMP metadata, then label it.") from None
    if place is None:
        return (
            b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
            b'<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
            b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
            + _block(value, source_type, "rdf")
            + b'</rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="w"?>'
        )
    block = _block(value, source_type, place.name.rpartition(b":")[0].decode("utf-8", "replace"))
    if place.closes:
        return cleaned[: place.start] + block + cleaned[place.start :]
    return cleaned[: place.end - 2] + b">" + block + b"</" + place.name + b">" + cleaned[place.end :]


def without_label(packet: bytes) -> bytes:
    """Return the packet without any label; what cannot be followed stays.

    A `rdf:Description` of ours that held nothing else goes with it.
    """
    return _EMPTY.sub(b"", _without(packet, _LABEL))


def blanked(packet: bytes) -> bytes:
    """Return the packet with spaces in place of every label: as long as before, and as well-formed."""
    for one in properties(packet):
        packet = packet[: one.start] + b" " * (one.end - one.start) + packet[one.end :]
    return packet


def shrunk(packet: bytes, most: int) -> bytes:
    """Return the packet with as much padding taken from its end as brings it to `most` bytes, if there is as much."""
    end = packet.rfind(b"<?xpacket end")
    if len(packet) <= most or end < 0:
        return packet
    text = len(packet[:end].rstrip())
    return packet[:text] + packet[min(text + len(packet) - most, end) :]


def _without(packet: bytes, name: _Name) -> bytes:
    pieces: list[bytes] = []
    at = 0
    for one in _found(packet, name):
        pieces.append(packet[at : one.start])
        at = one.end
    return b"".join([*pieces, packet[at:]])


def _tokens(packet: bytes) -> Iterator[_Token]:
    """Walk over the packet. Raises _MalformedError where something is not closed, and after too many tokens."""
    at = 0
    for _ in range(MAX_TOKENS):
        start = packet.find(b"<", at)
        if start < 0:
            return
        if packet[start + 1 : start + 2] in {b"!", b"?"}:
            opening, closing = next(pair for pair in _CLOSINGS if packet.startswith(pair[0], start))
            end = packet.find(closing, start + len(opening))
            if end < 0:
                message = f"what begins at its byte {start} has no end"
                raise _MalformedError(message)
            yield _Token(start, at := end + len(closing))
        else:
            match = _TAG.match(packet, start)
            if match is None:
                message = f"no tag can begin at its byte {start}"
                raise _MalformedError(message)
            yield _Token(start, at := match.end(), match[2], bool(match[1]))
    message = f"it has more than {MAX_TOKENS} tags"
    raise _MalformedError(message)


def _found(packet: bytes, name: _Name) -> list[Property]:
    if name.local not in packet or len(packet) > MAX_PACKET:
        return []
    found: list[Property] = []
    try:
        for one in _matches(packet, name):
            found.append(one)  # noqa: PERF402 - what came before the damage counts
    except _MalformedError:
        pass  # what follows cannot be told apart; `fault` reports it
    return found


def _matches(packet: bytes, wanted: _Name) -> Iterator[Property]:
    names = {wanted.usual + b":" + wanted.local}
    opened: _Token | None = None
    text: list[bytes] = []
    before = 0
    for token in _tokens(packet):
        if opened is not None:
            text.append(_plain(packet[before : token.start]))
            if packet.startswith(_CDATA, token.start):
                text.append(packet[token.start + len(_CDATA) : token.end - 3])
            elif token.closes and token.name == opened.name:
                yield Property(b"".join(text).strip(), _led(packet, opened.start), token.end)
                opened = None
        elif token.name and not token.closes:
            tag = packet[token.start : token.end]
            _declare(tag, wanted, names)
            if token.name not in names:
                yield from _attributes(tag, names, token.start)
            elif tag.endswith(b"/>"):
                yield Property(b"", _led(packet, token.start), token.end)
            else:
                opened, text = token, []
        before = token.end


def _declare(tag: bytes, wanted: _Name, names: set[bytes]) -> None:
    """Add the names that the property has from this tag on. Where a prefix ends is not followed: nobody reuses one."""
    if wanted.namespace not in tag:
        return
    for match in _ATTRIBUTE.finditer(tag):
        if match[2][1:-1] == wanted.namespace and len(names) < _MAX_PREFIXES:
            if match[1] == b"xmlns":
                names.add(wanted.local)
            elif match[1].startswith(b"xmlns:"):
                names.add(match[1][6:] + b":" + wanted.local)


def _attributes(tag: bytes, names: set[bytes], start: int) -> Iterator[Property]:
    if not any(name in tag for name in names):
        return
    for match in _ATTRIBUTE.finditer(tag):
        if match[1] in names and b":" in match[1]:
            yield Property(_plain(match[2][1:-1]).strip(), start + match.start(), start + match.end())


def _led(packet: bytes, start: int) -> int:
    """Return where the white space before an element begins, so that no empty line is left behind."""
    return start - (64 - len(packet[max(start - 64, 0) : start].rjust(64, b"-").rstrip()))


def _plain(text: bytes) -> bytes:
    return unescape(text.decode("utf-8", "replace")).encode("utf-8", "surrogatepass")


def _place(packet: bytes) -> _Token | None:
    """Return the end tag of `rdf:RDF`, or the tag itself when it holds nothing; None when the packet holds nothing.

    Raises _MalformedError for what cannot be edited.
    """
    if len(packet) > MAX_PACKET:
        message = f"it is longer than {MAX_PACKET} bytes"
        raise _MalformedError(message)
    if packet.startswith((b"\xff\xfe", b"\xfe\xff")) or b"<\0" in packet[:64] or b"\0<" in packet[:64].rstrip(_BLANK):
        message = "it is in UTF-16 or UTF-32, not in UTF-8"
        raise _MalformedError(message)
    place: _Token | None = None
    holds = False
    for token in _tokens(packet):
        local = token.name.rpartition(b":")[2]
        holds = holds or local not in {b"", b"xmpmeta", b"xapmeta"}
        if local == b"RDF" and (token.closes or packet.endswith(b"/>", token.start, token.end)):
            place = token
    if place is None and holds:
        message = "it has no rdf:RDF"
        raise _MalformedError(message)
    return place


def _block(value: bytes, source_type: str, rdf: str) -> bytes:
    """A description of our own, so that no other program's namespace block is touched."""
    rdf = f"{rdf}:" if rdf else ""
    lines = [
        f'<{rdf}Description {rdf}about="" xmlns:TC260="{NAMESPACE}"'
        + (f' xmlns:Iptc4xmpExt="{IPTC}">' if source_type else ">"),
        f"<TC260:AIGC>{escape(value.decode('ascii'))}</TC260:AIGC>",
    ]
    if source_type:
        lines.append(f"<Iptc4xmpExt:DigitalSourceType>{escape(source_type)}</Iptc4xmpExt:DigitalSourceType>")
    return ("\n".join([*lines, f"</{rdf}Description>"]) + "\n").encode()
