"""The bulk engine: all matches of a whole text, the same as the online one finds, by array and by automaton.

Folding is one look-up of arrays; literals are found by Aho-Corasick over the tight stream; an expression is looked at
only when the text has the characters that it needs, and its threads run only where its gate opens.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from zhengming.screen.fold import BREAK, MAX_GAP, Fold, load_fold
from zhengming.screen.literals import UNTOUCHED
from zhengming.screen.online import Match

if TYPE_CHECKING:
    from zhengming.screen.matcher import Matcher

Codes = npt.NDArray[np.uint32]
Kinds = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]

_END: Final = 0x110000
_BEYOND: Final = "\U00010000"
_OTHER, _WORD, _SEPARATOR = 0, 1, 2
_DROPPED, _SEVERAL = 3, 4


class _Tables(NamedTuple):
    """For each code point what it folds to, and the kind of that; `several` are the few that expand."""

    codes: Codes
    kinds: Kinds
    several: dict[int, tuple[Codes, Kinds]]


class _Folded(NamedTuple):
    """The plain stream as text, the kind of each of its characters and its place in the original."""

    text: str
    codes: Codes
    kinds: Kinds
    origins: Places


@cache
def _tables() -> _Tables:
    fold = load_fold()
    codes = np.arange(_END, dtype=np.uint32)
    kinds = np.zeros(_END, dtype=np.uint8)
    for one in fold.words:
        kinds[ord(one)] = _WORD
    for one in fold.separators:
        kinds[ord(one)] = _SEPARATOR
    several = {}
    for one, folded in fold.table.items():
        code = ord(one)
        if len(folded) == 1:
            codes[code] = ord(folded)
            kinds[code] = _kind(folded, fold)
        else:
            kinds[code] = _SEVERAL if folded else _DROPPED
            parts = np.array([ord(part) for part in folded], dtype=np.uint32)
            several[code] = (parts, np.array([_kind(part, fold) for part in folded], dtype=np.uint8))
    return _Tables(codes, kinds, several)


def _kind(character: str, fold: Fold) -> int:
    if character in fold.words:
        return _WORD
    return _SEPARATOR if character in fold.separators else _OTHER


def scan(matcher: Matcher, text: str) -> list[Match]:
    """Return all matches in the text, ordered as `Matcher` says."""
    if not text or _holds_nothing(matcher, text):
        return []
    folded = _fold(text)
    findings = _literals(matcher, folded) | _expressions(matcher, folded)
    return [Match(start, end, rule) for end, start, _, rule in sorted(findings)]


def _holds_nothing(matcher: Matcher, text: str) -> bool:
    """Whether nothing can match: the case of nearly every text, told without the place of any character.

    What it misses would be a match that the engine below finds, so it may only err by saying no.
    """
    plain = matcher.fold.plain(text)
    expressions = matcher.expressions
    if expressions.telling is None or not expressions.telling.isdisjoint(plain):
        present = set(plain)
        for number, one in enumerate(expressions.expressions):
            for needed in one.needs:
                if present.isdisjoint(needed):
                    break
            else:
                if next(expressions.occurrences(number, plain), None) is not None:
                    return False
    tight = _tight_text(plain)
    try:
        return tight is not None and matcher.literals.lacks(tight)
    except UnicodeEncodeError:  # a lone surrogate, which the automaton refuses
        return False


_GAP: Final = "\x01"
_LONG: Final = " " * (MAX_GAP + 1)
_LONG_GAP: Final = re.compile(f" {{{MAX_GAP + 1},}}")


class _Gaps(NamedTuple):
    """What the tight stream needs to know: separators become spaces, and those between two words stay.

    The patterns know the basic plane only; what lies beyond it and matters is `rare`.
    """

    separator: re.Pattern[str]
    word: re.Pattern[str]
    between_words: re.Pattern[str]
    rare: frozenset[str]


@cache
def _gaps() -> _Gaps:
    fold = load_fold()
    word = "[" + re.escape("".join(sorted(one for one in fold.words if one < _BEYOND))) + "]"
    separator = "[" + re.escape("".join(sorted(one for one in fold.separators if one < _BEYOND))) + "]"
    return _Gaps(
        re.compile(separator),
        re.compile(word),
        re.compile(f"(?<={word}) +(?={word})"),
        frozenset(one for one in fold.words | fold.separators if one >= _BEYOND),
    )


def _tight_text(plain: str) -> str | None:
    """Return the tight stream of a plain one, without places; None where only the arrays can tell it."""
    gaps = _gaps()
    if not plain.isascii() and max(plain) >= _BEYOND and not gaps.rare.isdisjoint(plain):
        return None
    tight = gaps.separator.sub(" ", plain)
    if " " not in tight:
        return tight
    if _LONG in tight:
        tight = _LONG_GAP.sub(BREAK, tight)
    if gaps.word.search(tight) is None:
        return tight.replace(" ", "")
    return gaps.between_words.sub(_GAP, tight).replace(" ", "").replace(_GAP, " ")


def _fold(text: str) -> _Folded:
    tables = _tables()
    given = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    codes, kinds = tables.codes[given], tables.kinds[given]
    origins = np.arange(len(given), dtype=np.int64)
    if kinds.max() < _DROPPED:
        return _Folded(_decode(codes), codes, kinds, origins)
    counts = (kinds != _DROPPED).astype(np.int64)
    expanding = np.flatnonzero(kinds == _SEVERAL)
    for place in expanding:
        counts[place] = len(tables.several[int(given[place])][0])
    starts = np.cumsum(counts) - counts
    codes, kinds, origins = codes.repeat(counts), kinds.repeat(counts), origins.repeat(counts)
    for place in expanding:
        parts, part_kinds = tables.several[int(given[place])]
        start = int(starts[place])
        codes[start : start + len(parts)] = parts
        kinds[start : start + len(parts)] = part_kinds
    return _Folded(_decode(codes), codes, kinds, origins)


def _decode(codes: Codes) -> str:
    return codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


def _tight(folded: _Folded) -> tuple[str, Places]:
    """Return the tight stream, and for each of its characters the index in the plain one.

    A `" "` or a break that stands for separators has the index of the character after them. Separators at the end are
    left out, since nothing can match there.
    """
    places = np.flatnonzero(folded.kinds != _SEPARATOR)
    codes = folded.codes[places]
    codes[(codes >= 0xD800) & (codes <= 0xDFFF)] = 0  # noqa: PLR2004 - surrogates
    if not len(places):
        return "", places
    gaps = np.diff(places, prepend=places[0]) - 1
    words = folded.kinds[places] == _WORD
    after_word = np.concatenate(([False], words[:-1]))
    broken = gaps > MAX_GAP
    filled = np.flatnonzero(broken | ((gaps > 0) & words & after_word))
    tight = np.insert(codes, filled, np.where(broken[filled], 0, 0x20))
    return _decode(tight), np.insert(places, filled, places[filled])


def _literals(matcher: Matcher, folded: _Folded) -> set[tuple[int, int, int, int]]:
    text, places = _tight(folded)
    kinds, origins = folded.kinds, folded.origins
    nodes, hits = matcher.literals.nodes, matcher.literals.hits
    findings: set[tuple[int, int, int, int]] = set()
    for begin, stop in matcher.literals.find(text):
        first, last = int(places[begin]), int(places[stop - 1])
        untouched = not (first > 0 and kinds[first - 1] == _WORD)
        ended = not (last + 1 < len(kinds) and kinds[last + 1] == _WORD)
        form = text[begin:stop]
        found = [nodes.get(form)] if untouched or kinds[first] != _WORD else []
        if untouched:
            found.append(nodes.get(UNTOUCHED + form))
        start, end = int(origins[first]), int(origins[last]) + 1
        for node in found:
            for hit in hits.get(node, ()) if node is not None else ():
                if ended or not hit & 1:
                    findings.add((end, start, matcher.orders[hit >> 1], hit >> 1))
    return findings


def _expressions(matcher: Matcher, folded: _Folded) -> set[tuple[int, int, int, int]]:
    findings: set[tuple[int, int, int, int]] = set()
    if not matcher.expressions.expressions:
        return findings
    present = set(folded.text)
    origins = folded.origins
    for number, one in enumerate(matcher.expressions.expressions):
        if not any(present.isdisjoint(needed) for needed in one.needs):
            for start, end in matcher.expressions.occurrences(number, folded.text):
                findings.add((int(origins[end - 1]) + 1, int(origins[start]), one.order, one.rule))
    return findings
