"""Markdown: the mapping `AIGC:` in the YAML front matter (TC260-PG-20258A, 6.5).

Front matter of other programs stays byte for byte; ours is added at its end. Labels in the body are met too: as a
block of YAML, fenced by `---` or not, and as a line of JSON. What stands in a code block is an example, not a label.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from zhengming.label.aigc import KEYS, AigcFields
from zhengming.label.files.base import MAX_PARTS, Buffer, FileFault, Scan, Site, Splice, UnreadableFileError, faults_of
from zhengming.label.files.texts import Found, Text, labels, looks_like_text

MAX_FRONT: Final = 1_000_000

_OPEN: Final = re.compile(rb"---[ \t]*(?:\r?\n)")
_CLOSE: Final = re.compile(rb"^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.MULTILINE)
_FIRST: Final = re.compile(rb"(?:[ \t]*(?:#[^\r\n]*+)?\r?\n)*+(?P<line>[^\r\n]*+)")
_KEY: Final = re.compile(
    rb"(?:[\"'][^\"'\r\n]{1,200}[\"']|[^\s\"'{\[#&*!|>%@`\-][^:\r\n]{0,200}|-[^\s:][^:\r\n]{0,200})[ \t]*:(?:\s|\Z)"
)
_FENCE: Final = re.compile(rb"^ {0,3}(?P<mark>`{3,}|~{3,})[^\r\n]*", re.MULTILINE)
_RULE_BEFORE: Final = re.compile(rb"(?:\A|\n)(---[ \t]*\r?\n)\Z")


class Front(NamedTuple):
    """Front matter: where its lines begin, where they end (the closing line begins), where the body begins."""

    start: int
    end: int
    body: int


class Markdown:
    """Markdown with or without front matter."""

    name = "markdown"
    media_types = ("text/markdown",)
    extensions = (".md", ".markdown", ".mdown", ".mkd", ".mdx")
    slot = "markdown.front_matter"
    guide = "TC260-PG-20258A"

    def recognises(self, head: bytes) -> bool:
        """Whether it is text; Markdown has no mark of its own."""
        return looks_like_text(head)

    def scan(self, data: Buffer) -> Scan:
        """Find the label of the front matter and those in the body."""
        try:
            text = Text(data)
            front = _front(text)
        except UnreadableFileError:
            return Scan((), (FileFault.MALFORMED,))
        sites = [
            Site(slot, one.raw, text.at(one.start), text.at(one.end), official=slot == self.slot)
            for slot, one in _all(text, front)
        ]
        return Scan(tuple(sites), faults_of(sites=sites))

    def write(self, data: Buffer, fields: AigcFields) -> list[Splice]:
        """Put the label at the end of the front matter, which is made where there is none."""
        fields.to_json()  # which refuses what may not be written
        text = Text(data)
        front = _front(text)
        newline = text.newline()
        lines = [b"AIGC:"]
        lines += [
            f"  {key}: '{value.replace(chr(39), chr(39) * 2)}'".encode("ascii")
            for key, value in zip(KEYS, fields.values(), strict=True)
        ]
        if front is None:
            place, lines = text.start, [b"---", *lines, b"---", b""]
        else:
            place = front.end
        at = text.at(place)
        cuts = [Splice(text.at(one.start), text.at(one.end), b"") for _, one in _all(text, front)]
        return [*cuts, Splice(at, at, text.encoded(newline.join(lines) + (newline if lines[-1] else b"")))]


def _front(text: Text) -> Front | None:
    """Return the front matter, None where there is none. Raises UnreadableFileError for other kinds than YAML."""
    head = bytes(text.plain[text.start : text.start + 4])
    if head[:3] == b"+++" and head[3:4] in {b"\n", b"\r"}:
        raise UnreadableFileError("The front matter is TOML.", next_step="Turn it into YAML: the guide names no other.")
    opened = _OPEN.match(text.plain, text.start)
    if opened is None:
        return None
    closed = _CLOSE.search(text.plain, opened.end(), opened.end() + MAX_FRONT)
    if closed is None or not _is_mapping(bytes(text.plain[opened.end() : closed.start()])):
        return None
    return Front(opened.end(), closed.start(), closed.end())


def _is_mapping(lines: bytes) -> bool:
    """Whether the first line that says something is a key. Two rules around prose are no front matter."""
    first = _FIRST.match(lines)
    line = first["line"] if first else b""
    if line.startswith(b"{"):
        raise UnreadableFileError(
            "The front matter is one mapping in braces.", next_step="Write it with one key on each line."
        )
    return not line.strip() or _KEY.match(line) is not None


def _all(text: Text, front: Front | None) -> Iterator[tuple[str, Found]]:
    body = text.start
    if front is not None:
        body = front.body
        for one in labels(text, front.start, front.end):
            yield Markdown.slot, one
    fences: list[tuple[int, int]] | None = None
    for one in labels(text, body):
        if fences is None:
            fences = _fences(text, body)
        if not any(start <= one.start < end for start, end in fences):
            yield "markdown.body", _with_rules(text, one)


def _with_rules(text: Text, one: Found) -> Found:
    """Return the label with the two rules that fence it, where they fence nothing else."""
    window = max(one.start - 64, text.start)
    before = _RULE_BEFORE.search(bytes(text.plain[window : one.start]))
    after = _CLOSE.match(text.plain, one.end)
    if before is None or after is None:
        return one
    return Found(one.raw, window + before.start(1), after.end())


def _fences(text: Text, start: int) -> list[tuple[int, int]]:
    """Return where code blocks lie; one that is never closed reaches to the end."""
    found: list[tuple[int, int]] = []
    opened: re.Match[bytes] | None = None
    for line in islice(_FENCE.finditer(text.plain, start), MAX_PARTS):
        mark = line["mark"]
        if opened is None:
            opened = line
        elif mark[:1] == opened["mark"][:1] and len(mark) >= len(opened["mark"]) and line[0].strip() == mark:
            found.append((opened.start(), line.end()))
            opened = None
    if opened is not None:
        found.append((opened.start(), len(text.plain)))
    return found
