"""HTML: `<meta name="AIGC" content='JSON'>`. No guide names this slot; it is what others do.

The document is walked as a browser's tokeniser would, so that what stands in comments and scripts fools nobody.
Nothing is decoded but UTF-16: every other encoding met here keeps the bytes of tags as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape, unescape
from typing import Final, NamedTuple

from zhengming.label.aigc import MAX_BYTES, AigcFields
from zhengming.label.files.base import (
    MAX_SITES,
    Buffer,
    FileFault,
    Scan,
    Site,
    Splice,
    UnreadableFileError,
    faults_of,
)
from zhengming.label.files.texts import Text, looks_like_text

MAX_TAGS: Final = 1_000_000

_OPENING: Final = re.compile(
    rb"<(?:(?P<comment>!--)|(?P<doctype>![Dd][Oo][Cc])|(?P<bogus>[!?/])|(?P<name>[A-Za-z][^\s/>]*+))"
)
_TAG_END: Final = re.compile(rb"(?:[^>=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+')?+)*+>")
_ATTRIBUTE: Final = re.compile(rb"([^\s/>=][^\s/>=]*+)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s>]++)))?")
_COMMENT_END: Final = re.compile(rb"-->|--!>")
_RAW: Final = {
    name: re.compile(rb"</" + name + rb"(?=[\s/>])", re.IGNORECASE)
    for name in (b"script", b"style", b"textarea", b"title", b"xmp", b"iframe", b"noembed", b"noframes")
}
_HEAD_ENDS: Final = frozenset({b"body", b"frameset"})
_MARKUP: Final = re.compile(rb"\s*<[!?A-Za-z]")


class Tag(NamedTuple):
    """An opening tag, or the document type as `!doctype`."""

    name: bytes
    start: int
    end: int


class Html:
    """HTML and XHTML, whole documents and fragments."""

    name = "html"
    media_types = ("text/html", "application/xhtml+xml")
    extensions = (".html", ".htm", ".xhtml")
    slot = "html.meta"
    guide = ""

    def recognises(self, head: bytes) -> bool:
        """Whether it is text that begins with markup."""
        if not looks_like_text(head):
            return False
        return _MARKUP.match(head.removeprefix(b"\xef\xbb\xbf").replace(b"\0", b"").lstrip(b"\xff\xfe")) is not None

    def scan(self, data: Buffer) -> Scan:
        """Find every meta element called AIGC."""
        sites: list[Site] = []
        fault: FileFault | None = None
        try:
            text = Text(data)
            for tag in _tags(text):
                raw = _label(text, tag)
                if raw is not None and len(sites) < MAX_SITES:
                    sites.append(Site(self.slot, raw, text.at(tag.start), text.at(tag.end), official=False))
        except UnreadableFileError:
            fault = FileFault.TOO_MANY_PARTS
        return Scan(tuple(sites), faults_of(fault, sites=sites))

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Put the label into the head, behind the declaration of the encoding, which must stay near the start."""
        value = fields.to_json().decode("ascii")
        text = Text(data)
        place = text.start
        in_head = True
        splices: list[Splice] = []
        for tag in _tags(text):
            in_head = in_head and tag.name not in _HEAD_ENDS
            if _label(text, tag) is not None:
                splices.append(Splice(text.at(tag.start), text.at(tag.end), b""))
            elif in_head and (tag.name in {b"!doctype", b"html", b"head"} or _declares(text, tag)):
                place = tag.end
        meta = f"<meta name=\"AIGC\" content='{escape(value, quote=False).replace(chr(39), '&#39;')}'/>"
        at = text.at(place)
        return [*splices, Splice(at, at, text.encoded(meta.encode("ascii")))]


def _tags(text: Text) -> Iterator[Tag]:
    """Yield the opening tags up to where a tag does not end. Raises UnreadableFileError beyond the bound."""
    at = text.start
    for _ in range(MAX_TAGS):
        found = _OPENING.search(text.plain, at)
        if found is None:
            return
        if found["comment"]:
            # `<!-->` and `<!--->` are whole comments.
            ended = _COMMENT_END.search(text.plain, found.start() + 2)
        else:
            ended = _TAG_END.match(text.plain, found.end())
        if ended is None:
            return
        at = ended.end()
        if found["doctype"]:
            yield Tag(b"!doctype", found.start(), at)
        elif found["name"]:
            name = found["name"].lower()
            yield Tag(name, found.start(), at)
            if name == b"plaintext":
                return
            if name in _RAW:
                closed = _RAW[name].search(text.plain, at)
                if closed is None:
                    return
                at = closed.start()
    raise UnreadableFileError(f"The page has more than {MAX_TAGS} tags.", next_step="Send an ordinary page.")


def _attributes(text: Text, tag: Tag) -> dict[bytes, bytes]:
    """Return the attributes with entities resolved, in UTF-8; of two with one name the first counts."""
    start = tag.start + 1 + len(tag.name)
    if tag.end - start > 2 * MAX_BYTES:
        return {}
    found: dict[bytes, bytes] = {}
    for match in _ATTRIBUTE.finditer(text.plain, start, tag.end - 1):
        group = next((number for number in (2, 3, 4) if match[number] is not None), 0)
        value = text.raw(*match.span(group)).decode("utf-8", "replace") if group else ""
        found.setdefault(match[1].lower(), unescape(value).encode("utf-8", "surrogatepass"))
    return found


def _label(text: Text, tag: Tag) -> bytes | None:
    if tag.name != b"meta":
        return None
    found = _attributes(text, tag)
    named = found.get(b"name", found.get(b"property", b"")).strip()
    return found.get(b"content", b"") if named.upper() == b"AIGC" else None


def _declares(text: Text, tag: Tag) -> bool:
    """Whether a tag declares the encoding."""
    if tag.name != b"meta":
        return False
    found = _attributes(text, tag)
    return b"charset" in found or found.get(b"http-equiv", b"").lower() == b"content-type"
