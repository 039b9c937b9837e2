"""Fold a text for matching, one character at a time, so that what is emitted never waits for a later character.

Two streams come out of one text (docs/explanation/matching.md):

- *plain*: case, width, traditional characters, digits of other scripts and look-alike letters are folded; invisible
  characters and combining marks are dropped; punctuation stays, and every space is `" "`. Expressions run on it.
- *tight*: plain without separators (space, punctuation, symbols). Between two word characters (digits and letters of
  scripts that part words by spaces) a run of one to four separators becomes one `" "`, emitted with the second;
  next to any other character it vanishes. A fifth separator in a run is a `BREAK`, which no literal contains.
  Literals run on it.

A lone surrogate is an ordinary character of the plain stream and a `BREAK` in the tight one: no literal contains it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

BREAK: Final = "\0"
MAX_GAP: Final = 4
"""At most this many separators are skipped between two characters of a match of literals."""

_ASCII_END: Final = 0x80
_BASIC_END: Final = 0x10000
_TABLE: Final = Path(__file__).resolve().parent / "data" / "fold.txt"
_Search = Callable[[str], re.Match[str] | None]


class Fold(NamedTuple):
    """The table of one character's folding, shared by all engines; not to be changed.

    `table` maps a character to its folded form ("" drops it; a few expand to several characters); a character that it
    lacks stays. `words` and `separators` are kinds of folded characters, all others are of the kind "other".
    `special` finds the first character that may be anything but a plain character of the kind "other": where it finds
    none, a text is its own folding in both streams. `changing` substitutes the characters that the table holds.
    """

    table: dict[str, str]
    words: frozenset[str]
    separators: frozenset[str]
    special: _Search
    changing: Callable[[Callable[[re.Match[str]], str], str], str]

    def plain(self, text: str) -> str:
        """Return the plain stream of a whole text."""
        return self.changing(self._folded, text)

    def _folded(self, found: re.Match[str]) -> str:
        return self.table.get(found[0], found[0])

    def pieces(self, text: str) -> list[str]:
        """Return what each character of the text becomes in the plain stream."""
        get = self.table.get
        return [get(character, character) for character in text]

    def stays(self, character: str) -> bool:
        """Whether the character is its own folding, so that it can occur in a folded stream."""
        return self.table.get(character, character) == character


@cache
def load_fold() -> Fold:
    """Return the packaged table; read once a process."""
    sections = _sections(_TABLE.read_text(encoding="utf-8"))
    table = dict.fromkeys(_characters(sections["dropped"][0]), "")
    table.update(dict.fromkeys(_characters(sections["space"][0]), " "))
    table.update(zip(*sections["single"], strict=True))
    table.update((line[0], line[1:]) for line in sections["multiple"])
    words = frozenset(_characters(sections["words"][0]))
    separators = frozenset(_characters(sections["separators"][0]))
    special = _class({*table, *words, *separators}, "\0-\x7f\ud800-\udfff")
    return Fold(table, words, separators, special.search, _class({*table}, _listed_ascii(table)).sub)


def _sections(text: str) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.rstrip("\n").split("\n"):
        if line.startswith("["):
            lines = sections[line[1:-1]] = []
        elif not line.startswith("# "):
            lines.append(line)
    return sections


def _characters(ranges: str) -> list[str]:
    found: list[str] = []
    for pair in ranges.split():
        first, _, last = pair.partition("-")
        found += map(chr, range(int(first, 16), int(last or first, 16) + 1))
    return found


def _listed_ascii(characters: Iterable[str]) -> str:
    return re.escape("".join(sorted(one for one in characters if one < "\x80")))


def _class(characters: set[str], further: str) -> re.Pattern[str]:
    """Return a pattern for the characters, all beyond the basic plane, and `further`, written as in a class."""
    codes = [code for code in sorted(map(ord, characters)) if _ASCII_END <= code < _BASIC_END]
    parts = ["[", further, "\U00010000-\U0010ffff"]
    first = last = codes[0]
    for code in [*codes[1:], _BASIC_END]:
        if code != last + 1 or code == _BASIC_END:
            parts.append(chr(first) if first == last else f"{chr(first)}-{chr(last)}")
            first = code
        last = code
    return re.compile("".join(parts) + "]")
