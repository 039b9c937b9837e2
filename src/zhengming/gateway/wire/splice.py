"""Edit JSON where it stands: every byte that is not part of an edit stays as it came.

Parsing and writing a body again changes it: integers beyond 64 bits, `1.0`, `1e400`, `-0`, lone surrogates, key order,
white space. So a body is judged on its parsed form and changed on its bytes. The scanner here only finds where values
begin and end; it trusts that a parser has accepted the text before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final

import orjson

from zhengming.core.errors import InvalidInputError

MAX_DEPTH: Final = 200

_WHITE = b" \t\r\n"
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\],:]', re.DOTALL)
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"{}[]"))
_QUOTE, _COLON, _COMMA = b'":,'
_OPENING, _CLOSING = frozenset(b"{["), frozenset(b"}]")
_BRACE, _BRACKET = b"{["

Path = tuple[str | int, ...]
Range = tuple[int, int]


def dump(value: object) -> bytes:
    """Return compact JSON of a value; lone surrogates and huge integers are written too, escaped where needed."""
    try:
        return orjson.dumps(value)
    except (orjson.JSONEncodeError, UnicodeEncodeError):
        return json.dumps(value, separators=(",", ":")).encode()


def depth_of(raw: bytes) -> int:
    """Return how deep brackets nest in a JSON text, without recursion."""
    depth = deepest = 0
    for character in _STRING.sub(b"", raw).translate(None, _NOT_BRACKETS):
        if character in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


def is_deeper_than(raw: bytes, limit: int = MAX_DEPTH) -> bool:
    """Whether brackets nest deeper than `limit`; a text with few brackets is answered without a scan."""
    return raw.count(b"[") + raw.count(b"{") > limit and depth_of(raw) > limit


class Splice:
    """A set of edits on one JSON text.

    `raw` is valid JSON in UTF-8. Paths are keys and list positions from the root. Among members of the same name the
    last one is meant, as in `json.loads`. Edits refer to the text as it came, whatever else is edited; an edit inside
    a value that is replaced as a whole raises ValueError at `render`. A path that leads nowhere raises KeyError.
    """

    __slots__ = ("_children", "_edits", "_inserts", "_raw")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._children: dict[int, dict[str | int, Range]] = {}
        self._edits: dict[Range, bytes] = {}
        self._inserts: dict[int, dict[str, bytes]] = {}

    def find(self, path: Path) -> Range:
        """Return where the value at `path` begins and ends, in bytes."""
        found = self._root()
        for depth, step in enumerate(path):
            try:
                found = self._members(found)[step]
            except KeyError:
                place = ".".join(str(part) for part in path[: depth + 1])
                raise KeyError(f"{place} is not in the JSON text") from None
        return found

    def raw(self, path: Path) -> bytes:
        """Return the bytes of the value at `path`."""
        start, end = self.find(path)
        return self._raw[start:end]

    def replace(self, path: Path, value: bytes) -> None:
        """Put the JSON `value` in place of the value at `path`; a second replacement of a path wins."""
        self._edits[self.find(path)] = value

    def insert(self, path: Path, key: str, value: bytes) -> None:
        """Give the object at `path` a member: the last of that name is replaced, else a new one is appended."""
        start, end = self.find(path)
        if self._raw[start] != _BRACE:
            raise KeyError(f"{'.'.join(str(part) for part in path) or 'the root'} is no JSON object")
        present = self._members((start, end)).get(key)
        if present is not None:
            self._edits[present] = value
        else:
            self._inserts.setdefault(end - 1, {})[key] = value

    def render(self) -> bytes:
        """Return the text with all edits; the very object given when there are none."""
        if not self._edits and not self._inserts:
            return self._raw
        edits = [*((start, end, value) for (start, end), value in self._edits.items()), *self._appended()]
        pieces: list[bytes] = []
        done = 0
        for start, end, value in sorted(edits):
            if start < done:
                raise ValueError(f"two edits overlap at byte {start}: edit either the whole value or its parts")
            pieces += (self._raw[done:start], value)
            done = end
        pieces.append(self._raw[done:])
        return b"".join(pieces)

    def _appended(self) -> Iterable[tuple[int, int, bytes]]:
        for closing, members in self._inserts.items():
            before = len(self._raw[:closing].rstrip(_WHITE))
            comma = b"" if self._raw[before - 1] == _BRACE else b","
            text = b",".join(dump(key) + b":" + value for key, value in members.items())
            yield before, before, comma + text

    def _root(self) -> Range:
        raw = self._raw
        return len(raw) - len(raw.lstrip(_WHITE)), len(raw.rstrip(_WHITE))

    def _members(self, found: Range) -> dict[str | int, Range]:
        start = found[0]
        known = self._children.get(start)
        if known is None:
            first = self._raw[start]
            if first == _BRACE:
                known = _object_members(self._raw, start)
            elif first == _BRACKET:
                known = _list_items(self._raw, start)
            else:
                known = {}
            self._children[start] = known
        return known


def _object_members(raw: bytes, start: int) -> dict[str | int, Range]:
    """Return the value range of each member of the object that opens at `start`."""
    members: dict[str | int, Range] = {}
    depth, key, begin = 0, b"", -1
    for token in _TOKEN.finditer(raw, start + 1):
        at = token.start()
        character = raw[at]
        if character == _QUOTE:
            if depth == 0 and begin < 0:
                key = token.group()
        elif character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            if depth == 0:
                if begin >= 0:
                    members[_key(key)] = _trimmed(raw, begin, at)
                return members
            depth -= 1
        elif depth:
            continue
        elif character == _COLON:
            begin = at + 1
        else:
            members[_key(key)] = _trimmed(raw, begin, at)
            begin = -1
    raise InvalidInputError(f"the JSON object that opens at byte {start} is never closed")


def _list_items(raw: bytes, start: int) -> dict[str | int, Range]:
    """Return the range of each item of the list that opens at `start`."""
    items: dict[str | int, Range] = {}
    depth, begin = 0, start + 1
    for token in _TOKEN.finditer(raw, start + 1):
        at = token.start()
        character = raw[at]
        if character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            if depth == 0:
                if items or raw[begin:at].strip(_WHITE):
                    items[len(items)] = _trimmed(raw, begin, at)
                return items
            depth -= 1
        elif character == _COMMA and depth == 0:
            items[len(items)] = _trimmed(raw, begin, at)
            begin = at + 1
    raise InvalidInputError(f"the JSON list that opens at byte {start} is never closed")


def _trimmed(raw: bytes, start: int, end: int) -> Range:
    while raw[start] in _WHITE:
        start += 1
    while raw[end - 1] in _WHITE:
        end -= 1
    return start, end


def _key(token: bytes) -> str:
    if b"\\" in token:
        return str(json.loads(token))
    return token[1:-1].decode()
