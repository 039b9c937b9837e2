"""What the formats of plain text share: the encoding that a text stands in, and labels written as lines of it.

A label is met as one line (`AIGC: {...}`, `AIGC{...}`, `{"AIGC":{...}}`) and as a block of YAML. Nothing is decoded
but UTF-16, which has no bytes to search; every other encoding met here (UTF-8, GB18030) keeps ASCII as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

import yaml

from zhengming.label.aigc import MAX_BYTES
from zhengming.label.files.base import MAX_PARTS, MAX_SITES, Buffer, UnreadableFileError

MAX_WIDE: Final = 64_000_000
"""How large a text in UTF-16 may be; it is searched decoded."""

MAX_YAML: Final = 16_384
MAX_DEPTH: Final = 16

_BOMS: Final = ((b"\xef\xbb\xbf", ""), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_NAME: Final = re.compile(rb"AIGC")
_INDENTED: Final = rb"(?:[ \t]+[^\r\n]*+(?:\r?\n|\Z)|[ \t]*\r?\n(?=[ \t]+[^\s]))"
_END: Final = rb"[ \t]*(?:\r?\n|\Z)"
_BLOCK: Final = re.compile(rb"[\"']?AIGC[\"']?[ \t]*:[ \t]*(?:#[^\r\n]*)?\r?\n(?P<text>" + _INDENTED + rb"{1,64}+)")
_LINE: Final = re.compile(rb"[\"']?AIGC[\"']?[ \t]{0,8}[:=]?[ \t]{0,8}(?P<text>\{[^\r\n]*\}|[\"'][^\r\n]*[\"'])" + _END)
_WRAPPED: Final = re.compile(rb"(?P<text>\{[ \t]{0,8}\"AIGC\"[ \t]{0,8}:[^\r\n]*\})" + _END)
_LEAD: Final = 12
_NUMBERS: Final = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})
_BARE: Final = {"tag:yaml.org,2002:null": "null", "tag:yaml.org,2002:bool": "true"}
_RESOLVER: Final = yaml.SafeLoader("")


class Text:
    """A text to search: `plain` has one byte for each character that matters, `start` is where it begins after a BOM.

    Positions in `plain` become bytes of the file through :meth:`at`. Raises UnreadableFileError for UTF-16 beyond
    :data:`MAX_WIDE`.
    """

    def __init__(self, data: Buffer) -> None:
        view = memoryview(data)
        bom, wide = next(((mark, name) for mark, name in _BOMS if bytes(view[:3]).startswith(mark)), (b"", ""))
        self.wide = wide or (_guessed(bytes(view[:512])) if not bom else "")
        self._bom = len(bom)
        self.plain: memoryview | bytes = view
        self.start = 0 if self.wide else self._bom
        self._text = ""
        if self.wide:
            if len(view) > MAX_WIDE:
                raise UnreadableFileError("The UTF-16 text is too long.", next_step="Save it as UTF-8.")
            even = (len(view) - self._bom) // 2 * 2
            self._text = bytes(view[self._bom : self._bom + even]).decode(self.wide, "surrogatepass")
            self.plain = self._text.encode("ascii", "replace")

    def at(self, place: int) -> int:
        """Return the byte of the file where a position of `plain` stands."""
        if not self.wide:
            return place
        return self._bom + len(self._text[:place].encode(self.wide, "surrogatepass"))

    def raw(self, start: int, end: int) -> bytes:
        """Return a part in UTF-8, as far as its encoding can be told."""
        if self.wide:
            return self._text[start:end].encode("utf-8", "replace")
        part = bytes(self.plain[start:end])
        try:
            part.decode("utf-8")
        except UnicodeDecodeError:
            return part.decode("gb18030", "replace").encode("utf-8")
        return part

    def encoded(self, ascii_text: bytes) -> bytes:
        """Return ASCII text in the file's encoding."""
        return ascii_text.decode("ascii").encode(self.wide) if self.wide else ascii_text

    def newline(self) -> bytes:
        """Return how the text ends its lines, by the first that ends."""
        found = re.compile(rb"\r?\n").search(self.plain, 0, 1_000_000)
        return found[0] if found else b"\n"


class Found(NamedTuple):
    """A label among the lines of a text: `raw` is JSON, `start` and `end` are positions of :attr:`Text.plain`."""

    raw: bytes
    start: int
    end: int


def looks_like_text(head: bytes) -> bool:
    """Whether a file that begins so is text in UTF-8, GB18030 or UTF-16."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or _guessed(head[:512]):
        return True
    if _CONTROLS.search(head) or not head:
        return False
    return any(_decodes(head, encoding) for encoding in ("utf-8", "gb18030"))


def _decodes(head: bytes, encoding: str) -> bool:
    try:
        head.decode(encoding)
    except UnicodeDecodeError as fault:
        # The head may end in the middle of a character.
        return fault.start >= len(head) - 4 > 0
    return True


def _guessed(head: bytes) -> str:
    """Return the UTF-16 that a text without BOM seems to stand in; empty for none."""
    even, odd = head[0::2], head[1::2]
    if len(head) < 8 or head.count(0) < len(head) // 8:  # noqa: PLR2004 - too short to tell
        return ""
    if 0 not in even and odd.count(0) > len(odd) // 4:
        return "utf-16-le"
    if 0 not in odd and even.count(0) > len(even) // 4:
        return "utf-16-be"
    return ""


def labels(text: Text, start: int = 0, end: int | None = None) -> Iterator[Found]:
    """Yield the labels that begin a line between two positions, in order, up to :data:`MAX_SITES`."""
    return islice(_labels(text, max(start, text.start), len(text.plain) if end is None else end), MAX_SITES)


def _labels(text: Text, start: int, end: int) -> Iterator[Found]:
    done = start
    for hit in islice(_NAME.finditer(text.plain, start, end), MAX_PARTS):
        if hit.start() < done:
            continue
        line = _line_start(text.plain, hit.start(), start)
        found = None if line is None else _read(text, line, min(end, line + MAX_BYTES + 4_096))
        if found is not None:
            done = found.end
            yield found


def _line_start(plain: memoryview | bytes, hit: int, floor: int) -> int | None:
    """Return where the line begins, when nothing but what may open a label stands before the name."""
    before = bytes(plain[max(hit - _LEAD, floor) : hit])
    cut = before.rfind(b"\n")
    opening = before[cut + 1 :]
    if cut < 0 and hit - _LEAD > floor:
        return None
    return hit - len(opening) if opening.strip() in {b"", b'"', b"'", b'{"'} and not opening[:1].isspace() else None


def _read(text: Text, line: int, limit: int) -> Found | None:
    block = _BLOCK.match(text.plain, line, limit)
    if block is not None:
        raw = from_yaml(text.raw(*block.span("text")))
        # Any heading may be called AIGC; what follows must at least look like a label.
        return Found(raw, *block.span()) if b'"Label"' in raw or b'"ContentProducer"' in raw else None
    one = _LINE.match(text.plain, line, limit) or _WRAPPED.match(text.plain, line, limit)
    if one is None:
        return None
    raw = text.raw(*one.span("text"))
    return Found(raw if _is_json(raw) else from_yaml(raw), *one.span())


def _is_json(raw: bytes) -> bool:
    return raw[1:].lstrip().startswith(b'"')


def from_yaml(raw: bytes) -> bytes:
    """Return a YAML mapping as JSON, keys and their repetitions as they stood; a text is returned as its value.

    Aliases are not followed. What is no YAML, too long or too deep is returned as it stood.
    """
    if len(raw) > MAX_YAML:
        return raw
    try:
        events = yaml.parse(raw.decode("utf-8", "replace"), Loader=yaml.SafeLoader)
        return _json_of(events).encode("utf-8", "replace") or raw
    except (yaml.YAMLError, ValueError, OverflowError):
        return raw


def _json_of(events: Iterator[yaml.Event]) -> str:
    """Build JSON from the events of one document without recursion, so that no nesting of the file is ours."""
    open_parts: list[tuple[bool, list[str]]] = []
    for event in events:
        piece: str | None = None
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            if len(open_parts) >= MAX_DEPTH:
                return ""
            open_parts.append((isinstance(event, yaml.MappingStartEvent), []))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            piece = _closed(*open_parts.pop())
        elif isinstance(event, yaml.ScalarEvent):
            is_key = bool(open_parts) and open_parts[-1][0] and len(open_parts[-1][1]) % 2 == 0
            if not open_parts:
                return str(event.value)
            piece = json.dumps(event.value, ensure_ascii=False) if is_key else _scalar(event)
        elif isinstance(event, yaml.AliasEvent):
            piece = '"*"'
        if piece is not None:
            if not open_parts:
                return piece
            open_parts[-1][1].append(piece)
    return ""


def _closed(is_mapping: bool, parts: list[str]) -> str:  # noqa: FBT001 - the kind of what is closed
    if not is_mapping:
        return "[" + ",".join(parts) + "]"
    pairs = zip(parts[0::2], parts[1::2], strict=True)
    return "{" + ",".join(f"{key if key[:1] == chr(34) else json.dumps(key)}:{value}" for key, value in pairs) + "}"


def _scalar(event: yaml.ScalarEvent) -> str:
    """Return a scalar as YAML reads it: a number without quotes is a number there, which the label's reader judges."""
    if event.implicit[0]:
        tag = _RESOLVER.resolve(yaml.ScalarNode, event.value, (True, False))  # type: ignore[no-untyped-call]
        if tag in _NUMBERS:
            return "0"
        if tag in _BARE:
            return _BARE[tag]
    return json.dumps(event.value, ensure_ascii=False)
