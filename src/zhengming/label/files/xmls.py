"""The little XML that parts of documents need: elements found and added as text, everything else left as it stood.

Comments and CDATA are no elements. No entity beyond XML's own is resolved, and a document type is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Final, NamedTuple

from zhengming.label.files.base import MAX_PARTS, UnreadableFileError

_HIDDEN: Final = re.compile(rb"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<\?.*?(?:\?>|\Z)", re.DOTALL)
_ATTRIBUTES: Final = rb"(?P<attributes>(?:[^<>\"'/]++|\"[^\"<]*+\"|'[^'<]*+'|/(?!>))*+)"
_ATTRIBUTE: Final = re.compile(rb"([A-Za-z_][\w:.-]*)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_TAGS: Final = re.compile(rb"<[^<>]*+>")


class Element(NamedTuple):
    """An element without elements of its name inside: its prefix with colon, its attributes, its text."""

    prefix: bytes
    attributes: dict[str, str]
    text: bytes
    start: int
    end: int

    def get(self, name: str) -> str:
        """Return an attribute, whatever its prefix; empty where there is none."""
        return next((value for key, value in self.attributes.items() if key.rpartition(":")[2] == name), "")


class Part:
    """A part in UTF-8. Raises UnreadableFileError for other encodings and for a document type."""

    def __init__(self, name: str, text: bytes) -> None:
        self.name = name
        self.text = text
        self.plain = _HIDDEN.sub(lambda match: b" " * len(match[0]), text)
        if text.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in text or b"<!DOCTYPE" in self.plain:
            raise self.refused("is no plain XML in UTF-8")

    def refused(self, problem: str) -> UnreadableFileError:
        """Return the error for a part that cannot be used."""
        return UnreadableFileError(
            f"The part {self.name!r} {problem}.", next_step="Open the document in its program and save it again."
        )

    def elements(self, name: str) -> Iterator[Element]:
        """Yield the elements with this local name, in order."""
        local = re.escape(name.encode())
        opening = re.compile(
            rb"<(?P<prefix>(?:[A-Za-z_][\w.-]*+:)?)" + local + rb"(?=[\s/>])" + _ATTRIBUTES + rb"(?P<empty>/?)>"
        )
        closing = re.compile(rb"</(?:[A-Za-z_][\w.-]*+:)?" + local + rb"\s*+>")
        end = 0
        for _ in range(MAX_PARTS):
            # Each element is passed before the next is sought, so that nesting costs nothing.
            found = opening.search(self.plain, end)
            if found is None:
                return
            end = found.end()
            text = b""
            if not found["empty"]:
                closed = closing.search(self.plain, end)
                if closed is None:
                    return
                text, end = self.text[end : closed.start()], closed.end()
            span = slice(*found.span("attributes"))
            yield Element(found["prefix"], _attributes(self.text[span]), _plain(text), found.start(), end)

    def without(self, elements: list[Element]) -> Part:
        """Return the part without these elements."""
        text = self.text
        for one in reversed(elements):
            text = text[: one.start] + text[one.end :]
        return Part(self.name, text)

    def with_last(self, parent: str, child: bytes) -> bytes:
        """Return the text with `child` as the last thing in the first element `parent`, `{}` being its prefix.

        Raises UnreadableFileError where there is no such element.
        """
        found = next(self.elements(parent), None)
        if found is None:
            raise self.refused(f"has no element {parent!r}")
        whole = self.text[found.start : found.end]
        if whole.endswith(b"/>"):
            place, closing = found.end - 2, b"</" + found.prefix + parent.encode() + b">"
            return (
                self.text[:place].rstrip()
                + b">"
                + child.replace(b"{}", found.prefix)
                + closing
                + self.text[found.end :]
            )
        place = found.start + whole.rindex(b"</")
        return self.text[:place] + child.replace(b"{}", found.prefix) + self.text[place:]


def _attributes(text: bytes) -> dict[str, str]:
    return {
        match[1].decode("utf-8", "replace"): unescape((match[2] or match[3] or b"").decode("utf-8", "replace"))
        for match in _ATTRIBUTE.finditer(text)
    }


def _plain(text: bytes) -> bytes:
    bare = _TAGS.sub(b"", text.replace(b"<![CDATA[", b"").replace(b"]]>", b""))
    return unescape(bare.decode("utf-8", "replace")).encode("utf-8", "surrogatepass").strip()
