"""The inside of a JSON string, decoded as it comes, and the way back from decoded to raw offsets."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from typing import Final, NamedTuple

_RUN: Final = re.compile(r'[^"\\]+')
_HEX: Final = frozenset("0123456789abcdefABCDEF")
_SIMPLE: Final = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_UNICODE_ESCAPE = 6  # characters of \uXXXX


class Decoded(NamedTuple):
    """What a piece of raw text gave: decoded text, where reading stopped, whether the closing quote stands there."""

    text: str
    stop: int
    closed: bool


class JsonString:
    """Decodes one JSON string across pieces. As `json.loads`, surrogate pairs become one character and lone ones stay.

    Lenient where models are careless: control characters count as themselves, and a backslash that begins no escape
    is a character of its own. Raw offsets count code points of the whole JSON text.
    """

    __slots__ = ("_decoded", "_length", "_raw")

    def __init__(self, start: int) -> None:
        """`start` is the raw offset of the first character after the opening quote."""
        self._length = 0
        self._decoded = array("q", (0,))  # after each escape: the decoded offset ...
        self._raw = array("q", (start,))  # ... and the raw one; between escapes both run alike

    def raw(self, offset: int) -> int:
        """Return the raw offset at which the decoded character `offset` begins."""
        place = bisect_right(self._decoded, offset) - 1
        return self._raw[place] + offset - self._decoded[place]

    def read(self, raw: str, start: int, base: int, *, last: bool = False) -> Decoded:
        """Decode `raw[start:]`, whose first character has raw offset `base + start`, up to the closing quote.

        Stops before an escape that is not complete; with `last` there is nothing to wait for.
        """
        pieces: list[str] = []
        place, end = start, len(raw)
        while place < end:
            run = _RUN.match(raw, place)
            if run is not None:
                pieces.append(run.group())
                self._length += run.end() - place
                place = run.end()
                continue
            if raw[place] == '"':
                return Decoded("".join(pieces), place, closed=True)
            character, after = _escape(raw, place, last=last)
            if not character:
                break
            pieces.append(character)
            self._length += 1
            place = after
            self._decoded.append(self._length)
            self._raw.append(base + place)
        return Decoded("".join(pieces), place, closed=False)


def _escape(raw: str, place: int, *, last: bool) -> tuple[str, int]:
    """Return the character of the escape at `place` and where it ends; an empty one when more text is needed."""
    kind = raw[place + 1 : place + 2]
    if kind in _SIMPLE:
        return _SIMPLE[kind], place + 2
    unit, complete = _unit(raw, place)
    if unit is None:
        return ("\\", place + 1) if complete or last else ("", place)
    after = place + _UNICODE_ESCAPE
    if not 0xD800 <= unit <= 0xDBFF:  # noqa: PLR2004 - the high surrogates
        return chr(unit), after
    low, complete = _unit(raw, after)
    if low is not None and 0xDC00 <= low <= 0xDFFF:  # noqa: PLR2004 - the low surrogates
        return chr(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)), after + _UNICODE_ESCAPE
    if not complete and not last:
        return "", place
    return chr(unit), after


def _unit(raw: str, place: int) -> tuple[int | None, bool]:
    r"""Return the code unit of `\uXXXX` at `place`, or None, and whether the text seen settles the matter."""
    piece = raw[place : place + _UNICODE_ESCAPE]
    if piece[:2] != "\\u"[: len(piece)] or not _HEX.issuperset(piece[2:]):
        return None, True
    if len(piece) < _UNICODE_ESCAPE:
        return None, False
    return int(piece[2:], 16), True  # noqa: FURB166 - there is no 0x to take off
